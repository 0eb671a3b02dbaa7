"""A Siamese network for chromosome types, inspired by Jindal et al. (2017)."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmscl.functional import contrastive_accuracy
from mmscl.models.classifier import SCLClassifier
from mmscl.models.comparators.phases import Phased
from mmscl.registry import register

#: Phase -> the parts that it trains.
PHASES = {
    "pairs": ("backbone", "head.embedding"),
    "classify": ("head.classifier",),
}


@register(MODELS)
class SiameseClassifier(Phased, SCLClassifier):
    """Twin encoder trained on pairs, then an MLP on the frozen embedding.

    Inspired by Jindal, Gupta, Yadav, Sharma & Vig, "Siamese Networks for Chromosome
    Classification" (ICCV Workshops 2017). Known of it are: a twin convolutional
    encoder, a same/different pair loss, an MLP on the frozen embedding. Its layers,
    sizes, margin and schedule are not public to us; those here are ours.

    The twins share all weights, so a batch goes through one encoder and every two of
    its images are a pair. `PhaseHook` sets the phases from the config; without it the
    pairs are trained.

    - 'pairs': encoder and embedding, by the head's contrastive loss.
    - 'classify': the MLP, by the classification loss.

    Args:
        backbone: Config of the encoder, any that SCLClassifier takes.
        neck: Config of a neck, or None.
        head: Config of an `SCLHead`; the loss is `ContrastivePairLoss` and the
            classifier an MLP by default.
        **kwargs: As in SCLClassifier.

    Raises:
        ValueError: A head without a contrastive loss.
    """

    phases = tuple(PHASES)

    def __init__(
        self,
        backbone: dict,
        neck: dict | None = None,
        head: dict | None = None,
        **kwargs: Any,
    ) -> None:
        head = dict(head or {})
        head.setdefault("loss", dict(type="ContrastivePairLoss"))
        head.setdefault("classifier", "mlp")
        super().__init__(backbone=backbone, neck=neck, head=head, **kwargs)
        if self.head.loss_con is None:
            raise ValueError(
                "SiameseClassifier.head.loss: expected a loss of pairs, such as "
                "ContrastivePairLoss, got None"
            )
        self.phase = "pairs"

    def trained_parts(self) -> tuple[str, ...]:
        """Modules of the phase; a neck is trained with the pairs."""
        neck = ("neck",) if self.with_neck and self.phase == "pairs" else ()
        return (*PHASES[self.phase], *neck)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of the phase.

        Returns:
            loss_con and contrastive_accuracy (0..1: the nearest embedding of another
            view has the same type), or loss_cls.
        """
        labels = torch.cat([sample.gt_label for sample in data_samples])
        if self.phase == "pairs":
            embedding: Any = self.extract_feat(inputs, "embedding")
            return dict(
                loss_con=self.head.loss_con(embedding, labels),
                contrastive_accuracy=contrastive_accuracy(embedding, labels),
            )
        with torch.no_grad():
            embedding = self.extract_feat(inputs, "embedding")
        logits = self.head.classifier(embedding)
        return dict(loss_cls=self.head.loss_cls(logits, labels))
