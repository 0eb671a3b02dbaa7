"""Straightening measured on drawn chromosomes that are bent by a known angle.

    python -m benchmarks.straightening

Prints the tables of docs/straightening.md: error of the bend's angle and place, of the
axis and of the length, what bend is left, likeness to the same chromosome drawn
straight, the centromere, and milliseconds a crop (processor time, one thread).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.machine import describe
from mmscl.datasets.drawing import Drawing
from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.manifest import TYPES
from mmscl.datasets.metaphase import draw_crop_with_truth
from mmscl.datasets.straightening import (
    NoAxisError,
    find_axis,
    find_centromere,
    sharma_steps,
    straighten,
)
from mmscl.datasets.straightening.axis import axis_of_mask

SHORT = ("13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "Y")
LONG = tuple(kind for kind in TYPES if kind not in SHORT)
BENDS = (0, 20, 40, 60, 90)
CASES = 4
_SHARP = 0.04  # share of the length over which the direction changes


class Bent(NamedTuple):
    """A drawn chromosome and what is true of it."""

    drawing: Drawing
    degrees: float
    centre: np.ndarray
    straight: np.ndarray


def bend(u: np.ndarray, degrees: float, where: float) -> np.ndarray:
    """Two straight arms that meet at a share of the length."""
    turn = math.radians(degrees) / 2 * np.tanh((u - where) / _SHARP)
    return turn - turn.mean()


def draw(kinds: tuple[str, ...], degrees: float) -> Iterator[Bent]:
    """The chromosomes of some cases, bent by this angle somewhere in the middle."""
    rng = np.random.default_rng(int(degrees))
    for kind in kinds:
        for case in range(CASES):
            where, sign = rng.uniform(0.4, 0.6), rng.choice([-1, 1])
            key = (1, "A", case, 0, kind, "1")
            drawing = draw_crop_with_truth(
                *key, turn=partial(bend, degrees=sign * degrees, where=where)
            )
            straight = draw_crop_with_truth(*key, turn=np.zeros_like).image
            centre = drawing.axis[round(where * (len(drawing.axis) - 1))]
            yield Bent(drawing, sign * degrees, centre, straight)


def likeness(image: np.ndarray, other: np.ndarray) -> float:
    """Correlation of grey levels in the best position within three pixels, upright."""
    size = np.maximum(image.shape, other.shape) + 8
    sheet, wanted = _centred(image, size), _centred(other, size - 6)
    found = cv2.matchTemplate(sheet, wanted, cv2.TM_CCOEFF_NORMED)
    return float(found.max())


def _centred(image: np.ndarray, size: np.ndarray) -> np.ndarray:
    sheet = np.full(size, 255, np.uint8)
    top, left = (size - image.shape) // 2
    sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def left_over(image: np.ndarray) -> float:
    """Bend in degrees that is left in a crop; NaN where it has no axis."""
    try:
        return abs(find_axis(image, 255).bend)
    except NoAxisError:
        return math.nan


def ours(bent: Bent) -> dict[str, float]:
    """Errors of the straightening along the medial axis."""
    image = bent.drawing.image
    try:
        axis, straight = find_axis(image, 255), straighten(image, 255).image
    except NoAxisError:
        return dict(left=1.0, likeness=likeness(image, bent.straight))
    places = np.linspace(0, len(bent.drawing.axis) - 1, 1000)
    index = np.arange(len(bent.drawing.axis))
    line = np.stack([np.interp(places, index, p) for p in bent.drawing.axis.T], axis=1)
    away = np.hypot(*(axis.points[3:-3, None] - line).transpose(2, 0, 1)).min(axis=1)
    return dict(
        left=0.0,
        angle=abs(axis.bend - bent.degrees),
        axis=float(away.mean()),
        length=abs(axis.length - bent.drawing.length),
        residual=left_over(straight),
        likeness=likeness(straight, bent.straight),
    )


def sharma(bent: Bent) -> dict[str, float]:
    """Errors of Sharma's straightening."""
    steps = sharma_steps(bent.drawing.image, 255)
    found = dict(
        left=float(bool(steps.reason)), likeness=likeness(steps.result, bent.straight)
    )
    if steps.centre is not None:
        found["angle"] = abs(abs(steps.angle) - abs(bent.degrees))
        found["centre"] = math.dist(steps.centre, bent.centre)
        found["residual"] = left_over(steps.result)
    return found


def nothing(bent: Bent) -> dict[str, float]:
    """What it is if nothing is done."""
    image = bent.drawing.image
    return dict(likeness=likeness(image, bent.straight), residual=left_over(image))


WAYS: dict[str, Callable[[Bent], dict[str, float]]] = dict(
    nothing=nothing, ours=ours, sharma=sharma
)
COLUMNS = ("left", "angle", "centre", "axis", "length", "residual", "likeness")


def errors() -> Iterator[str]:
    """Rows of the table of errors: means, and medians in brackets."""
    yield "| types | bend | way | " + " | ".join(COLUMNS) + " |"
    yield "|" + "---|" * (3 + len(COLUMNS))
    for name, kinds in (("1-12, X", LONG), ("13-22, Y", SHORT)):
        for degrees in BENDS:
            chromosomes = list(draw(kinds, degrees))
            for way, measure in WAYS.items():
                found = [measure(bent) for bent in chromosomes]
                cells = [_cell(column, found) for column in COLUMNS]
                yield f"| {name} | {degrees} | {way} | {' | '.join(cells)} |"


def _cell(column: str, found: list[dict[str, float]]) -> str:
    values = np.array([own[column] for own in found if column in own])
    values = values[~np.isnan(values)]
    if not len(values):
        return ""
    if column == "left":
        return f"{values.mean():.0%}"
    digits = 1 if column in ("angle", "centre", "length", "residual") else 2
    return f"{values.mean():.{digits}f} ({np.median(values):.{digits}f})"


def centromeres() -> Iterator[str]:
    """Rows of the table of centromeres."""
    yield "| types | bend | type known | found | median error, px | within 3 px |"
    yield "|---|---|---|---|---|---|"
    for name, kinds in (("1-12, X", LONG), ("13-22, Y", SHORT)):
        for degrees in (0, 40):
            chromosomes = [(k, b) for k in kinds for b in draw((k,), degrees)]
            for known in (False, True):
                away = [_centromere_error(k, b.drawing, known) for k, b in chromosomes]
                found = np.array([one for one in away if one is not None])
                yield (
                    f"| {name} | {degrees} | {'yes' if known else 'no'} | "
                    f"{len(found) / len(away):.0%} | {np.median(found):.1f} | "
                    f"{(found < 3).sum() / len(away):.0%} |"
                )


def _centromere_error(kind: str, drawing: Drawing, known: bool) -> float | None:
    """Pixels between the found centromere and the true one; None if none is found."""
    try:
        straight = straighten(drawing.image, 255)
    except NoAxisError:
        return None
    expected = ideogram(kind).centromere if known else None
    found = find_centromere(straight, expected)
    if found is None:
        return None
    return abs(found.position - drawing.centromere) * drawing.length


def times() -> Iterator[str]:
    """Milliseconds a crop of each way, without and with the axes of an earlier one."""
    images = [b.drawing.image for d in (0, 40) for b in draw(TYPES, d)]
    yield "| step | ms a crop |"
    yield "|---|---|"
    for name, work, known in (
        ("`find_axis`", find_axis, False),
        ("`straighten`", straighten, False),
        ("`straighten`, axis known", straighten, True),
        ("`sharma_steps`", sharma_steps, False),
    ):
        work(images[0], 255)
        rounds = [_clock(work, images, known) for _ in range(3)]
        yield f"| {name} | {min(rounds):.2f} |"


def _clock(work: Callable, images: list[np.ndarray], known: bool) -> float:
    if not known:
        axis_of_mask.cache_clear()
    start = time.process_time()
    for image in images:
        try:
            work(image, 255)
        except NoAxisError:
            pass
    return 1000 * (time.process_time() - start) / len(images)


def main() -> None:
    cv2.setNumThreads(1)
    print("; ".join(f"{name}: {value}" for name, value in describe().items()))
    for table in (errors, centromeres, times):
        print()
        for row in table():
            print(row, flush=True)


if __name__ == "__main__":
    main()
