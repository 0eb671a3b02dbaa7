"""The authors' released weights (ICIP 2025 code) as checkpoints of SCLClassifier.

Their network: a timm model with 4096 outputs ('encoder.*'), an embedding of 1024
('embedding.0.weight'), a two-layer classifier ('classifier.0/2') on the embedding
before normalisation, and a scalar 'logit_scale'. Input: grey repeated to three
channels, 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor

from mmscl.checkpoint import CheckpointError, check_state_dict, load_from_local
from mmscl.config import ConfigError
from mmscl.files import replaced

ENCODERS = (
    "vit_small_patch8_224",
    "vit_large_patch14_224",
    "davit_small",
    "davit_large",
    "swin_small_patch4_window7_224",
    "swin_large_patch4_window7_224",
    "convnextv2_large",
    "resnet50",
)
PREFIXES = {
    "encoder.": "backbone.model.",
    "embedding.0.": "head.embedding.",
    "classifier.": "head.classifier.",
    "logit_scale": "head.loss_con.log_scale",
}


def released_model(encoder: str) -> dict:
    """Config of an SCLClassifier with the layers of the authors' network.

    Args:
        encoder: Name of a timm model; the authors released those of `ENCODERS`.
    """
    return dict(
        type="SCLClassifier",
        backbone=dict(
            type="TimmEncoder", model_name=encoder, in_channels=3, num_classes=4096
        ),
        head=dict(
            type="SCLHead",
            classifier="mlp",
            loss=dict(
                type="SupConFocalLoss",
                scale="learnable",
                scale_range=(0.0, 1e9),  # never clamped
                pairs="upper",
                loss_weight=5.0,  # 10 x focal, rows and columns averaged
            ),
            loss_cls=dict(type="SoftmaxFocalLoss", loss_weight=10.0),
            warmup_iters=3000,
            warmup_lambda1=0.1,
        ),
        predict_embedding=True,
        data_preprocessor=dict(mean=[0.0] * 3, std=[255.0] * 3),
    )


def rename_released_weights(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameter names of the authors' network -> ours.

    Raises:
        CheckpointError: A name that their network does not have.
    """
    renamed = {}
    for name, value in state_dict.items():
        prefix = next((p for p in PREFIXES if name.startswith(p)), None)
        if prefix is None:
            raise CheckpointError(
                f"unexpected name {name!r}: the authors' weights have "
                f"{', '.join(p + '*' for p in PREFIXES)}"
            )
        renamed[PREFIXES[prefix] + name.removeprefix(prefix)] = value
    return renamed


def convert_released_weights(
    weights: str, encoder: str, out: str, overwrite: bool = False
) -> None:
    """Write a checkpoint of ours, and a config of its model beside it (.py).

    Args:
        weights: Path of the authors' state dict.
        encoder: One of `ENCODERS`.
        out: Path of the checkpoint to write.
        overwrite: Whether files that are there may be replaced.

    Raises:
        CheckpointError: The file is no such state dict, or is another encoder's.
        ConfigError: `out` exists.
    """
    target = Path(out)
    config = target.with_suffix(".py")
    for path in (target, config):
        if path.exists() and not overwrite:
            raise ConfigError(f"{path} exists; give another name, or --overwrite")
    state_dict = rename_released_weights(load_from_local(weights, map_location="cpu"))
    model = released_model(encoder)
    check_state_dict(MODELS.build(model), state_dict, weights)
    with replaced(target) as part:
        torch.save(dict(state_dict=state_dict, meta=dict(encoder=encoder)), part)
    Config(_test_config(model)).dump(config)


def _test_config(model: dict) -> dict:
    """A config that get_model, the inferencer and tools/test.py --data-root take."""
    pipeline = [
        dict(type="LoadChromosome"),
        dict(
            type="ChromosomeCanvas", size=224, fit="squash", background=255, channels=3
        ),
        dict(
            type="PackInputs",
            meta_keys=("sample_idx", "img_path", "case", "cell", "site"),
        ),
    ]
    return dict(
        default_scope="mmpretrain",
        custom_imports=dict(imports=["mmscl"], allow_failed_imports=False),
        model=model,
        test_dataloader=dict(
            batch_size=32,
            num_workers=0,
            sampler=dict(type="DefaultSampler", shuffle=False),
            dataset=dict(type="ChromosomeDataset", split="test", pipeline=pipeline),
        ),
        test_evaluator=[
            dict(type="ChromosomeMetric", per_type=True),
            dict(type="EmbeddingMetric"),
            dict(type="PredictionTable", out_file="predictions.csv"),
        ],
        test_cfg=dict(),
    )
