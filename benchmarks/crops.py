"""Drawn crops on disk, and the project's configs on them."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmpretrain.structures import DataSample

from benchmarks.measure import ROOT
from mmscl.config import read_config
from mmscl.datasets import Manifest, write_karyotypes
from mmscl.smoke import read_from

CASES = 24
FEW_CASES = 7  # the fewest with which each split has cases, and training two males
KARYOTYPE = 24  # types of a karyotype, one crop each


@contextmanager
def drawn_crops(cases: int = CASES) -> Iterator[Path]:
    """A temporary folder with crops and their manifest.

    Args:
        cases: One cell of 46 crops each.
    """
    with tempfile.TemporaryDirectory(prefix="mmscl_bench_") as folder:
        write_karyotypes(folder, cases=cases, cells_per_case=1, abnormal_rate=0.0)
        yield Path(folder)


def config_on(root: Path | None, name: str) -> Config:
    """A config as tools/train.py reads it, with its crops in `root`, without val.

    Args:
        root: Folder of drawn crops; None leaves the data as they are.
        name: Path below configs/.
    """
    args = Namespace(
        config=str(ROOT / "configs" / name),
        cfg_options=None,
        launcher="none",
        work_dir=str(root or ".") + "/work_dir",
    )
    cfg = read_config(args)
    if root is not None:
        for phase in ("train", "test"):
            loader = cfg[f"{phase}_dataloader"]
            loader.dataset = read_from(root, phase, loader.dataset)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.get("default_hooks", {}).get("checkpoint", {}).pop("save_best", None)
    cfg.log_level = "WARNING"
    return cfg


def training_crops(root: Path) -> list[Path]:
    """Files of the training split."""
    manifest = Manifest.read(root / "manifest.csv").select(split="train")
    return [root / str(path) for path in manifest["path"]]


def canvas_size(cfg: Config) -> tuple[int, int]:
    """(height, width) of the images of a config."""
    sizes = [t["size"] for t in cfg.test_dataloader.dataset.pipeline if "size" in t]
    size = sizes[-1]
    return (size, size) if isinstance(size, int) else tuple(size)


def batch_in_memory(
    size: tuple[int, int], types: int = KARYOTYPE, karyotypes: int = 2
) -> dict:
    """A collated batch of grey noise: what a training step takes.

    Args:
        size: (height, width).
        types: Types of a karyotype.
        karyotypes: In the batch, one after the other.
    """
    images = types * karyotypes
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (images, 1, *size), generator=generator)
    samples = [DataSample().set_gt_label(n % types) for n in range(images)]
    return dict(inputs=inputs.to(torch.uint8), data_samples=samples)
