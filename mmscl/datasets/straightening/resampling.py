"""Crop and axis -> the straight chromosome."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.images import find_background
from mmscl.datasets.straightening.axis import MedialAxis, axis_of
from mmscl.datasets.straightening.outline import Outline, find_outline
from mmscl.datasets.straightening.rows import (
    RIM,
    look_up_mask,
    part_of_axis,
    rows_across,
)


class Straight(NamedTuple):
    """A straightened chromosome, upper tip first.

    Attributes:
        image: H' x W' uint8 on the crop's background, the axis in the middle column.
        widths: Width of the chromosome in each row, in pixels; float64 (H',).
        start: Row of the upper tip.
        length: Length of the axis in pixels: the lower tip is at row start + length.
    """

    image: np.ndarray
    widths: np.ndarray
    start: float
    length: float


def straighten(
    image: np.ndarray, background: int | None = None, margin: int = 1
) -> Straight:
    """The chromosome of a crop, straight; see :func:`straighten_along`.

    Args:
        image: H x W uint8, on a light or a dark background; may touch the border.
        background: Its grey level, 0..255; None finds it.
        margin: Rows and columns of background around the result.

    Raises:
        EmptyCropError: No foreground.
        NoAxisError: A ring, or too round to have a long axis.
    """
    if background is None:
        background = find_background(image)
    outline = find_outline(image, background)
    return straighten_along(image, background, outline, axis_of(outline), margin)


def straighten_along(
    image: np.ndarray,
    background: int,
    outline: Outline,
    axis: MedialAxis,
    margin: int = 1,
) -> Straight:
    """Resample a crop perpendicular to the axis, one row for each pixel of arc.

    Length along the axis, widths across it and grey levels stay. What lies beyond the
    outline and its blurred rim becomes background, so that the other arm of a U is not
    seen twice. Where the inner side of a bend is tighter than half the width, rows
    cross and its pixels are seen more than once: nothing is invented, but the inner
    side is stretched and the outer one pressed.

    Args:
        image: H x W uint8.
        background: Its grey level, 0..255.
        outline: Of the chromosome in the crop.
        axis: Of the same.
        margin: Rows and columns of background around the result.
    """
    places, start = rows_across(axis, margin + RIM)
    seen = cv2.remap(  # type: ignore[call-overload]
        image,
        places,
        None,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )
    own = part_of_axis(look_up_mask(outline, places), axis)
    rim = cv2.dilate(own, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))
    seen[rim < 128] = background
    widths = own.sum(axis=1, dtype=float) / 255
    return _cut(Straight(seen, widths, start, axis.length), rim, margin, background)


def _cut(found: Straight, rim: np.ndarray, margin: int, background: int) -> Straight:
    """Rows and columns down to the margin; the axis stays in the middle column."""
    rows = np.flatnonzero((rim >= 128).any(axis=1))
    columns = np.flatnonzero((rim >= 128).any(axis=0))
    middle = rim.shape[1] // 2
    reach = int(np.abs(columns - middle).max())
    top, bottom = rows[0], rows[-1] + 1
    sides = slice(middle - reach, middle + reach + 1)
    image = np.pad(found.image[top:bottom, sides], margin, constant_values=background)
    widths = np.pad(found.widths[top:bottom], margin)
    return Straight(image, widths, found.start - top + margin, found.length)
