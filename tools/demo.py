#!/usr/bin/env python
"""Train SCL on drawn chromosomes, test it, and test it in another laboratory.

Needs no data: minutes on two cores. Ends with a table, a figure and their paths.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.runner import Runner

from mmscl.cli import report_errors
from mmscl.config import read_config
from mmscl.evaluation import confusion_matrix, read_prediction_table
from mmscl.testing import evaluate_checkpoint
from mmscl.visualization import plot_confusion

CONFIG = Path(__file__).parents[1] / "configs" / "scl" / "resnet10t_synthetic.py"


def main() -> None:
    """Train, test twice, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(CONFIG))
    parser.add_argument("--work-dir", default="work_dirs/demo")
    args = parser.parse_args()
    args.cfg_options, args.launcher = None, "none"
    cfg = read_config(args)
    cfg.log_level = "WARNING"  # the progress line tells enough
    print(f"Training {args.config} on drawn chromosomes ...", flush=True)
    Runner.from_cfg(cfg).train()
    work_dir = Path(args.work_dir)
    checkpoint = sorted(work_dir.glob("best_*.pth"), key=lambda p: p.stat().st_mtime)[
        -1
    ]
    out = work_dir / "test"
    results = evaluate_checkpoint(cfg, str(checkpoint), external=[], out=str(out))
    matrices = {}
    for name in results:
        table = read_prediction_table(out / name / "predictions.csv")
        matrices[name] = confusion_matrix(
            table.labels, table.predicted, len(table.types)
        )
    figure = work_dir / "confusion.png"
    plot_confusion(matrices, "Drawn chromosomes: same and other laboratory").savefig(
        figure, dpi=150
    )
    print(f"figure: {figure}\ncheckpoint: {checkpoint}")


if __name__ == "__main__":
    with report_errors():
        main()
