"""The models in the package, be there some or none; and that they get there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.apis.model import ModelHub
from tiny_shipment import NAME

from mmscl.inference import ChromosomeInferencer
from mmscl.shipped import (
    committee_names,
    find_committee,
    find_shipped,
    load_from_shipped,
    shipped_names,
)
from mmscl.shipped.card import write_card
from mmscl.shipped.model_list import current_list, read_list
from mmscl.shipped.shipping import MOST_BYTES
from mmscl.shipped.store import FILES, sha256_of

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_lists_them():
    assert read_list(ROOT / "docs" / "models.md") == current_list()


# Not parametrized: with no model there would be nothing to run.
def test_each_of_them_is_whole_and_as_recorded():
    for name in shipped_names():
        model = find_shipped(name)
        record = model.record()
        assert record["name"] == name
        beside = [part for part in ("karyotype", "prototypes") if part in record]
        assert {path.name for path in model.folder.iterdir()} - {"__pycache__"} == {
            *FILES,
            *(record[part]["file"] for part in beside),
        }
        for part in ("weights", "config", *beside):
            file = model.file(record[part]["file"])
            assert sha256_of(file) == record[part]["sha256"]
        weights = model.file("weights.safetensors")
        assert weights.stat().st_size == record["weights"]["bytes"] <= MOST_BYTES
        assert model.file("README.md").read_text("utf-8") == write_card(record)
        assert (ROOT / record["training"]["config"]).is_file()


def test_each_name_of_several_is_whole_and_as_recorded():
    for name in committee_names():
        committee = find_committee(name)
        record = committee.record()
        assert record["name"] == name and name not in shipped_names()
        for member, weights in record["members"].items():
            assert find_shipped(member).record()["weights"]["sha256"] == weights
        assert {path.name for path in committee.folder.iterdir()} == {
            "record.json",
            "karyotype.json",
            "prototypes.safetensors",
        }
        for part in ("karyotype", "prototypes"):
            file = committee.file(record[part]["file"])
            assert sha256_of(file) == record[part]["sha256"]


def test_each_of_them_predicts():
    for name in shipped_names():
        load_from_shipped(f"mmscl://{name}")
        infer = ChromosomeInferencer(name, device="cpu")
        crop = np.full((60, 30), 255, np.uint8)
        crop[10:50, 8:22] = 90
        found = infer([crop], one_cell=True)
        np.testing.assert_allclose(found.predictions.scores.sum(1), 1, atol=1e-5)


@pytest.fixture
def installed(shipped, tmp_path) -> Path:
    """The package as a wheel holds it, made from a copy that has the tiny model."""
    source = tmp_path / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "mmscl", source / "mmscl", ignore=ignore)
    for name in ("setup.py", "README.md", "pyproject.toml", "model-index.yml"):
        shutil.copy(ROOT / name, source)
    for name in ("configs", "tools"):
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    shutil.copytree(
        shipped, source / "mmscl" / "shipped" / "models" / NAME, dirs_exist_ok=True
    )
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", site],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return site


CALL = f"""
import mmscl, mmpretrain
from mmscl.inference import ChromosomeInferencer
assert mmscl.__file__.startswith({{site!r}}), mmscl.__file__
assert '{NAME}' in mmpretrain.list_models('tiny-')
mmpretrain.get_model('{NAME}', pretrained=True)
found = ChromosomeInferencer('{NAME}', device='cpu')({{crops!r}})
print('accuracy', (found.predictions.predicted == found.predictions.labels).sum())
"""


@pytest.mark.slow
def test_configs_are_where_mim_looks(installed, monkeypatch):
    mim = installed / "mmscl" / ".mim"
    monkeypatch.setattr(ModelHub, "_models_dict", {})
    ModelHub.register_model_index(mim / "model-index.yml", config_prefix=mim)
    assert "resnet10t_pki3" in ModelHub._models_dict
    for info in ModelHub._models_dict.values():
        assert Config.fromfile(info.config).model.type == "SCLClassifier"
    assert (mim / "tools" / "train.py").is_file()


@pytest.mark.slow
def test_an_installed_package_needs_nothing_else(installed, tiny, tmp_path):
    """No repository, no network: in a fresh process, elsewhere."""
    shutil.rmtree(installed / "mmscl" / ".mim")  # its configs are not needed either
    folder = installed / "mmscl" / "shipped" / "models" / NAME
    assert {path.name for path in folder.iterdir()} == {*FILES}
    call = CALL.format(site=str(installed), crops=str(tiny.root / "outside"))
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", call],
        cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "accuracy 3"  # 6.52 % of 46


def test_the_flat_config_alone_builds(shipped):
    cfg = Config.fromfile(shipped / "config.py")
    assert cfg.test_dataloader.dataset.type == "ChromosomeDataset"
