"""SCLHead: features -> embedding -> logits, with the two losses of the paper."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmscl.functional import contrastive_accuracy
from mmscl.models.losses import BATCHES, CLASSIFICATION, CONTRASTIVE
from mmscl.registry import register


@register(MODELS)
class SCLHead(BaseModule):
    """Embedding and classifier, trained by L = lambda1 L_con + lambda2 L_cls (Eq. 4).

    The classifier reads the embedding before normalisation, as in the authors' code.
    Eq. 5 adds the means of the two paired batches: L_cls is twice the mean of all.

    Args:
        num_classes: Number of types N.
        in_channels: Width F of the features; None lets `SCLClassifier` fill it in.
        embed_dims: Width D of the embedding, 1024 in the paper.
        embed_bias: Whether the embedding layer has a bias; not in the authors' code.
        classifier: 'linear' (D -> N) or 'mlp' (D -> D, ReLU, D -> N without bias, as
            in the authors' code; the paper does not say).
        loss: Config of the contrastive loss: `SupConFocalLoss`, or another loss of the
            embedding (`MetricLearningLoss`); None trains the baseline: the same
            network with the classification loss alone.
        loss_cls: Config of the classification loss: `SoftmaxFocalLoss` (the paper),
            `CrossEntropyLoss`, `LabelSmoothLoss`, ...
        lambda1: Weight of the contrastive loss, 1 in the paper.
        lambda2: Weight of the classification loss, 1 in the paper.
        warmup_iters: Steps at the start in which both losses are cross-entropy
            (gamma 0); 3000, one epoch, in the authors' code.
        warmup_lambda1: Weight of the contrastive loss meanwhile; default `lambda1`.
        predict_embedding: Whether `predict` adds the field `embedding`.
        init_cfg: mmengine initialisation.

    Raises:
        ValueError: On an unknown classifier, a negative weight, or a warm-up of a
            classification loss that has no gamma.
    """

    def __init__(
        self,
        num_classes: int = 24,
        in_channels: int | None = None,
        embed_dims: int = 1024,
        embed_bias: bool = False,
        classifier: str = "linear",
        loss: dict | None = CONTRASTIVE,
        loss_cls: dict = CLASSIFICATION,
        lambda1: float = 1.0,
        lambda2: float = 1.0,
        warmup_iters: int = 0,
        warmup_lambda1: float | None = None,
        predict_embedding: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if in_channels is None:
            raise ValueError(
                "SCLHead.in_channels: expected the width of the features, got None; "
                "SCLClassifier fills it in, with another classifier set it yourself"
            )
        if classifier not in ("linear", "mlp"):
            raise ValueError(
                f"SCLHead.classifier: expected 'linear' or 'mlp', got {classifier!r}"
            )
        for name, value in [("lambda1", lambda1), ("lambda2", lambda2)]:
            if value < 0:
                raise ValueError(f"SCLHead.{name}: expected >= 0, got {value}")
        self.num_classes = num_classes
        self.lambda1, self.lambda2 = lambda1, lambda2
        self.warmup_iters = warmup_iters
        self.warmup_lambda1 = lambda1 if warmup_lambda1 is None else warmup_lambda1
        self.predict_embedding = predict_embedding
        self.embedding = nn.Linear(in_channels, embed_dims, bias=embed_bias)
        self.classifier = _build_classifier(classifier, embed_dims, num_classes)
        self.loss_con = None if loss is None else MODELS.build(loss)
        self.loss_cls = MODELS.build(loss_cls)
        if warmup_iters and not hasattr(self.loss_cls, "gamma"):
            raise ValueError(
                "SCLHead.warmup_iters: the warm-up turns focal loss into "
                f"cross-entropy, but loss_cls is {type(self.loss_cls).__name__}; "
                "use SoftmaxFocalLoss or warmup_iters=0"
            )

    def pre_logits(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Features (B, F), or a tuple that ends with them -> embedding (B, D)."""
        feats = feats[-1] if isinstance(feats, (tuple, list)) else feats
        return self.embedding(feats)

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Features (B, F) -> logits (B, N)."""
        return self.classifier(self.pre_logits(feats))

    def loss(
        self, feats: Tensor | tuple[Tensor, ...], data_samples: list[DataSample], **_
    ) -> dict[str, Tensor]:
        """Losses and training measures of one batch.

        Returns:
            loss_con and loss_cls, already weighted, whose sum is Eq. 4; scale (of the
            cosines, where the loss has one) and contrastive_accuracy (0..1: the nearest
            embedding of the other view has the same type). The baseline has loss_cls
            alone.
        """
        labels = torch.cat([sample.gt_label for sample in data_samples])
        embedding = self.pre_logits(feats)
        logits = self.classifier(embedding)
        warm = self.warmup_iters > current_step()
        gamma = dict(gamma=0.0) if warm else {}
        losses = {}
        if self.loss_con is not None:
            weight = self.warmup_lambda1 if warm else self.lambda1
            losses["loss_con"] = weight * self.loss_con(embedding, labels, **gamma)
            if hasattr(self.loss_con, "scale"):
                losses["scale"] = torch.as_tensor(self.loss_con.scale).detach()
            losses["contrastive_accuracy"] = contrastive_accuracy(embedding, labels)
        mean = self.loss_cls(logits, labels, **gamma)
        losses["loss_cls"] = self.lambda2 * BATCHES * mean
        return losses

    def predict(
        self,
        feats: Tensor | tuple[Tensor, ...],
        data_samples: list[DataSample] | None = None,
    ) -> list[DataSample]:
        """Fill pred_score (N,), pred_label and, when asked, embedding (D,).

        Args:
            feats: (B, F).
            data_samples: B samples to fill; None makes new ones.
        """
        embedding = self.pre_logits(feats)
        scores = F.softmax(self.classifier(embedding).float(), dim=1)
        labels = scores.argmax(dim=1, keepdim=True)
        samples = data_samples or [None] * len(scores)
        samples = [DataSample() if sample is None else sample for sample in samples]
        for sample, score, label, e in zip(
            samples, scores, labels, embedding, strict=True
        ):
            sample.set_pred_score(score).set_pred_label(label)
            if self.predict_embedding:
                sample.set_field(e.float(), "embedding")  # numpy has no bfloat16
        return samples


def _build_classifier(kind: str, embed_dims: int, num_classes: int) -> nn.Module:
    if kind == "linear":
        return nn.Linear(embed_dims, num_classes)
    return nn.Sequential(
        nn.Linear(embed_dims, embed_dims),
        nn.ReLU(inplace=True),
        nn.Linear(embed_dims, num_classes, bias=False),
    )


def current_step() -> int:
    """The Runner's step, 0 outside of a Runner."""
    hub = MessageHub.get_current_instance()
    return hub.get_info("iter") if "iter" in hub.runtime_info else 0
