"""A Siamese network for chromosome types, inspired by Jindal et al. (2017)."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmscl.functional import contrastive_accuracy
from mmscl.models.classifier import SCLClassifier
from mmscl.models.comparators.phases import freeze_but
from mmscl.registry import register

#: Phase -> the parts that it trains.
PHASES = {
    "pairs": ("backbone", "head.embedding"),
    "classify": ("head.classifier",),
}


@register(MODELS)
class SiameseClassifier(SCLClassifier):
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
        # Nothing is frozen yet: DistributedDataParallel looks after what it finds
        # trainable when it is built, and phases come later.
        self._phase = "pairs"

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases."""
        return tuple(PHASES)

    def set_phase(self, name: str) -> None:
        """Train this phase from now on.

        Raises:
            ValueError: There is no such phase.
        """
        if name not in PHASES:
            raise ValueError(
                f"SiameseClassifier.set_phase: expected one of {self.phases}, got "
                f"{name!r}"
            )
        self._phase = name
        freeze_but(self, self._parts)
        self.train(self.training)

    @property
    def _parts(self) -> tuple[str, ...]:
        neck = ("neck",) if self.with_neck and self._phase == "pairs" else ()
        return (*PHASES[self._phase], *neck)

    def train(self, mode: bool = True) -> SiameseClassifier:
        """Set the training mode; frozen parts stay in evaluation mode."""
        super().train(False)
        if mode and hasattr(self, "_phase"):
            self.training = True
            for part in self._parts:
                self.get_submodule(part).train()
        return self

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of the phase.

        Returns:
            loss_con and contrastive_accuracy (0..1: the nearest embedding of another
            view has the same type), or loss_cls.
        """
        labels = torch.cat([sample.gt_label for sample in data_samples])
        if self._phase == "pairs":
            embedding: Any = self.extract_feat(inputs, "embedding")
            return dict(
                loss_con=self.head.loss_con(embedding, labels),
                contrastive_accuracy=contrastive_accuracy(embedding, labels),
            )
        with torch.no_grad():
            embedding = self.extract_feat(inputs, "embedding")
        logits = self.head.classifier(embedding)
        return dict(loss_cls=self.head.loss_cls(logits, labels))
