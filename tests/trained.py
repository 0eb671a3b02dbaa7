"""Drawn crops, and classifiers for them whose weights are random but not trivial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpretrain.registry import DATASETS, MODELS
from torch import nn

from mmscl.datasets import Manifest, write_karyotypes

SIZE = 32
META = ("sample_idx", "img_path", "case", "cell", "site")
ENCODERS = dict(
    resnet10t=dict(model_name="resnet10t"),
    vit=dict(model_name="vit_tiny_patch16_224", img_size=SIZE, depth=2),
)


def write_cells(root: Path, cells: int = 2) -> Manifest:
    """A case with a few cells of 46 crops each, a third of the rows of no split."""
    write_karyotypes(root, cases=1, cells_per_case=cells, seed=0, abnormal_rate=0.0)
    manifest = Manifest.read(root / "manifest.csv")
    columns: dict[str, Any] = {name: manifest[name] for name in manifest.columns}
    columns["split"] = [("test", "", "test")[n % 3] for n in range(len(manifest))]
    manifest = Manifest(columns, root / "manifest.csv")
    manifest.write(root / "manifest.csv")
    return manifest


def make_config(
    root: Path,
    encoder: str = "resnet10t",
    cell_size: float | None = None,
    polarity: bool = False,
    cell_measure: str = "area",
) -> Config:
    """A config whose test set are all crops of a folder.

    Args:
        root: The folder, with a manifest.
        encoder: Key of `ENCODERS`.
        cell_size: That every cell is brought to.
        polarity: Whether the model has a polarity head.
        cell_measure: What that size is made of.
    """
    canvas = dict(
        type="ChromosomeCanvas",
        size=SIZE,
        extent=144,
        cell_size=cell_size,
        cell_measure=cell_measure,
    )
    dataset = dict(
        type="ChromosomeDataset",
        data_root=str(root),
        cell_size=cell_measure if cell_size else False,
        pipeline=[
            dict(type="LoadChromosome"),
            canvas,
            dict(type="PackInputs", meta_keys=META),
        ],
    )
    return Config(
        dict(
            default_scope="mmpretrain",
            model=dict(
                type="SCLClassifier",
                backbone=dict(type="TimmEncoder", **ENCODERS[encoder]),
                head=dict(type="SCLHead", embed_dims=16),
                predict_embedding=True,
                polarity_head=dict(type="PolarityHead") if polarity else None,
                channels_last=True,
                data_preprocessor=dict(mean=[127.5], std=[127.5]),
            ),
            test_dataloader=dict(
                batch_size=24,
                num_workers=0,
                sampler=dict(type="DefaultSampler", shuffle=False),
                collate_fn=dict(type="default_collate"),
                dataset=dataset,
            ),
            test_cfg=dict(),
            test_evaluator=[dict(type="PredictionTable", out_file="predictions.csv")],
            work_dir=str(root / "work_dir"),
            log_level="WARNING",
        )
    )


@torch.no_grad()
def unsettle(model: nn.Module) -> nn.Module:
    """Give batch norms statistics and factors that matter; evaluation mode."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
    model.eval()
    return model


@torch.no_grad()
def build_model(cfg: Config, seed: int = 0) -> Any:
    """The config's model with random weights that tell its test crops apart."""
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    data = DATASETS.build(cfg.test_dataloader.dataset)
    inputs = torch.stack([data[row]["inputs"] for row in range(len(data))])
    images = model.data_preprocessor(dict(inputs=inputs))["inputs"]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
    model.train().extract_feat(images)  # batch norms take the crops' statistics
    model.eval()
    embedding = model.extract_feat(images, stage="pre_logits")
    scale, centre = embedding.std(0), embedding.mean(0)
    layer = getattr(model.head, "classifier", None) or model.head.fc
    layer.weight.normal_(0, 0.3).div_(scale)
    layer.bias.copy_(-layer.weight @ centre)
    if getattr(model, "polarity_head", None) is not None:
        _spread(model, images)
    return model


def save_weights(cfg: Config, path: Path, seed: int = 0, **more: Any) -> Path:
    """A checkpoint of such a model."""
    torch.save(dict(state_dict=build_model(cfg, seed).state_dict(), **more), path)
    return path


def _spread(model: Any, images: torch.Tensor) -> None:
    """Let the polarities of some images reach from 0.1 to 0.9."""
    _, up = model.look_both_ways(images)
    last = model.polarity_head.layers[-1]
    last.weight.mul_(2 / up.logit().abs().max())
