"""Turns a data set on disk into a manifest and a report about it.

    python tools/prepare_dataset.py pki3 data/pki3 --out data/pki3

writes data/pki3/manifest.csv, which configs read, and data/pki3/report.md: how many
images of which type, case, cell and split, what was left out and why, which cells do
not hold 46 chromosomes, and which images are there twice. docs/data.md says more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import track

from mmscl.datasets.sources import LAYOUTS, Prepared, prepare


def parse_args() -> argparse.Namespace:
    layouts = "\n".join(f"  {name:14}{LAYOUTS[name].files}" for name in LAYOUTS)
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"layouts:\n{layouts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("layout", metavar="LAYOUT", help="how the files lie on disk, see below")
    add(
        "source",
        metavar="SOURCE",
        help="folder of the data set (for ogh and scl-json also a file)",
    )
    add(
        "--out",
        metavar="DIR",
        required=True,
        help="folder for manifest.csv and "
        "report.md: the data_root of a config. If the images lie below it, paths are "
        "relative to it, otherwise absolute",
    )
    add(
        "--ratios",
        type=float,
        nargs=3,
        metavar=("TRAIN", "VAL", "TEST"),
        help="shares of the splits (0.7 0.1 0.2)",
    )
    add(
        "--split-unit",
        choices=("case", "image", "none"),
        help="what is kept together in one split (case); none writes no split column",
    )
    add(
        "--site",
        metavar="NAME",
        help="laboratory of these images (for layouts that "
        "are one data set: the layout's name)",
    )
    add(
        "--case-pattern",
        metavar="REGEX",
        help="folder, cir, chromosomenet: named "
        "groups case, cell, homolog, polarity, searched in the path below SOURCE, e.g. "
        r'"(?P<case>P\d+)_(?P<cell>\d+)_"',
    )
    add(
        "--keep-abnormal",
        action="store_true",
        help="scl-json: also take items whose kar_type is not 'normal'",
    )
    add("--strict", action="store_true", help="an unreadable image is an error")
    add("--overwrite", action="store_true", help="replace manifest.csv and report.md")
    return parser.parse_args()


def show_progress(records: Sequence[Any]) -> Iterable[Any]:
    console = Console(stderr=True)
    return track(records, "Reading images", console=console, update_period=0.5)


def main() -> None:
    options = vars(parse_args())
    try:
        prepared = prepare(**options, progress=show_progress)
    except (ValueError, OSError) as error:
        print(f"prepare_dataset.py: error: {error}", file=sys.stderr)
        sys.exit(2)
    show(prepared)


def show(prepared: Prepared) -> None:
    print("\n".join(prepared.report.summary))
    print(f"Manifest: {prepared.folder}/manifest.csv")
    print(f"Report:   {prepared.folder}/report.md")
    print(f"In a config: data_root='{prepared.folder}', ann_file='manifest.csv'")


if __name__ == "__main__":
    main()
