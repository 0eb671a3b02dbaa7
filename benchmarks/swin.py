"""Seconds, memory and operations of the encoder's step, for docs/scaling.md.

python -m benchmarks.swin                           configs/scl/swin-l_ogh.py
python -m benchmarks.swin --batches 2 4 --config scl/swin-s_ogh.py
"""

from __future__ import annotations

import argparse
import os
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.memory import peak_memory

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
VARIABLE = "BENCHMARK_CONFIG"  # tells the measuring process which config


@lru_cache(maxsize=1)
def backbone(with_cp: bool) -> nn.Module:
    """The config's backbone with gradients in place, so that they do not count."""
    cfg = Config.fromfile(CONFIGS / os.environ[VARIABLE])
    model = MODELS.build(dict(cfg.model.backbone, with_cp=with_cp)).train()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return model


def plain(images: int) -> tuple[nn.Module, Tensor]:
    """Backbone and a batch (images, 1, 224, 224)."""
    return backbone(False), torch.randn(images, 1, 224, 224)


def checkpointed(images: int) -> tuple[nn.Module, Tensor]:
    """The same with activation checkpointing."""
    return backbone(True), torch.randn(images, 1, 224, 224)


def step(given: tuple[nn.Module, Tensor]) -> None:
    """Forward and backward."""
    model, batch = given
    model(batch)[-1].square().mean().backward()


def seconds_of(images: int, with_cp: bool) -> float:
    """Seconds of the second step of that many images."""
    given = checkpointed(images) if with_cp else plain(images)
    step(given)
    start = time.perf_counter()
    step(given)
    return time.perf_counter() - start


def operations() -> float:
    """Floating point operations of forward and backward of one image."""
    given = plain(1)
    with FlopCounterMode(display=False) as counter:
        step(given)
    return float(counter.get_total_flops())


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="scl/swin-l_ogh.py")
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 4, 8])
    return parser.parse_args()


def main() -> None:
    """Print the figures, one line a batch size."""
    args = parse_args()
    os.environ[VARIABLE] = args.config
    print(f"config: {args.config}, threads of torch: {torch.get_num_threads()}")
    for make, with_cp in ((plain, False), (checkpointed, True)):
        name = f"benchmarks.swin:{make.__name__}"
        peaks = peak_memory(name, "benchmarks.swin:step", args.batches, 1)
        if peaks is None:
            raise SystemExit("memory can be told on Linux alone")
        bytes_ = [peak[0] for peak in peaks]
        each, fixed = np.polyfit(args.batches, bytes_, 1)
        for images, used in zip(args.batches, bytes_, strict=True):
            print(f"{make.__name__}, {images} images: {used / 1e6:.0f} MB", flush=True)
        print(f"{make.__name__}: {each / 1e6:.0f} MB an image + {fixed / 1e6:.0f} MB")
        images = args.batches[0]
        seconds = seconds_of(images, with_cp) / images
        print(f"{make.__name__}: {seconds:.2f} s an image", flush=True)
    model = backbone(False)
    print(f"parameters: {sum(p.numel() for p in model.parameters()):,}")
    print(f"operations of forward and backward of an image: {operations():.3e}")


if __name__ == "__main__":
    main()
