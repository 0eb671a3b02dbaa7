"""Crop and axis -> the straight chromosome."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.images import find_background
from mmscl.datasets.straightening.axis import CORE, MedialAxis, axis_of
from mmscl.datasets.straightening.lines import directions_of
from mmscl.datasets.straightening.outline import PAD, Outline, find_outline

# The rim of blur that belongs to the chromosome though it is below the threshold.
_RIM = 2


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
    places, start = _places(axis, margin + _RIM)
    seen = cv2.remap(  # type: ignore[call-overload]
        image,
        places,
        None,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )
    soft = cv2.remap(  # type: ignore[call-overload]
        outline.mask,
        places + PAD,
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    own = _part_of_axis(soft, round(CORE * axis.width / 2))
    rim = cv2.dilate(own, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8))
    seen[rim < 128] = background
    widths = own.sum(axis=1, dtype=float) / 255
    return _cut(Straight(seen, widths, start, axis.length), rim, margin, background)


def _places(axis: MedialAxis, margin: int) -> tuple[np.ndarray, float]:
    """Where each pixel of the result is in the crop, float32 (H', W', 2)."""
    length = axis.length
    rows = int(np.ceil(length)) + 1 + 2 * margin
    start = (rows - 1 - length) / 2
    arc = np.arange(rows) - start
    known = np.linspace(0.0, length, len(axis.points))
    inside = np.clip(arc, 0.0, length)
    values = np.concatenate([axis.points, directions_of(axis.points)], axis=1)
    found = np.stack([np.interp(inside, known, part) for part in values.T], axis=1)
    line, along = found[:, :2], found[:, 2:]
    along /= np.hypot(*along.T)[:, None]
    line += (arc - inside)[:, None] * along  # beyond the tips straight on
    reach = int(np.ceil(axis.widths.max() / 2)) + margin
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    offsets = np.arange(-reach, reach + 1)
    places = line[:, None] + offsets[:, None] * across[:, None]
    return places.astype(np.float32), start


def _part_of_axis(soft: np.ndarray, core: int) -> np.ndarray:
    """What is connected with the middle column without leaving the row, uint8.

    The notch between the ends of two chromatids belongs to it.

    Args:
        soft: H' x W' uint8, 0..255.
        core: Columns on either side of the middle in which there may be a notch.
    """
    middle = soft.shape[1] // 2
    near = slice(max(middle - core, 0), middle + core + 1)
    inner = soft[:, near]
    filled = np.minimum(
        np.maximum.accumulate(inner, axis=1),
        np.maximum.accumulate(inner[:, ::-1], axis=1)[:, ::-1],
    )
    soft = soft.copy()
    soft[:, near] = inner.max(axis=1, keepdims=True)
    own = np.empty_like(soft)
    own[:, middle:] = np.minimum.accumulate(soft[:, middle:], axis=1)
    own[:, middle::-1] = np.minimum.accumulate(soft[:, middle::-1], axis=1)
    own[:, near] = filled
    return own


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
