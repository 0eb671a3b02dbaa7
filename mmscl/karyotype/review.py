"""Which crops a person should look at: risk against coverage, and the threshold.

Risk is the share of errors among the crops that are accepted without a look, coverage
their share among all crops (El-Yaniv and Wiener, JMLR 11, 2010).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmscl.evaluation import PredictionTableError


class RiskCoverage(NamedTuple):
    """Accepting the surest crops first, one level of confidence at a time.

    Attributes:
        confidence: Lowest confidence that is accepted (m,), falling.
        coverage: Share of the crops that are accepted (m,), rising to 1.
        risk: Share of errors among them (m,).
        caught: Share of all errors that are not among them, so that a review of the
            rest finds them (m,); NaN without errors.
    """

    confidence: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray
    caught: np.ndarray

    def area(self) -> float:
        """Mean risk over all crops as they are accepted one by one (AURC), 0..1."""
        steps = np.diff(self.coverage, prepend=0.0)
        return float((steps * self.risk).sum())


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> RiskCoverage:
    """The curve of n crops; crops of equal confidence are accepted together.

    Args:
        confidence: (n,), n >= 1, any scale.
        right: (n,) bool.

    Raises:
        ValueError: No crops, other lengths, or a confidence that is not a number.
    """
    right = np.asarray(right, bool)
    confidence = _checked(confidence, right)
    order = np.argsort(-confidence, kind="stable")
    level, wrong = confidence[order], np.cumsum(~right[order])
    last = np.append(np.flatnonzero(np.diff(level)), len(level) - 1)
    accepted = last + 1
    total = wrong[-1]
    return RiskCoverage(
        level[last],
        accepted / len(level),
        wrong[last] / accepted,
        1 - wrong[last] / total if total else np.full(len(last), np.nan),
    )


def read_risk_coverage(path: str | Path) -> RiskCoverage:
    """The risk_coverage.csv that tools/evaluate_karyotypes.py wrote.

    Raises:
        FileNotFoundError: There is no such file.
        PredictionTableError: It is another file.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    expected = list(RiskCoverage._fields)
    try:
        if rows[0] != expected:
            raise ValueError
        points = np.array(rows[1:], float).reshape(-1, len(expected))
    except (ValueError, IndexError):
        raise PredictionTableError(
            f"{path}: expected the risk_coverage.csv of tools/evaluate_karyotypes.py, "
            f"with numbers in the columns {', '.join(expected)}"
        ) from None
    return RiskCoverage(*points.T)


def review_threshold(confidence: np.ndarray, catch: float = 0.95) -> float:
    """The confidence below which crops are to be looked at.

    The smallest one such that at least a share `catch` of the errors that the
    confidences themselves foresee, the sum of 1 - confidence, lies below. That rests on
    all crops: a good classifier leaves too few errors to count.

    Args:
        confidence: (n,), n >= 1, 0..1, calibrated, of crops of cases that were not
            trained on.
        catch: 0..1.

    Returns:
        Crops with confidence < this are for review; -inf if no error is foreseen.

    Raises:
        ValueError: No crops, a confidence out of range, or a share out of range.
    """
    if not 0 <= catch <= 1:
        raise ValueError(f"catch: expected a share of the errors, 0..1, got {catch}.")
    confidence = np.sort(_checked(confidence))
    if not 0 <= confidence[0] <= confidence[-1] <= 1:
        raise ValueError(
            f"confidence: expected 0..1, got {confidence[0]:g} to {confidence[-1]:g}."
        )
    foreseen = np.cumsum(1 - confidence)
    wanted = catch * foreseen[-1]
    if not wanted:
        return float("-inf")
    place = min(np.searchsorted(foreseen, wanted), len(foreseen) - 1)
    return float(np.nextafter(confidence[place], np.inf))


def _checked(confidence: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """The confidences as floats, of which there must be one or more."""
    confidence = np.asarray(confidence, float)
    shape = confidence.shape if like is None else like.shape
    if not len(confidence) or confidence.shape != shape:
        raise ValueError(
            "confidence and right: expected one value for each of one crop or more, "
            f"got shapes {confidence.shape} and {shape}."
        )
    if np.isnan(confidence).any():
        raise ValueError("confidence: a value is not a number (NaN).")
    return confidence
