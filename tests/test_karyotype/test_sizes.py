from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_cells import SIZES, K, draw_sizes

from mmscl.datasets.images import ImageError
from mmscl.karyotype import Calibration, learn_sizes, measure_files, measure_sizes
from mmscl.karyotype.sizes import LEAST_CROPS


def rectangle(length: int, width: int, angle: float = 0.0) -> np.ndarray:
    """A grey bar on white."""
    image = np.full((160, 160), 255, np.uint8)
    corners = cv2.boxPoints(((80.0, 80.0), (float(length), float(width)), angle))
    cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], 90)
    return image


def test_area_and_length_of_a_bar_at_any_angle():
    for angle in (0, 20, 45, 90, 130):
        area, length = np.exp(measure_sizes([rectangle(100, 20, angle)])[0])
        assert area == pytest.approx(2000, rel=0.1)
        assert length == pytest.approx(101, rel=0.03)


def test_a_crop_without_foreground_has_no_size(tmp_path):
    blank = np.full((9, 9), 255, np.uint8)
    assert np.isnan(measure_sizes([blank])).all()
    assert measure_sizes([]).shape == (0, 2)
    cv2.imwrite(str(tmp_path / "a.png"), rectangle(60, 10))
    np.testing.assert_array_equal(
        measure_files(["a.png"], tmp_path), measure_sizes([rectangle(60, 10)])
    )
    with pytest.raises(ImageError, match="b.png: cannot be opened"):
        measure_files(["b.png"], tmp_path)


def test_learned_means_are_those_drawn_up_to_one_scale():
    model = learn_sizes(*draw_sizes(40))
    offset = (model.means - SIZES).mean(axis=0)
    np.testing.assert_allclose(model.means - offset, SIZES, atol=0.02)
    spread = np.sqrt(np.diagonal(model.covariances, axis1=1, axis2=2))
    np.testing.assert_allclose(spread, 0.05, rtol=0.3)


def test_the_evidence_finds_the_type_whatever_the_scale_of_the_cell():
    model = learn_sizes(*draw_sizes(40))
    sizes, labels, _ = draw_sizes(1, seed=5, spread=0.03)
    unsure = np.full((len(labels), K), 0.2 / (K - 1))
    unsure[np.arange(len(labels)), labels] = 0.8
    ratios = model.log_ratios(sizes, unsure)
    near = abs(ratios.argmax(axis=1) - labels)
    assert near.max() <= 2 and near.mean() < 1
    np.testing.assert_allclose(model.log_ratios(sizes + 1.7, unsure), ratios)
    # on average the densities are weighed against their own mean
    np.testing.assert_allclose(np.exp(ratios[:, :K]).mean(axis=1), 1)


def test_a_size_that_no_chromosome_has_speaks_for_none_of_them():
    model = learn_sizes(*draw_sizes(40))
    sizes, labels, _ = draw_sizes(1, seed=5, spread=0.03)
    odd = np.array([sizes.max(axis=0) + 2, sizes.min(axis=0) - 2, sizes[3] + [2, -1]])
    sure = np.eye(K)[np.append(labels, [0, 20, 3])]
    ratios = model.log_ratios(np.vstack([sizes, odd]), sure)
    assert (ratios[:-3, K] < 0).all()
    assert (ratios[-3:].argmax(axis=1) == K).all()
    weighted = Calibration(size_weight=0.2).none_ratios(sure, ratios)
    assert (weighted[-3:] > 2).all() and (weighted[:-3] < 0.5).all()
    unknown = np.zeros((len(sure), K + 1))
    np.testing.assert_allclose(
        Calibration(2.0, 0.2).none_ratios(sure, unknown), 0, atol=1e-9
    )


def test_missing_chromosomes_do_not_shift_the_scale():
    model = learn_sizes(*draw_sizes(40))
    sizes, labels, _ = draw_sizes(1, seed=5)
    sure = np.eye(K)[labels]
    whole = model.log_ratios(sizes, sure)
    kept = labels < 12  # all short ones are missing
    found = model.log_ratios(sizes[kept], sure[kept])
    assert abs(found.argmax(axis=1) - whole[kept].argmax(axis=1)).max() <= 1


def test_few_crops_and_unknown_sizes_give_no_evidence():
    model = learn_sizes(*draw_sizes(5))
    sizes, labels, _ = draw_sizes(1)
    sure = np.eye(K)[labels]
    few = slice(0, LEAST_CROPS - 1)
    assert not model.log_ratios(sizes[few], sure[few]).any()
    sizes[3] = np.nan
    ratios = model.log_ratios(sizes, sure)
    assert not ratios[3].any() and ratios[4].any() and np.isfinite(ratios).all()


def test_what_cannot_be_learned_from_is_refused():
    sizes, labels, cells = draw_sizes(2)
    with pytest.raises(ValueError, match=r"expected shape \(24, 2\), .* got \(1, 2\)"):
        learn_sizes(sizes, labels, cells).log_ratios(sizes[:1], np.eye(K))
    with pytest.raises(ValueError, match="10 crops or more .* none among 1 cells"):
        learn_sizes(sizes, labels, [np.arange(3)])
    with pytest.raises(ValueError, match="no chromosome of class 23"):
        learn_sizes(sizes, np.minimum(labels, 22), cells)
