"""What the contrast adds to the classification's gradient, as training goes on.

    python -m benchmarks.gradients configs/levers/scl.py --out work_dirs/gradients

Trains the config and prints the table of docs/results.md. Every few steps the gradients
of both terms of the loss, weighted as they are in it, are taken with respect to all
weights that both reach (the encoder and the embedding):

- share: norm of the contrast's, of the sum of both norms, in %;
- cosine: between the two, -1..1. A cosine of 1 says that the contrast asks for what the
  classification asks for already, 0 that it asks for something else;
- same type, other types: mean cosine of two embeddings of the batch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmscl.cli import report_errors
from mmscl.config import ConfigError, read_config
from mmscl.training import train

COLUMNS = ("share", "cosine", "same type", "other types")


@HOOKS.register_module()
class GradientHook(Hook):
    """Measures, before a training step, what both terms would do in it.

    Args:
        every: Steps from one measurement to the next, >= 1.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        #: (step, share, cosine, same type, other types)
        self.rows: list[tuple[float, ...]] = []

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Take the two gradients and let them go; no weight changes.

        The running statistics of batch norm see the batch more often than otherwise;
        training does not use them.
        """
        if runner.iter % self.every:
            return
        model = runner.model
        data = model.data_preprocessor(data_batch, training=True)
        losses = model(**data, mode="loss")
        shared = [
            weight
            for name, weight in model.named_parameters()
            if weight.requires_grad and not name.startswith("head.classifier")
        ]
        contrast, classification = (
            torch.cat([grad.flatten() for grad in _gradients(losses[name], shared)])
            for name in ("loss_con", "loss_cls")
        )
        norms = float(contrast.norm()), float(classification.norm())
        cosine = float(F.cosine_similarity(contrast, classification, dim=0))
        share = 100 * norms[0] / sum(norms)
        self.rows.append((runner.iter, share, cosine, *_spread(model, data)))


def _gradients(loss: Tensor, weights: list[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return [
        torch.zeros_like(weight) if grad is None else grad
        for weight, grad in zip(weights, found, strict=True)
    ]


@torch.no_grad()
def _spread(model: torch.nn.Module, data: dict) -> tuple[float, float]:
    """Mean cosine of two embeddings of one type, and of two types."""
    feats = model.extract_feat(data["inputs"])
    unit = F.normalize(model.head.pre_logits(feats), dim=1)
    labels = torch.cat([sample.gt_label for sample in data["data_samples"]])
    same = labels[:, None] == labels
    cosines = unit @ unit.T
    return (
        float(cosines[same & ~torch.eye(len(labels), dtype=torch.bool)].mean()),
        float(cosines[~same].mean()),
    )


def check_contrast(cfg: Config) -> None:
    """Look at the loss before any data are read.

    Raises:
        ConfigError: The config has no contrastive loss.
    """
    if cfg.model.head.get("loss") is None:
        raise ConfigError(
            "model.head.loss: expected a contrastive loss, whose gradient is to be "
            "measured beside the classification's, got None; take a config of scl/"
        )


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--out", dest="work_dir", required=True, metavar="DIR")
    parser.add_argument("--every", type=int, default=25, help="steps (default: 25)")
    parser.add_argument("--rows", type=int, default=8, help="of the table (default: 8)")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="K=V")
    args = parser.parse_args()
    if min(args.every, args.rows) < 1:
        parser.error("--every, --rows: expected 1 or more")
    args.launcher = "none"
    return args


def main() -> None:
    """Train, and write the table to the terminal and to DIR/gradients.csv."""
    args = parse_args()
    cfg = read_config(args)
    check_contrast(cfg)
    cfg.custom_hooks.append(dict(type="GradientHook", every=args.every))
    runner = train(cfg)
    (hook,) = (one for one in runner.hooks if isinstance(one, GradientHook))
    rows = np.array(hook.rows)
    np.savetxt(
        Path(cfg.work_dir) / "gradients.csv",
        rows,
        "%.6g",
        delimiter=",",
        header=",".join(("step", *COLUMNS)),
        comments="",
    )
    print(f"| steps | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for part in np.array_split(rows, min(args.rows, len(rows))):
        mean = part.mean(axis=0)
        steps = f"{int(part[0, 0])} to {int(part[-1, 0])}"
        print(f"| {steps} | {mean[1]:.1f} | {mean[2]:.2f} | ", end="")
        print(f"{mean[3]:.2f} | {mean[4]:.2f} |")


if __name__ == "__main__":
    with report_errors():
        main()
