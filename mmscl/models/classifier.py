"""SCLClassifier: images -> features -> embedding -> logits."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmscl.models.encoders import count_features, pool_features
from mmscl.registry import register

STAGES = ("backbone", "neck", "pre_logits", "embedding", "normalized_embedding")


@register(MODELS)
class SCLClassifier(ImageClassifier):
    """Classifier trained with supervised contrastive learning.

    Takes any backbone of mmpretrain, with or without a neck, and any timm model
    (`TimmEncoder`, or mmpretrain's `TIMMBackbone`). The features are pooled to (B, F)
    in the layout that the model has, and F is found by running it once.

    Args:
        backbone: Config of the backbone.
        neck: Config of a neck, or None.
        head: Config of the head; `SCLHead` by default in type and width.
        predict_embedding: Whether `predict` adds the field `embedding` (D,).
        mirror: In evaluation, average the features of an image and of its left-right
            mirror: a chromosome has no left and right. Twice the time an image.
        channels_last: Keep images and maps in memory as (B, H, W, C); convolutions on
            a CPU are about 1.25 times faster, results differ in rounding only.
        data_preprocessor: Config of it; `ChromosomePreprocessor` by default in type.
        **kwargs: As in mmpretrain's `ImageClassifier`: train_cfg, pretrained,
            init_cfg.

    Example:
        >>> from mmpretrain.registry import MODELS
        >>> model = MODELS.build(dict(type='SCLClassifier',
        ...     backbone=dict(type='TimmEncoder', model_name='resnet10t')))
        >>> model(torch.zeros(2, 1, 64, 64)).shape
        torch.Size([2, 24])
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: dict | nn.Module | None = None,
        head: dict | nn.Module | None = None,
        predict_embedding: bool = False,
        mirror: bool = False,
        channels_last: bool = False,
        data_preprocessor: dict | nn.Module | None = None,
        **kwargs,
    ) -> None:
        if not isinstance(data_preprocessor, nn.Module):
            data_preprocessor = dict(data_preprocessor or {})
            data_preprocessor.setdefault("type", "ChromosomePreprocessor")
        super().__init__(
            backbone=backbone, neck=neck, data_preprocessor=data_preprocessor, **kwargs
        )
        self.mirror = mirror
        self.memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        self.backbone.to(memory_format=self.memory_format)
        if not isinstance(head, nn.Module):
            head = dict(head or {})
            head.setdefault("type", "SCLHead")
            if head.get("in_channels") is None:
                head["in_channels"] = count_features(self._features, self.backbone)
            if predict_embedding:
                head["predict_embedding"] = True
            head = MODELS.build(head)
        self.head: Any = head
        self._register_load_state_dict_pre_hook(self._fit_input_channels)

    def extract_feat(
        self, inputs: Tensor, stage: str = "neck"
    ) -> Tensor | tuple[Tensor]:
        """Images (B, C, H, W) -> features or embeddings.

        Args:
            inputs: (B, C, H, W), preprocessed.
            stage: 'backbone' before and 'neck' after the neck: a tuple of one tensor
                (B, F), the form that every mmpretrain head takes. 'embedding'
                (mmpretrain's word: 'pre_logits'): (B, D), before normalisation.
                'normalized_embedding': (B, D), of length 1.

        Raises:
            ValueError: On an unknown stage.
        """
        if stage not in STAGES:
            raise ValueError(f"stage: expected one of {STAGES}, got {stage!r}")
        if stage == "backbone":
            return (pool_features(self._maps(inputs), self.backbone),)
        features = (self._features(inputs),)
        if stage == "neck":
            return features
        embedding = self.head.pre_logits(features)
        return normalize(embedding) if stage == "normalized_embedding" else embedding

    def _maps(self, inputs: Tensor):
        return self.backbone(inputs.contiguous(memory_format=self.memory_format))

    def _features(self, inputs: Tensor) -> Tensor:
        if not self.mirror or self.training:
            return self._pooled(inputs)
        both = self._pooled(torch.cat([inputs, inputs.flip(-1)]))
        return (both[: len(inputs)] + both[len(inputs) :]) / 2

    def _pooled(self, inputs: Tensor) -> Tensor:
        outputs = self._maps(inputs)
        if self.with_neck:
            outputs = self.neck(outputs)
        return pool_features(outputs, self.backbone)

    def _fit_input_channels(self, state_dict: dict, prefix: str, *_) -> None:
        """Sum three-channel weights of the first convolution for one-channel input."""
        for name, weight in self.backbone.state_dict().items():
            key = f"{prefix}backbone.{name}"
            loaded = state_dict.get(key)
            if loaded is None or weight.ndim != 4 or loaded.ndim != 4:
                continue
            if weight.shape[1] == 1 and loaded.shape[1] == 3:
                if weight.shape[::2] == loaded.shape[::2]:
                    state_dict[key] = loaded.sum(1, keepdim=True)
            return
