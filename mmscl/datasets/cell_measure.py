"""How large a cell's chromosomes are: one number a crop, one a cell."""

from __future__ import annotations

import numpy as np

from mmscl.datasets.images import foreground_mask
from mmscl.datasets.straightening import NoAxisError, find_axis

#: 'area': square root of the foreground's area; 'axis': length of the medial axis.
MEASURES = ("area", "axis")
#: Measure -> why a cell has no size.
NO_SIZE = dict(
    area="no chromosome found in most crops of the cell",
    axis="no chromosome of the cell has an axis (round, ring)",
)


def check_measure(name: str, value: bool | str) -> str | None:
    """Which measure a setting asks for: True is 'area', False none.

    Raises:
        ValueError: Another value.
    """
    if value is False:
        return None
    if value is True or value in MEASURES:
        return "area" if value is True else str(value)
    raise ValueError(
        f"{name}: expected True, False or one of {MEASURES}, got {value!r}"
    )


def measure_crop(image: np.ndarray, background: int, measure: str) -> float:
    """The size of one chromosome in pixels; NaN for 'axis' where it has none.

    Args:
        image: H x W uint8.
        background: Its grey level.
        measure: One of ``MEASURES``.
    """
    if measure == "area":
        return float(np.sqrt(foreground_mask(image, background).sum()))
    try:
        return find_axis(image, background).length
    except NoAxisError:
        return float("nan")


def measure_cell(sizes: np.ndarray) -> float:
    """The size of a cell: the median over its chromosomes (n,) that have one, or 0."""
    known = sizes[~np.isnan(sizes)]
    return float(np.median(known)) if len(known) else 0.0
