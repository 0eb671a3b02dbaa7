"""What each comparator costs: parameters and floating-point operations an image.

    python -m benchmarks.comparators
    python -m benchmarks.comparators --speed

The first computes nothing: shapes alone go through the networks, in seconds. The second
predicts with the reduced ones, with random weights: images per second of processor
time in one thread.
"""

from __future__ import annotations

import argparse
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import mmscl  # noqa: F401
from mmscl.config import read_config

ROOT = Path(__file__).resolve().parents[1]
#: What they are compared with, then the comparators.
CONFIGS = [
    "scl/resnet10t_pki3.py",
    "scl/gnet_pki3.py",
    *sorted(f"comparators/{p.name}" for p in ROOT.glob("configs/comparators/*.py")),
]

#: Start of a comparator's name -> of whose system too little is published to build it.
INSPIRED = {"siamese": "Jindal et al.", "straightening": "HR-Net"}
#: Height of an image above which a config is full-size, not for a timing here.
MOST_PIXELS = 120


class Cost(NamedTuple):
    """Of one network, for the prediction of one image.

    Attributes:
        parameters: Number of weights, those of losses left out.
        operations: Multiplications and additions of convolutions and matrix products.
    """

    parameters: int
    operations: int


def measure(model: nn.Module, size: tuple[int, int]) -> Cost:
    """Parameters and operations of a model whose last output has been trained.

    Args:
        model: On any device; it is put into evaluation mode.
        size: Height and width of an image in pixels.
    """
    head = getattr(model, "head", None)
    if hasattr(head, "output"):
        head.output = "fused"
    loss = getattr(head, "loss_con", None)
    of_loss = sum(p.numel() for p in loss.parameters()) if loss is not None else 0
    image = torch.zeros(1, 1, *size, device=next(model.parameters()).device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(image)
    weights = sum(p.numel() for p in model.parameters())
    return Cost(weights - of_loss, counter.get_total_flops())


def inspired(name: str) -> str:
    """What a row says behind the name of a config: '', or by whom it is inspired."""
    theirs = INSPIRED.get(Path(name).stem.partition("_")[0])
    return f", inspired by {theirs}" if theirs else ""


def read(name: str) -> Config:
    """A config below configs/."""
    path = str(ROOT / "configs" / name)
    return read_config(
        Namespace(config=path, work_dir=None, launcher="none", cfg_options=None)
    )


def image_size(cfg: Config) -> tuple[int, int]:
    """Height and width of a config's images in pixels."""
    size = next(
        step["size"] for step in cfg.test_dataloader.dataset.pipeline if "size" in step
    )
    return (size, size) if isinstance(size, int) else tuple(size)


def rows() -> Iterator[str]:
    """One row of the table for each config."""
    for name in CONFIGS:
        cfg = read(name)
        with torch.device("meta"):
            model = MODELS.build(cfg.model)
        height, width = image_size(cfg)
        cost = measure(model, (height, width))
        yield (
            f"| `{name}`{inspired(name)} | {height} x {width} "
            f"| {cost.parameters / 1e6:.2f} | {cost.operations / 1e9:.2f} |"
        )


def speeds(batch: int = 32, rounds: int = 5) -> Iterator[str]:
    """One row for each reduced config: images per second of one thread.

    Args:
        batch: Images at a time.
        rounds: Timed batches, of which the quickest counts.
    """
    first = None
    for name in CONFIGS:
        cfg = read(name)
        height, width = image_size(cfg)
        if height > MOST_PIXELS:
            continue
        model = MODELS.build(cfg.model).eval()
        if hasattr(getattr(model, "head", None), "output"):
            model.head.output = "fused"
        images = torch.randn(batch, 1, height, width)
        with torch.inference_mode():
            model(images)
            best = min(_clock(model, images) for _ in range(rounds))
        first = first or best
        label = f"{Path(name).stem}{inspired(name)}"
        yield f"| {label} | {batch / best:,.0f} | {first / best:.2f} |"


def _clock(model: nn.Module, images: torch.Tensor) -> float:
    start = time.process_time()
    model(images)
    return time.process_time() - start


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    if args.speed:
        torch.set_num_threads(1)
        print("| config | images per second | against the first |\n|---|---|---|")
        for row in speeds():
            print(row, flush=True)
        return
    print("| config | image | parameters (M) | GFLOP an image |")
    print("|---|---|---|---|")
    for row in rows():
        print(row)


if __name__ == "__main__":
    main()
