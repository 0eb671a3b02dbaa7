"""Crops for all runs of this folder."""

from pathlib import Path

import pytest
from tiny_run import write_crops


@pytest.fixture(scope="session")
def crops(tmp_path_factory) -> Path:
    """24 types of 4 cases as small files, with a manifest."""
    root = tmp_path_factory.mktemp("crops")
    write_crops(root)
    return root
