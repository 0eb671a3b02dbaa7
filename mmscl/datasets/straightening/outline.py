"""The outline of one chromosome: filled mask, and why there may be no axis in it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.images import BACKGROUND_SPREAD, find_background, foreground_mask

#: Rows and columns of background put around the crop: a tight crop touches its border.
PAD = 4
# Fewest pixels of a chromosome: the smallest of Pki-3 has some hundred.
_LEAST_AREA = 20
# Radius of the largest disc in a hole / square root of the area. Gaps between two
# chromatids of Pki-3 come up to 0.13; a ring whose hole is a third as wide as itself is
# at 0.19.
_RING = 0.15
# Stalks hardly stain: a gap of up to four pixels does not part a chromosome.
_BRIDGE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


class NoAxisError(ValueError):
    """A crop in which no long axis of a chromosome can be found; says why."""


class EmptyCropError(NoAxisError):
    """A crop with nothing, or a speck, on its background.

    Attributes:
        area: Pixels that stand out.
    """

    def __init__(self, message: str, area: int = 0) -> None:
        super().__init__(message)
        self.area = area


class Outline(NamedTuple):
    """Where the chromosome of one crop is.

    Attributes:
        mask: Its largest part with holes filled, 0 or 255; uint8 (H + 8, W + 8), the
            crop with ``PAD`` pixels of background around it.
        area: Its pixels.
    """

    mask: np.ndarray
    area: int


def find_outline(image: np.ndarray, background: int | None = None) -> Outline:
    """The largest connected part of the foreground, without holes.

    Args:
        image: H x W uint8, on a light or a dark background; may touch the border.
        background: Its grey level, 0..255; None finds it.

    Raises:
        EmptyCropError: No foreground.
        NoAxisError: A ring.
    """
    if background is None:
        background = find_background(image)
    part = _largest_part(_standing_out(image, background))
    filled = _fill(part)
    area = int(np.count_nonzero(filled))
    if area < _LEAST_AREA:
        raise EmptyCropError(
            f"no chromosome: what stands out from the background has {area} pixels, "
            f"expected at least {_LEAST_AREA}; is the crop empty?",
            area,
        )
    hole = cv2.distanceTransform(filled - part, cv2.DIST_L2, 5).max()
    if hole > _RING * np.sqrt(area):
        raise NoAxisError(
            f"a ring: its hole takes a disc {2 * hole:.0f} pixels wide, and a ring has "
            "no ends between which an axis could run"
        )
    return Outline(filled, area)


def _standing_out(image: np.ndarray, background: int) -> np.ndarray:
    """Foreground of the crop with ``PAD`` around it, 0 or 1; uint8 (H + 8, W + 8).

    The threshold of :func:`foreground_mask` depends on how much background there is.
    Here it always sees the chromosome with ``PAD`` pixels of background around it, so
    that a tight and a wide crop give the same.
    """
    padded = np.pad(image, PAD, constant_values=background)
    distance = cv2.absdiff(padded, np.full_like(padded, background))
    rough = _largest_part((distance > BACKGROUND_SPREAD).view(np.uint8))
    x, y, width, height = cv2.boundingRect(rough)
    found = np.zeros(padded.shape, np.uint8)
    if width:
        box = slice(y - PAD, y + height + PAD), slice(x - PAD, x + width + PAD)
        found[box] = foreground_mask(padded[box], background)
    return found


def _largest_part(found: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask of 0 and 1, as 0 and 255.

    Parts that a narrow gap divides are one, and the gap belongs to it.
    """
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _BRIDGE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count == 1:
        return found
    own = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    part = found & own
    if cv2.connectedComponents(part, connectivity=8)[0] > 2:
        part = closed & own
    return part * np.uint8(255)


def _fill(part: np.ndarray) -> np.ndarray:
    """The same (0 or 255) with holes filled: all that the corner does not reach."""
    flooded = part.copy()
    cv2.floodFill(flooded, None, (0, 0), 255)  # type: ignore[call-overload]
    return part | cv2.bitwise_not(flooded)
