"""A small stand-in for any config: does it build, step and test on this machine?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict

from mmscl.config import ConfigError
from mmscl.datasets.manifest import SPLITS, Manifest
from mmscl.datasets.synthetic import write_karyotypes
from mmscl.models.trained import build_classifier
from mmscl.testing import put_table

TYPES = ("1", "9", "X")  # few: a big network must fit memory with 2 x 3 images


@contextmanager
def smoke_config(cfg: Config) -> Iterator[Config]:
    """Replace a config's data by a few drawn crops in its layout, and train two steps.

    A config with a `PhaseHook` trains one step of each name in its phases, so that all
    of them are reached. A checkpoint to start from is replaced by random weights of the
    same network. Everything else stays: model, input size, augmentation, losses,
    optimiser, metrics. Crops are files on disk with a manifest, so that the real
    loading path is taken.

    Args:
        cfg: A complete config whose datasets are `ChromosomeDataset`,
            `SyntheticKaryotypes` or a `ConcatDataset` of them; its variable `canvas`
            tells the side of the white canvas that the set's crops come on (None:
            tight crops).

    Raises:
        ConfigError: A `canvas` that is no side.

    Yields:
        The same config, changed. Data and results lie in a temporary folder that is
        deleted at the end.
    """
    canvas = cfg.get("canvas")
    if not (canvas is None or isinstance(canvas, int)):
        raise ConfigError(
            f"{cfg.filename}: canvas: expected the side of the white canvas on which "
            f"the data set's crops come, in pixels, or None, got {canvas!r}; call a "
            "variable of another meaning otherwise"
        )
    with tempfile.TemporaryDirectory(prefix="mmscl_smoke_") as folder:
        root = Path(folder)
        _write_data(root, canvas)
        _shrink(cfg, root)
        yield cfg


def read_from(root: Path, split: str | None, dataset: ConfigDict) -> ConfigDict:
    """A dataset's config that treats the crops of another folder in the same way."""
    return ConfigDict(
        type="ChromosomeDataset",
        data_root=str(root),
        split=split,
        pipeline=dataset.pipeline,
        cache=dataset.get("cache", False),
        once=dataset.get("once", ()),
        cell_size=dataset.get("cell_size", False),
    )


def _drawn(root: Path, phase: str, dataset: ConfigDict) -> ConfigDict:
    """Drawn crops in the place of a set, or of each part of a concatenation."""
    if dataset.type != "ConcatDataset":
        return read_from(root, phase, dataset)
    parts = [read_from(root, phase, part) for part in dataset.datasets]
    return ConfigDict(type="ConcatDataset", datasets=parts)


def _shrink(cfg: Config, root: Path) -> None:
    for phase in ("train", "val", "test"):
        loader = cfg[f"{phase}_dataloader"]
        loader.num_workers, loader.persistent_workers = 0, False
        loader.dataset = _drawn(root, phase, loader.dataset)
    sampler = cfg.train_dataloader.sampler
    sampler.update(steps_per_epoch=_spread_phases(cfg) or 2, missing="skip")
    views = sampler.get("karyotypes_per_batch", 2)
    cfg.train_dataloader.batch_size = views * len(TYPES)
    cfg.train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=1, val_interval=1)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint = dict(  # a big network's would be gigabytes
        type="CheckpointHook", interval=-1, save_last=False
    )
    if cfg.get("load_from"):
        cfg.load_from = str(_write_start(cfg, root / "start.pth"))
    put_table(cfg, root)
    cfg.default_hooks.logger = dict(type="LoggerHook", interval=1)
    cfg.work_dir = str(root / "work_dir")


def _spread_phases(cfg: Config) -> int:
    """Give each name in the phases of a config one step; how many there are."""
    steps = 0
    for hook in cfg.get("custom_hooks", ()):
        if hook.get("type") != "PhaseHook":
            continue
        for phase in hook.phases:
            names = 1 if isinstance(phase.train, str) else len(phase.train)
            phase.update(share=names, every=1)
            steps += names
    return steps


def _write_start(cfg: Config, path: Path) -> Path:
    """Random weights of the same network, in the place of a trained one's."""
    torch.save(dict(state_dict=build_classifier(cfg).state_dict()), path)
    return path


def _write_data(root: Path, canvas: int | None) -> None:
    """Two cells a split, of which the manifest keeps a few types."""
    write_karyotypes(root, cases=6, cells_per_case=1, seed=0, canvas=canvas)
    manifest = Manifest.read(root / "manifest.csv").select(types=TYPES)
    columns: dict[str, Any] = {name: manifest[name] for name in manifest.columns}
    cases = sorted(set(columns["case"]))
    columns["split"] = [SPLITS[cases.index(case) // 2] for case in columns["case"]]
    Manifest(columns, root / "manifest.csv").write(root / "manifest.csv")
