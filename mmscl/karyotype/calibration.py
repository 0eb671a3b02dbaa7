"""Probabilities that mean what they say: fitted on cases that were not trained on.

Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
arXiv 1706.04599), with the size within the cell as a second source of evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from mmscl.karyotype.assignment import FLOOR
from mmscl.karyotype.prior import K

#: Temperatures that a fit may give: beyond, the data say nothing of it.
RANGE = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """log p = log_softmax(log(scores) / temperature + size_weight * log ratio).

    Attributes:
        temperature: > 0; above 1 the classifier was too sure.
        size_weight: >= 0; 1 would take size for independent of the classifier, which
            has seen it too.
    """

    temperature: float = 1.0
    size_weight: float = 0.0

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and self.size_weight >= 0):
            raise ValueError(
                "expected temperature > 0 and size_weight >= 0, got "
                f"{self.temperature} and {self.size_weight}."
            )

    def apply(
        self, probabilities: np.ndarray, log_ratios: np.ndarray | None = None
    ) -> np.ndarray:
        """Calibrated probabilities (n, 24).

        Args:
            probabilities: Of the classifier (n, 24).
            log_ratios: Of the sizes, as `SizeModel.log_ratios` gives them (n, 25);
                None: not known.
        """
        logits = _logs(probabilities) / self.temperature
        if log_ratios is not None:
            logits = logits + self.size_weight * log_ratios[:, :K]
        return np.exp(log_softmax(logits, axis=1))

    def none_ratios(
        self, probabilities: np.ndarray, log_ratios: np.ndarray
    ) -> np.ndarray:
        """How much likelier each crop is as none of the types than as one of them.

        By its size alone, at the weight that size has for the types: the picture of a
        crop that is none of them says nothing.

        Args:
            probabilities, log_ratios: As in :meth:`apply`.

        Returns:
            Natural logarithms (n,); 0 where the size is not known.
        """
        logits = log_softmax(_logs(probabilities) / self.temperature, axis=1)
        weighted = self.size_weight * log_ratios
        return weighted[:, K] - logsumexp(logits + weighted[:, :K], axis=1)


def fit_calibration(
    probabilities: np.ndarray,
    labels: np.ndarray,
    log_ratios: np.ndarray | None = None,
) -> Calibration:
    """The temperature, and the weight of size, of the highest likelihood.

    Args:
        probabilities: (n, 24) of crops of cases that were not trained on.
        labels: Their true class indices (n,).
        log_ratios: Of their sizes (n, 25); None fits the temperature alone.

    Raises:
        ValueError: No crops, or lengths that differ.
    """
    labels = np.asarray(labels)
    if not len(labels) or len(labels) != len(probabilities):
        raise ValueError(
            "expected a label for each of one crop or more, got "
            f"{len(labels)} labels and {len(probabilities)} crops."
        )
    logs, rows = _logs(probabilities), np.arange(len(labels))

    def loss(values: np.ndarray) -> float:
        logits = values[0] * logs
        if log_ratios is not None:
            logits = logits + values[1] * log_ratios[:, :K]
        return float(-log_softmax(logits, axis=1)[rows, labels].mean())

    bounds = [(1 / RANGE[1], 1 / RANGE[0])]
    if log_ratios is not None:
        bounds.append((0.0, 1.0))
    start = np.array([1.0, 0.1])[: len(bounds)]
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(1 / found[0]), float(found[1]) if len(found) > 1 else 0.0)


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, bins: int = 15
) -> float:
    """Expected calibration error, 0..1: how far confidence is from accuracy.

    Naeini et al., AAAI 2015; bins of equal width as in Guo et al. 2017, eq. 3.

    Args:
        confidence: Of each crop's type (n,), 0..1.
        right: Whether the type is right (n,), bool.
        bins: >= 1.

    Returns:
        NaN without crops.
    """
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    if not len(confidence):
        return float("nan")
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    gaps = np.bincount(place, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))
