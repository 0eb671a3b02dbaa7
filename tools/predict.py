#!/usr/bin/env python
"""Predict the type of chromosome crops with a trained classifier.

    python tools/predict.py crops/ --config configs/scl/resnet10t_pki3.py \\
        --checkpoint best.pth --one-cell --out predictions.csv
    python tools/predict.py crops/ --model NAME --one-cell   # weights come with it

For whole cells, karyograms and a report: mmscl-karyotype (tools/karyotype.py).

Writes one row a crop: path, case, cell, site, type (empty where it is not known),
predicted type, the probability that the short arm is up (if the model tells it) and the
score of each type. Exit code 0: every crop was predicted; 2: an
error, nothing was written; 3: the table was written without the crops that could not be
read (--skip-unreadable), which are listed with their reasons.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.config import choose_weights, read_config
from mmscl.files import check_writable
from mmscl.inference import ChromosomeInferencer

LEFT_OUT = 3  # exit code


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "input",
        metavar="INPUT",
        help="a folder of crops, a folder with a manifest.csv, a CSV with the column "
        "path (and case, cell, site, type, split), or an image file",
    )
    add(
        "--model",
        "--config",
        dest="config",
        required=True,
        metavar="MODEL",
        help="name of a model that comes with its weights (docs/models.md), or the "
        "config file of the checkpoint",
    )
    add("--checkpoint", help="weights of a config file, .pth or .safetensors")
    add(
        "--out",
        default="predictions.csv",
        metavar="FILE",
        help="the table to write (default: predictions.csv); one that is there is "
        "replaced",
    )
    add(
        "--embeddings",
        action="store_true",
        help="also write the embeddings, to FILE with the ending .npz",
    )
    add("--split", help="rows of the manifest to predict (default: all)")
    add(
        "--one-cell",
        action="store_true",
        help="all crops are of one cell: for configs that bring cells to one size, "
        "where no columns case and cell tell it",
    )
    add(
        "--skip-unreadable",
        action="store_true",
        help="leave out crops that cannot be read (exit code 3) instead of stopping",
    )
    add(
        "--orient",
        action="store_true",
        help="classify crops that lie upside down as if they were turned over; needs a "
        "model that tells the polarity",
    )
    add("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add("--amp", action="store_true", help="mixed precision (for GPUs)")
    add("--batch-size", type=int, metavar="N", help="images a batch")
    add(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="K=V",
        help="settings that replace those of the config",
    )
    args = parser.parse_args()
    if Path(args.out).suffix != ".csv":
        parser.error(f"--out {args.out}: expected a name that ends with .csv")
    if args.batch_size is not None and args.batch_size < 1:
        parser.error(f"--batch-size {args.batch_size}: expected 1 or more")
    args.amp, amp = False, args.amp  # the optimiser's wrapper is not for prediction
    args.launcher, args.work_dir, args.mixed = "none", None, amp
    return args


def main() -> int:
    """Predict, write, and say how many."""
    args = parse_args()
    check_writable(args.out)
    infer = ChromosomeInferencer(
        read_config(args),
        choose_weights(args.config, args.checkpoint),
        device=args.device,
        amp=args.mixed,
        batch_size=args.batch_size,
        orient=True if args.orient else None,
    )
    found = infer(
        args.input,
        split=args.split,
        embeddings=args.embeddings,
        one_cell=args.one_cell,
        skip_unreadable=args.skip_unreadable,
        progress=True,
    )
    written = ", ".join(map(str, found.write(args.out)))
    for one in found.left_out:
        print(f"left out: {one.path}: {one.reason}", file=sys.stderr)
    others = f", {found.other_files} other files in the folder"
    print(
        f"{len(found.predictions)} crops predicted, {len(found.left_out)} left out as "
        f"unreadable{others if found.other_files else ''}: {written}"
    )
    return LEFT_OUT if found.left_out else 0


if __name__ == "__main__":
    with report_errors():
        sys.exit(main())
