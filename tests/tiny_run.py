"""A training run of milliseconds, for everything that interrupts one."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import nn

from mmscl.datasets.manifest import TYPES, Manifest
from mmscl.datasets.transforms.sheets import Sheets
from mmscl.training import build_runner

STEPS = 3  # of an epoch
EPOCHS = 2


class TinyNet(nn.Module):
    """Batch norm and dropout: what keeps a state, and what draws at random."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, stride=2),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Dropout(0.2),
            nn.Flatten(),
        )

    def forward(self, inputs):
        return (self.layers(inputs),)


class PlainNet(nn.Module):
    """Nothing that draws or that depends on which images share a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, stride=2), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )

    def forward(self, inputs):
        return (self.layers(inputs.to(self.layers[0].weight)),)


class DrawFromAll(BaseTransform):
    """A transform that knows of no key and draws from every global generator."""

    def transform(self, results: dict) -> dict:
        shade = random.random() + np.random.random() + float(torch.rand(()))
        results["img"] = (results["img"] * (shade / 3)).astype(np.uint8)
        return results


MODELS.register_module(module=TinyNet, force=True)
MODELS.register_module(module=PlainNet, force=True)
TRANSFORMS.register_module(module=DrawFromAll, force=True)


def write_crops(root: Path) -> None:
    """24 types of 4 cases as small files, with a manifest."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[str]] = dict(path=[], type=[], case=[], cell=[], split=[])
    for case in range(4):
        for type_ in TYPES:
            name = f"{case}_{type_}.png"
            crop = np.full((24, 12), 255, np.uint8)
            crop[4:20, 3:9] = rng.integers(0, 200, (16, 6))
            cv2.imwrite(str(root / name), crop)
            values = (name, type_, f"c{case}", "1", "val" if case == 3 else "train")
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
    Manifest(rows).write(root / "manifest.csv")


class Recorder(Hook):
    """Keeps what each step saw: paths, and a sum over the augmented images."""

    priority = "LOW"

    def __init__(self) -> None:
        self.seen: dict[int, tuple] = {}
        self.metrics: dict[int, dict] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        paths = tuple(sample.img_path for sample in data_batch["data_samples"])
        inputs = data_batch["inputs"]
        if isinstance(inputs, Sheets):  # not augmented yet; doing it twice is no harm
            inputs = runner.model.data_preprocessor(data_batch, True)["inputs"]
        pixels = torch.stack(list(inputs)).double()
        weights = torch.arange(1.0, pixels.numel() + 1).view_as(pixels)
        self.seen[runner.iter] = (*paths, float((pixels * weights).sum()))

    def after_val_epoch(self, runner, metrics=None):
        self.metrics[runner.iter] = dict(metrics)


def make_config(
    crops: Path,
    work_dir: Path,
    by_epoch: bool = True,
    workers: int = 0,
    stock: bool = False,
    ema: bool = False,
    epochs: int = EPOCHS,
    on_device: bool = False,
) -> Config:
    """A run of a few steps that saves at every one, or at every epoch."""
    augment = dict(
        type="ChromosomeAugment", preset="mmscl", size=(16, 8), on_device=on_device
    )
    loader = dict(
        batch_size=48,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type="PairedKaryotypeSampler", steps_per_epoch=STEPS),
        dataset=dict(
            type="ChromosomeDataset",
            data_root=str(crops),
            split="train",
            pipeline=[
                dict(type="LoadChromosome"),
                augment,
                *([dict(type="DrawFromAll")] if stock else []),
                dict(type="PackInputs"),
            ],
        ),
        collate_fn=dict(type="default_collate"),
    )
    val_loader = dict(
        batch_size=24,
        num_workers=0,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dict(
            type="ChromosomeDataset",
            data_root=str(crops),
            split="val",
            pipeline=[
                dict(type="LoadChromosome"),
                dict(type="ChromosomeCanvas", size=(16, 8)),
                dict(type="PackInputs"),
            ],
        ),
        collate_fn=dict(type="default_collate"),
    )
    length = (
        dict(type="ResumableEpochTrainLoop", max_epochs=epochs)
        if by_epoch
        else dict(
            type="ResumableIterTrainLoop", max_iters=STEPS * epochs, val_interval=2
        )
    )
    hooks = [dict(type="EMAHook", momentum=0.1)] if ema else []
    return Config(
        dict(
            model=dict(
                type="SCLClassifier",
                backbone=dict(type="TinyNet"),
                head=dict(type="SCLHead", embed_dims=8),
                data_preprocessor=dict(mean=[127.5], std=[127.5]),
            ),
            work_dir=str(work_dir),
            train_dataloader=loader,
            val_dataloader=val_loader,
            train_cfg=length,
            val_cfg=dict(),
            val_evaluator=dict(type="ChromosomeMetric"),
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=1e-2)),
            param_scheduler=[
                dict(type="CosineAnnealingLR", T_max=STEPS * epochs, by_epoch=False)
            ],
            default_hooks=dict(
                checkpoint=dict(
                    type="SafeCheckpointHook",
                    interval=1,
                    by_epoch=False,
                    save_best="accuracy",
                )
            ),
            custom_hooks=[dict(type="NaNGuardHook"), *hooks],
            default_scope="mmpretrain",
            randomness=dict(seed=3),
            experiment_name=f"{work_dir.parent.name}_{work_dir.name}",
            log_level="WARNING",
        )
    )


def run(cfg: Config, *hooks: Hook, load_from: str | None = None) -> tuple:
    """Train; what the steps saw, the metrics and all of the model at the end."""
    recorder = Recorder()
    cfg.resume, cfg.load_from = load_from is not None, load_from
    runner = build_runner(cfg)
    for hook in (recorder, *hooks):
        runner.register_hook(hook)
    try:
        runner.train()
    except InterruptedError:
        return recorder, None
    state = {k: v.clone() for k, v in runner.model.state_dict().items()}
    return recorder, state


def assert_equal(state: dict, other: dict) -> None:
    assert state.keys() == other.keys()
    different = [name for name in state if not torch.equal(state[name], other[name])]
    assert not different
