"""A batch of images -> scores, polarity and embeddings, as tensors."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.classifiers import BaseClassifier
from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from mmscl.models.heads import SCLHead


class BatchScorer(nn.Module):
    """What ``predict`` of a classifier gives, without a DataSample for each image.

    Heads that compute something else than the softmax of their output (several labels,
    several outputs) are asked through their own ``predict``.

    Args:
        classifier: One of mmpretrain's or ours; put into evaluation mode.

    Attributes:
        polarity: Whether the classifier tells the polarity: it has a polarity head.
        embeddings: Whether to give embeddings too: before normalisation; of
            mmpretrain's own heads what their last layer reads (``pre_logits``).
    """

    def __init__(self, classifier: BaseClassifier) -> None:
        super().__init__()
        self.classifier: Any = classifier
        self.eval()
        self.polarity = getattr(classifier, "polarity_head", None) is not None
        self.embeddings = False
        self.softmax = _gives_softmax(self.classifier.head)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W), preprocessed -> what was asked for, in this order.

        Returns:
            scores (B, K); polarity (B,), the probability that the p arm is up;
            embeddings (B, D).
        """
        outputs: list[Tensor] = []
        if self.polarity:
            features, up = self.classifier.look_both_ways(images)
            outputs.append(up)
        else:
            features = self.classifier.extract_feat(images)
        head, embedding = self.classifier.head, None
        if isinstance(head, SCLHead):  # once for both
            embedding = head.pre_logits(features)
            scores = F.softmax(head.classifier(embedding).float(), dim=1)
        elif self.softmax:
            scores = F.softmax(head(features).float(), dim=1)
        else:
            samples = head.predict(features, None)
            scores = torch.stack([sample.pred_score for sample in samples])
        if self.embeddings:
            outputs.append(
                head.pre_logits(features) if embedding is None else embedding
            )
        return scores, *outputs


def _gives_softmax(head: Any) -> bool:
    """Whether it is a head whose scores are the softmax of its output."""
    return isinstance(head, ClsHead) and all(
        getattr(type(head), name) is getattr(ClsHead, name)
        for name in ("predict", "_get_predictions")
    )
