"""Sharma's straightening, steps 5 to 7: arms turned, stitched, the wedge filled."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.straightening.sharma_bend import box_of

# Step 5: the paper does not give the steps in which an arm is turned.
_DEGREES = np.arange(-90, 90, 2)


class Turned(NamedTuple):
    """One arm, upright.

    Attributes:
        image: Tight around it, background elsewhere; uint8 (h, w).
        mask: Where the arm is, bool (h, w).
        degrees: By which it was turned, counter-clockwise as seen, -180..180.
    """

    image: np.ndarray
    mask: np.ndarray
    degrees: float


class Stitched(NamedTuple):
    """Two arms in one picture.

    Attributes:
        open: Step 6: with the open wedge, uint8 (h, w).
        filled: Step 7: with the wedge filled, uint8 (h, w).
        wedge: Where it was, bool (h, w).
        row: First row of the lower arm.
    """

    open: np.ndarray
    filled: np.ndarray
    wedge: np.ndarray
    row: int


def turn_arm(
    image: np.ndarray,
    background: int,
    arm: np.ndarray,
    cut: tuple[float, float],
    cut_below: bool,
) -> Turned:
    """Step 5: turn an arm to the angle at which it is least wide.

    Args:
        image: The crop, or the object's box in it, H x W uint8.
        background: Its grey level.
        arm: Which pixels are the arm's, H x W bool.
        cut: Middle of the cut (x, y) in pixels of the image.
        cut_below: Whether the cut is to be at the lower end.
    """
    y, x = np.nonzero(arm)
    angles = np.deg2rad(_DEGREES)[:, None]
    across = x * np.cos(angles) + y * np.sin(angles)
    angle = float(angles[np.ptp(across, axis=1).argmin(), 0])
    middle = float(x.mean()), float(y.mean())
    # Which end is the cut's? Rows run along -x sin + y cos.
    along = (cut[1] - middle[1]) * math.cos(angle) - (cut[0] - middle[0]) * math.sin(
        angle
    )
    if (along > 0) != cut_below:
        angle += math.pi
    turned, mask = _turn(image, background, arm, middle, angle)
    degrees = (math.degrees(angle) + 180) % 360 - 180
    return Turned(turned, mask, degrees)


def _turn(
    image: np.ndarray,
    background: int,
    arm: np.ndarray,
    middle: tuple[float, float],
    angle: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The arm alone, turned about its middle and cut tight; and its mask."""
    alone = np.where(arm, image, np.uint8(background))
    side = 2 * int(math.hypot(*image.shape)) + 4
    matrix = cv2.getRotationMatrix2D(middle, math.degrees(angle), 1.0)
    matrix[:, 2] = matrix[:, 2] + side / 2 - np.array(middle)
    turned = cv2.warpAffine(
        alone,
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )
    soft = cv2.warpAffine(arm.view(np.uint8) * np.uint8(255), matrix, (side, side))
    mask = soft >= 128
    box = box_of(mask)
    turned[~mask] = background
    return turned[box].copy(), mask[box].copy()


def stitch(upper: Turned, lower: Turned, background: int) -> Stitched:
    """Steps 6 and 7: one arm on the other, and the wedge between them filled.

    The arms' boxes are put on one middle line; the lowest row of the upper arm comes
    right above the first of the lower. Where both arms meet, the inner side of the
    bend is open. It is filled row by row, out to where the arm's inner edge is
    elsewhere, with the mean grey level of the arm in that row.

    Args:
        upper, lower: The arms, the cut below and above.
        background: Grey level of the background.
    """
    width = max(upper.image.shape[1], lower.image.shape[1])
    row = len(upper.image)
    opened = np.full((row + len(lower.image), width), background, np.uint8)
    mask = np.zeros(opened.shape, bool)
    for arm, top in ((upper, 0), (lower, row)):
        left = (width - arm.image.shape[1]) // 2
        place = slice(top, top + len(arm.image)), slice(left, left + arm.image.shape[1])
        opened[place], mask[place] = arm.image, arm.mask
    filled, wedge = opened.copy(), np.zeros_like(mask)
    # From the cut outwards, the upper arm upside down.
    for part in (slice(row - 1, None, -1), slice(row, None)):
        _fill_wedge(filled[part], mask[part], wedge[part])
    return Stitched(opened, filled, wedge, row)


def _fill_wedge(image: np.ndarray, mask: np.ndarray, wedge: np.ndarray) -> None:
    """Fill what the cut, at row 0, took from one arm; changes image and wedge."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask.argmax(axis=1)
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    low, high = np.median(first[rows]), np.median(last[rows])
    near = rows[: max(len(rows) // 4, 1)]
    # The side that the cut took more from is the inner one.
    left = (first[near] - low).sum() > (high - last[near]).sum()
    for row in rows.tolist():
        start, stop = (int(low), first[row]) if left else (last[row] + 1, int(high) + 1)
        if stop <= start:
            break
        image[row, start:stop] = round(float(image[row, mask[row]].mean()))
        wedge[row, start:stop] = True
