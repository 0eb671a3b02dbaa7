"""A model is shipped whole, with figures that were measured on it, or not at all."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from safetensors.torch import load_file
from scipy.stats import binomtest
from tiny_shipment import NAME, Tiny

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets import Manifest
from mmscl.datasets.manifest import ManifestError
from mmscl.engine.settings import flatten_settings
from mmscl.evaluation import PredictionTableError
from mmscl.files import OutputError
from mmscl.shipped.shipment import check_settings
from mmscl.shipped.shipping import MOST_BYTES, ship
from mmscl.shipped.store import FILES


@pytest.fixture
def record(shipped) -> dict:
    return json.loads((shipped / "record.json").read_text())


def rows_of(tiny: Tiny, name: str) -> list[dict]:
    with open(tiny.root / "test" / name / "predictions.csv") as file:
        return list(csv.DictReader(file))


# What is written


def test_the_files_are_all_there_and_nothing_else(shipped):
    assert sorted(path.name for path in shipped.iterdir()) == sorted(FILES)
    assert [path.name for path in shipped.parent.iterdir()] == [NAME]


def test_checksums_and_sizes_are_those_of_the_files(shipped, record, tiny):
    for part in ("weights", "config"):
        data = (shipped / record[part]["file"]).read_bytes()
        assert record[part]["sha256"] == hashlib.sha256(data).hexdigest()
    assert record["weights"]["bytes"] == len(
        (shipped / "weights.safetensors").read_bytes()
    )
    assert record["weights"]["bytes"] < MOST_BYTES
    state = torch.load(tiny.shipment.checkpoint, weights_only=True)["state_dict"]
    assert record["weights"]["tensors"] == len(state)
    learned = [k for k in state if "running" not in k and "num_batches" not in k]
    assert record["parameters"] == sum(state[name].numel() for name in learned)
    checkpoint = Path(tiny.shipment.checkpoint).read_bytes()
    assert record["training"]["sha256"] == hashlib.sha256(checkpoint).hexdigest()
    assert {record["training"][key] for key in ("epoch", "iter", "seed")} == {2, 20, 7}


def test_kernels_are_halves_and_what_norms_measured_is_not(shipped):
    for name, value in load_file(shipped / "weights.safetensors").items():
        if value.is_floating_point():
            half = value.ndim > 1
            assert value.dtype == (torch.float16 if half else torch.float32), name


@pytest.mark.parametrize("name", ["internal", "outside"])
def test_figures_are_those_of_the_tables(name, record, tiny):
    rows = rows_of(tiny, name)
    found = record["results"][name]
    hits = [row["type"] == row["pred_type"] for row in rows]
    assert found["images"] == len(rows)
    assert found["measures"]["accuracy"] == round(100 * np.mean(hits), 2)
    metrics = json.loads((tiny.root / "test" / "metrics.json").read_text())[name]
    for key, value in found["measures"].items():
        assert value == round(metrics[key], 2)
    for kind in {row["type"] for row in rows}:
        own = [hit for hit, row in zip(hits, rows, strict=True) if row["type"] == kind]
        one = found["types"][kind]
        assert (one["images"], one["recall"]) == (len(own), 100 * np.mean(own))
        interval = binomtest(sum(own), len(own)).proportion_ci(method="wilson")
        ends = [one["low"], one["high"]]
        np.testing.assert_allclose(ends, np.multiply(interval, 100), atol=0.005)
    assert "Y" not in found["types"]  # no drawn man among the tested
    for one in found["confusions"]:
        pairs = [(row["type"], row["pred_type"]) for row in rows]
        assert one["images"] == pairs.count((one["true"], one["called"])) > 0
        assert one["true"] != one["called"]
        assert one["of"] == found["types"][one["true"]]["images"]
    counts = [one["images"] for one in found["confusions"]]
    assert counts == sorted(counts, reverse=True)


def test_the_accuracy_of_a_case_is_over_cases(record, tiny):
    rows = rows_of(tiny, "internal")
    cases = sorted({row["case"] for row in rows})
    each = [
        100 * np.mean([r["type"] == r["pred_type"] for r in rows if r["case"] == case])
        for case in cases
    ]
    assert record["results"]["internal"]["cases"] == len(cases) == 2
    assert record["results"]["internal"]["case_accuracy"]["mean"] == round(
        np.mean(each), 2
    )
    assert record["results"]["outside"]["case_accuracy"] is None  # a single case


def test_data_are_counted_by_split(record, tiny):
    manifest = Manifest.read(tiny.shipment.manifest)
    assert record["data"]["sites"] == ["inside"]
    assert list(record["data"]["splits"]) == ["train", "val", "test"]
    for (name, one), cases in zip(
        record["data"]["splits"].items(), (2, 1, 2), strict=True
    ):
        assert one["images"] == (manifest["split"] == name).sum()
        assert one["cases"] == one["cells"] == cases  # cells of two cases share a name
    assert [one["terms"] for one in record["terms"]] == ["drawn", "drawn too"]


def test_half_precision_is_reported(record):
    half = record["half_precision"]
    assert half["images"] == record["results"]["internal"]["images"]
    assert half["accuracy"] == record["results"]["internal"]["measures"]["accuracy"]
    assert half["changed"] == 0 and half["accuracy_half"] == half["accuracy"]
    assert 1e-5 < half["largest"] < 0.05


def test_nothing_of_this_machine_is_in_the_texts(shipped, tiny):
    for name in set(FILES) - {"weights.safetensors"}:
        assert str(tiny.root) not in (shipped / name).read_text(), name
    config = Config.fromfile(shipped / "config.py")
    assert config.test_dataloader.dataset.data_root == "data/inside"
    assert config.external.outside.data_root == "data/outside"
    assert config.load_from is None and "work_dir" not in config
    assert config.model.to_dict() == tiny.cfg.model.to_dict()
    pipelines = [c.test_dataloader.dataset.pipeline for c in (config, tiny.cfg)]
    assert pipelines[0] == pipelines[1]
    assert (
        '"""tiny-resnet10t-drawn: tiny.py, without'
        in (shipped / "config.py").read_text()
    )


# What is refused


def refused(tiny: Tiny, out: Path, error: type, words: str, **changes) -> None:
    """It is, and leaves nothing behind."""
    out.mkdir(exist_ok=True)
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(error, match=words):
        ship(dataclasses.replace(tiny.shipment, **changes), out)
    assert sorted(path.name for path in out.iterdir()) == before


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (dict(name="My Model"), ConfigError, "--name My Model: expected small letters"),
        (dict(name="../x"), ConfigError, "--name ../x: expected small letters"),
        (dict(config="none.py"), ConfigError, "none.py: no such config file"),
        (dict(checkpoint="none.pth"), FileNotFoundError, "none.pth does not exist"),
        (dict(results="none"), FileNotFoundError, "none/metrics.json: no such file"),
        (dict(manifest="none.csv"), ManifestError, "none.csv: no such manifest"),
        (dict(terms={}), ConfigError, "terms of the data of site 'inside' are not"),
        (
            dict(commands=["python tools/train.py c.py --work-dir /root/runs/1"]),
            ConfigError,
            "--command: '/root/runs/1' is a path of this machine",
        ),
        (
            dict(options={"model.head.embed_dims": 8}),
            ConfigError,
            "(?s)1 settings are not those .*embed_dims: 16 -> 8",
        ),
        (dict(split="val"), ManifestError, "'internal' holds .* in the split 'test'"),
    ],
)
def test_what_cannot_be_meant(changes, error, words, tiny, tmp_path):
    refused(tiny, tmp_path / "out", error, words, **changes)


def test_weights_that_are_too_large(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("mmscl.shipped.shipping.MOST_BYTES", 9_000_000)
    words = "9,9.* bytes in half precision; .* may have 9,000,000"
    refused(tiny, tmp_path, CheckpointError, words)


def test_a_weight_that_half_precision_does_not_hold(tiny, tmp_path):
    loaded = torch.load(tiny.shipment.checkpoint, weights_only=True)
    name = next(k for k, value in loaded["state_dict"].items() if value.ndim == 4)
    loaded["state_dict"][name][0, 0, 0, 0] = 70_000.0
    torch.save(loaded, tmp_path / "run.pth")
    words = f"{name}: the largest weight is 7e.04, which half precision"
    changes = dict(checkpoint=str(tmp_path / "run.pth"))
    refused(tiny, tmp_path / "out", CheckpointError, words, **changes)


def test_results_of_another_checkpoint(tiny, tmp_path):
    loaded = torch.load(tiny.shipment.checkpoint, weights_only=True)
    state = loaded["state_dict"]
    name = next(k for k, value in state.items() if value.ndim == 2 and len(value) == 24)
    state[name] = state[name].roll(1, 0)
    torch.save(loaded, tmp_path / "run.pth")
    changes = dict(checkpoint=str(tmp_path / "run.pth"))
    words = "of 92 predictions are not those of .*of another checkpoint"
    refused(tiny, tmp_path / "out", CheckpointError, words, **changes)


def test_predictions_that_half_precision_changes(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("mmscl.shipped.half_check.MOST_CHANGED", -1.0)
    words = "half precision changes the predicted type of 0 of 92"
    refused(tiny, tmp_path, CheckpointError, words)


@pytest.fixture
def results(tiny, tmp_path) -> Path:
    """A copy of the results to spoil."""
    return Path(shutil.copytree(tiny.root / "test", tmp_path / "results"))


def test_a_table_of_another_test(tiny, results, tmp_path):
    path = results / "outside" / "predictions.csv"
    lines = path.read_text().splitlines()
    right = next(
        n
        for n, line in enumerate(lines[1:], 1)
        if line.split(",")[4] == line.split(",")[5]
    )
    path.write_text("\n".join(lines[:right] + lines[right + 1 :]) + "\n")
    words = "outside/predictions.csv: its accuracy is .* of different tests"
    changes = dict(results=str(results))
    refused(tiny, tmp_path / "out", PredictionTableError, words, **changes)


def test_results_that_lack_images(tiny, results, tmp_path):
    """Accuracy and recall as told, but not of the split."""
    path = results / "internal" / "predictions.csv"
    path.write_text(path.read_text().replace("/inside/", "/inside/./elsewhere/"))
    words = "expected the 92 images of the split, got 92, of which 0 are"
    changes = dict(results=str(results))
    refused(tiny, tmp_path / "out", CheckpointError, words, **changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected set -> measure -> number"),
        ('{"outside": {"accuracy": 1}}', "no set is called 'internal'"),
        ('{"internal": {"accuracy": "high"}}', "expected set -> measure -> number"),
        ('{"internal": {}}', "metrics.json beside it says nothing"),
    ],
)
def test_metrics_that_are_none(text, words, tiny, results, tmp_path):
    (results / "metrics.json").write_text(text)
    changes = dict(results=str(results))
    refused(tiny, tmp_path / "out", PredictionTableError, words, **changes)


def test_another_manifest_than_that_of_the_training(tiny, tmp_path):
    manifest = Manifest.read(tiny.shipment.manifest)
    columns = {name: manifest[name].copy() for name in manifest.columns}
    row = int(np.flatnonzero(columns["split"] == "train")[0])
    columns["type"][row] = "22"
    Manifest(columns).write(tmp_path / "other.csv")
    words = "its split 'train' is not what the checkpoint was trained with"
    changes = dict(manifest=str(tmp_path / "other.csv"))
    refused(tiny, tmp_path / "out", ManifestError, words, **changes)


def test_the_config_of_a_work_dir_is_that_of_its_run(tiny):
    """It tells the data too, which are compared with the manifest."""
    cfg = Config(dict(tiny.cfg.to_dict(), data_state=dict(train=dict(images=1))))
    check_settings(tiny.shipment, cfg, flatten_settings(tiny.cfg))
    check_settings(tiny.shipment, tiny.cfg, flatten_settings(cfg))
    cfg.model.head.embed_dims = 8
    with pytest.raises(ConfigError, match="1 settings are not those"):
        check_settings(tiny.shipment, cfg, flatten_settings(tiny.cfg))


# What is there already


def test_a_model_that_is_there_is_kept_unless_asked(tiny, models):
    (models / NAME / "README.md").write_text("mine")
    with pytest.raises(OutputError, match=f"{NAME} is there already.*--overwrite"):
        ship(tiny.shipment, models)
    assert (models / NAME / "README.md").read_text() == "mine"
    ship(tiny.shipment, models, overwrite=True)
    assert (models / NAME / "README.md").read_text().startswith(f"# {NAME}")
    assert [path.name for path in models.iterdir()] == [NAME]


def test_a_failed_overwrite_keeps_what_was_there(tiny, models, monkeypatch):
    monkeypatch.setattr("mmscl.shipped.half_check.MOST_CHANGED", -1.0)
    before = {path.name: path.read_bytes() for path in (models / NAME).iterdir()}
    with pytest.raises(CheckpointError):
        ship(tiny.shipment, models, overwrite=True)
    after = {path.name: path.read_bytes() for path in (models / NAME).iterdir()}
    assert after == before and [path.name for path in models.iterdir()] == [NAME]
