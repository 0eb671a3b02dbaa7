"""How often the polarity is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS

from mmscl.evaluation.samples import not_empty, required, vector
from mmscl.registry import register


@register(METRICS)
class PolarityMetric(BaseMetric):
    """Share of images whose polarity is predicted right, in percent.

    Gives ``polarity_accuracy`` (0..100, no prefix) for models that predict it
    (`VarifocalHead`). Where all images stand upright, it is the share that is seen to.

    Args:
        collect_device: 'cpu' or 'gpu', how ranks exchange results.
        prefix: Put before the key.
        collect_dir: Shared folder for the exchange, with 'cpu'.

    Raises:
        KeyError: A data sample lacks pred_polarity or polarity_label.
    """

    default_prefix = ""

    def __init__(
        self,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep whether each sample's polarity is right."""
        name = type(self).__name__
        for sample in data_samples:
            predicted = int(vector(sample, "pred_polarity", name).argmax())
            true = int(required(sample, "polarity_label", name))
            self.results.append(predicted == true)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The share over all samples of all ranks, in percent."""
        not_empty(results, type(self).__name__)
        return dict(polarity_accuracy=100.0 * sum(results) / len(results))
