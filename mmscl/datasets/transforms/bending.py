"""Bend a chromosome along its long axis, as it lies in the metaphase."""

from __future__ import annotations

import math

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.transforms.loading import background_of, grey_image
from mmscl.datasets.transforms.randomness import (
    Range,
    as_range,
    check_probability,
    check_within,
    draw,
    generator,
    happens,
)
from mmscl.registry import register

# The displacement is computed on this many nodes a side and interpolated between:
# it is smooth, and a 256 x 256 map costs little more than a small one.
_NODES = 12
# Nodes of the random field along each side of the crop: it varies over some bands.
_ELASTIC_NODES = 5
# Places along the axis, in half lengths, where the arc length is summed up.
_ARC_AT = np.linspace(-1, 1, 65)
# The field is cut at this many standard deviations.
_ELASTIC_CUT = 2.0


@register(TRANSFORMS)
class ElasticBend(BaseTransform):
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

    def transform(self, results: dict) -> dict:
        """Replace img (H x W uint8) by a larger crop; set img_shape."""
        image, rng = grey_image(results, self), generator(results)
        if not happens(rng, self.prob):
            return results
        background = background_of(results)
        axis = _long_axis(image, background)
        if axis is None:
            return results
        bow, sway = draw(rng, self.bend), draw(rng, self.sway)
        field = self._field(rng)
        results["img"] = _warp(image, background, axis, bow, sway, field)
        results["img_shape"] = results["img"].shape
        return results

    def _field(self, rng: np.random.Generator) -> np.ndarray:
        """Random displacement, share of the length: (nodes, nodes, 2) float32."""
        if self.elastic == 0:
            return np.zeros((_NODES, _NODES, 2), np.float32)
        nodes = rng.standard_normal((_ELASTIC_NODES, _ELASTIC_NODES, 2), np.float32)
        field = self.elastic * nodes.clip(-_ELASTIC_CUT, _ELASTIC_CUT)
        return cv2.resize(field, (_NODES, _NODES), interpolation=cv2.INTER_CUBIC)

    def __repr__(self) -> str:
        return (
            f"ElasticBend(bend={self.bend}, sway={self.sway}, "
            f"elastic={self.elastic}, prob={self.prob})"
        )


class _Axis:
    """Centre (pixels), direction (unit vector) and length (pixels) of a chromosome."""

    def __init__(self, x: float, y: float, angle: float, length: float) -> None:
        self.x, self.y, self.length = x, y, length
        self.along = (math.cos(angle), math.sin(angle))


def _long_axis(image: np.ndarray, background: int) -> _Axis | None:
    """The axis from the moments of the foreground; None where there is none.

    A quarter of the range is threshold enough: only the axis is wanted, not the
    outline.
    """
    distance = cv2.absdiff(image, np.full_like(image, background))
    highest = cv2.minMaxLoc(distance)[1]
    _, mask = cv2.threshold(distance, highest / 4, 1, cv2.THRESH_BINARY)
    m = cv2.moments(mask, binaryImage=True)
    area = m["m00"]
    if highest == 0 or area < 2:
        return None
    xx, yy, xy = m["mu20"] / area, m["mu02"] / area, m["mu11"] / area
    root = math.hypot(xx - yy, 2 * xy)
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    # A rod of length L has a variance of L^2 / 12 along itself.
    length = math.sqrt(12 * (xx + yy + root) / 2)
    return _Axis(m["m10"] / area, m["m01"] / area, angle, max(length, 1.0))


def _warp(
    image: np.ndarray,
    background: int,
    axis: _Axis,
    bow: float,
    sway: float,
    field: np.ndarray,
) -> np.ndarray:
    """The bent crop; bow, sway and field (nodes, nodes, 2) in shares of the length."""
    height, width = image.shape
    # The bow reaches 2/3 |b| at the ends; |b| leaves room for a tip beyond them.
    reach = abs(bow) + abs(sway) + float(np.abs(field).max())
    margin = math.ceil(reach * axis.length)
    out_h, out_w = height + 2 * margin, width + 2 * margin
    # Nodes sit where cv2.resize has the centres of its source pixels.
    steps = (np.arange(_NODES, dtype=np.float32) + 0.5) / _NODES
    dx = steps * out_w - 0.5 - margin - axis.x
    dy = (steps * out_h - 0.5 - margin - axis.y)[:, None]
    along_x, along_y = axis.along
    half = axis.length / 2
    y = (dx * along_x + dy * along_y) / half
    x = (dy * along_x - dx * along_y) / half
    move_x, move_y = _unbend(x, y, bow, sway)
    move_x, move_y = move_x * half, move_y * half
    shift_x = field[..., 0] * axis.length + move_y * along_x - move_x * along_y
    shift_y = field[..., 1] * axis.length + move_y * along_y + move_x * along_x
    size = (out_w, out_h)
    map_x = cv2.resize(shift_x.astype(np.float32), size)
    map_y = cv2.resize(shift_y.astype(np.float32), size)
    map_x += np.arange(-margin, out_w - margin, dtype=np.float32)
    map_y += np.arange(-margin, out_h - margin, dtype=np.float32)[:, None]
    return cv2.remap(
        image,
        map_x,
        map_y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )


def _unbend(
    x: np.ndarray, y: np.ndarray, bow: float, sway: float
) -> tuple[np.ndarray, np.ndarray]:
    """From a place on the bent chromosome to its place on the straight one.

    Args:
        x: Across the axis, in half lengths, any shape.
        y: Along the axis, in half lengths, same shape.
        bow: b of the class, share of the length.
        sway: s of the class, share of the length.

    Returns:
        What to add to x and to y.
    """
    # Beyond the ends the line goes on straight.
    inside = y.clip(-1, 1)
    beyond = y - inside
    slope = _slope(inside, bow, sway)
    line = 2 * bow * (inside**2 - 1 / 3) + 2 * sway * np.sin(math.pi * inside)
    stretch = np.sqrt(1 + slope**2)
    distance = (x - line - slope * beyond) / stretch
    steps = _slope(_ARC_AT, bow, sway)
    arc = np.cumsum(np.sqrt(1 + steps**2)) * (_ARC_AT[1] - _ARC_AT[0])
    arc -= arc[len(arc) // 2]
    along = np.interp(inside, _ARC_AT, arc) + beyond * stretch + distance * slope
    return distance - x, along - y


def _slope(y: np.ndarray, bow: float, sway: float) -> np.ndarray:
    return 4 * bow * y + 2 * math.pi * sway * np.cos(math.pi * y)
