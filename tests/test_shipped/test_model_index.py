"""model-index.yml, in OpenMMLab's form, lists what exists and what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import MODELS
from modelindex.load_model_index import load

from mmscl.shipped import find_shipped, shipped_names
from mmscl.shipped.card import write_metafile

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "model-index.yml"
METAFILE = yaml.safe_load((ROOT / "configs" / "scl" / "metafile.yml").read_text())
COLUMNS = {
    "Accuracy": "accuracy",
    "Macro Recall": "recall",
    "Macro AUC": "AUC",
    "Macro F1": "F1",
}

each_config = pytest.mark.parametrize(
    "model", METAFILE["Models"], ids=lambda model: model["Name"]
)


def measured(dataset: str) -> list[dict[str, str]]:
    """Rows of the tables of docs/results.md for a set; with and without SCL."""
    rows = []
    header: list[str] = []
    for line in (ROOT / "docs" / "results.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        elif dataset in cells:
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def test_modelindex_reads_it_without_a_complaint():
    index = load(str(INDEX))
    assert index.check(silent=True) == []
    names = [model["Name"] for model in METAFILE["Models"]]
    assert [model.name for model in index.models] == [*names, *shipped_names()]
    for model in index.models[: len(names)]:
        assert model.in_collection == "SCL"
    for model in index.models:
        assert model.name == model.name.lower()


def test_mmpretrains_hub_reads_it(monkeypatch):
    monkeypatch.setattr(ModelHub, "_models_dict", {})
    ModelHub.register_model_index(INDEX, config_prefix=ROOT)
    known = ModelHub._models_dict
    assert set(known) >= {"resnet10t_pki3", "resnet10t_synthetic", *shipped_names()}
    for info in known.values():
        assert Path(info.config).is_file(), info.config
        assert info.results[0].task == "Image Classification"


@each_config
def test_the_config_is_there_and_has_as_many_parameters(model):
    config = Config.fromfile(ROOT / model["Config"])
    assert Path(model["Config"]).stem == model["Name"]
    built = MODELS.build(config.model)
    assert model["Metadata"]["Parameters"] == sum(p.numel() for p in built.parameters())
    assert model["Metadata"]["Epochs"] == config.train_cfg.max_epochs
    assert model["Metadata"]["Batch Size"] == config.train_dataloader.batch_size


@each_config
def test_each_figure_is_in_the_results(model):
    assert model["Results"]
    for result in model["Results"]:
        told = {COLUMNS[name]: f"{v:.2f}" for name, v in result["Metrics"].items()}
        rows = measured(result["Dataset"])
        # the paper's method, not the row without it
        rows = [row for row in rows if row.get("", "SCL").startswith("SCL")]
        assert any(told.items() <= row.items() for row in rows), (told, rows)


def test_paths_lead_to_files():
    for text in yaml.safe_load(INDEX.read_text())["Import"]:
        assert "*" in text or (ROOT / text).is_file()
    assert re.search(r"shipped/models/\*/metafile.yml", INDEX.read_text())


def test_metafiles_of_shipped_models_are_those_of_their_records():
    for name in shipped_names():
        model = find_shipped(name)
        assert model.file("metafile.yml").read_text("utf-8") == write_metafile(
            model.record()
        )
