from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from drawn_cells import K, labels_of, probabilities
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscl.evaluation import PredictionTableError
from mmscl.karyotype import (
    NONE,
    CountPrior,
    Karyotype,
    assign,
    assign_each,
    find_alternatives,
)
from mmscl.karyotype.assignment import FLOOR

X, Y = 22, 23


def log_count(expected: int, count: int, loss: float, gain: float) -> float:
    """log P(count) as the prior's page says it, written without its marginal costs."""
    if count <= expected:
        return (
            math.log(math.comb(expected, count))
            + count * math.log(1 - loss)
            + (expected - count) * math.log(loss)
        )
    over = count - expected
    return (
        expected * math.log(1 - loss)
        + over * math.log(gain)
        - math.log(math.factorial(over))
    )


def count_costs(prior: CountPrior, complement: str, most: int) -> np.ndarray:
    """-log(P(c) c!) for 0..most copies of each type, (24, most + 1)."""
    expected = [2] * 22 + [complement.count("X"), complement.count("Y")]
    return np.array(
        [
            [
                -log_count(expected[kind], count, prior.loss, prior.gain[kind])
                - math.log(math.factorial(count))
                for count in range(most + 1)
            ]
            for kind in range(K)
        ]
    )


def all_costs(values, prior, complement, palette) -> tuple[np.ndarray, np.ndarray]:
    """Every assignment of n crops to the palette (m, n), and its cost (m,)."""
    crops = len(values)
    every = np.array(list(itertools.product(palette, repeat=crops)))
    crop_costs = np.hstack(
        [
            -np.log(K * np.maximum(values, FLOOR)),
            np.full((crops, 1), -math.log(prior.none)),
        ]
    )
    cost = crop_costs[np.arange(crops), every].sum(axis=1)
    table = count_costs(prior, complement, crops)
    for kind in range(K):
        cost = cost + table[kind, (every == kind).sum(axis=1)]
    return every, cost - math.log(prior.sex[complement])


@st.composite
def small_cells(draw):
    """A few crops between few types, and a prior under which other types never pay."""
    crops = draw(st.integers(1, 6))
    types = draw(
        st.lists(st.sampled_from([3, 4, 12, X, Y]), min_size=2, max_size=3, unique=True)
    )
    weights = draw(
        st.lists(
            st.lists(st.floats(0.02, 1), min_size=len(types), max_size=len(types)),
            min_size=crops,
            max_size=crops,
        )
    )
    values = np.zeros((crops, K))
    values[:, types] = weights
    values /= values.sum(axis=1, keepdims=True)
    prior = CountPrior(
        loss=draw(st.floats(0.05, 0.2)),
        gain=tuple(draw(st.floats(0.02, 0.2)) for _ in range(K)),
        sex={"XX": 0.4, "XY": 0.35, "X": 0.25},
        none=draw(st.floats(0.01, 0.2)),
    )
    return values, prior, [*types, NONE]


@settings(max_examples=40, deadline=None)
@given(small_cells())
def test_assignment_is_the_best_of_all_that_exist(cell):
    values, prior, palette = cell
    for found in assign_each(values, prior):
        every, costs = all_costs(values, prior, found.complement, palette)
        assert found.cost == pytest.approx(costs.min(), abs=1e-9)
        same = (every == found.types).all(axis=1)
        assert costs[same] == pytest.approx(found.cost, abs=1e-9)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_assignment_is_the_best_among_all_types(seed):
    """Three crops over all 25 outcomes: 15,625 assignments a complement."""
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.full(K, 0.3), size=3)
    prior = CountPrior(sex={"XX": 0.5, "XY": 0.5})
    for found in assign_each(values, prior):
        _, costs = all_costs(values, prior, found.complement, range(K + 1))
        assert found.cost == pytest.approx(costs.min(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(small_cells())
def test_margins_and_certainties_are_those_of_all_assignments(cell):
    values, prior, palette = cell
    found = find_alternatives(values, prior)
    each = [all_costs(values, prior, complement, palette) for complement in prior.sex]
    every, costs = each[0][0], np.min([costs for _, costs in each], axis=0)
    for crop in range(len(values)):
        for kind in palette:
            least = costs[every[:, crop] == kind].min() - costs.min()
            # complements 14 nats behind are not looked at
            if least < 14:
                assert found.margins[crop, kind] == pytest.approx(least, abs=1e-8)
    assert 0 < found.counts_certainty <= 1
    assert (found.type_certainty >= found.counts_certainty - 1e-12).all()


def certainties_by_hand(values, prior, palette, found):
    """Certainties from all assignments, counts one exchange away from the best ones."""
    total, against, by_type = 0.0, 0.0, np.zeros(K)
    for one in assign_each(values, prior):
        every, costs = all_costs(values, prior, one.complement, palette)
        counts = (every[:, :, None] == np.arange(K + 1)).sum(axis=1)
        keys, inverse = np.unique(counts, axis=0, return_inverse=True)
        cheapest = np.full(len(keys), np.inf)
        np.minimum.at(cheapest, inverse.ravel(), costs)
        own = np.bincount(one.types, minlength=K + 1)
        for key, cost in zip(keys, cheapest, strict=True):
            apart = int(np.abs(key - own).sum())
            same = key[:K] == found.best.counts
            if apart not in (0, 2) or (apart == 2 and same.all()):
                continue
            weight = math.exp(found.best.cost - cost)
            total += weight
            against += 0.0 if same.all() else weight
            by_type += np.where(same, 0.0, weight)
    return 1 - against / total, 1 - by_type / total


@settings(max_examples=30, deadline=None)
@given(small_cells())
def test_certainties_weigh_all_counts_one_exchange_away(cell):
    values, prior, palette = cell
    found = find_alternatives(values, prior)
    counts, by_type = certainties_by_hand(values, prior, palette, found)
    # exchanges with the many types outside the palette, about 10 nats more each
    assert found.counts_certainty == pytest.approx(counts, abs=1e-2)
    np.testing.assert_allclose(found.type_certainty, by_type, atol=1e-2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_order_of_the_crops_does_not_matter(seed, crops):
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.full(K, 0.2), size=crops)
    order = rng.permutation(crops)
    one, other = find_alternatives(values), find_alternatives(values[order])
    assert other.best.cost == pytest.approx(one.best.cost, abs=1e-8)
    np.testing.assert_allclose(other.margins, one.margins[order], atol=1e-7)
    assert other.counts_certainty == pytest.approx(one.counts_certainty, abs=1e-7)


@pytest.mark.parametrize("crops", [1, 2, 46, 200])
def test_any_number_of_crops(crops):
    rng = np.random.default_rng(crops)
    values = probabilities(rng.integers(0, K, crops), rng)
    found = find_alternatives(values)
    assert found.best.types.shape == (crops,)
    assert found.margins.shape == (crops, K + 1)
    assert (found.margins >= 0).all() and np.isfinite(found.margins).all()


def test_many_copies_of_one_type_stay_where_the_classifier_is_sure():
    """Thirteen sure crops of one type: more slots than there are at first."""
    values = np.full((13, K), 1e-9)
    values[:, 6] = 1 - 23e-9
    assert (assign(values).types == 6).all()


def test_the_number_46_is_never_forced():
    rng = np.random.default_rng(0)
    for karyotype in (
        Karyotype.of("XY", {"21": 1}),
        Karyotype.of("X"),
        Karyotype.of("XXY"),
        Karyotype.of("XX", {"4": -1, "20": -2}),
    ):
        labels = labels_of(karyotype)
        assert (assign(probabilities(labels, rng, 5.0)).types == labels).all()


def test_cells_correct_what_single_crops_confuse():
    rng = np.random.default_rng(1)
    labels = labels_of(Karyotype.of("XY"))
    single = together = 0
    for _ in range(40):
        values = probabilities(labels, rng, 3.5)
        single += int((values.argmax(axis=1) != labels).sum())
        together += int((assign(values).types != labels).sum())
    assert single > 100
    assert together < single / 2


def test_a_crop_that_shows_nothing_becomes_none_of_the_types():
    rng = np.random.default_rng(2)
    labels = labels_of(Karyotype.of("XX"))
    values = np.vstack([probabilities(labels, rng, 5.0), np.full((1, K), 1 / K)])
    assert assign(values).types[-1] == NONE
    never = CountPrior(none=1e-12)
    assert assign(values, never).types[-1] != NONE


def test_sex_follows_the_crops():
    rng = np.random.default_rng(3)
    for sex in ("XX", "XY", "X", "XXX", "XXY", "XYY"):
        found = assign(probabilities(labels_of(Karyotype.of(sex)), rng, 5.0))
        assert found.counts[X:].tolist() == [sex.count("X"), sex.count("Y")]


@pytest.mark.parametrize(
    "values, message",
    [
        (np.zeros((0, K)), r"one crop or more, shape \(n, 24\), got \(0, 24\)"),
        (np.full((2, 23), 1 / 23), r"got \(2, 23\)"),
        (np.full(K, 1 / K), r"got \(24,\)"),
        (np.full((2, K), np.nan), "crop 0: .* not a number .2 of 2 crops"),
        (np.full((3, K), 0.5), "crop 0: .* a sum of 12"),
        (np.eye(K) * 3 - 2 / K, "crop 0: .* a value of -0.0833"),
    ],
)
def test_values_that_are_no_probabilities_are_refused(values, message):
    with pytest.raises(PredictionTableError, match=message):
        assign(values)
