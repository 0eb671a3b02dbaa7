#!/usr/bin/env python
"""Train a chromosome classifier from a config file."""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.config import read_config
from mmscl.distributed import leave_ranks
from mmscl.smoke import smoke_config
from mmscl.strategies import check_strategy, one_process_group
from mmscl.training import build_runner, train


def parse_args() -> argparse.Namespace:
    """Options of mmpretrain's tools/train.py, and --smoke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, such as configs/scl/swin-l_ogh.py")
    parser.add_argument(
        "--work-dir",
        help="folder for checkpoints and logs (default: work_dirs/FOLDER/CONFIG)",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        help="go on from this checkpoint, or from the last good one in the "
        "work dir when no path is given",
    )
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="resume although settings or data changed since the checkpoint",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision (for GPUs)")
    parser.add_argument(
        "--no-validate",
        action="store_true",
        help="do not measure on the validation split",
    )
    parser.add_argument(
        "--auto-scale-lr",
        action="store_true",
        help="scale the learning rate with the batch size",
    )
    parser.add_argument("--no-pin-memory", action="store_true")
    parser.add_argument("--no-persistent-workers", action="store_true")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="prove that this config builds, steps and tests: two steps, or one "
        "of each phase, on a few drawn chromosomes instead of its data",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="K=V",
        help="settings that replace those of the config, such as "
        "randomness.seed=1 train_cfg.max_epochs=2",
    )
    parser.add_argument(
        "--launcher", default="none", choices=["none", "pytorch", "slurm", "mpi"]
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def main() -> None:
    """Build the Runner and train."""
    args = parse_args()
    cfg = read_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.pop("save_best", None)
    if args.auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    if args.smoke:
        check_strategy(cfg, alone=True)
        with smoke_config(cfg), one_process_group(cfg):
            runner = build_runner(cfg)
            runner.train()
            runner.test()
        print(f"{args.config}: builds, steps and tests")
    else:
        train(cfg, args.resume, args.allow_changes)
        leave_ranks()


if __name__ == "__main__":
    with report_errors():
        main()
