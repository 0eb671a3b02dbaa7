"""Rows across an axis: what of the chromosome they show, and what they tear."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from mmscl.datasets.straightening.lines import directions_of
from mmscl.datasets.straightening.outline import PAD, Outline

if TYPE_CHECKING:
    from mmscl.datasets.straightening.axis import MedialAxis

#: A chromosome ends where nothing of it is left this far to both sides of the axis, a
#: share of half the width: between the ends of two chromatids there is a notch. Of 0 to
#: 0.7, 0.3 had the least error of length and bend on drawn chromosomes.
CORE = 0.3
#: The rim of blur that belongs to the chromosome though it is below the threshold.
RIM = 2


class Fit(NamedTuple):
    """How well an axis shows its chromosome.

    Attributes:
        torn: Share of the chromosome that is in no row, or in rows that cross: there
            pixels are seen three times or more.
        uneven: Difference between what lies left and right of the axis, summed over
            the rows, as a share of the whole.
    """

    torn: float
    uneven: float


def fit_of(outline: Outline, axis: MedialAxis) -> Fit:
    """What straightening along an axis would make of a chromosome."""
    places, _ = rows_across(axis, 1 + RIM)
    own = part_of_axis(look_up_mask(outline, places), axis)
    height, width = outline.mask.shape
    x, y = np.rint(places[own >= 128] + PAD).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    pixels = y[inside] * width + x[inside]
    seen = np.bincount(pixels, minlength=height * width).reshape(height, width)
    # Rows are a pixel apart: what lies between two is seen.
    near = cv2.dilate((seen > 0).view(np.uint8), np.ones((3, 3), np.uint8))
    lost = 1 - np.count_nonzero(near & outline.mask) / outline.area
    again = np.maximum(seen - 2, 0).sum() / max(len(x), 1)
    middle = own.shape[1] // 2
    left, right = (
        side.sum(axis=1, dtype=float)
        for side in (own[:, :middle], own[:, middle + 1 :])
    )
    uneven = np.abs(left - right).sum() / max((left + right).sum(), 1.0)
    return Fit(float(lost + again), float(uneven))


def rows_across(axis: MedialAxis, margin: int) -> tuple[np.ndarray, float]:
    """Where each pixel of the rows is in the crop, float32 (H', W', 2: x, y).

    One row a pixel of arc; the axis is in the middle column.

    Args:
        axis: In pixels of the crop.
        margin: Rows and columns beyond the tips and the widest place.

    Returns:
        The places, and the row of the upper tip.
    """
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


def look_up_mask(outline: Outline, places: np.ndarray) -> np.ndarray:
    """The outline in the rows, uint8 (H', W'), 0..255.

    Args:
        outline: Of the crop.
        places: From :func:`rows_across`.
    """
    return cv2.remap(  # type: ignore[call-overload]
        outline.mask,
        places + PAD,
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )


def part_of_axis(soft: np.ndarray, axis: MedialAxis) -> np.ndarray:
    """What is connected with the middle column without leaving the row, uint8.

    The notch between the ends of two chromatids belongs to it.

    Args:
        soft: H' x W' uint8, 0..255.
        axis: Of the same.
    """
    core = round(CORE * axis.width / 2)  # where there may be a notch
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
