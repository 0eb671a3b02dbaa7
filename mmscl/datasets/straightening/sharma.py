"""Sharma's straightening as a whole, with every step kept to be looked at.

Sharma et al., CVPR Workshops 2017, after Javan-Roshtkhari and Setarehdan, Pattern
Recognition Letters 29:1208, 2008. Steps 1 to 4 are in `sharma_bend`, 5 to 7 in
`sharma_arms`. Where the description leaves a choice open, it is made here and said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmscl.datasets.images import find_background
from mmscl.datasets.straightening.outline import (
    EmptyCropError,
    NoAxisError,
    find_outline,
)
from mmscl.datasets.straightening.sharma_arms import Stitched, Turned, stitch, turn_arm
from mmscl.datasets.straightening.sharma_bend import (
    STRAIGHT_FILL,
    BendingAxis,
    box_of,
    fill_ratio,
    find_bending_axis,
    fitted_slope,
    object_mask,
    threshold_at_minimum,
)

# Fewest pixels of an arm: of less than 3 x 3 nothing is left to turn. Not published.
_LEAST_ARM = 9


@dataclass(frozen=True)
class SharmaSteps:
    """One crop and what each step of Sharma's straightening makes of it.

    Attributes:
        image: The crop, H x W uint8.
        background: Its grey level.
        threshold: 1: distance from the background above which a pixel is the object.
        mask: 1: the object, H x W bool.
        fill: 2: object / its upright box, 0..1; straight from 2/3 on.
        slope: 3: columns a row of the line fitted to the object; its sign is the
            direction of the bend. What the paper uses it for is not known to us: here
            it is kept, and the inner side of the bend is seen from the arms.
        bend: 4: the bending axis, in pixels of the object's box; None if the crop is
            straight or has none.
        arms: 5: upper and lower arm, cut apart and turned upright.
        stitched: 6 and 7: the arms put together, and the wedge filled.
        result: The straight chromosome; the crop itself if nothing was done.
        reason: Why nothing was done; '' otherwise.
    """

    image: np.ndarray
    background: int
    threshold: int
    mask: np.ndarray
    fill: float
    slope: float
    bend: BendingAxis | None
    arms: tuple[Turned, Turned] | None
    stitched: Stitched | None
    result: np.ndarray
    reason: str

    @property
    def angle(self) -> float:
        """Angle of the bend that was taken out, in degrees, -180..180."""
        if self.arms is None:
            return 0.0
        upper, lower = self.arms
        turned = upper.degrees - lower.degrees
        return (turned + 180) % 360 - 180

    @property
    def centre(self) -> tuple[float, float] | None:
        """Middle of the bend in pixels of the crop (x, y)."""
        if self.bend is None:
            return None
        rows, columns = box_of(self.mask)
        return self.bend.centre[0] + columns.start, self.bend.centre[1] + rows.start


def sharma_steps(image: np.ndarray, background: int | None = None) -> SharmaSteps:
    """Straighten a crop in Sharma's way.

    From step 2 on only the object's box is seen, so background around it changes
    nothing. A crop that was cut within the object's blurred rim is another picture: it
    fills more of its box.

    Args:
        image: H x W uint8, on a light or a dark background; may touch the border.
        background: Its grey level, 0..255; None finds it.

    Raises:
        EmptyCropError: No object, or a speck.
    """
    if background is None:
        background = find_background(image)
    threshold = threshold_at_minimum(image, background)
    mask = object_mask(image, background, threshold)
    if not mask.any():
        raise EmptyCropError(
            "no chromosome: nothing stands out from the background; is the crop empty?"
        )
    ring = _ring(image, background)
    fill, slope = fill_ratio(mask), fitted_slope(mask)
    bend = arms = stitched = None
    result, reason, box = image, "", box_of(mask)
    if ring:
        reason = ring
    elif fill >= STRAIGHT_FILL:
        reason = f"straight: it fills {fill:.2f} of its box, from 2/3 on"
    elif (bend := find_bending_axis(mask[box])) is None:
        reason = "no bend: at no angle has the projection two maxima"
    elif small := _too_small(sides := _sides(mask[box], bend)):
        bend, reason = None, small
    else:
        arms = _turned_arms(image[box], background, sides, bend)
        stitched = stitch(*arms, background)
        result = stitched.filled
    return SharmaSteps(
        image, background, threshold, mask, fill, slope, bend, arms, stitched,
        result, reason,
    )  # fmt: skip


def _ring(image: np.ndarray, background: int) -> str:
    """Why a ring is left as it is, of which the paper is silent; '' of all others.

    Raises:
        EmptyCropError: A speck.
    """
    try:
        find_outline(image, background)
    except EmptyCropError:
        raise
    except NoAxisError as error:
        return str(error)
    return ""


def _too_small(sides: tuple[np.ndarray, np.ndarray]) -> str:
    """Why what the bending axis cuts off is no arm; '' if both are."""
    least = min(np.count_nonzero(side) for side in sides)
    if least >= _LEAST_ARM:
        return ""
    return (
        f"straight: the bending axis cuts off {least} pixels, and an arm has at least "
        f"{_LEAST_ARM}"
    )


def _sides(mask: np.ndarray, bend: BendingAxis) -> tuple[np.ndarray, np.ndarray]:
    """The object on both sides of the bending axis, H x W bool, the upper one first."""
    y, x = np.nonzero(mask)
    angle = math.radians(bend.degrees)
    rows = y * math.cos(angle) - x * math.sin(angle)
    sides = []
    for own in (rows < bend.row, rows >= bend.row):
        arm = np.zeros_like(mask)
        arm[y[own], x[own]] = True
        sides.append(arm)
    upper, lower = sides
    if y[rows < bend.row].mean() > y[rows >= bend.row].mean():
        upper, lower = lower, upper
    return upper, lower


def _turned_arms(
    image: np.ndarray,
    background: int,
    sides: tuple[np.ndarray, np.ndarray],
    bend: BendingAxis,
) -> tuple[Turned, Turned]:
    """Both sides of the bending axis upright."""
    upper, lower = sides
    return (
        turn_arm(image, background, upper, bend.centre, cut_below=True),
        turn_arm(image, background, lower, bend.centre, cut_below=False),
    )
