"""Sharma's straightening, steps 1 to 4: the object, and where it is bent."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.images import BACKGROUND_SPREAD

#: Step 2: an object that fills so much of its upright box is straight.
STRAIGHT_FILL = 2 / 3
#: Step 4: degrees of the rotations.
ANGLES = tuple(range(0, 180, 10))
# Step 4: weights of the score.
_UNEVEN, _SHALLOW = 0.434, 0.566
# The paper smooths by Savitzky-Golay and does not give its window: seven rows and
# second order, written as the weights they amount to (Savitzky and Golay 1964).
_SAVITZKY_GOLAY = np.array([-2, 3, 6, 7, 6, 3, -2]) / 21
# Smoothing of the histogram before its minimum is looked for, in grey levels.
_LEVELS = 4.0


class BendingAxis(NamedTuple):
    """Where the object is to be cut.

    Attributes:
        degrees: Rotation of the best angle, one of ``ANGLES``: with it the bending axis
            lies along the rows.
        row: y cos - x sin of the bending axis, x and y in pixels of the mask.
        centre: Middle of the object on the bending axis, in pixels of the mask (x, y).
        scores: Score of each angle; infinite where there are no two maxima. (18,)
        projection: Pixels a row at the best angle, smoothed, from ``first_row`` on.
        first_row: Row of the first of them.
        peaks: Rows of P1, P2 and P3.
    """

    degrees: int
    row: float
    centre: tuple[float, float]
    scores: np.ndarray
    projection: np.ndarray
    first_row: int
    peaks: tuple[int, int, int]


def threshold_at_minimum(image: np.ndarray, background: int) -> int:
    """Step 1: the distance from the background at the minimum of the histogram.

    The minimum between the peak of the background and that of the object; of several
    equal ones (cut-out crops have none in between) the middle.

    Args:
        image: H x W uint8.
        background: Its grey level, 0..255.
    """
    distance = cv2.absdiff(image, np.full_like(image, background))
    counts = np.bincount(distance.ravel(), minlength=256).astype(float)
    # The background's own peak is far higher than the object's, and ends here.
    start = BACKGROUND_SPREAD + 1
    counts[:start] = 0
    smooth = cv2.GaussianBlur(
        counts[None], (0, 1), sigmaX=_LEVELS, sigmaY=1, borderType=cv2.BORDER_REPLICATE
    )[0]
    peak = start + int(smooth[start:].argmax())
    between = smooth[start : peak + 1]
    lowest = np.flatnonzero(between <= between.min() + 1e-9)
    return start + int(lowest[len(lowest) // 2])


def object_mask(image: np.ndarray, background: int, threshold: int) -> np.ndarray:
    """Step 1: the largest part that is farther from the background, H x W bool."""
    distance = cv2.absdiff(image, np.full_like(image, background))
    found = (distance > threshold).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    if count == 1:
        return np.zeros(image.shape, bool)
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def box_of(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the upright box of an object, H x W bool."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def fill_ratio(mask: np.ndarray) -> float:
    """Step 2: pixels of the object / pixels of its upright box, 0..1."""
    return float(mask[box_of(mask)].mean())


def fitted_slope(mask: np.ndarray) -> float:
    """Step 3: columns a row of the line x = a + b y that fits the object best."""
    y, x = (part - part.mean() for part in np.nonzero(mask))
    return float((x * y).sum() / max((y * y).sum(), 1e-9))


def find_bending_axis(mask: np.ndarray) -> BendingAxis | None:
    """Step 4: the angle with the least score, and the row of P3 there.

    Of the projection onto the rows at each angle: P1 >= P2, its two main maxima, and
    P3, the minimum between them. The score 0.434 |P1 - P2| / (P1 + P2) + 0.566 P3 /
    (P1 + P2) is small where two arms of about equal size stand far apart. P2 is the
    maximum from which it is deepest down to P1: a shoulder is no second arm.

    Args:
        mask: The object, H x W bool.

    Returns:
        None if at no angle there are two maxima.
    """
    y, x = np.nonzero(mask)
    found = [_projected(x, y, degrees) for degrees in ANGLES]
    scores = np.array([_score(projection, peaks) for projection, _, peaks in found])
    best = int(scores.argmin())
    projection, first, peaks = found[best]
    if peaks is None:
        return None
    row = float(first + peaks[2])
    rows = _rows(x, y, ANGLES[best])
    near = np.abs(rows - row) <= 1.0
    if not near.any():
        near = np.abs(rows - row) == np.abs(rows - row).min()
    centre = float(x[near].mean()), float(y[near].mean())
    p1, p2, p3 = (first + place for place in peaks)
    own = p1, p2, p3
    return BendingAxis(ANGLES[best], row, centre, scores, projection, first, own)


def _rows(x: np.ndarray, y: np.ndarray, degrees: int) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return y * np.cos(angle) - x * np.sin(angle)


def _projected(
    x: np.ndarray, y: np.ndarray, degrees: int
) -> tuple[np.ndarray, int, tuple[int, int, int] | None]:
    """Smoothed pixels a row at an angle, the first row, and P1, P2, P3 therein.

    A pixel between two rows counts for both, in shares, so that no angle has stripes.
    P1, P2 and P3 are in rows that hold pixels, so there is an arm on either side.
    """
    rows = _rows(x, y, degrees)
    pad = len(_SAVITZKY_GOLAY) // 2
    first = int(np.floor(rows.min())) - pad
    below = np.floor(rows).astype(int)
    share = rows - below
    size = int(below.max()) - first + 2 + pad
    counts = np.bincount(below - first, 1 - share, size)
    counts += np.bincount(below - first + 1, share, size)
    smooth = np.convolve(counts, _SAVITZKY_GOLAY, mode="same")
    # Smoothing swings beyond the object's ends: a maximum out there is no arm.
    held = np.flatnonzero(counts > 0)
    start = int(held[0])
    peaks = _peaks(smooth[start : held[-1] + 1])
    if peaks is not None:
        peaks = start + peaks[0], start + peaks[1], start + peaks[2]
    return smooth, first, peaks


def _peaks(values: np.ndarray) -> tuple[int, int, int] | None:
    """Places of P1 >= P2, the two main maxima, and of P3, the minimum between."""
    inner = values[1:-1]
    maxima = 1 + np.flatnonzero((inner > values[:-2]) & (inner >= values[2:]))
    if len(maxima) < 2:
        return None
    first = int(maxima[values[maxima].argmax()])
    best, depth = None, 0.0
    for other in maxima.tolist():
        if other == first:
            continue
        low, high = sorted((first, other))
        lowest = low + int(values[low : high + 1].argmin())
        if values[other] - values[lowest] > depth:
            depth, best = values[other] - values[lowest], (first, other, lowest)
    return best


def _score(values: np.ndarray, peaks: tuple[int, int, int] | None) -> float:
    if peaks is None:
        return float("inf")
    p1, p2, p3 = values[list(peaks)]
    return float((_UNEVEN * abs(p1 - p2) + _SHALLOW * max(p3, 0.0)) / (p1 + p2))
