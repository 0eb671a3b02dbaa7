from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscl.evaluation import PredictionTableError
from mmscl.karyotype import read_risk_coverage, review_threshold, risk_coverage

crops = st.lists(
    st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.9, 0.99]), st.booleans()), min_size=1
)


@given(crops)
def test_the_curve_counts_what_is_accepted(found):
    confidence, right = (np.array(column) for column in zip(*found, strict=True))
    curve = risk_coverage(confidence, right)
    assert (np.diff(curve.confidence) < 0).all() and curve.coverage[-1] == 1
    for level, coverage, risk, caught in zip(*curve, strict=True):
        accepted = confidence >= level
        assert coverage == pytest.approx(accepted.mean())
        assert risk == pytest.approx((~right[accepted]).mean())
        if right.all():
            assert np.isnan(caught)
        else:
            assert caught == pytest.approx((~right & ~accepted).sum() / (~right).sum())
    by_hand = sum(
        (~right[confidence >= level]).mean() * (confidence == level).mean()
        for level in set(confidence.tolist())
    )
    assert curve.area() == pytest.approx(by_hand)


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_the_threshold_is_the_least_that_catches_the_share(confidence, catch):
    confidence = np.array(confidence)
    threshold = review_threshold(confidence, catch)
    foreseen = (1 - confidence).sum()
    assert (1 - confidence)[confidence < threshold].sum() >= catch * foreseen - 1e-9
    lower = [level for level in (-np.inf, *np.unique(confidence)) if level < threshold]
    if np.isfinite(threshold):
        # at the next lower level too little is caught
        caught = (1 - confidence)[confidence < lower[-1]].sum()
        assert caught <= catch * foreseen + 1e-9
    else:
        assert catch * foreseen == 0


def test_the_threshold_catches_the_share_of_errors_that_come():
    """20,000 crops, each wrong as often as its confidence says."""
    rng = np.random.default_rng(0)
    confidence = rng.beta(20, 0.5, size=20_000)
    wrong = rng.random(20_000) > confidence
    below = confidence < review_threshold(confidence, 0.95)
    assert 0.93 < below[wrong].mean() < 0.97
    assert below.mean() < 0.7


def test_values_that_are_none_are_refused():
    with pytest.raises(ValueError, match="one crop or more, got shapes .0,. and .0,."):
        risk_coverage(np.array([]), np.array([]))
    with pytest.raises(ValueError, match="not a number"):
        risk_coverage(np.array([np.nan]), np.array([True]))
    with pytest.raises(ValueError, match="0..1, got 1.5"):
        review_threshold(np.array([0.5]), 1.5)
    with pytest.raises(ValueError, match="expected 0..1, got 0.5 to 2"):
        review_threshold(np.array([0.5, 2.0]))


@pytest.mark.parametrize(
    "text", ["", "path,case\na,1\n", "confidence,coverage,risk,caught\n1,0.1,x,1\n"]
)
def test_another_file_is_no_curve(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(PredictionTableError, match="a.csv: expected the risk_coverage"):
        read_risk_coverage(tmp_path / "a.csv")
