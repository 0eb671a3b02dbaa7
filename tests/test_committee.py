"""Several classifiers that answer as one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from trained import make_config, save_weights, write_cells

from mmscl.committee import CommitteeInferencer, members_of, open_inferencer
from mmscl.config import ConfigError
from mmscl.datasets import Manifest
from mmscl.datasets.images import ImageError, read_crop
from mmscl.inference import ChromosomeInferencer
from mmscl.karyotype_inference import NOT_CALIBRATED, KaryotypeInferencer


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two drawn cells; two networks of other weights, the second sizes the cells."""
    root = tmp_path_factory.mktemp("drawn")
    write_cells(root)
    save_weights(make_config(root), root / "a.pth")
    save_weights(make_config(root, cell_size=31), root / "b.pth", seed=1)
    return root


@pytest.fixture(scope="module")
def pair(root) -> list[tuple]:
    return [
        (make_config(root), root / "a.pth"),
        (make_config(root, cell_size=31), root / "b.pth"),
    ]


@pytest.fixture(scope="module")
def members(pair) -> list[ChromosomeInferencer]:
    return [ChromosomeInferencer(*one, device="cpu") for one in pair]


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_scores_are_the_means_and_cosines_too(root, members):
    infer = CommitteeInferencer(members)
    found = infer(root, embeddings=True)
    alone = [member(root, embeddings=True) for member in members]
    a, b = (one.predictions.scores for one in alone)
    assert abs(a - b).max() > 1e-3
    np.testing.assert_allclose(found.predictions.scores, (a + b) / 2, atol=1e-6)
    assert (
        found.predictions.predicted == found.predictions.scores.argmax(axis=1)
    ).all()
    assert found.predictions.polarity is None
    assert (found.predictions.path == alone[0].predictions.path).all()
    units = [unit(one.embeddings) for one in alone]
    cosines = sum(one @ one.T for one in units) / 2
    np.testing.assert_allclose(
        found.embeddings @ found.embeddings.T, cosines, atol=1e-5
    )
    assert infer(root).embeddings is None


def test_what_one_leaves_out_is_left_out_once(root, members, tmp_path):
    """A cell of empty crops has no size, which the second network alone needs."""
    crops = tmp_path / "crops"
    shutil.copytree(root, crops)
    manifest = Manifest.read(crops / "manifest.csv")
    (crops / manifest["path"][0]).write_bytes(b"no picture")
    infer = CommitteeInferencer(members)
    with pytest.raises(ImageError):
        infer(crops)
    found = infer(crops, skip_unreadable=True, embeddings=True)
    assert [Path(one.path).name for one in found.left_out] == [
        Path(manifest["path"][0]).name
    ]
    assert len(found.predictions) == len(found.embeddings) == len(manifest) - 1
    cell = manifest["cell"] == manifest["cell"][0]
    for path in manifest["path"][cell]:
        cv2.imwrite(str(crops / path), np.full((40, 20), 255, np.uint8))
    found = infer(crops, skip_unreadable=True, embeddings=True)
    assert len(found.left_out) == cell.sum()
    assert set(found.predictions.cell) == set(manifest["cell"][~cell])
    assert len(found.predictions) == len(found.embeddings) == (~cell).sum()


def test_members_that_do_not_fit_are_refused(members, pair):
    with pytest.raises(ConfigError, match="two classifiers or more, got 1"):
        CommitteeInferencer(members[:1])
    other = ChromosomeInferencer(*pair[0], device="cpu")
    other.types = tuple(reversed(other.types))
    with pytest.raises(ConfigError, match="classifier 2 tells 24 types"):
        CommitteeInferencer([members[0], other])
    with pytest.raises(ConfigError, match="none beside several models, got x.pth"):
        open_inferencer(pair, "x.pth")


def test_karyotypes_are_read_by_several(root, pair, monkeypatch):
    files = []

    def read_once(path):
        files.append(str(path))
        return read_crop(path)

    monkeypatch.setattr("mmscl.karyotype_inference.read_crop", read_once)
    read = KaryotypeInferencer(pair, device="cpu")
    assert read.warnings == [NOT_CALIBRATED] and read.prototypes is None
    results = read(root)
    assert len(files) == len(set(files)) == len(results.crops)
    described = results.run["model"]
    assert [Path(one["weights"]).name for one in described["members"]] == [
        "a.pth",
        "b.pth",
    ]
    assert described["name"].count(" + ") == 1
    json.dumps(results.run)
    alone = open_inferencer(pair, device="cpu")(root).predictions
    for crop in results.crops:
        assert crop.path == alone.path[crop.crop] or str(root) not in crop.path


def test_a_single_model_has_no_members(root):
    assert members_of("no-such-name") is None
    assert members_of(make_config(root)) is None
    assert members_of(["a", ("b.py", "b.pth")]) == [("a", None), ("b.py", "b.pth")]
