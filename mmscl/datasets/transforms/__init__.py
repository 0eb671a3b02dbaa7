"""Crop -> canvas, and what varies it in training. All work on H x W uint8."""

from mmscl.datasets.transforms.axis_points import AxisPoints
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.bending import ElasticBend
from mmscl.datasets.transforms.canvas import ChromosomeCanvas
from mmscl.datasets.transforms.cell_length import NormalizeLength
from mmscl.datasets.transforms.loading import LoadChromosome
from mmscl.datasets.transforms.polarity import FlipPolarity
from mmscl.datasets.transforms.presets import PRESETS, ChromosomeAugment
from mmscl.datasets.transforms.randomness import generator
from mmscl.datasets.transforms.straightening import SharmaStraighten, Straighten
from mmscl.datasets.transforms.tone import GreyJitter

__all__ = [
    "PRESETS",
    "AxisPoints",
    "BatchTransform",
    "ChromosomeAugment",
    "ChromosomeCanvas",
    "ElasticBend",
    "FlipPolarity",
    "GreyJitter",
    "LoadChromosome",
    "NormalizeLength",
    "SharmaStraighten",
    "Straighten",
    "generator",
]
