"""From image files to samples in pairs of karyotypes."""

from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.manifest import TYPES, Manifest, ManifestError, split_by_case
from mmscl.datasets.samplers import PairedKaryotypeSampler
from mmscl.datasets.synthetic import SyntheticKaryotypes, write_karyotypes
from mmscl.datasets.transforms import (
    AxisPoints,
    ChromosomeAugment,
    ChromosomeCanvas,
    ElasticBend,
    FlipPolarity,
    GreyJitter,
    LoadChromosome,
    NormalizeLength,
    SharmaStraighten,
    Straighten,
)

__all__ = [
    "TYPES",
    "AxisPoints",
    "ChromosomeAugment",
    "ChromosomeCanvas",
    "ChromosomeDataset",
    "ElasticBend",
    "FlipPolarity",
    "GreyJitter",
    "LoadChromosome",
    "Manifest",
    "ManifestError",
    "NormalizeLength",
    "PairedKaryotypeSampler",
    "SharmaStraighten",
    "Straighten",
    "SyntheticKaryotypes",
    "split_by_case",
    "write_karyotypes",
]
