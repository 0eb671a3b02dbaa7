"""Intervals for shares and for means over cases."""

from __future__ import annotations

import numpy as np
from scipy import stats


def wilson_interval(
    hits: np.ndarray, total: np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Score interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    It stays within 0..1 and is sensible for few images and for shares of 0 and 1. It
    takes the images for independent; those of one case are not quite.

    Args:
        hits: Counts (n,).
        total: Of so many (n,); 0 gives NaN.
        confidence: 0..1.

    Returns:
        Lower and upper ends (n,).
    """
    hits, total = np.asarray(hits, float), np.asarray(total, float)
    z = stats.norm.ppf(0.5 + confidence / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / total
        middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
        half = half / (1 + z**2 / total)
    # Rounding must not push the ends past the share itself.
    return np.minimum(middle - half, share), np.maximum(middle + half, share)


def mean_interval(
    values: np.ndarray, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean with Student's t interval.

    Args:
        values: One a case (n,).
        confidence: 0..1.

    Returns:
        Mean, lower and upper end; the ends are NaN for a single value.
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * error)
    return mean, mean - half, mean + half


def case_shares(right: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """Share of each case's images that are right, 0..1, cases sorted by name.

    Args:
        right: Bool (n,).
        cases: Case of each image, strings (n,); '' is no case.
    """
    known = cases != ""
    _, which = np.unique(cases[known], return_inverse=True)
    return np.bincount(which, right[known]) / np.bincount(which)
