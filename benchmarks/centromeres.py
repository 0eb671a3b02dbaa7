"""The centromere on real crops that stand with the short arm up, against the ideogram.

    python -m benchmarks.centromeres data/pki3/manifest.csv data/datanew/manifest.csv

Prints the table of docs/straightening.md: of crops of each type, drawn at random from
all splits, the share whose centromere is found within a tenth of the length of the
place that the type has in hg38 (what is not found counts as wrong), and the median
distance of those that are found. With the type known its place is part of the search.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmscl.cli import report_errors
from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.images import read_crop
from mmscl.datasets.manifest import TYPES, Manifest
from mmscl.visualization.display_crop import display_crop

ACROCENTRIC = ("13", "14", "15", "21", "22")
GROUPS = {
    "13-15, 21, 22": ACROCENTRIC,
    "others without Y": tuple(k for k in TYPES if k not in (*ACROCENTRIC, "Y")),
    "Y": ("Y",),
}
NEAR = 0.1


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST")
    parser.add_argument(
        "--each", type=int, default=60, help="crops of each type, at most (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.each < 1:
        parser.error(f"--each {args.each}: expected 1 or more")
    return args


def distances(manifest: Manifest, root: Path, each: int, seed: int) -> dict:
    """(type, whether it is known) -> distances as shares of the length; inf: none."""
    rng = np.random.default_rng(seed)
    found = {}
    for kind in TYPES:
        rows = np.flatnonzero(manifest["type"] == kind)
        chosen = rng.permutation(rows)[:each]
        images = [read_crop(root / manifest["path"][row]) for row in chosen]
        for known in (False, True):
            found[kind, known] = [_distance(one, kind, known) for one in images]
    return found


def _distance(image: np.ndarray, kind: str, known: bool) -> float:
    place = display_crop(image, kind if known else "", "up").centromere_index
    return np.inf if place is None else abs(place - ideogram(kind).centromere)


def table(name: str, found: dict) -> Iterator[str]:
    """Rows of one set."""
    for group, kinds in GROUPS.items():
        cells = []
        for known in (False, True):
            away = np.concatenate([found[kind, known] for kind in kinds])
            if not len(away):
                continue
            seen = away[np.isfinite(away)]
            middle = f"{np.median(seen):.2f}" if len(seen) else "none"
            cells += [f"{(away <= NEAR).mean():.0%} ({middle})"]
        if cells:
            yield f"| {name} | {group} | {len(away)} | {' | '.join(cells)} |"


def main() -> None:
    args = parse_args()
    print("| set | types | crops | type not known | type known |")
    print("|---|---|---|---|---|")
    for path in map(Path, args.manifests):
        manifest = Manifest.read(path)
        found = distances(manifest, path.parent, args.each, args.seed)
        for row in table(path.parent.name, found):
            print(row, flush=True)


if __name__ == "__main__":
    with report_errors():
        main()
