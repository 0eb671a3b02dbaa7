"""Sharma's straightening on real crops, against their medial axes.

    python -m benchmarks.sharma data/pki3/manifest.csv data/datanew/manifest.csv

Prints the table of docs/straightening.md: of crops drawn at random from all splits, how
many are straightened; of these, how many are turned by more than 60 degrees beyond
their bend, the bend before and after, and how their length changes. Bend and length are
those of the medial axis; what has none, before or after, counts in none of these.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmscl.cli import report_errors
from mmscl.datasets.images import read_crop
from mmscl.datasets.manifest import Manifest
from mmscl.datasets.straightening import NoAxisError, find_axis, sharma_steps

#: Degrees beyond the bend from which a turn is counted.
BEYOND = 60


class Straightened(NamedTuple):
    """One crop that Sharma's way has straightened; NaN where there is no axis.

    Attributes:
        angle: Taken out, in degrees, >= 0.
        bend: Before, in degrees, >= 0.
        left: Bend after, in degrees, >= 0.
        ratio: Length after / before.
    """

    angle: float
    bend: float
    left: float
    ratio: float


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST")
    parser.add_argument(
        "--crops", type=int, default=500, help="of each set, at most (default: 500)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.crops < 1:
        parser.error(f"--crops {args.crops}: expected 1 or more")
    return args


def straighten(image: np.ndarray) -> Straightened | None:
    """What becomes of a crop; None if it is left as it is."""
    steps = sharma_steps(image)
    if steps.reason:
        return None
    bend, before = _bend_and_length(image)
    left, after = _bend_and_length(steps.result)
    return Straightened(abs(steps.angle), bend, left, after / before)


def _bend_and_length(image: np.ndarray) -> tuple[float, float]:
    try:
        axis = find_axis(image)
    except NoAxisError:
        return float("nan"), float("nan")
    return abs(axis.bend), axis.length


def row_of(name: str, crops: list[np.ndarray]) -> str:
    """The table's row of one set."""
    found = [own for own in map(straighten, crops) if own is not None]
    cells = [name, str(len(crops)), str(len(found)), *[""] * 4]
    angle, bend, left, ratio = np.array(found, float).reshape(-1, 4).T
    known = ~np.isnan(ratio)
    if known.any():
        beyond = int((angle - bend > BEYOND)[known].sum())
        low, middle, high = np.percentile(ratio[known], (5, 50, 95))
        cells[3:] = [
            str(beyond),
            f"{np.median(bend[known]):.0f}",
            f"{np.median(left[known]):.0f}",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
        ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    args = parse_args()
    print(
        f"| set | crops | straightened | turned more than {BEYOND} degrees too far | "
        "median bend before | after | length after / before, median (5 % to 95 %) |"
    )
    print("|---|---|---|---|---|---|---|")
    for path in map(Path, args.manifests):
        files = Manifest.read(path)["path"]
        rows = np.random.default_rng(args.seed).permutation(len(files))[: args.crops]
        crops = [read_crop(path.parent / files[row]) for row in rows]
        print(row_of(path.parent.name, crops), flush=True)


if __name__ == "__main__":
    with report_errors():
        main()
