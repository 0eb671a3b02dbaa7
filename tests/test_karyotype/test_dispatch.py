from __future__ import annotations

import numpy as np
import pytest
from drawn_cells import K, labels_of, probabilities
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscl.evaluation import PredictionTableError
from mmscl.karyotype import Karyotype, dispatch

Y = 23


def row(best: int, value: float, second: int) -> np.ndarray:
    """Probability `value` of `best`, a little more than the rest's of `second`."""
    values = np.full(K, (1 - value) / (K + 1))
    values[second] *= 3
    values[best] = value
    return values


def by_loops(values: np.ndarray, threshold: float) -> list[int]:
    """The page of `dispatch`, crop by crop."""
    ranked = [sorted(range(K), key=lambda k, r=r: -r[k]) for r in values]
    types = [order[0] for order in ranked]
    for kind in range(K):
        usual = 1 if kind == Y else 2
        own = [i for i, order in enumerate(ranked) if order[0] == kind]
        if len(own) <= usual:
            continue
        own.sort(key=lambda i: -values[i][kind])
        first = own[: usual + 1]
        keep = usual + 1 if all(values[i][kind] > threshold for i in first) else usual
        for crop in own[keep:]:
            types[crop] = ranked[crop][1]
    return types


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.3, 0.9]))
def test_dispatch_equals_the_loops(seed, crops, threshold):
    rng = np.random.default_rng(seed)
    values = probabilities(rng.integers(0, 6, crops), rng, 2.0)
    assert dispatch(values, threshold).types.tolist() == by_loops(values, threshold)


def test_a_sure_third_copy_stays():
    values = np.array([row(20, v, 21) for v in (0.95, 0.97, 0.91)])
    assert dispatch(values).types.tolist() == [20, 20, 20]


def test_an_unsure_third_copy_goes_to_its_second_best():
    values = np.array([row(20, 0.95, 3), row(20, 0.6, 21), row(20, 0.97, 3)])
    assert dispatch(values).types.tolist() == [20, 21, 20]


def test_a_fourth_copy_goes_even_if_it_is_sure():
    values = np.array([row(20, v, 21) for v in (0.95, 0.97, 0.91, 0.96)])
    assert dispatch(values).types.tolist() == [20, 20, 21, 20]


def test_one_y_is_usual_and_a_second_must_be_sure():
    assert dispatch(np.array([row(Y, 0.95, 20), row(Y, 0.96, 20)])).types[0] == Y
    assert dispatch(np.array([row(Y, 0.95, 20), row(Y, 0.7, 20)])).types[1] == 20


def test_where_a_crop_is_sent_is_not_looked_at_again():
    values = np.array([row(20, v, 21) for v in (0.95, 0.8, 0.7, 0.6)])
    values = np.vstack([values, [row(21, 0.99, 20)] * 2])
    assert dispatch(values).types.tolist() == [20, 20, 21, 21, 21, 21]


def test_warnings_name_autosomes_and_the_sex_chromosomes():
    rng = np.random.default_rng(0)
    values = probabilities(labels_of(Karyotype.of("XXY", {"21": 1})), rng, 6.0)
    assert dispatch(values).warnings == (
        "type 21 has 3 chromosomes, expected 2",
        "X and Y have 3 chromosomes together, expected 2",
    )
    values = probabilities(labels_of(Karyotype.of("XY")), rng, 6.0)
    assert dispatch(values).warnings == ()


def test_a_cell_of_one_chromosome_keeps_its_type_and_lacks_all_others():
    found = dispatch(np.array([row(2, 0.95, 3)]))
    assert found.types.tolist() == [2]
    assert len(found.warnings) == 23  # 22 autosomes, and X and Y together
    assert found.warnings[2] == "type 3 has 1 chromosomes, expected 2"
    assert found.warnings[3] == "type 4 has 0 chromosomes, expected 2"
    assert found.warnings[-1] == "X and Y have 0 chromosomes together, expected 2"


def test_values_that_are_no_probabilities_are_refused():
    with pytest.raises(PredictionTableError, match="crop 0: .* a sum of 24"):
        dispatch(np.ones((2, K)))
