"""A tiny model that is shipped once, into a folder that stands in for the package's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mmpretrain.apis.model import ModelHub
from tiny_shipment import NAME

from mmscl.shipped import store
from mmscl.shipped.shipping import ship


@pytest.fixture(scope="session")
def shipped(tiny) -> Path:
    """The folder of the model; not to be changed."""
    models = tiny.root / "mmscl" / "shipped" / "models"
    return ship(tiny.shipment, models)[0].folder


@pytest.fixture
def models(shipped, tmp_path, monkeypatch) -> Path:
    """The package's folder of models, with a copy of the tiny one."""
    models = tmp_path / "mmscl" / "shipped" / "models"
    shutil.copytree(shipped.parent, models)
    monkeypatch.setattr(store, "MODELS", models)
    yield models
    ModelHub._models_dict.pop(NAME, None)
