"""Registered losses: settings and checks; the mathematics is mmscl.functional's."""

from __future__ import annotations

import math

import torch
from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.distributed import gather_batch
from mmscl.functional import PAIRS, focal_loss, scl_loss
from mmscl.registry import register

CONTRASTIVE = dict(type="SupConFocalLoss")
CLASSIFICATION = dict(type="SoftmaxFocalLoss")
BATCHES = 2  # Eq. 5 adds the mean losses of two batches: twice the mean of both


@register(MODELS)
class SupConFocalLoss(nn.Module):
    """Supervised contrastive loss of paired karyotypes, the paper's Eq. 3.

    Takes any batch: two karyotypes from `PairedKaryotypeSampler` give Eq. 3 exactly,
    other batches its general form (see `mmscl.functional.scl_loss`). A batch without
    a positive pair gives zero, and says so once.

    Args:
        gamma: Focusing parameter, >= 0. 2.0 in the authors' code; the paper gives none.
        scale: Factor of the cosines, 1 / temperature, > 0; or 'learnable'. The paper
            prints none, which caps the positive's score at 0.243 for 24 types; the
            default 1 / 0.07 is where the authors' later code starts.
        scale_init: Initial value of a learnable scale.
        scale_range: Least and greatest value of a learnable scale; the authors' code
            has no bounds, (0, inf).
        pairs: View pairs that count: 'all' (the paper's four), 'upper' (the three of
            the authors' later code), 'cross' (different views only).
        gather: Let every rank's images meet those of all ranks.
        loss_weight: Factor of the result.

    Raises:
        ValueError: On a setting out of its range.

    Example:
        >>> loss = SupConFocalLoss(scale='learnable')
        >>> loss(torch.randn(48, 1024), torch.arange(24).repeat(2)).shape
        torch.Size([])
    """

    def __init__(
        self,
        gamma: float = 2.0,
        scale: float | str = 1 / 0.07,
        scale_init: float = 1 / 0.07,
        scale_range: tuple[float, float] = (1.0, 100.0),
        pairs: str = "all",
        gather: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if pairs not in PAIRS:
            raise ValueError(
                f"SupConFocalLoss.pairs: expected one of {PAIRS}, got {pairs!r}"
            )
        if gamma < 0:
            raise ValueError(f"SupConFocalLoss.gamma: expected >= 0, got {gamma}")
        self.gamma, self.pairs, self.gather = gamma, pairs, gather
        self.loss_weight = loss_weight
        self.scale_range = tuple(scale_range)
        self.log_scale = None
        if scale == "learnable":
            low, high = self.scale_range
            if not (low <= scale_init <= high and scale_init > 0):
                raise ValueError(
                    f"SupConFocalLoss.scale_init: expected a number within "
                    f"scale_range {self.scale_range}, got {scale_init}"
                )
            self.log_scale = nn.Parameter(torch.tensor(math.log(scale_init)))
        elif isinstance(scale, str) or scale <= 0:
            raise ValueError(
                "SupConFocalLoss.scale: expected a number > 0 or 'learnable', "
                f"got {scale!r}"
            )
        self._fixed_scale = float(scale_init if scale == "learnable" else scale)
        self._told = False

    @property
    def scale(self) -> float | Tensor:
        """The factor of the cosines: the setting, or the learnt value in its range."""
        if self.log_scale is None:
            return self._fixed_scale
        return self.log_scale.exp().clamp(*self.scale_range)

    def forward(
        self, embeddings: Tensor, labels: Tensor, gamma: float | None = None, **_
    ) -> Tensor:
        """Loss of one batch.

        Args:
            embeddings: (B, D), need not be normalised.
            labels: (B,) integer types.
            gamma: Used instead of the setting (0 in the warm-up of `SCLHead`).
            **_: What mmpretrain's heads pass to any loss (avg_factor).

        Returns:
            Scalar in float32 or better.
        """
        if self.gather:
            embeddings, labels = gather_batch(embeddings, labels)
        if not self._told and len(set(labels.tolist())) == len(labels):
            self._told = True
            MMLogger.get_current_instance().warning(
                "SupConFocalLoss: no type occurs twice in this batch, so it has no "
                "positive pair and a contrastive loss of zero. Use "
                "sampler=dict(type='PairedKaryotypeSampler') and a batch size of whole "
                "karyotypes. (Said once.)"
            )
        gamma = self.gamma if gamma is None else gamma
        loss = scl_loss(embeddings, labels, gamma, self.scale, self.pairs)
        return self.loss_weight * loss


@register(MODELS)
class SoftmaxFocalLoss(nn.Module):
    """Multi-class focal loss, the FL of the paper's Eq. 5.

    mmpretrain's own `FocalLoss` is the sigmoid form; hence the name.

    Args:
        gamma: Focusing parameter, >= 0; 0 is cross-entropy.
        alpha: Weight of the loss, one number or one for each class.
        reduction: 'mean' or 'sum' over images.
        loss_weight: Factor of the result.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | list[float] | None = None,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if gamma < 0:
            raise ValueError(f"SoftmaxFocalLoss.gamma: expected >= 0, got {gamma}")
        self.gamma, self.reduction, self.loss_weight = gamma, reduction, loss_weight
        weight = None if alpha is None else torch.as_tensor(alpha)
        self.alpha: Tensor | None
        self.register_buffer("alpha", weight, persistent=False)

    def forward(
        self, logits: Tensor, labels: Tensor, gamma: float | None = None, **_
    ) -> Tensor:
        """Loss of one batch: logits (B, N), labels (B,) -> scalar.

        Args:
            logits: (B, N) scores before the softmax.
            labels: (B,) class indices.
            gamma: Used instead of the setting.
            **_: What mmpretrain's heads pass to any loss (avg_factor).
        """
        gamma = self.gamma if gamma is None else gamma
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        loss = focal_loss(logits, labels, gamma, self.alpha, self.reduction)
        return self.loss_weight * loss


@register(MODELS)
class SCLLoss(nn.Module):
    """The paper's Eq. 4 as the loss of a stock classification head.

    L = lambda1 L_con + lambda2 L_cls, both on the head's scores: an mmpretrain
    classifier is trained with SCL by changing `sampler` and `head.loss` alone. The
    contrast then acts on the N scores, not on an embedding of their own (`SCLHead`).

    Args:
        contrastive: Config of the contrastive loss.
        classification: Config of the classification loss.
        lambda1: Weight of the contrastive loss, 1 in the paper.
        lambda2: Weight of the classification loss, 1 in the paper.
    """

    def __init__(
        self,
        contrastive: dict = CONTRASTIVE,
        classification: dict = CLASSIFICATION,
        lambda1: float = 1.0,
        lambda2: float = 1.0,
    ) -> None:
        super().__init__()
        self.contrastive = MODELS.build(contrastive)
        self.classification = MODELS.build(classification)
        self.lambda1, self.lambda2 = lambda1, lambda2

    def forward(self, logits: Tensor, labels: Tensor, **kwargs) -> Tensor:
        """Loss of one batch: logits (B, N), labels (B,) -> scalar."""
        contrast = self.contrastive(logits, labels)
        mean = self.classification(logits, labels, **kwargs)
        return self.lambda1 * contrast + self.lambda2 * BATCHES * mean
