"""The contrastive pair loss of Siamese networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.config import ConfigError
from mmscl.registry import register


@register(MODELS)
class ContrastivePairLoss(nn.Module):
    """Same type: near; different types: a margin apart.

    Hadsell, Chopra & LeCun, "Dimensionality Reduction by Learning an Invariant Mapping"
    (CVPR 2006), Eq. 4: L = 1/2 d^2 for a pair of one type, 1/2 max(0, margin - d)^2 for
    a pair of two. Departures: embeddings are l2-normalised, so d is 0..2; all pairs of
    the batch count, and because pairs of two types are many, the mean is taken over
    pairs of either kind and the two means are added.

    Args:
        margin: Distance from which on a pair of two types costs nothing, 0..2.
        loss_weight: Factor of the result.

    Raises:
        ValueError: A margin out of range.

    Example:
        >>> loss = ContrastivePairLoss()
        >>> loss(torch.eye(3)[[0, 1, 0, 1]], torch.tensor([0, 1, 0, 1])).item()
        0.0
    """

    def __init__(self, margin: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not 0 < margin <= 2:
            raise ValueError(
                f"ContrastivePairLoss.margin: expected a number in (0, 2], got {margin}"
            )
        self.margin, self.loss_weight = margin, loss_weight

    def forward(self, embeddings: Tensor, labels: Tensor, **_) -> Tensor:
        """Loss of one batch.

        Args:
            embeddings: (B, D), need not be normalised.
            labels: (B,) integer types.
            **_: What heads pass to any loss.

        Returns:
            Scalar.

        Raises:
            ConfigError: No type occurs twice, or there is one type alone.
        """
        unit = F.normalize(embeddings.float())
        same = labels[:, None] == labels
        upper = torch.ones_like(same).triu(1)  # each pair once
        alike, apart = same & upper, ~same & upper
        if not (alike.any() and apart.any()):
            missing = "no type occurs twice" if apart.any() else "there is but one type"
            raise ConfigError(
                f"ContrastivePairLoss: {missing} in this batch of {len(labels)}, but "
                "it learns from pairs of one type and of two. Use "
                "sampler=dict(type='PairedKaryotypeSampler') and a batch size of whole "
                "karyotypes"
            )
        squared = (2 - 2 * unit @ unit.T).clamp_min(0)
        near = squared[alike].mean()
        # The root's slope is infinite at 0.
        distance = squared[apart].clamp_min(torch.finfo(unit.dtype).eps).sqrt()
        far = (self.margin - distance).clamp_min(0).square().mean()
        return self.loss_weight * (near + far) / 2
