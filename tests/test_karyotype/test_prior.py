from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscl.karyotype import CountPrior, Karyotype, learn_prior
from mmscl.karyotype.prior import MOST, NEWBORNS, K

rates = st.floats(1e-6, MOST)


@given(rates, rates, st.sampled_from([*NEWBORNS, "XXXXY"]))
def test_costs_never_fall_from_copy_to_copy(loss, gain, complement):
    prior = CountPrior(loss, (gain,) * K)
    assert (np.diff(prior.marginal_costs(complement, 12), axis=1) >= -1e-12).all()


@given(rates, rates)
def test_probabilities_behind_the_costs_are_a_distribution(loss, gain):
    """Up to the factor exp(-gain) of the Poisson part, for two expected copies."""
    prior = CountPrior(loss, (gain,) * K)
    costs = np.concatenate([[0], np.cumsum(prior.marginal_costs("XX", 30)[0])])
    base = loss**2  # P(0)
    shares = [base * math.exp(-c) / math.factorial(n) for n, c in enumerate(costs)]
    within, above = sum(shares[:3]), sum(shares[2:])
    assert within == pytest.approx(1, rel=1e-9)
    assert above == pytest.approx((1 - loss) ** 2 * math.exp(gain), rel=1e-9)


def test_shares_of_newborns():
    """One in so many boys or girls, half of all children each."""
    assert sum(NEWBORNS.values()) == pytest.approx(1, abs=1e-9)
    for complement, among in dict(XXY=596, XYY=894, XXX=1002, X=2130).items():
        assert NEWBORNS[complement] == pytest.approx(0.5 / among, abs=1e-6)


def cells(*karyotypes: Karyotype) -> np.ndarray:
    return np.array([one.counts for one in karyotypes])


def test_learned_rates_by_hand():
    """Four cases; the two cells of the first count half each.

    Lost: 1 autosome in half a case; gained: 1 in one case.
    """
    counts = cells(
        Karyotype.of("XX", {"4": -1}),
        Karyotype.of("XX"),
        Karyotype.of("XY", {"21": 1}),
        Karyotype.of("XY"),
        Karyotype.of("X"),
    )
    prior = learn_prior(counts, np.array(list("aabcd")), strength=4)
    assert prior.loss == pytest.approx((0.5 + 0.5) / (2 * 22 * 4 + 1))
    pool = (1 + 0.5) / (22 * 4 + 0.5)
    assert prior.gain[0] == pytest.approx(4 * pool / 8)
    assert prior.gain[20] == pytest.approx((1 + 4 * pool) / 8)
    assert prior.gain[23] == pytest.approx(pool)
    assert prior.sex["XX"] == pytest.approx(1.5 / 7)
    assert prior.sex["XY"] == pytest.approx(2.5 / 7)
    assert prior.sex["X"] == pytest.approx(1.5 / 7)
    assert prior.sex["XXY"] == pytest.approx(0.5 / 7)


def test_odd_sex_complements_are_left_out_and_rates_stay_in_range():
    torn = np.zeros((3, K), int)
    prior = learn_prior(torn, np.array(["a", "b", "c"]))
    assert prior.loss == MOST
    assert set(prior.sex) == set(NEWBORNS)
    assert sum(prior.sex.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(loss=0.0), "loss: expected 0 < rate <= 0.2, got 0.0"),
        (dict(loss=float("nan")), "loss: expected 0 < rate"),
        (dict(none=0.5), "none: expected 0 < rate <= 0.2, got 0.5"),
        (dict(gain=(0.1,) * 23 + (0.3,)), "gain of Y: expected 0 < rate"),
        (dict(gain=(0.1,)), "gain: expected 24 rates, got 1"),
        (dict(sex={"XX": 0.5, "XY": 0.4}), "shares that sum to one"),
        (dict(sex={"XZ": 1.0}), "got 'XZ': 1.0"),
        (dict(sex={"XX": 1.0, "XY": 0.0}), "got 'XY': 0.0"),
        (dict(sex={}), "shares that sum to one, got {}"),
    ],
)
def test_rates_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CountPrior(**arguments)


@pytest.mark.parametrize(
    "counts, cases, message",
    [
        (np.zeros((0, K)), [], r"expected shape \(N, 24\), N >= 1, got \(0, 24\)"),
        (np.ones((2, 3)), ["a", "b"], r"got \(2, 3\)"),
        (np.ones((2, K)), ["a"], "got 1 cases"),
        (-np.ones((1, K)), ["a"], "a count of -1"),
    ],
)
def test_counts_that_are_none_are_refused(counts, cases, message):
    with pytest.raises(ValueError, match=message):
        learn_prior(counts, np.array(cases))
