"""Bend a chromosome along its long axis, as it lies in the metaphase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.loading import add_backgrounds, grey_image
from mmscl.datasets.transforms.randomness import (
    Range,
    as_range,
    check_probability,
    check_within,
    draw,
    happens,
)
from mmscl.registry import register

# The displacement is computed on this many nodes a side and interpolated between:
# it is smooth, and a 256 x 256 map costs little more than a small one.
_NODES = 12
# Nodes of the random field along each side of the crop: it varies over some bands.
_ELASTIC_NODES = 5
# Gauss's five places in 0..1 and their weights: the arc length to 1e-4 of the length.
_PLACES, _WEIGHTS = (
    part.astype(np.float32)[:, None, None, None] / 2
    for part in np.polynomial.legendre.leggauss(5)
)
_PLACES += 0.5
# The field is cut at this many standard deviations.
_ELASTIC_CUT = 2.0


class Bend(NamedTuple):
    """How B chromosomes are bent, in shares of their lengths."""

    #: Heights of the bow and of the S: float32 (B, 1, 1).
    bow: np.ndarray
    sway: np.ndarray
    #: Further displacement, across and down the crop: float32 (B, nodes, nodes, 2).
    field: np.ndarray


class Axis(NamedTuple):
    """The long axis of a chromosome: floats for one, float32 (B, 1, 1) for a batch."""

    #: Centre and length in pixels.
    x: Any
    y: Any
    length: Any
    #: Direction, a unit vector.
    along_x: Any
    along_y: Any


@register(TRANSFORMS)
class ElasticBend(BatchTransform):
    """Bend the chromosome's axis and stretch it a little, in one remap.

    The axis is found from the second moments of the foreground, so the crop may lie
    at any angle. In the frame of the axis (y along it, x across, both over half the
    length L) the straight centre line becomes x = f(y), a bow and an S:
    f(y) = 2 b (y^2 - 1/3) + 2 s sin(pi y). A pixel is looked up at its foot on that
    line, to first order in its distance from it: along by the arc length, across by
    the distance. So length and width stay, and bands stay perpendicular to the axis,
    which a plain sideways shift does not give. Then comes a random smooth field. The
    crop grows on all sides by what the bend needs, filled with the background. Put it
    before ChromosomeCanvas: crops are small there, and nothing is cut off.

    Args:
        bend: Height b of the bow over its chord, as a share of the length; a number a
            draws from -a..a. At most 0.3.
        sway: Amplitude s of the S, as a share of the length, likewise. At most 0.1.
        elastic: Standard deviation of the random field, as a share of the length. At
            most 0.1.
        prob: Probability that the chromosome is bent at all.

    Raises:
        ValueError: A value out of range.
    """

    def __init__(
        self,
        bend: float | Range = 0.12,
        sway: float | Range = 0.02,
        elastic: float = 0.01,
        prob: float = 1.0,
    ) -> None:
        names = ("ElasticBend.bend", "ElasticBend.sway", "ElasticBend.elastic")
        self.bend = check_within(names[0], as_range(names[0], bend), -0.3, 0.3)
        self.sway = check_within(names[1], as_range(names[1], sway), -0.1, 0.1)
        self.elastic = elastic
        check_within(names[2], (elastic, elastic), 0.0, 0.1)
        self.prob = check_probability("ElasticBend.prob", prob)

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Replace img (H x W uint8) by a larger crop; set img_shape."""
        for sample in samples:
            grey_image(sample, self)
        places, axes, bends = self.choose(samples, rng)
        if places:
            self.apply([samples[i] for i in places], axes, bends)
        return samples

    def choose(
        self, samples: Sequence[dict], rng: np.random.Generator
    ) -> tuple[list[int], list[Axis], Bend]:
        """Which of the samples are bent: their places, axes and bends."""
        on = np.flatnonzero(happens(rng, self.prob, len(samples))).tolist()
        add_backgrounds([samples[i] for i in on])
        found = {i: _long_axis(samples[i]["img"], samples[i]["background"]) for i in on}
        axes = {i: axis for i, axis in found.items() if axis is not None}
        return list(axes), list(axes.values()), self.draw_bend(rng, len(axes))

    def draw_bend(self, rng: np.random.Generator, count: int) -> Bend:
        """Random bends of ``count`` chromosomes."""
        bow, sway = draw(rng, self.bend, count), draw(rng, self.sway, count)
        field = np.zeros((count, _NODES, _NODES, 2), np.float32)
        if self.elastic > 0:
            shape = (count, _ELASTIC_NODES, _ELASTIC_NODES, 2)
            nodes = rng.standard_normal(shape, np.float32)
            nodes = nodes.clip(-_ELASTIC_CUT, _ELASTIC_CUT) * np.float32(self.elastic)
            for fine, coarse in zip(field, nodes, strict=True):
                cv2.resize(coarse, fine.shape[:2], fine, interpolation=cv2.INTER_CUBIC)
        maps = np.array([bow, sway], np.float32)[:, :, None, None]
        return Bend(maps[0], maps[1], field)

    def apply(self, samples: Sequence[dict], axes: Sequence[Axis], bends: Bend) -> None:
        """Bend each chromosome along its axis by its entry of ``bends``."""
        shapes = [sample["img"].shape for sample in samples]
        sizes, shifts = self.plan(shapes, axes, bends)
        grid = _grid(*sizes.max(axis=0).tolist())
        for sample, size, shift in zip(samples, sizes.tolist(), shifts, strict=True):
            height, width = size
            places = cv2.resize(shift, (width, height))
            places += grid[:height, :width]
            sample["img"] = cv2.remap(  # type: ignore[call-overload]
                sample["img"],
                places,
                None,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=sample["background"],
            )
            sample["img_shape"] = (height, width)

    @staticmethod
    def plan(
        shapes: Sequence[tuple[int, int]], axes: Sequence[Axis], bends: Bend
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sizes of B bent crops and where their pixels are looked up.

        Args:
            shapes: Height and width of each crop in pixels.
            axes: Of the chromosomes in them.
            bends: Of the chromosomes.

        Returns:
            Height and width of the bent crops, int (B, 2); and at their nodes the way,
            in pixels, to a place on the crop, across and down: float32
            (B, nodes, nodes, 2).
        """
        columns = np.array(axes, np.float32).T[:, :, None, None]
        return _shifts(np.array(shapes), Axis(*columns), bends)

    def __repr__(self) -> str:
        return (
            f"ElasticBend(bend={self.bend}, sway={self.sway}, "
            f"elastic={self.elastic}, prob={self.prob})"
        )


def _long_axis(image: np.ndarray, background: int) -> Axis | None:
    """The axis from the moments of the foreground; None where there is none.

    A quarter of the range is threshold enough: only the axis is wanted, not the
    outline.
    """
    distance = cv2.absdiff(image, np.full_like(image, background))
    highest = cv2.minMaxLoc(distance)[1]
    _, mask = cv2.threshold(distance, highest / 4, 1, cv2.THRESH_BINARY)
    m = cv2.moments(mask)
    area = m["m00"]
    if area < 2:
        return None
    xx, yy, xy = m["mu20"] / area, m["mu02"] / area, m["mu11"] / area
    root = math.hypot(xx - yy, 2 * xy)
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    # A rod of length L has a variance of L^2 / 12 along itself.
    length = max(math.sqrt(12 * (xx + yy + root) / 2), 1.0)
    x, y = m["m10"] / area, m["m01"] / area
    return Axis(x, y, length, math.cos(angle), math.sin(angle))


def _shifts(sizes: np.ndarray, axis: Axis, bend: Bend) -> tuple[np.ndarray, np.ndarray]:
    """From the pixels of the bent crops to where they are looked up.

    Args:
        sizes: Height and width of the crops in pixels: int (B, 2).
        axis: Of their chromosomes: (B, 1, 1).
        bend: Of their chromosomes.

    Returns:
        As `ElasticBend.plan`.
    """
    # The bow reaches 2/3 |b| at the ends; |b| leaves room for a tip beyond them.
    farthest = np.abs(bend.field).max(axis=(1, 2, 3))[:, None, None]
    reach = np.abs(bend.bow) + np.abs(bend.sway) + farthest
    margin = np.ceil(reach * axis.length)
    sizes = sizes + 2 * margin[:, 0].astype(int)
    height, width = sizes.T[:, :, None, None].astype(np.float32)
    # Nodes sit where cv2.resize has the centres of its source pixels.
    steps = (np.arange(_NODES, dtype=np.float32) + 0.5) / _NODES
    dx = steps * width - (axis.x + margin + 0.5)
    dy = steps[:, None] * height - (axis.y + margin + 0.5)
    half = axis.length / 2
    along_x, along_y = axis.along_x / half, axis.along_y / half
    x, y = dy * along_x - dx * along_y, dx * along_x + dy * along_y
    x, y = _unbend(x, y, bend.bow, bend.sway)
    along_x, along_y = axis.along_x * half, axis.along_y * half
    shifts = bend.field * axis.length[..., None] - margin[..., None]
    shifts[..., 0] += y * along_x - x * along_y
    shifts[..., 1] += y * along_y + x * along_x
    return sizes, shifts


def _grid(height: int, width: int) -> np.ndarray:
    """x and y of each pixel: float32 (H, W, 2)."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width)
    grid[..., 1] = np.arange(height)[:, None]
    return grid


def _unbend(
    x: np.ndarray, y: np.ndarray, bow: np.ndarray, sway: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From places on bent chromosomes to their places on the straight ones.

    Args:
        x: Across the axis, in half lengths: (B, nodes, nodes).
        y: Along the axis, in half lengths, same shape.
        bow: b of the class, shares of the length: (B, 1, 1).
        sway: s of the class, shares of the length: (B, 1, 1).

    Returns:
        What to add to x and to y.
    """
    # Beyond the ends the line goes on straight.
    inside = y.clip(-1, 1)
    beyond = y - inside
    slope = _slope(inside, bow, sway)
    stretch = np.sqrt(1 + slope**2)
    line = 2 * bow * (inside**2 - 1 / 3) + 2 * sway * np.sin(math.pi * inside)
    distance = (x - line - slope * beyond) / stretch
    # The length of the line from its middle on.
    stretches = np.sqrt(1 + _slope(_PLACES * inside, bow, sway) ** 2)
    arc = inside * (_WEIGHTS * stretches).sum(axis=0)
    along = arc + beyond * stretch + distance * slope
    return distance - x, along - y


def _slope(y: np.ndarray, bow: np.ndarray, sway: np.ndarray) -> np.ndarray:
    return 4 * bow * y + 2 * math.pi * sway * np.cos(math.pi * y)
