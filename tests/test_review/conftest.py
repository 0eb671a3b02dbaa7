"""Folders of results to correct."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory) -> Path:
    """Four cells of two cases; not to be changed."""
    from drawn_review import write_folder

    return write_folder(tmp_path_factory.mktemp("review"))


@pytest.fixture
def folder(drawn_folder, tmp_path) -> Path:
    """A copy of it; its input stays where it is."""
    return shutil.copytree(drawn_folder, tmp_path / "results")
