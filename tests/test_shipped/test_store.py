"""Models that come with their weights are found by name, whole or with an error."""

from __future__ import annotations

from argparse import Namespace

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import MODELS
from safetensors.torch import load_file, save_file
from tiny_shipment import NAME

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError, choose_weights, read_config
from mmscl.datasets.manifest import TYPES
from mmscl.inference import ChromosomeInferencer
from mmscl.models.trained import find_config
from mmscl.shipped import (
    find_shipped,
    load_from_shipped,
    register_shipped,
    shipped_names,
)

ADDRESS = f"mmscl://{NAME}"


def trained(tiny) -> dict[str, torch.Tensor]:
    return torch.load(tiny.shipment.checkpoint, weights_only=True)["state_dict"]


# By name


def test_mmpretrain_lists_it_and_loads_its_weights(models, tiny):
    register_shipped()
    register_shipped()  # as a second import would
    assert mmpretrain.list_models("tiny-") == [NAME]
    assert mmpretrain.list_models("tiny-", task="Image Classification") == [NAME]
    model = mmpretrain.get_model(NAME.upper(), pretrained=True)
    assert not model.training and model._dataset_meta["classes"] == TYPES
    state = model.state_dict()
    for name, value in trained(tiny).items():
        assert state[name].dtype == value.dtype
        tolerance = 0 if value.ndim < 2 else 1e-3
        torch.testing.assert_close(state[name], value, rtol=tolerance, atol=1e-7)


def test_without_pretrained_the_weights_are_random(models, tiny):
    register_shipped()
    state = mmpretrain.get_model(NAME).state_dict()
    name = next(name for name, value in state.items() if value.ndim == 4)
    assert (state[name] - trained(tiny)[name]).abs().max() > 0.01


def test_inference_by_name_equals_that_by_files(models, tiny, monkeypatch):
    monkeypatch.setattr(ModelHub, "get", None)  # mmpretrain's list is not read
    crops = tiny.root / "outside"
    by_files = ChromosomeInferencer(
        models / NAME / "config.py", models / NAME / "weights.safetensors"
    )
    for name in (NAME, NAME.upper()):
        infer = ChromosomeInferencer(name)
        assert infer.types == TYPES
        np.testing.assert_array_equal(
            infer(crops).predictions.scores, by_files(crops).predictions.scores
        )


def test_other_weights_for_a_named_model(models, tiny):
    crops = tiny.root / "outside"
    full = ChromosomeInferencer(tiny.cfg, tiny.shipment.checkpoint)
    found = ChromosomeInferencer(NAME, tiny.shipment.checkpoint)(crops).predictions
    expected = full(crops).predictions
    np.testing.assert_array_equal(found.scores, expected.scores)
    rounded = ChromosomeInferencer(NAME)(crops).predictions
    assert 0 < np.abs(rounded.scores - expected.scores).max() < 0.05


def test_the_address_stands_wherever_mmengine_takes_a_checkpoint(models, tiny):
    model = MODELS.build(tiny.cfg.model)
    load_checkpoint(model, ADDRESS)
    stored = load_file(models / NAME / "weights.safetensors")
    halves = [name for name, value in stored.items() if value.dtype == torch.float16]
    assert len(halves) > 10
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, stored[name].to(value.dtype), rtol=0, atol=0)


def test_weights_are_float32_when_they_are_read(models):
    loaded = load_from_shipped(ADDRESS, "cpu")
    kinds = {value.dtype for value in loaded["state_dict"].values()}
    assert kinds == {torch.float32, torch.int64}  # steps of the norms
    assert loaded["meta"] == dict(dataset_meta=dict(classes=TYPES))


# Names


def test_unknown_names_tell_those_that_there_are(models, tmp_path, monkeypatch):
    monkeypatch.setattr("mmscl.shipped.store.COMMITTEES", tmp_path / "committees")
    with pytest.raises(ConfigError, match=f"neither a config.*mmscl come {NAME};"):
        find_config("tiny-resnet10")
    (tmp_path / "committees" / "tiny-pair").mkdir(parents=True)
    with pytest.raises(ConfigError, match=rf"come {NAME}, and tiny-pair \(several"):
        find_config("tiny-resnet10")
    with pytest.raises(CheckpointError, match=f"no model 'tiny'.* there are: {NAME}"):
        load_from_shipped("mmscl://tiny")


@pytest.mark.parametrize("name", ["", ".", "..", "../models/" + NAME, "a/b", "_x"])
def test_a_name_is_no_path(name, models):
    (models / "_x").mkdir()
    assert find_shipped(name) is None
    assert shipped_names() == [NAME]


def test_there_may_be_none(tmp_path, monkeypatch):
    monkeypatch.setattr("mmscl.shipped.store.MODELS", tmp_path / "models")
    monkeypatch.setattr("mmscl.shipped.store.COMMITTEES", tmp_path / "committees")
    before = dict(ModelHub._models_dict)
    register_shipped()
    assert shipped_names() == [] and find_shipped(NAME) is None
    assert ModelHub._models_dict == before
    with pytest.raises(CheckpointError, match="there are: none"):
        load_from_shipped(ADDRESS)
    with pytest.raises(ConfigError, match="with mmscl come none"):
        find_config(NAME)


# Damage


def read(models) -> None:
    ChromosomeInferencer(NAME)


def test_weights_with_one_other_bit_are_refused(models):
    path = models / NAME / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # still a file that safetensors reads
    path.write_bytes(data)
    load_file(path)
    with pytest.raises(CheckpointError, match="is damaged or was replaced: .*SHA-256"):
        read(models)
    register_shipped()
    with pytest.raises(CheckpointError, match="is damaged or was replaced"):
        mmpretrain.get_model(NAME, pretrained=True)


@pytest.mark.parametrize("name", ["weights.safetensors", "record.json", "config.py"])
def test_a_missing_file_is_named(name, models):
    (models / NAME / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing.*incomplete"):
        read(models)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": {}}'])
def test_a_record_that_is_none(text, models):
    (models / NAME / "record.json").write_text(text)
    with pytest.raises(CheckpointError, match="record.json is no record of a model"):
        read(models)


def test_weights_of_another_model_are_refused(models, monkeypatch):
    """With a right checksum, as of a package that was put together wrongly."""
    path = models / NAME / "weights.safetensors"
    save_file({"a": torch.ones(1)}, path)
    monkeypatch.setattr(
        "mmscl.shipped.store.sha256_of",
        lambda _: find_shipped(NAME).record()["weights"]["sha256"],
    )
    with pytest.raises(CheckpointError, match="does not fit SCLClassifier"):
        read(models)


def test_a_damaged_model_does_not_stop_the_import(models):
    (models / NAME / "metafile.yml").unlink()
    register_shipped()
    assert not ModelHub.has(NAME)


def test_a_name_stands_for_a_config_in_the_commands(models):
    args = dict(config=NAME, cfg_options={"model.head.embed_dims": 8})
    cfg = read_config(Namespace(**args, work_dir=None, launcher="none"))
    assert cfg.work_dir == f"work_dirs/{NAME}"
    assert cfg.model.head.embed_dims == 8
    assert choose_weights(NAME, None) == ADDRESS
    assert choose_weights(NAME, "own.pth") == "own.pth"


def test_the_config_of_a_named_model_is_that_of_its_file(models):
    cfg, weights = find_config(NAME)
    assert weights == ADDRESS
    file = Config.fromfile(models / NAME / "config.py")
    assert cfg.to_dict() == file.to_dict()
