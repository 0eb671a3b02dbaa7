"""From image files to samples in pairs of karyotypes."""

from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.manifest import TYPES, Manifest, ManifestError, split_by_case
from mmscl.datasets.samplers import PairedKaryotypeSampler
from mmscl.datasets.synthetic import SyntheticKaryotypes, write_karyotypes
from mmscl.datasets.transforms import (
    ChromosomeAugment,
    ChromosomeCanvas,
    ElasticBend,
    FlipPolarity,
    GreyJitter,
    LoadChromosome,
)

__all__ = [
    "TYPES",
    "ChromosomeAugment",
    "ChromosomeCanvas",
    "ChromosomeDataset",
    "ElasticBend",
    "FlipPolarity",
    "GreyJitter",
    "LoadChromosome",
    "Manifest",
    "ManifestError",
    "PairedKaryotypeSampler",
    "SyntheticKaryotypes",
    "split_by_case",
    "write_karyotypes",
]
