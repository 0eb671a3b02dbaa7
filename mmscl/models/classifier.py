"""SCLClassifier: images -> features -> embedding -> logits."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmscl.config import ConfigError
from mmscl.models.encoders import count_features, pool_features
from mmscl.models.polarity import require_trained, set_orient
from mmscl.registry import register

STAGES = ("backbone", "neck", "pre_logits", "embedding", "normalized_embedding")


@register(MODELS)
class SCLClassifier(ImageClassifier):
    """Classifier trained with supervised contrastive learning.

    Takes any backbone of mmpretrain, with or without a neck, and any timm model
    (`TimmEncoder`, or mmpretrain's `TIMMBackbone`). The features are pooled to (B, F)
    in the layout that the model has, and F is found by running it once.

    With a `polarity_head` that head alone is trained, on the classifier of
    `load_from`: all else is frozen, batch norms included, and predicts as before.

    Args:
        backbone: Config of the backbone.
        neck: Config of a neck, or None.
        head: Config of the head; `SCLHead` by default in type and width.
        predict_embedding: Whether `predict` adds the field `embedding` (D,).
        mirror: In evaluation, average the features of an image and of its left-right
            mirror: a chromosome has no left and right. Twice the time an image.
        polarity_head: Config of a `PolarityHead` (by default in type), which tells
            which end is up; None does without. Predictions then also take the image's
            up-down flip: twice the time.
        orient: Let `predict` classify what is seen to be upside down as if it were
            turned over: scores and embedding are then those of the flipped image.
        channels_last: Keep images and maps in memory as (B, H, W, C); convolutions on
            a CPU are about 1.25 times faster, results differ in rounding only.
        data_preprocessor: Config of it; `ChromosomePreprocessor` by default in type.
        **kwargs: As in mmpretrain's `ImageClassifier`: train_cfg, pretrained,
            init_cfg.

    Raises:
        ValueError: polarity_head in a subclass with a loss of its own.
        ConfigError: orient without polarity_head.
        CheckpointError: With polarity_head, weights that lack some of the classifier.

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
        polarity_head: dict | nn.Module | None = None,
        orient: bool = False,
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
            head = self._with_width(head)
            if predict_embedding:
                head["predict_embedding"] = True
            head = MODELS.build(head)
        self.head: Any = head
        self.polarity_head: Any = None
        self._trained = False  # the classifier below a polarity head
        if polarity_head is not None:
            self._put_on_top(polarity_head)
        self.orient = False
        set_orient(self, orient)
        self._register_load_state_dict_pre_hook(self._fit_input_channels)
        self._register_load_state_dict_pre_hook(self._note_loaded)

    def _with_width(self, head: dict) -> dict:
        """The config of a head, with the width of the features if it has none."""
        if head.get("in_channels") is None:
            head["in_channels"] = count_features(self._features, self.backbone)
        return head

    def _put_on_top(self, head: dict | nn.Module) -> None:
        """Freeze the classifier; what is trained is the polarity head."""
        if type(self).loss is not SCLClassifier.loss:
            raise ValueError(
                f"{type(self).__name__}.polarity_head: expected None, as it has a "
                "training of its own; SCLClassifier takes one"
            )
        self.requires_grad_(False)
        if not isinstance(head, nn.Module):
            head = MODELS.build(
                self._with_width(dict(type="PolarityHead") | dict(head))
            )
        self.polarity_head = head

    def train(self, mode: bool = True) -> SCLClassifier:
        """Set the training mode; a frozen classifier stays in evaluation mode."""
        super().train(mode)
        if self.polarity_head is not None:
            for name, child in self.named_children():
                child.train(mode and name == "polarity_head")
        return self

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of one batch: those of the head, or of the polarity head.

        Raises:
            ConfigError: With a polarity head: the classifier was not loaded, or the
                polarity of a sample is not known.
        """
        if self.polarity_head is None:
            return super().loss(inputs, data_samples)
        if not self._trained:
            raise ConfigError(
                "polarity_head is trained on a trained classifier, whose weights were "
                "not loaded: set load_from to its checkpoint"
            )
        with torch.no_grad():
            feats, flipped = map(self._features, (inputs, inputs.flip(-2)))
        logits = self.polarity_head(feats) - self.polarity_head(flipped)
        return self.polarity_head.loss(logits, data_samples)

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[DataSample] | None = None,
        **kwargs: Any,
    ) -> list[DataSample]:
        """Fill what the head fills and, with a polarity head, pred_polarity (2,).

        pred_polarity are the scores of 0 (p arm down) and 1 (p arm up) of the image as
        it is, whether or not `orient` turns it over.
        """
        if self.polarity_head is None:
            return super().predict(inputs, data_samples, **kwargs)
        feats, up = self.look_both_ways(inputs)
        samples = self.head.predict(feats, data_samples, **kwargs)
        for sample, scores in zip(samples, torch.stack([1 - up, up], 1), strict=True):
            sample.set_field(scores, "pred_polarity")
        return samples

    def look_both_ways(self, inputs: Tensor) -> tuple[tuple[Tensor], Tensor]:
        """Images (B, C, H, W) and their up-down flips -> features and polarity.

        Returns:
            What `extract_feat` gives, of the flip where `orient` asks for it and the
            image is upside down; the probability (B,), 0..1, that its p arm is up.
        """
        feats, flipped = map(self._features, (inputs, inputs.flip(-2)))
        logits = self.polarity_head(feats) - self.polarity_head(flipped)
        up = logits.float().sigmoid()
        if self.orient:
            feats = torch.where(up[:, None] < 0.5, flipped, feats)
        return (feats,), up

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
        return _mean_of_halves(both, len(inputs))

    def _pooled(self, inputs: Tensor) -> Tensor:
        outputs = self._maps(inputs)
        if self.with_neck:
            outputs = self.neck(outputs)
        return pool_features(outputs, self.backbone)

    def _note_loaded(self, state_dict: dict, prefix: str, *_) -> None:
        """Refuse weights without a classifier for the polarity head to stand on."""
        if self.polarity_head is None:
            return
        below = (
            (prefix + name, value)
            for name, value in self.state_dict().items()
            if not name.startswith("polarity_head.")
        )
        require_trained(below, state_dict)
        self._trained = True

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


def _mean_of_halves(both: Tensor, count: int) -> Tensor:
    return (both[:count] + both[count:]) / 2
