"""Crop -> the medial axis of its chromosome, from tip to tip."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.linalg import solveh_banded

from mmscl.datasets.straightening.lines import directions_of, length_of, resample
from mmscl.datasets.straightening.outline import (
    PAD,
    NoAxisError,
    Outline,
    find_outline,
)
from mmscl.datasets.straightening.rows import CORE, fit_of
from mmscl.datasets.straightening.skeleton import longest_path, skeleton_of

#: Points of an axis: a long chromosome (140 px) has one every 3 px.
POINTS = 48
# The smoothing spline damps what is shorter than 2 pi times this share of the width.
# Of 0.1 to 0.6, 0.2 had the least error on drawn chromosomes bent by 0 to 90 degrees.
# The others are for axes that would bend too sharply for the width.
_STIFFNESSES = (0.2, 0.4, 0.8, 1.6)
# Largest curvature x half width: from 1 on, lines across the axis meet inside.
_SHARPEST = 1.25
# An axis may tear this share of the chromosome. One that is put in its place may be
# this uneven: with 0.1 sharp bends of drawn chromosomes stay, with 0.15 some are lost.
_TORN, _UNEVEN = 0.03, 0.1
# So stiff that it is straight.
_STIFFEST = 8.0
# Of a skeleton with smaller shares along its longest way most are chromatids' ends.
_LEAST_SHARE = 0.7
# Chords are cut across the mean direction over about this share of the width.
_EVEN = 0.35
# How often the axis is moved to the middle between the two sides.
_REFINEMENTS = 3
# Shortest axis / width: what is rounder has none. Chromosome 21 of Pki-3 is at 1.5.
_ROUND = 1.25
# Least spread along / across: what is less is as much across as along, as some X are.
_LEAST_SPREAD = 1.15
# Gaps along the axis that are bridged, a share of the width: stalks hardly stain.
_GAP = 0.4
# Axes that are remembered, some 90 cells: a crop's is needed for the size of its cell,
# to straighten it, and by each of several models. About 8 KB each.
_REMEMBERED = 4096


@dataclass(frozen=True)
class MedialAxis:
    """The line in the middle of a chromosome, from one tip to the other.

    Attributes:
        points: Equidistant points in pixels of the crop (x, y), the centre of the first
            pixel being (0, 0); float64 (POINTS, 2). The first is the upper tip.
        widths: Width of the chromosome across it, in pixels, float64 (POINTS,).
    """

    points: np.ndarray
    widths: np.ndarray

    @property
    def length(self) -> float:
        """From tip to tip along the axis, in pixels."""
        return length_of(self.points)

    @property
    def width(self) -> float:
        """Typical width of an arm in pixels: the median over the axis."""
        return float(np.median(self.widths))

    @property
    def bend(self) -> float:
        """Angle in degrees between the directions of the first and last third."""
        third = len(self.points) // 3
        first = self.points[third] - self.points[0]
        last = self.points[-1] - self.points[-1 - third]
        turn = math.atan2(last[0], last[1]) - math.atan2(first[0], first[1])
        return math.degrees((turn + math.pi) % (2 * math.pi) - math.pi)


def find_axis(image: np.ndarray, background: int | None = None) -> MedialAxis:
    """The medial axis of the chromosome in a crop.

    The longest way through the skeleton is a first guess, without its ends, which run
    into one chromatid. Then, three times: chords across it are cut out of the mask,
    their middles are the new points, a cubic smoothing spline (in its discrete form,
    Whittaker 1923) runs through them, straight on to both tips. Points near the tips
    do not count: a cap's chords tell nothing of the axis.

    Args:
        image: H x W uint8, on a light or a dark background; may touch the border.
        background: Its grey level, 0..255; None finds it.

    Raises:
        NoAxisError: No foreground, a ring, or too round to have a long axis.
    """
    return axis_of(find_outline(image, background))


def axis_of(outline: Outline) -> MedialAxis:
    """The medial axis of an outline, read-only; see :func:`find_axis`.

    That of an outline seen lately is not looked for again.

    Raises:
        NoAxisError: It is too round to have a long axis.
    """
    return axis_of_mask(outline.mask.tobytes(), outline.mask.shape)


@lru_cache(maxsize=_REMEMBERED)
def axis_of_mask(mask: bytes, shape: tuple[int, ...]) -> MedialAxis:
    """The axis of an outline's mask, as bytes, remembered; see :func:`axis_of`."""
    pixels = np.frombuffer(mask, np.uint8).reshape(shape)
    outline = Outline(pixels, int(np.count_nonzero(pixels)))
    guess, half = _first_guess(outline)
    soft = outline.mask.astype(np.float32) / 255
    for stiffness in _STIFFNESSES:
        line, widths = _refine(guess, soft, half, stiffness)
        if _sharpest(line, widths, half) <= _SHARPEST:
            break
    axis = _upright(line, widths)
    if fit_of(outline, axis).torn > _TORN:
        axis = _less_torn(outline, guess, soft, half) or axis
    if axis.length < _ROUND * axis.width:
        raise NoAxisError(
            f"round: {axis.length:.0f} pixels long and {axis.width:.0f} wide, and what "
            f"is not at least {_ROUND} times as long as wide has no long axis"
        )
    for part in (axis.points, axis.widths):
        part.flags.writeable = False
    return axis


def _upright(line: np.ndarray, widths: np.ndarray) -> MedialAxis:
    """The axis in pixels of the crop, its upper tip first."""
    if line[0, 1] > line[-1, 1]:
        line, widths = line[::-1], widths[::-1]
    return MedialAxis(line - PAD, widths)


def _less_torn(
    outline: Outline, guess: np.ndarray, soft: np.ndarray, half: float
) -> MedialAxis | None:
    """The least stiff axis that tears nearly nothing and is still in the middle.

    Where the ends of the chromatids stand apart, as in an X, an axis may run into one
    of them: its rows then cross in the other one. A chromosome that is really bent so
    sharply keeps its axis: a stiffer one would not be in the middle.

    Returns:
        None where there is no such axis.
    """
    ways = [(guess, stiffness) for stiffness in (*_STIFFNESSES, _STIFFEST)]
    with contextlib.suppress(NoAxisError):  # it spreads as far across as along
        ways.append((_straight_guess(outline.mask, half), _STIFFEST))
    for line, stiffness in ways:
        axis = _upright(*_refine(line, soft, half, stiffness))
        fit = fit_of(outline, axis)
        if fit.torn <= _TORN and fit.uneven <= _UNEVEN:
            return axis
    return None


def _refine(
    line: np.ndarray, soft: np.ndarray, half: float, stiffness: float
) -> tuple[np.ndarray, np.ndarray]:
    """From a first guess to the axis, equidistant (POINTS, 2), and the widths."""
    for _ in range(_REFINEMENTS):
        line = _to_tips(line, soft, half)
        middles, widths = _chords(line, soft, half)
        line = _smooth(middles, widths > 0, half, stiffness)
    line = resample(_to_tips(line, soft, half), POINTS)
    return line, _chords(line, soft, half)[1]


def _sharpest(line: np.ndarray, widths: np.ndarray, half: float) -> float:
    """Largest curvature x half width along an axis."""
    along = _even_directions(line, half)
    turns = np.hypot(*(along[1:] - along[:-1]).T)
    step = max(length_of(line) / (len(line) - 1), 1e-3)
    return float((turns / step * (widths[1:] + widths[:-1]) / 4).max())


def _first_guess(outline: Outline) -> tuple[np.ndarray, float]:
    """A line (POINTS, 2) along the chromosome and half the width of an arm.

    Raises:
        NoAxisError: A short chromosome as wide as long.
    """
    radius = cv2.distanceTransform(outline.mask, cv2.DIST_L2, 5)
    skeleton = skeleton_of(outline.mask)
    line = longest_path(skeleton)
    half = max(float(np.median(radius[line[:, 1], line[:, 0]])), 1.0)
    ends = round(half)
    inner = line[ends:-ends]
    share = len(line) / np.count_nonzero(skeleton)
    if len(inner) > 3 * half and share >= _LEAST_SHARE:
        even = resample(inner.astype(float), POINTS)
        every = np.ones(POINTS, bool)
        return _smooth(even, every, half, _STIFFNESSES[0]), half
    return _straight_guess(radius > 0, half), half


def _straight_guess(mask: np.ndarray, half: float) -> np.ndarray:
    """Through the middle, along the largest spread: for short ones and for X shapes.

    A short chromosome can hardly be bent, and its skeleton is nearly all ends.
    """
    places = np.stack(np.nonzero(mask)[::-1], axis=1).astype(float)
    middle = places.mean(axis=0)
    spreads, vectors = np.linalg.eigh(np.cov((places - middle).T))
    ratio = math.sqrt(max(spreads[1], 0.0) / max(spreads[0], 1e-9))
    if ratio < _LEAST_SPREAD:
        raise NoAxisError(
            f"round: it spreads {ratio:.2f} times as far along as across, expected at "
            f"least {_LEAST_SPREAD} of a chromosome with a long axis"
        )
    return middle + np.linspace(-half, half, POINTS)[:, None] * vectors[:, 1]


def _to_tips(line: np.ndarray, soft: np.ndarray, half: float) -> np.ndarray:
    """The line, cut or run straight on to where the chromosome ends; (POINTS, 2).

    Args:
        line: Points (n, 2), about equidistant, in pixels of ``soft``.
        soft: H x W float32, 1 in the chromosome and 0 outside.
        half: Half the width of an arm.
    """
    step = max(length_of(line) / (len(line) - 1), 1e-3)
    more = step * np.arange(1, math.ceil(6 * half / step))[:, None]
    lead = len(line) // 8
    first, last = (
        end + more * (end - inner) / max(math.hypot(*(end - inner)), 1e-9)
        for end, inner in ((line[0], line[lead]), (line[-1], line[-1 - lead]))
    )
    whole = np.concatenate([first[::-1], line, last])
    values = _core(whole, soft, half)
    inside = (values >= 0.5).view(np.uint8)[None]
    gap = np.ones((1, 2 * int(_GAP * half / step) + 1), np.uint8)
    bridged = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, gap, borderValue=0)[0]
    places = np.flatnonzero(bridged)
    if not len(places):
        return line
    middle = places[np.abs(places - len(whole) // 2).argmin()]
    outside = np.flatnonzero(bridged == 0)
    split = int(np.searchsorted(outside, middle))
    start = outside[split - 1] + 1 if split else 0
    stop = outside[split] - 1 if split < len(outside) else len(whole) - 1
    tips = (
        start - _beyond(values, start, start - 1),
        stop + _beyond(values, stop, stop + 1),
    )
    places = np.linspace(*tips, POINTS)
    index = np.arange(len(whole))
    return np.stack([np.interp(places, index, part) for part in whole.T], axis=1)


def _core(line: np.ndarray, soft: np.ndarray, half: float) -> np.ndarray:
    """Largest value across the middle of the chromosome at each point of a line, (n,).

    Args:
        line: Points (n, 2), about equidistant, in pixels of ``soft``.
        soft: H x W float32, 1 in the chromosome and 0 outside.
        half: Half the width of an arm.
    """
    along = _even_directions(line, half)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    offsets = np.linspace(-CORE * half, CORE * half, 2 * math.ceil(half) + 1)
    return _look_up(soft, line[:, None] + offsets[:, None] * across[:, None]).max(1)


def _beyond(values: np.ndarray, inner: int, outer: int) -> float:
    """How far from an inner to an outer point the value falls to a half, 0..1."""
    if not 0 <= outer < len(values):
        return 0.0
    high, low = float(values[inner]), float(values[outer])
    return min(max((high - 0.5) / max(high - low, 1e-6), 0.0), 1.0)


def _chords(
    line: np.ndarray, soft: np.ndarray, half: float
) -> tuple[np.ndarray, np.ndarray]:
    """Middles (n, 2) and lengths (n,) of the chords across the line at its points."""
    along = _even_directions(line, half)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    reach = np.arange(0.0, 2.5 * half, 0.5)
    reach = np.concatenate([reach, -reach])
    values = _look_up(soft, line[:, None] + reach[:, None] * across[:, None])
    sides = values.reshape(len(line), 2, -1)
    # Outward from the axis, as far as it stays inside.
    lengths = np.minimum.accumulate(sides, axis=2).sum(axis=2) * 0.5 - 0.25
    lengths = np.maximum(lengths, 0.0)
    shift = (lengths[:, 0] - lengths[:, 1]) / 2
    return line + shift[:, None] * across, lengths.sum(axis=1)


def _even_directions(line: np.ndarray, half: float) -> np.ndarray:
    """Directions (n, 2), evened out so that chords at a bend do not cross."""
    along = directions_of(line)
    step = max(length_of(line) / (len(line) - 1), 1e-3)
    sigma = _EVEN * 2 * half / step
    along = cv2.GaussianBlur(
        along, (1, 0), sigmaX=1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE
    )
    return along / np.maximum(np.hypot(*along.T), 1e-9)[:, None]


def _smooth(
    points: np.ndarray, counts: np.ndarray, half: float, stiffness: float
) -> np.ndarray:
    """Cubic smoothing spline through points (n, 2), not led by those near the tips.

    Minimises the sum of w |z - p|^2 + (c width)^4 |z''|^2 over points.

    Args:
        points: About equidistant.
        counts: Which of them count, bool (n,).
        half: Half the width of an arm.
        stiffness: c, a share of the width.
    """
    n = len(points)
    step = max(length_of(points) / (n - 1), 1e-3)
    weights = np.maximum(counts, 1e-3)
    caps = min(round(0.6 * half / step), n // 4)
    weights[:caps] = weights[n - caps :] = 1e-3
    # D'D of second differences, by diagonals, the upper ones first.
    bands = np.ones((3, n))
    bands[1], bands[2] = -4.0, 6.0
    bands[1, [1, -1]] = -2.0
    bands[2, [0, -1]], bands[2, [1, -2]] = 1.0, 5.0
    bands *= (stiffness * 2 * half / step) ** 4
    bands[2] += weights
    return solveh_banded(bands, weights[:, None] * points, check_finite=False)


def _look_up(soft: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of ``soft`` (H x W) at places (..., 2: x, y); 0 outside."""
    maps = places.reshape(len(places), -1, 2).astype(np.float32)
    found = cv2.remap(  # type: ignore[call-overload]
        soft, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return found.reshape(places.shape[:-1])
