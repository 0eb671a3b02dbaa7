#!/usr/bin/env python
"""Compare configs with and without SCL under the same budget.

Trains each config, arm and seed, tests it internally and in other laboratories, and
writes results.csv, table.md and a figure. The same command goes on where it stopped.

    python tools/ablation.py --configs scl/resnet10t_pki3.py --seeds 0 1 2

is the small table; --configs configs/scl/*_ogh.py gives the paper's Table 1.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmscl.ablation import Request, report_ablation, run_ablation
from mmscl.ablation.job import SELECTIONS
from mmscl.cli import report_errors

TOOLS = Path(__file__).resolve().parent
CONFIGS = ("scl/resnet10t_pki3.py", "scl/resnet18_pki3.py", "scl/vit-t_pki3.py")


def parse_args() -> argparse.Namespace:
    """What to compare, for how long, where."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--configs",
        nargs="+",
        default=CONFIGS,
        metavar="FILE",
        help="configs of one arm, here or below configs/; those of the other arms have "
        "the same name in the arm's folder (default: the small ones for Pki-3)",
    )
    add(
        "--arms",
        nargs="+",
        default=["baseline", "scl"],
        metavar="ARM",
        help="folders to compare, the reference first; NAME=FILE is one config that "
        "is compared with all (default: baseline scl)",
    )
    add("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    add(
        "--steps",
        type=int,
        help="steps of every run, the learning rate's curve stretched to them "
        "(default: those of the configs)",
    )
    add(
        "--select",
        choices=SELECTIONS,
        default="last",
        help="checkpoint to test: the last, or the best on the validation cases",
    )
    add(
        "--external",
        nargs="*",
        metavar="SET",
        help="other laboratories: names of the configs' external sets, or folders with "
        "a manifest.csv, as FOLDER or NAME=FOLDER (default: all sets of the configs)",
    )
    add("--jobs", type=int, default=1, help="runs side by side; they share the cores")
    add("--out", type=Path, default=Path("work_dirs/ablation"), metavar="DIR")
    add(
        "--allow-mixed",
        action="store_true",
        help="keep results of other code, settings or data beside the new ones",
    )
    add(
        "--report-only",
        action="store_true",
        help="make table and figure of the results that are there",
    )
    add(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="K=V",
        help="settings that replace those of all configs",
    )
    return parser.parse_args()


def main() -> int:
    """Run what is left, write table and figure; 1 if a run failed."""
    args = parse_args()
    failures = []
    if not args.report_only:
        request = Request(
            configs=args.configs,
            arms=args.arms,
            seeds=args.seeds,
            out=args.out.resolve(),
            steps=args.steps,
            select=args.select,
            external=args.external,
            options=args.cfg_options or {},
            configs_root=TOOLS.parent / "configs",
        )
        failures = run_ablation(request, TOOLS, args.jobs, args.allow_mixed)
    for failure in failures:
        print(
            f"\n{failure.job.name}: {failure.phase} failed with exit code "
            f"{failure.code}; the end of {failure.log}:\n{failure.tail}",
            file=sys.stderr,
        )
    if failures:
        print(
            f"\n{len(failures)} runs failed; the same command tries them again.",
            file=sys.stderr,
        )
    if not failures or (args.out / "results.csv").is_file():
        files = report_ablation(
            args.out,
            [Path(config).stem for config in args.configs],
            [arm.partition("=")[0] for arm in args.arms],
            shlex.join(["python", "tools/ablation.py", *sys.argv[1:]]),
            args.allow_mixed,
        )
        print(files[0].read_text("utf-8"))
        print("\n".join(map(str, [args.out / "results.csv", *files])))
    return 1 if failures else 0


if __name__ == "__main__":
    with report_errors():
        sys.exit(main())
