"""Where the centromere is: the narrowest place of a straightened chromosome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mmscl.datasets.straightening.resampling import Straight

# Smoothing of the widths along the axis, in pixels.
_BLUR = 1.0
# Round tips narrow too: the centromere is looked for this far from them, in widths.
_TIP = 0.3
# Spread of real centromere indices about the ideogram's, a share of the length.
_SPREAD = 0.08


class Centromere(NamedTuple):
    """Place of a centromere.

    Attributes:
        position: On the axis from the upper tip, a share of the length, 0..1.
        row: Row of the straightened image.
        depth: By how much the chromosome is narrower there than on the less wide side
            of it, as a share of its typical width, 0..1.
    """

    position: float
    row: float
    depth: float


def find_centromere(
    straight: Straight,
    expected: float | Sequence[float] | None = None,
    least_depth: float = 0.06,
) -> Centromere | None:
    """The deepest constriction of the width along the axis.

    A constriction counts by its depth: how far the width rises again on both sides.
    Of chromosomes whose type is known, the place where the ideogram has the centromere
    (`mmscl.datasets.ideogram.ideogram(type).centromere`) helps: constrictions far from
    it count less, by a normal curve with a spread of 0.08 of the length: what is two
    spreads away must be seven times as deep. Acrocentrics often have no constriction
    that can be seen, and then none is better than one within the long arm.

    Args:
        straight: From :func:`straighten_along`.
        expected: Centromere index of the type with the p arm up, 0..1; None does not
            know it. Several places count as the nearest of them, such as c and 1 - c
            where it is not known which arm is up.
        least_depth: What counts less is none.

    Returns:
        None where no constriction is found.

    Raises:
        ValueError: ``expected`` is outside 0..1.
    """
    known = np.atleast_1d([] if expected is None else expected).astype(float)
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        raise ValueError(
            f"expected: a centromere index is a share of the length, 0..1, got "
            f"{expected}"
        )
    first = max(int(np.ceil(straight.start)), 0)
    last = min(int(straight.start + straight.length), len(straight.widths) - 1)
    widths = np.ascontiguousarray(straight.widths[first : last + 1])[:, None]
    widths = cv2.GaussianBlur(
        widths, (1, 0), sigmaX=1, sigmaY=_BLUR, borderType=cv2.BORDER_REPLICATE
    )[:, 0]
    typical = float(np.median(widths))
    tip = max(int(_TIP * typical), 2)
    depths = _depths(widths)[tip:-tip] / max(typical, 1.0)
    if len(depths) < 3:
        return None
    rows = np.arange(len(depths)) + tip + first
    scores = depths.copy()
    if known.size:
        places = (rows - straight.start) / straight.length
        away = np.abs(places - known[:, None]).min(axis=0)
        scores *= np.exp(-0.5 * (away / _SPREAD) ** 2)
    best = int(scores.argmax())
    if scores[best] < least_depth:
        return None
    row = rows[best] + _vertex(widths, rows[best] - first)
    return Centromere((row - straight.start) / straight.length, row, depths[best])


def _depths(widths: np.ndarray) -> np.ndarray:
    """How far the width rises again on both sides of each place, (n,); 0 at slopes."""
    before = np.maximum.accumulate(widths)
    after = np.maximum.accumulate(widths[::-1])[::-1]
    depths = np.minimum(before, after) - widths
    lowest = np.pad(widths, 1, mode="edge")
    at_minimum = (widths <= lowest[:-2]) & (widths <= lowest[2:])
    return np.where(at_minimum, depths, 0.0)


def _vertex(widths: np.ndarray, place: int) -> float:
    """From a minimum to the vertex of the parabola through it and its neighbours."""
    before, here, after = widths[place - 1 : place + 2]
    curve = before - 2 * here + after
    return float(np.clip((before - after) / (2 * curve), -0.5, 0.5)) if curve else 0.0
