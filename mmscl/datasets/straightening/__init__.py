"""Bent chromosomes made straight: our way along the medial axis, and Sharma's."""

from mmscl.datasets.straightening.axis import MedialAxis, axis_of, find_axis
from mmscl.datasets.straightening.centromere import Centromere, find_centromere
from mmscl.datasets.straightening.outline import (
    EmptyCropError,
    NoAxisError,
    Outline,
    find_outline,
)
from mmscl.datasets.straightening.resampling import (
    Straight,
    straighten,
    straighten_along,
)
from mmscl.datasets.straightening.sharma import SharmaSteps, sharma_steps

__all__ = [
    "Centromere",
    "EmptyCropError",
    "MedialAxis",
    "NoAxisError",
    "Outline",
    "SharmaSteps",
    "Straight",
    "axis_of",
    "find_axis",
    "find_centromere",
    "find_outline",
    "sharma_steps",
    "straighten",
    "straighten_along",
]
