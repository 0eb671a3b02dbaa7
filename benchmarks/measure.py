"""Sides measured in turn, and the command line of a script."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import cv2
import torch

from benchmarks import machine
from benchmarks.results import Part
from mmscl.files import replaced

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "work_dirs" / "bench"
ROUNDS = 5
LEAST_SECONDS = 0.2  # of a turn: below, the noise of the clock counts
#: Does the work once; may return its own seconds, of a part of the work.
Side = Callable[[], float | None]


def alternate(
    sides: Mapping[str, Side], rounds: int = ROUNDS, least: float = LEAST_SECONDS
) -> dict[str, list[float]]:
    """Seconds of one call of each side, measured in turn: A, B, A, B, ...

    Each side runs once before that, unmeasured, a short one twice. Short ones are
    repeated within their turn until it lasts `least` seconds.

    Args:
        sides: Name -> the work.
        rounds: Turns of each side.
        least: Seconds of a turn.

    Returns:
        Name -> seconds a call, one value a round.
    """
    calls = {}
    for name, side in sides.items():
        first = _seconds(side, 1)
        if first < 10 * least:
            first = _seconds(side, 1)
        calls[name] = max(1, math.ceil(least / max(first, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(_seconds(side, calls[name]))
    return times


def _seconds(side: Side, calls: int) -> float:
    start = time.perf_counter()
    own = [side() for _ in range(calls)]
    total = time.perf_counter() - start
    told = [seconds for seconds in own if seconds is not None]
    return (sum(told) if told else total) / calls


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch compute on so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_core() -> Iterator[None]:
    """Neither torch nor OpenCV takes a second thread meanwhile."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        with threads(1):
            yield
    finally:
        cv2.setNumThreads(before)


def results_folder(quick: bool) -> Path:
    """Where results lie; quick ones apart, so that they never reach the docs."""
    return RESULTS / "quick" if quick else RESULTS


def run_script(name: str, measure: Callable[[bool], Part]) -> None:
    """The command line of a script: measure, print the lines, keep the results.

    Args:
        name: Of the script; the results go to work_dirs/bench/NAME.json, those of a
            quick run to work_dirs/bench/quick/NAME.json.
        measure: Takes whether to be quick: tiny sizes that only prove that it runs.
    """
    parser = argparse.ArgumentParser(description=f"Measure: {name}.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, no evidence")
    quick = parser.parse_args().quick
    start = time.monotonic()
    part = measure(quick)
    for line in part.lines:
        print(f"{line.what}; {line.against}: {line.ratio:.3g} ({line.measured})")
    kept = dict(
        asdict(part),
        machine=machine.describe(),
        seconds=round(time.monotonic() - start),
    )
    with replaced(results_folder(quick) / f"{name}.json") as path:
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
