#!/usr/bin/env python
"""Predict the type of chromosome crops with a trained classifier.

    python tools/predict.py crops/ --config configs/scl/resnet10t_pki3.py \\
        --checkpoint best.pth --one-cell --out predictions.csv
    python tools/predict.py crops/ --one-cell --model NAME    # weights come with it
    python tools/predict.py crops/ --one-cell --model NAME OTHER    # their mean

For whole cells, karyograms and a report: mmscl-karyotype (tools/karyotype.py).

Writes one row a crop: path, case, cell, site, type (empty where it is not known),
predicted type, the probability that the short arm is up (if the model tells it) and the
score of each type. Exit code 0: every crop was predicted; 2: an error, nothing was
written; 3: the table was written without the crops that could not be read
(--skip-unreadable), which are listed with their reasons.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.committee import CommitteeInferencer, members_of, open_inferencer
from mmscl.config import choose_weights, read_config
from mmscl.files import check_writable
from mmscl.inference import ChromosomeInferencer
from mmscl.wording import counted

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
        dest="models",
        nargs="+",
        required=True,
        metavar="MODEL",
        help="name of a model that comes with its weights (docs/models.md), or the "
        "config file of the checkpoint; of several names the mean is taken",
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
        parser.error(
            f"--out {args.out}: expected a name that ends with .csv; a folder of "
            "karyograms, tables and a report is what mmscl-karyotype INPUT --out DIR "
            "(tools/karyotype.py) writes"
        )
    if args.batch_size is not None and args.batch_size < 1:
        parser.error(f"--batch-size {args.batch_size}: expected 1 or more")
    args.amp, amp = False, args.amp  # the optimiser's wrapper is not for prediction
    args.launcher, args.work_dir, args.mixed = "none", None, amp
    if _several(args.models) and (args.checkpoint or args.cfg_options):
        parser.error("--checkpoint and --cfg-options go with one model")
    return args


def _several(models: list[str]) -> bool:
    return members_of(models[0] if len(models) == 1 else models) is not None


def open_models(args: argparse.Namespace) -> ChromosomeInferencer | CommitteeInferencer:
    """The one model with its options, or several by their names."""
    settings = dict(
        device=args.device,
        amp=args.mixed,
        batch_size=args.batch_size,
        orient=True if args.orient else None,
    )
    args.config = args.models[0]
    if _several(args.models):
        several = args.models if len(args.models) > 1 else args.config
        return open_inferencer(several, **settings)
    cfg = read_config(args)
    weights = choose_weights(args.config, args.checkpoint)
    return open_inferencer(cfg, weights, **settings)


def main() -> int:
    """Predict, write, and say how many."""
    args = parse_args()
    check_writable(args.out)
    infer = open_models(args)
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
    others = f", {counted(found.other_files, 'other file')} in the folder"
    print(
        f"{counted(len(found.predictions), 'crop')} predicted, {len(found.left_out)} "
        f"left out as unreadable{others if found.other_files else ''}: {written}"
    )
    return LEFT_OUT if found.left_out else 0


if __name__ == "__main__":
    with report_errors():
        sys.exit(main())
