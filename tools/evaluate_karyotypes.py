#!/usr/bin/env python
"""Measure karyotypes: a classifier's predictions of whole cells, against the truth.

    python tools/evaluate_karyotypes.py TEST.csv --fit VAL.csv \\
        --manifest data/pki3/manifest.csv --out work_dirs/karyotypes

reads prediction tables, which tools/test.py writes. The rates of losses, gains and
sexes, and the sizes of the types, are learned from the training rows of the manifest;
calibration and the review threshold are fitted on VAL.csv, predictions of the
validation split; TEST.csv is only measured. Writes model.json, which reads new cells,
the tables crops.csv, cells.csv, cases.csv, measures.csv and risk_coverage.csv, and
measures.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmscl.cli import report_errors
from mmscl.files import check_writable, replaced, writing
from mmscl.karyotype import KaryotypeModel
from mmscl.karyotype.workflow import fit_from_files, measure_table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("table", metavar="TEST", help="prediction table of cells of known types")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--fit", metavar="VAL", help="prediction table of the validation split"
    )
    source.add_argument(
        "--model", metavar="FILE", help="a model.json that was fitted before"
    )
    add(
        "--manifest",
        metavar="FILE",
        help="with --fit: manifest whose training rows give rates and sizes "
        "(default: fixed rates, no sizes)",
    )
    add(
        "--sizes",
        action="store_true",
        help="use the sizes of the chromosomes within their cell; the image files of "
        "all tables are read",
    )
    add(
        "--root",
        default=".",
        metavar="DIR",
        help="folder that the paths in the prediction tables start from",
    )
    add(
        "--catch",
        type=float,
        default=0.95,
        metavar="SHARE",
        help="share of the foreseen errors that the review flag is to find "
        "(default: 0.95)",
    )
    add("--out", type=Path, default=Path("work_dirs/karyotypes"), metavar="DIR")
    args = parser.parse_args()
    if not 0 <= args.catch <= 1:
        parser.error(f"--catch {args.catch}: expected a share, 0 to 1")
    if args.model and (args.manifest or args.sizes):
        parser.error("--manifest and --sizes go with --fit")
    if args.sizes and not args.manifest:
        parser.error("--sizes needs --manifest, to learn the sizes of the types")
    return args


def main() -> None:
    """Fit or read the model, measure, write, print the page."""
    args = parse_args()
    check_writable(args.out / "measures.md")
    if args.model:
        model = KaryotypeModel.load(args.model)
    else:
        model = fit_from_files(
            args.fit, args.manifest, args.sizes, args.root, args.catch
        )
        model.write(args.out / "model.json")
    page, files = measure_table(args.table, model, args.out, args.root)
    path = args.out / "measures.md"
    with writing(path), replaced(path) as part:
        part.write_text(page, "utf-8")
    print(page)
    print("\n".join(map(str, [*files, path])))


if __name__ == "__main__":
    with report_errors():
        main()
