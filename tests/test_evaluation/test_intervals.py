"""Intervals agree with their definition and with published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mmscl.evaluation.intervals import mean_interval, wilson_interval


def test_wilson_solves_its_equation():
    hits, total = np.array([0, 1, 7, 50, 99, 100]), np.array([10, 3, 10, 80, 100, 100])
    z = stats.norm.ppf(0.975)
    for ends in wilson_interval(hits, total):
        # (share - p)^2 = z^2 p (1 - p) / n
        np.testing.assert_allclose(
            (hits / total - ends) ** 2, z**2 * ends * (1 - ends) / total, atol=1e-12
        )


def test_wilson_agrees_with_scipy_and_bears_extremes():
    low, high = wilson_interval(np.array([0, 81, 9, 0]), np.array([20, 263, 9, 0]))
    for i, (hits, total) in enumerate([(0, 20), (81, 263), (9, 9)]):
        want = stats.binomtest(hits, total).proportion_ci(method="wilson")
        assert (low[i], high[i]) == pytest.approx((want.low, want.high), abs=1e-12)
    assert low[0] == 0 and high[2] == 1 and np.isnan([low[3], high[3]]).all()


def test_mean_interval_is_students():
    values = np.array([3.0, 5.0, 4.0, 8.0])
    mean, low, high = mean_interval(values)
    want = stats.t.interval(0.95, 3, loc=5, scale=stats.sem(values))
    assert mean == 5 and (low, high) == pytest.approx(want)
    assert mean_interval(np.array([2.0]))[0] == 2
    assert np.isnan(mean_interval(np.array([2.0]))[1:]).all()
