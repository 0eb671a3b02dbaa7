from __future__ import annotations

import json

import numpy as np
import pytest
from drawn_cells import SIZES, K, draw_sizes, draw_table, labels_of, probabilities

from mmscl.datasets.manifest import TYPES, Manifest, ManifestError
from mmscl.evaluation import PredictionTableError
from mmscl.files import OutputError
from mmscl.karyotype import (
    NONE,
    Calibration,
    CountPrior,
    Karyotype,
    KaryotypeModel,
    KaryotypeModelError,
    calibration_error,
    fit_model,
    learn_sizes,
    prior_of_manifest,
    read_cells,
    split_cells,
)

NORMAL = [[Karyotype.of("XX"), Karyotype.of("XX")], [Karyotype.of("XY")]]


@pytest.fixture(scope="module")
def table():
    return draw_table(NORMAL * 8, signal=3.5)


def test_a_reading_holds_together():
    rng = np.random.default_rng(0)
    values = probabilities(labels_of(Karyotype.of("XY", {"21": 1})), rng, 5.0)
    values = np.vstack([values, np.full((1, K), 1 / K)])
    reading = KaryotypeModel(review_below=0.9).read(values)
    rows = np.arange(len(values))
    assert reading.karyotype.text == "47,XY,+21"
    assert reading.unplaced == 1 and reading.types[-1] == NONE
    assert (reading.margins[rows, reading.types] == 0).all()
    assert (reading.second != reading.types).all()
    assert reading.confidence == pytest.approx(1 / np.exp(-reading.margins).sum(axis=1))
    expected = (reading.confidence < 0.9) | (reading.types == NONE)
    assert (reading.review == expected).all() and expected.any()
    # probabilities below 1e-6 are raised to it
    np.testing.assert_allclose(reading.single, values, atol=1e-4)


def test_the_fit_makes_confidence_honest_and_catches_its_share(table):
    model = fit_model(table, catch=0.9)
    fresh = draw_table(NORMAL * 16, seed=9, signal=3.5)
    cells = split_cells(fresh)
    readings = read_cells(fresh, cells, model)
    labels = np.concatenate([fresh.labels[cell.rows] for cell in cells])
    right = np.concatenate([one.types for one in readings]) == labels
    confidence = np.concatenate([one.confidence for one in readings])
    review = np.concatenate([one.review for one in readings])
    assert (~right).sum() > 30
    assert calibration_error(confidence, right) < 0.02
    assert review[~right].mean() > 0.75  # 0.9 in the mean, 40 errors
    assert review.mean() < 0.3


def test_more_errors_caught_need_more_review(table):
    thresholds = [fit_model(table, catch=c).review_below for c in (0.0, 0.5, 0.95)]
    assert thresholds == sorted(thresholds) and thresholds[0] == 0.0


def test_the_file_gives_the_same_model_back(tmp_path):
    model = KaryotypeModel(
        CountPrior(0.01, tuple(np.linspace(0.001, 0.1, K).tolist()), none=0.05),
        Calibration(1.7, 0.3),
        learn_sizes(*draw_sizes(3)),
        0.8,
        0.97,
    )
    model.write(tmp_path / "model.json")
    again = KaryotypeModel.load(tmp_path / "model.json")
    assert (again.prior, again.calibration) == (model.prior, model.calibration)
    assert (again.sharpness, again.review_below) == (0.8, 0.97)
    np.testing.assert_array_equal(again.sizes.means, model.sizes.means)
    np.testing.assert_array_equal(again.sizes.covariances, model.sizes.covariances)
    KaryotypeModel().write(tmp_path / "plain.json")
    assert KaryotypeModel.load(tmp_path / "plain.json") == KaryotypeModel()


def test_files_that_hold_no_model_are_refused(tmp_path):
    path = tmp_path / "model.json"
    with pytest.raises(FileNotFoundError, match="model.json: no such karyotype model"):
        KaryotypeModel.load(path)
    KaryotypeModel().write(path)
    whole = json.loads(path.read_text())
    for broken in (
        "",
        "[1]",
        "{}",
        json.dumps(whole | {"format": "other"}),
        json.dumps(whole | {"prior": whole["prior"] | {"loss": 2}}),
        json.dumps(whole | {"prior": whole["prior"] | {"extra": 2}}),
        json.dumps(whole | {"sizes": {"means": [], "covariances": []}}),
        path.read_text()[:-40],
    ):
        path.write_text(broken)
        with pytest.raises(KaryotypeModelError, match="model.json: expected a karyo"):
            KaryotypeModel.load(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: cannot be written"):
        KaryotypeModel().write(tmp_path / "folder")


def test_a_model_with_sizes_asks_for_them(table):
    sizes, labels, cells = draw_sizes(3)
    model = KaryotypeModel(
        calibration=Calibration(1.0, 0.5), sizes=learn_sizes(sizes, labels, cells)
    )
    values = np.full((48, K), 1 / K)
    with pytest.raises(ValueError, match="sizes: this model uses the sizes"):
        model.read(values)
    assert model.read(values, sizes[:48]).types.shape == (48,)
    with pytest.raises(ValueError, match=r"sizes: size_model needs a row for each"):
        fit_model(table, size_model=model.sizes)


def test_sizes_help_where_pictures_do_not():
    """Pictures that tell little; sizes that tell the types apart."""
    rng = np.random.default_rng(4)
    model = learn_sizes(*draw_sizes(40, spread=0.05))
    cells = [[Karyotype.of("XX")] for _ in range(12)]
    table = draw_table(cells, seed=3, signal=2.5)
    sizes = SIZES[table.labels] + rng.normal(0, 0.05, (len(table), 2))
    with_sizes = fit_model(table, size_model=model, sizes=sizes)
    without = fit_model(table)
    assert with_sizes.calibration.size_weight > 0.5
    right = []
    for fitted, given in ((with_sizes, sizes), (without, None)):
        found = read_cells(table, split_cells(table), fitted, given)
        right.append(np.mean(np.concatenate([f.types for f in found]) == table.labels))
    assert right[0] > right[1] + 0.1


def test_unknown_types_cannot_be_fitted_on(table):
    labels = table.labels.copy()
    labels[7] = -1
    unknown = type(table)(**{**vars(table), "labels": labels})
    with pytest.raises(PredictionTableError, match="img/7.png: its true type is not"):
        fit_model(unknown)


def test_the_prior_of_a_manifest_is_that_of_its_training_rows():
    labels = [labels_of(Karyotype.of("XY", {"21": 1})), labels_of(Karyotype.of("XX"))]
    types = [TYPES[label] for part in labels for label in part]
    names = ["a"] * len(labels[0]) + ["b"] * len(labels[1])
    columns = dict(
        path=[f"{n}.png" for n in range(len(types))],
        type=types,
        case=names,
        cell=names,
        split=["train" if name == "a" else "test" for name in names],
    )
    prior = prior_of_manifest(Manifest(columns))
    assert prior.sex["XY"] == pytest.approx(1.5 / 4)
    both = prior_of_manifest(Manifest(columns), split=None)
    assert both.sex["XX"] == pytest.approx(1.5 / 5)
    del columns["cell"]
    with pytest.raises(ManifestError, match="a prior on the counts needs the column"):
        prior_of_manifest(Manifest(columns))
