"""A classifier that straightens what it sees, inspired by HR-Net."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmscl.config import ConfigError
from mmscl.models.classifier import SCLClassifier
from mmscl.models.comparators.axis_net import axis_loss
from mmscl.models.comparators.axis_sampling import sample_along
from mmscl.models.encoders import count_features
from mmscl.models.heads import current_step
from mmscl.models.polarity import polarity_labels
from mmscl.registry import register


@register(MODELS)
class StraighteningClassifier(SCLClassifier):
    """Finds the medial axis, straightens along it, classifies the straight image.

    Inspired by HR-Net (Zhang et al., "Chromosome classification and straightening based
    on an interleaved and multi-task network", IEEE JBHI 25(8), 2021). Its layers,
    losses and weights are not public to us, only that it classifies and straightens in
    one multi-task network. What is here is ours: an HRNet finds key points on the axis
    (`AxisNet`), whose targets come from the skeleton (`AxisPoints`, no label by hand);
    the image is resampled along them, differentiably; an encoder reads the straight
    image; type and polarity are told together.

    Args:
        backbone: Config of the encoder of the straight image.
        axis: Config of the network that finds the axis, `AxisNet` by default in type.
        head: Config of the head for the type; `SCLHead` by default in type.
        straight_size: (height, width) of the straight image in pixels; None takes
            that of the input.
        axis_weight: Weight of the loss of the axis, > 0.
        polarity_weight: Weight of the loss of the polarity, >= 0; 0 trains and
            predicts types alone, for data whose polarity is not known.
        taught_steps: Steps at the start in which the image is straightened along its
            target, where it has one: before the key points are learnt the encoder
            would see nothing of a chromosome.
        **kwargs: As in SCLClassifier.

    Raises:
        ValueError: A weight out of range.
    """

    def __init__(
        self,
        backbone: dict,
        axis: dict | None = None,
        head: dict | None = None,
        straight_size: tuple[int, int] | None = None,
        axis_weight: float = 1.0,
        polarity_weight: float = 0.5,
        taught_steps: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone=backbone, head=head, **kwargs)
        for name, value, least in (
            ("axis_weight", axis_weight, "> 0"),
            ("polarity_weight", polarity_weight, ">= 0"),
        ):
            if value < 0 or (least == "> 0" and not value):
                raise ValueError(
                    f"StraighteningClassifier.{name}: expected {least}, got {value}"
                )
        axis = dict(axis or {})
        axis.setdefault("type", "AxisNet")
        self.axis: Any = MODELS.build(axis).to(memory_format=self.memory_format)
        self.straight_size = None if straight_size is None else tuple(straight_size)
        self.axis_weight, self.polarity_weight = axis_weight, polarity_weight
        self.taught_steps = taught_steps
        width = count_features(self._features, self.backbone)
        self.polarity = nn.Linear(width, 2) if polarity_weight else None

    def straighten(self, inputs: Tensor, points: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) -> straight images, along the axis that is found.

        Args:
            inputs: Preprocessed.
            points: Key points (B, K, 2) to take instead.
        """
        if points is None:
            points, _ = self.axis(inputs)
        size = self.straight_size or tuple(inputs.shape[-2:])
        return sample_along(inputs, points, size)  # type: ignore[arg-type]

    def extract_feat(
        self, inputs: Tensor, stage: str = "neck"
    ) -> Tensor | tuple[Tensor]:
        """Images (B, C, H, W) -> features of the straight images; see SCLClassifier."""
        return super().extract_feat(self.straighten(inputs), stage)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of one batch: of the axis, of the head, of the polarity.

        Returns:
            loss_axis and loss_polarity, weighted, and what the head gives; axis_error,
            the mean distance of the key points from their targets in pixels.

        Raises:
            ConfigError: Samples without key points, or whose polarity is not known.
        """
        targets, found = _axis_targets(data_samples, inputs)
        points, heat = self.axis(inputs)
        size = inputs.new_tensor(inputs.shape[-2:]).flip(0)
        losses = dict(
            loss_axis=self.axis_weight * axis_loss(heat, points, targets, found)
        )
        if bool(found.any()):
            away = (points - targets)[found].detach() * size / 2
            losses["axis_error"] = away.square().sum(-1).sqrt().mean()
        if current_step() < self.taught_steps:
            points = torch.where(found[:, None, None], targets, points)
        feats = super().extract_feat(self.straighten(inputs, points))
        losses.update(self.head.loss(feats, data_samples))
        if self.polarity is not None:
            labels = polarity_labels(data_samples, "model")
            logits = self.polarity(feats[-1])
            losses["loss_polarity"] = self.polarity_weight * F.cross_entropy(
                logits, labels.to(logits.device)
            )
        return losses

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[DataSample] | None = None,
        **kwargs: Any,
    ) -> list[DataSample]:
        """Fill what the head fills, axis_points (K, 2) and pred_polarity (2,).

        pred_polarity are the scores of 0 (p arm down) and 1 (p arm up).
        """
        points, _ = self.axis(inputs)
        feats = super().extract_feat(self.straighten(inputs, points))
        samples = self.head.predict(feats, data_samples, **kwargs)
        for sample, own in zip(samples, points, strict=True):
            sample.set_field(own, "pred_axis_points")
        if self.polarity is not None:
            scores = self.polarity(feats[-1]).float().softmax(dim=1)
            for sample, own in zip(samples, scores, strict=True):
                sample.set_field(own, "pred_polarity")
        return samples


def _axis_targets(
    data_samples: list[DataSample], inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Key points (B, K, 2) and which chromosomes have them, bool (B,)."""
    for sample in data_samples:
        if "axis_points" not in sample or "axis_found" not in sample:
            raise ConfigError(
                f"{sample.get('img_path', 'a crop')}: StraighteningClassifier is "
                "trained with key points on the axis, got none. Put "
                "dict(type='AxisPoints') behind the canvas in train_pipeline, and "
                "'axis_points' and 'axis_found' in meta_keys of PackInputs"
            )
    points = [torch.as_tensor(sample.axis_points) for sample in data_samples]
    found = [bool(sample.axis_found) for sample in data_samples]
    return torch.stack(points).to(inputs), torch.tensor(found, device=inputs.device)
