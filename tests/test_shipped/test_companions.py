"""The karyotype model and the prototypes that come with a shipped model."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_shipment import NAME

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets import Manifest
from mmscl.inference import ChromosomeInferencer
from mmscl.karyotype import Calibration, KaryotypeModel, KaryotypeModelError
from mmscl.karyotype_inference import NOT_CALIBRATED, KaryotypeInferencer
from mmscl.shipped.card import write_card
from mmscl.shipped.companions import (
    complete_shipped,
    ship_committee,
    shipped_karyotype,
    shipped_prototypes,
)
from mmscl.shipped.shipping import ship
from mmscl.shipped.store import (
    ShippedModel,
    committee_names,
    default_model,
    find_shipped,
)

ROOT = Path(__file__).resolve().parents[2]
FITTED = KaryotypeModel(calibration=Calibration(temperature=1.5), review_below=0.7)


@pytest.fixture(scope="module")
def complete(shipped, tiny, tmp_path_factory) -> ShippedModel:
    """A copy of the tiny model, completed by the command; not to be changed."""
    root = tmp_path_factory.mktemp("complete")
    models = root / "mmscl" / "shipped" / "models"
    shutil.copytree(shipped.parent, models)
    FITTED.write(root / "model.json")
    words = ["--name", NAME, "--karyotype", str(root / "model.json")]
    words += ["--manifest", tiny.shipment.manifest, "--out", str(models)]
    tool = str(ROOT / "tools" / "ship_weights.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [tool, *words])
        runpy.run_path(tool, run_name="__main__")
    return ShippedModel(NAME, models / NAME)


@pytest.fixture
def named(complete, tmp_path, monkeypatch) -> Path:
    """A copy of it in the place of the package's models."""
    from mmscl.shipped import store

    models = tmp_path / "mmscl" / "shipped" / "models"
    shutil.copytree(complete.folder.parent, models)
    monkeypatch.setattr(store, "MODELS", models)
    monkeypatch.setattr(store, "COMMITTEES", tmp_path / "committees")
    return models / NAME


def test_both_are_beside_the_weights_and_in_record_and_card(complete, shipped):
    names = {path.name for path in complete.folder.iterdir()} - {"__pycache__"}
    own = {path.name for path in shipped.iterdir()} - {"__pycache__"}
    assert names == own | {"karyotype.json", "prototypes.safetensors"}
    record = complete.record()
    assert record["karyotype"]["temperature"] == 1.5
    assert record["karyotype"]["sizes"] is False
    card = complete.file("README.md").read_text("utf-8")
    assert card == write_card(record)
    assert f"mmscl-karyotype CELLS --out DIR --model {NAME}\n" in card
    for part in ("karyotype", "prototypes"):
        assert record[part]["sha256"] in card
    assert shipped_karyotype(complete) == FITTED


def test_prototypes_are_the_means_of_the_training_crops(complete, tiny):
    """Two training cases of a cell each: fewer cells than are taken, so all crops."""
    infer = ChromosomeInferencer(
        complete.folder / "config.py", complete.folder / "weights.safetensors"
    )
    found = infer(tiny.shipment.manifest, split="train", embeddings=True)
    manifest = Manifest.read(tiny.shipment.manifest).select(split="train")
    units = [row / np.linalg.norm(row) for row in found.embeddings]
    prototypes = shipped_prototypes(complete)
    for kind in range(24):
        own = [
            u for u, label in zip(units, manifest.labels, strict=True) if label == kind
        ]
        if not own:
            assert np.isnan(prototypes[kind]).all()
            continue
        mean = np.mean(own, axis=0)
        np.testing.assert_allclose(
            prototypes[kind], mean / np.linalg.norm(mean), atol=2e-3
        )
    assert complete.record()["prototypes"]["images"] == len(manifest)


def test_the_inferencer_takes_both_by_the_name(named, tiny):
    read = KaryotypeInferencer(NAME, device="cpu")
    assert read.karyotype_model == FITTED and read.warnings == []
    results = read(tiny.shipment.manifest, split="test")
    assert (
        results.run["model"]["sha256"]
        == json.loads((named / "record.json").read_text())["weights"]["sha256"]
    )
    assert results.run["karyotype_model"]["file"] == f"{NAME}/karyotype.json"
    kinds = [part.split()[0] for part in results.crops[0].prototypes.split(", ")]
    assert len(set(kinds)) == 3
    # Other weights are another model: nothing that is beside it fits.
    other = KaryotypeInferencer(NAME, named / "weights.safetensors", device="cpu")
    assert other.warnings == [NOT_CALIBRATED] and other.prototypes is None


def test_the_recipe_is_the_default_where_it_comes_along(named, monkeypatch):
    assert default_model() is None  # of the models of this test none is it
    monkeypatch.setattr("mmscl.shipped.store.DEFAULT", NAME)
    assert default_model() == NAME


def test_a_file_that_was_changed_is_refused(named):
    model = find_shipped(NAME)
    (named / "karyotype.json").write_text((named / "karyotype.json").read_text() + "\n")
    with pytest.raises(CheckpointError, match="karyotype.json is damaged or was repl"):
        shipped_karyotype(model)
    (named / "prototypes.safetensors").unlink()
    with pytest.raises(CheckpointError, match="prototypes.safetensors is missing"):
        shipped_prototypes(model)


def test_what_is_no_karyotype_model_changes_nothing(named, tiny, tmp_path):
    before = {path.name: path.read_bytes() for path in named.glob("*.*")}
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(KaryotypeModelError, match="expected a karyotype model"):
        complete_shipped(
            ShippedModel(NAME, named), tmp_path / "model.json", tiny.shipment.manifest
        )
    assert {path.name: path.read_bytes() for path in named.glob("*.*")} == before


def test_the_command_says_what_is_missing(monkeypatch, capsys, tiny):
    tool = str(ROOT / "tools" / "ship_weights.py")
    words = ["--name", "x", "--manifest", tiny.shipment.manifest]
    monkeypatch.setattr(sys, "argv", [tool, *words])
    with pytest.raises(SystemExit):
        runpy.run_path(tool, run_name="__main__")
    assert "expected checkpoint, config, results, command, machine too" in (
        capsys.readouterr().err
    )


OTHER = f"{NAME}-b"


@pytest.fixture
def together(named, tiny, tmp_path) -> Path:
    """The tiny model and a copy of it under another name, and both as `tiny-pair`."""
    shutil.copytree(named, named.parent / OTHER)
    committees = tmp_path / "committees"
    FITTED.write(tmp_path / "model.json")
    members, fitted = [NAME, OTHER], tmp_path / "model.json"
    ship_committee("tiny-pair", members, fitted, tiny.shipment.manifest, committees)
    return committees / "tiny-pair"


def test_several_models_come_under_one_name(together, tiny):
    assert committee_names() == ["tiny-pair"]
    read = KaryotypeInferencer("Tiny-Pair", device="cpu")
    assert read.karyotype_model == FITTED and read.warnings == []
    alone = KaryotypeInferencer(NAME, device="cpu")
    assert read.prototypes.shape == (24, 2 * alone.prototypes.shape[1])
    results = read(tiny.shipment.manifest, split="test")
    names = [member["name"] for member in results.run["model"]["members"]]
    assert results.run["model"]["name"] == "tiny-pair" and names == [NAME, OTHER]
    ours, single = (
        reader(tiny.shipment.manifest, split="test").crops for reader in (read, alone)
    )
    assert [crop.best for crop in ours] == [crop.best for crop in single]
    # Two of one model: the mean cosines are those of it.
    nearest = [[c.prototypes.split()[0] for c in crops] for crops in (ours, single)]
    assert nearest[0] == nearest[1]
    both = KaryotypeInferencer([NAME, OTHER], device="cpu")
    assert both.karyotype_model == FITTED and both.prototypes is not None
    turned = KaryotypeInferencer([OTHER, NAME], device="cpu")
    assert turned.warnings == [NOT_CALIBRATED] and turned.prototypes is None
    assert "tiny-pair" in KaryotypeInferencer.list_models()


def test_one_model_is_asked_for_where_several_have_the_name(together):
    with pytest.raises(ConfigError, match="2 models that answer together, not one"):
        ChromosomeInferencer("tiny-pair")


def test_a_name_of_a_model_is_not_given_twice(together, tiny, tmp_path):
    fitted, manifest = tmp_path / "model.json", tiny.shipment.manifest
    for name in (NAME, "Big Name"):
        with pytest.raises(ConfigError, match="that no model has"):
            ship_committee(name, [NAME, OTHER], fitted, manifest, together.parent)
    with pytest.raises(ConfigError, match="no-such: expected a model that comes with"):
        ship_committee("x", [NAME, "no-such"], fitted, manifest, together.parent)
    assert committee_names() == ["tiny-pair"]


def test_a_committee_without_one_of_its_models_is_refused(together, named):
    shutil.rmtree(named.parent / OTHER)
    with pytest.raises(CheckpointError, match=f"names {OTHER}, which this mmscl does"):
        KaryotypeInferencer("tiny-pair", device="cpu")
    (together / "record.json").write_text("[]")
    with pytest.raises(CheckpointError, match="is no record of several models"):
        KaryotypeInferencer("tiny-pair", device="cpu")


@pytest.mark.slow
def test_shipping_brings_both(tiny, tmp_path):
    FITTED.write(tmp_path / "model.json")
    shipment = replace(tiny.shipment, karyotype=str(tmp_path / "model.json"))
    model = ship(shipment, tmp_path / "models")[0]
    assert shipped_karyotype(model) == FITTED
    assert shipped_prototypes(model).shape[0] == 24
    assert model.file("README.md").read_text("utf-8") == write_card(model.record())
