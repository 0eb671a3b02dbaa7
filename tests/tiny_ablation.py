"""A folder with crops, another laboratory and two configs of milliseconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmscl.datasets.manifest import TYPES, Manifest

#: Two batches an epoch; the arms differ in `loss` alone.
CONFIG = """
default_scope = "mmpretrain"
custom_imports = dict(imports=["mmscl"], allow_failed_imports=False)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", size=(32, 32)),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", size=(32, 32)),
    dict(type="PackInputs", meta_keys=("img_path", "case", "cell", "site")),
]
model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="test_resnet"),
    head=dict(type="SCLHead", embed_dims=8, loss={loss}),
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
train_dataloader = dict(
    batch_size=48,
    num_workers=0,
    sampler=dict(type="PairedKaryotypeSampler", steps_per_epoch=4),
    dataset=dict(
        type="ChromosomeDataset",
        data_root={root!r},
        split="train",
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=48,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ChromosomeDataset",
        data_root={root!r},
        split="val",
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader["dataset"], split="test")
)
val_evaluator = dict(type="ChromosomeMetric")
test_evaluator = [
    dict(type="ChromosomeMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=3, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-2))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", begin=1, end=3, convert_to_iter_based=True),
]
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=1),
    checkpoint=dict(type="SafeCheckpointHook", interval=1, save_best="accuracy"),
)
custom_hooks = [dict(type="ProgressHook", interval=0)]
log_level = "WARNING"
randomness = dict(seed=0)
"""
LOSSES = dict(baseline="None", scl="dict(type='SupConFocalLoss')")


def write_folder(root: Path) -> Path:
    """data, other_lab and configs/{baseline,scl}/tiny.py below `root`."""
    splits = ["train", "train", "val", "test", "test"]
    write_crops(root / "data", splits, seed=0)
    write_crops(root / "other_lab", ["", ""], seed=1)
    for arm, loss in LOSSES.items():
        file = root / "configs" / arm / "tiny.py"
        file.parent.mkdir(parents=True)
        text = CONFIG.replace("{loss}", loss)
        file.write_text(text.replace("{root!r}", repr(str(root / "data"))))
    return root


def write_crops(folder: Path, splits: list[str], seed: int) -> None:
    """24 types of one case for each split, as small files with a manifest."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows: dict[str, list[str]] = dict(path=[], type=[], case=[], cell=[])
    if any(splits):
        rows["split"] = []
    for case, split in enumerate(splits):
        for type_ in TYPES:
            name = f"{case}_{type_}.png"
            crop = np.full((24, 12), 255, np.uint8)
            crop[4:20, 3:9] = rng.integers(0, 200, (16, 6))
            cv2.imwrite(str(folder / name), crop)
            values = (name, type_, f"c{case}", "1", split)
            for column, value in zip(rows.values(), values, strict=False):
                column.append(value)
    Manifest(rows).write(folder / "manifest.csv")
