"""Where a crop goes on its canvas: the geometry of ChromosomeCanvas."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, NamedTuple

import cv2
import numpy as np

#: What plan_placing needs of numpy, for one crop: the same formulas are ten times
#: faster on plain numbers than on arrays of one.
PLAIN = SimpleNamespace(
    ceil=math.ceil,
    trunc=math.trunc,
    cos=math.cos,
    sin=math.sin,
    maximum=max,
    minimum=min,
)


class Pose(NamedTuple):
    """How a crop lies on its canvas: numbers for one, arrays (B,) for a batch."""

    #: Radians, counter-clockwise as seen.
    angle: Any
    #: Factor of the zoom.
    scale: Any
    #: -1 exchanges left and right, top and bottom; 1 does not.
    flip_x: Any
    flip_y: Any
    #: Shares of the canvas.
    shift_x: Any
    shift_y: Any


class Plan(NamedTuple):
    """How a crop gets onto its canvas: numbers for one, arrays (B,) for a batch."""

    #: Source pixels whose mean is taken, across and down.
    block_x: Any
    block_y: Any
    #: The part of the canvas outside of which there is nothing but background.
    left: Any
    top: Any
    right: Any
    bottom: Any
    #: From blocks to pixels of that part: (2, 3), or (2, 3, B).
    matrix: np.ndarray


def plan_placing(
    size: Any, zoom: Any, pose: Pose, canvas: tuple[int, int], xp: Any
) -> Plan:
    """How crops are averaged and warped.

    Args:
        size: Width and height of a crop in pixels: numbers, or arrays (B,).
        zoom: Canvas pixels per source pixel across and down, likewise.
        pose: Of the crop, likewise.
        canvas: Its height and width in pixels.
        xp: ``np`` for arrays, ``PLAIN`` for numbers.
    """
    zoom_x, zoom_y = zoom[0] * pose.scale, zoom[1] * pose.scale
    # Whole blocks are averaged so that the rest of the zoom is 0.6 or more.
    block_x = xp.maximum(1, xp.ceil(1 / zoom_x - 2 / 3))
    block_y = xp.maximum(1, xp.ceil(1 / zoom_y - 2 / 3))
    width, height = size[0] / block_x, size[1] / block_y
    zoom_x, zoom_y = zoom_x * block_x * pose.flip_x, zoom_y * block_y * pose.flip_y
    cos, sin = xp.cos(pose.angle), xp.sin(pose.angle)
    # Image rows run down: these signs turn counter-clockwise as seen.
    a, b, c, d = cos * zoom_x, sin * zoom_y, -sin * zoom_x, cos * zoom_y
    x = (canvas[1] - 1) / 2 + pose.shift_x * canvas[1]
    y = (canvas[0] - 1) / 2 + pose.shift_y * canvas[0]
    # Beyond the crop: half a block by interpolation, up to one by padding.
    reach_x = (abs(a) * (width + 3) + abs(b) * (height + 3)) / 2
    reach_y = (abs(c) * (width + 3) + abs(d) * (height + 3)) / 2
    left = xp.trunc(xp.maximum(0, x - reach_x))
    top = xp.trunc(xp.maximum(0, y - reach_y))
    right = xp.trunc(xp.minimum(canvas[1], x + reach_x + 2))
    bottom = xp.trunc(xp.minimum(canvas[0], y + reach_y + 2))
    # From the middle of the crop to the centre of its first block.
    x = x - left - (a * (width - 1) + b * (height - 1)) / 2
    y = y - top - (c * (width - 1) + d * (height - 1)) / 2
    matrix = np.array([[a, b, x], [c, d, y]])
    return Plan(block_x, block_y, left, top, right, bottom, matrix)


def average_blocks(
    image: np.ndarray, block_x: int, block_y: int, fill: int
) -> np.ndarray:
    """The means of blocks; at its end the crop is padded to whole blocks.

    Whole blocks, because OpenCV's area resize is 4 us for a 256 x 256 crop then and
    170 us otherwise.
    """
    if block_x == 1 and block_y == 1:
        return image
    height, width = image.shape
    pad_y, pad_x = -height % block_y, -width % block_x
    if pad_x or pad_y:
        image = cv2.copyMakeBorder(
            image, 0, pad_y, 0, pad_x, cv2.BORDER_CONSTANT, value=fill
        )
    size = ((width + pad_x) // block_x, (height + pad_y) // block_y)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
