from __future__ import annotations

import numpy as np
import pytest
from drawn_cells import K, probabilities

from mmscl.karyotype import Calibration, calibration_error, fit_calibration


def sharpened(values: np.ndarray, factor: float) -> np.ndarray:
    powers = np.maximum(values, 1e-12) ** factor
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, 6000)
    return probabilities(labels, rng, 2.0), labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_fit_finds_the_temperature_that_was_used(crops, factor):
    values, labels = crops
    found = fit_calibration(sharpened(values, factor), labels)
    assert found.temperature == pytest.approx(factor, rel=0.05)
    assert found.size_weight == 0


def test_calibration_takes_the_error_away(crops):
    values, labels = crops
    sure = sharpened(values, 2.0)
    right = sure.argmax(axis=1) == labels
    calibrated = fit_calibration(sure, labels).apply(sure)
    before = calibration_error(sure.max(axis=1), right)
    after = calibration_error(calibrated.max(axis=1), right)
    assert before > 0.05 and after < 0.02
    assert (calibrated.argmax(axis=1) == sure.argmax(axis=1)).all()


def test_evidence_from_size_gets_the_weight_it_is_worth(crops):
    """Independent evidence has weight 1, noise none."""
    values, labels = crops
    other = probabilities(labels, np.random.default_rng(1), 1.0)
    found = fit_calibration(values, labels, np.log(K * other))
    assert found.size_weight == pytest.approx(1.0, abs=0.1)
    assert found.temperature == pytest.approx(1.0, abs=0.1)
    noise = np.log(
        K
        * probabilities(
            np.random.default_rng(2).permutation(labels), np.random.default_rng(3), 1.0
        )
    )
    assert fit_calibration(values, labels, noise).size_weight < 0.05


def test_calibration_error_by_hand():
    """Two bins of four: |0.3 - 0| of one crop, |0.9 - 0.5| of two: (0.3 + 0.8) / 3."""
    found = calibration_error(np.array([0.3, 0.9, 0.9]), np.array([0, 1, 0]), bins=4)
    assert found == pytest.approx((0.3 + 0.8) / 3)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0
    assert np.isnan(calibration_error(np.array([]), np.array([])))


def test_bad_settings_and_empty_fits_are_refused():
    with pytest.raises(ValueError, match="got 0.0 and 0.0"):
        Calibration(temperature=0.0)
    with pytest.raises(ValueError, match="got 1.0 and -1"):
        Calibration(size_weight=-1)
    with pytest.raises(ValueError, match="got 0 labels and 0 crops"):
        fit_calibration(np.zeros((0, K)), np.zeros(0, int))
    with pytest.raises(ValueError, match="got 1 labels and 2 crops"):
        fit_calibration(np.full((2, K), 1 / K), np.zeros(1, int))
