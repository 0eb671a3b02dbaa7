#!/usr/bin/env python
"""Test a trained classifier, on its own test split and in other laboratories."""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.config import choose_weights, read_config
from mmscl.distributed import leave_ranks
from mmscl.testing import evaluate_checkpoint


def parse_args() -> argparse.Namespace:
    """Options of mmpretrain's tools/test.py, and --external and --data-root."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config",
        help="the config that the checkpoint was trained with, or the name of a model "
        "that comes with its weights",
    )
    parser.add_argument(
        "checkpoint", nargs="?", help="checkpoint file (a named model needs none)"
    )
    parser.add_argument(
        "--work-dir", help="folder for results (default: work_dirs/FOLDER/CONFIG)"
    )
    parser.add_argument(
        "--external",
        nargs="*",
        metavar="NAME",
        help="also test on the config's external sets (all, or the named ones)",
    )
    parser.add_argument(
        "--data-root", metavar="DIR", help="test on the manifest of this folder instead"
    )
    parser.add_argument(
        "--split", help="with --data-root: the split to test (default: all rows)"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder for the prediction tables (default: WORK_DIR/test)",
    )
    parser.add_argument(
        "--embeddings", action="store_true", help="also write the embeddings (npz)"
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision (for GPUs)")
    parser.add_argument("--no-pin-memory", action="store_true")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="K=V",
        help="settings that replace those of the config",
    )
    parser.add_argument(
        "--launcher", default="none", choices=["none", "pytorch", "slurm", "mpi"]
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)
    args = parser.parse_args()
    if args.split and not args.data_root:
        parser.error("--split goes with --data-root")
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def main() -> None:
    """Test on every set and print one table."""
    args = parse_args()
    amp, args.amp = args.amp, False  # the optimiser's wrapper is not for testing
    cfg = read_config(args)
    checkpoint = choose_weights(args.config, args.checkpoint)
    if amp:
        cfg.test_cfg.fp16 = True
    evaluate_checkpoint(
        cfg,
        checkpoint,
        external=args.external,
        data_root=args.data_root,
        split=args.split,
        out=args.out,
        embeddings=args.embeddings,
    )
    leave_ranks()


if __name__ == "__main__":
    with report_errors():
        main()
