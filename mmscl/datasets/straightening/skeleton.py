"""Mask -> the pixels of its skeleton along the longest way through it."""

from __future__ import annotations

import numpy as np

_STEPS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


def skeleton_of(mask: np.ndarray) -> np.ndarray:
    """Skeleton one pixel wide (Zhang and Suen, CACM 27:236, 1984), H x W bool.

    Args:
        mask: H x W, not 0 where the chromosome is.
    """
    # Takes more than a second to import, which nobody pays who straightens nothing.
    from skimage.morphology import skeletonize

    return skeletonize(mask > 0)


def longest_path(skeleton: np.ndarray) -> np.ndarray:
    """The longest of the shortest ways between two pixels, int (n, 2): x, y.

    Side branches, into chromatid ends or bumps of the outline, are left behind. In a
    tree it is exact (two searches, each from the farthest pixel of the last).

    Args:
        skeleton: H x W bool, with at least one pixel, one pixel wide.
    """
    rows, columns = np.nonzero(skeleton)
    pixels = list(zip(rows.tolist(), columns.tolist(), strict=True))
    reached, _ = _search(pixels[0], set(pixels))
    far, came_from = _search(reached, set(pixels))
    path = [far]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    return np.array(path)[:, ::-1]


Pixel = tuple[int, int]


def _search(start: Pixel, pixels: set[Pixel]) -> tuple[Pixel, dict]:
    """The farthest pixel from the start, and whence each pixel was reached.

    Diagonal steps are longer: of the pixels at hand those with the shortest way go
    first, which a few buckets give (steps of 5 and 7 are 1 and 1.4).
    """
    came_from: dict[Pixel, Pixel | None] = {start: None}
    ways = {start: 0}
    waiting: dict[int, list[Pixel]] = {0: [start]}
    last = start
    while waiting:
        way = min(waiting)
        for pixel in waiting.pop(way):
            if ways[pixel] < way:
                continue
            last = pixel
            for dy, dx in _STEPS:
                near = pixel[0] + dy, pixel[1] + dx
                if near not in pixels:
                    continue
                longer = way + (7 if dy and dx else 5)
                if longer < ways.get(near, 1 << 30):
                    ways[near], came_from[near] = longer, pixel
                    waiting.setdefault(longer, []).append(near)
    return last, came_from
