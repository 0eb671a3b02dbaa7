"""How well the embeddings alone tell chromosome types apart."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpretrain.registry import METRICS

from mmscl.evaluation.measures import knn_hits, prototype_hits
from mmscl.evaluation.predictions import PredictionTableError, read_embeddings
from mmscl.evaluation.samples import class_index, not_empty, type_names, vector
from mmscl.registry import register


@register(METRICS)
class EmbeddingMetric(BaseMetric):
    """Nearest-prototype and k-nearest-neighbour accuracy, in percent.

    Gives ``prototype_accuracy`` and ``knn_accuracy`` (floats 0..100, keys without
    prefix), both by cosine: what a contrastive loss trains, without the classifier.
    Without ``reference`` each image is left out when it is judged, and the others of
    the evaluated set are the reference (how well the set clusters); with it, the
    training set is (how well it carries over).

    An image whose type has no (other) reference image cannot be right and is left
    out of the mean; a warning says once how many.

    The model must give embeddings: ``predict_embedding=True`` of SCLClassifier.

    Args:
        k: Neighbours that vote, >= 1.
        reference: npz of embeddings, as PredictionTable(embeddings=True) writes it
            when the training set is tested.
        collect_device: 'cpu' or 'gpu', how ranks exchange results.
        prefix: Put before the keys.
        collect_dir: Shared folder for the exchange, with 'cpu'.

    Raises:
        KeyError: A data sample has no embedding.
        ValueError: No samples; embeddings that are not finite; a reference of another
            size or with unknown types.
    """

    default_prefix = ""

    def __init__(
        self,
        k: int = 5,
        reference: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        if k < 1:
            raise ValueError(f"EmbeddingMetric.k: expected an int >= 1, got {k}.")
        super().__init__(collect_device, prefix, collect_dir)
        self.k = k
        self.reference = reference
        self._told_alone = False

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep embedding and true class of each sample."""
        name = type(self).__name__
        for sample in data_samples:
            self.results.append(
                (
                    vector(sample, "embedding", name),
                    class_index(sample, "gt_label", name),
                )
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Accuracies over all samples of all ranks, in percent."""
        not_empty(results, type(self).__name__)
        embeddings = np.stack([result[0] for result in results])
        labels = np.array([result[1] for result in results])
        reference = self._read_reference(embeddings.shape[1])
        prototype = prototype_hits(embeddings, labels, reference)
        knn = knn_hits(embeddings, labels, self.k, reference)
        self._tell_alone(int(np.isnan(prototype).sum()))
        return dict(prototype_accuracy=_percent(prototype), knn_accuracy=_percent(knn))

    def _read_reference(self, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        if self.reference is None:
            return None
        embeddings, _, types = read_embeddings(self.reference)
        if embeddings.ndim != 2 or embeddings.shape[1] != size or not len(embeddings):
            raise PredictionTableError(
                f"{self.reference}: expected embeddings of shape (n, {size}) as the "
                f"model gives them, got {embeddings.shape}: of another model?"
            )
        classes = (self.dataset_meta or {}).get("classes")
        if classes is None:
            raise PredictionTableError(
                f"{self.reference}: its types cannot be understood, because the "
                "evaluated dataset has no `classes` in its metainfo."
            )
        index = {
            name: i
            for i, name in enumerate(type_names(dict(classes=classes), len(classes)))
        }
        unknown = sorted(set(types.tolist()) - set(index))
        if unknown:
            raise PredictionTableError(
                f"{self.reference}: unknown types {unknown}, expected {list(index)}."
            )
        return embeddings, np.array([index[name] for name in types.tolist()])

    def _tell_alone(self, number: int) -> None:
        if number and not self._told_alone:
            self._told_alone = True
            print_log(
                f"{type(self).__name__}: {number} images left out, because there is "
                "no (other) reference image of their type.",
                logger="current",
                level=logging.WARNING,
            )


def _percent(hits: np.ndarray) -> float:
    judged = hits[~np.isnan(hits)]
    return 100.0 * float(judged.mean()) if len(judged) else float("nan")
