"""tools/ship_weights.py as a user types it; then the name in the other commands."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmpretrain.apis.model import ModelHub
from tiny_shipment import NAME

from mmscl.evaluation import read_prediction_table
from mmscl.shipped import store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def arguments(tiny) -> list[str]:
    given = tiny.shipment
    return [
        *(given.checkpoint, given.config, "--name", NAME, "--results", given.results),
        *("--manifest", given.manifest, "--machine", given.machine),
        *("--command", "python tools/train.py tiny.py", "--command", "and test it"),
        *("--terms", "inside=drawn", "outside=drawn = free"),
    ]


@pytest.fixture(scope="module")
def models(tiny, arguments, tmp_path_factory) -> Path:
    """Made by the command, in a process and a folder of its own."""
    root = tmp_path_factory.mktemp("shipped")
    models = root / "mmscl" / "shipped" / "models"
    notes, empty = root / "notes.md", root / "empty"
    notes.write_text("Blots were never seen.\n")
    empty.mkdir()
    tool = str(ROOT / "tools" / "ship_weights.py")
    words = [tool, *arguments, "--notes", str(notes), "--out", str(models)]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(empty.iterdir())
    said = done.stdout.splitlines()
    assert (
        f"config: external.outside.data_root: {tiny.root}/outside -> data/outside"
        in (said)
    )
    assert (
        "half precision: accuracy 2.17 % against 2.17 % on 92 images, 0 predictions "
        "changed"
    ) in said
    assert said[-1].startswith(f"{NAME}: 9,9") and said[-1].endswith(str(models / NAME))
    return models


@pytest.fixture
def run(monkeypatch, tmp_path, capfd):
    """Runs a command in this process; gives exit code, output and errors."""

    def run(tool: str, *args: str | Path) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        path = str(ROOT / "tools" / f"{tool}.py")
        monkeypatch.setattr(sys, "argv", [path, *map(str, args)])
        code = 0
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as stop:
            code = stop.code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    yield run
    ModelHub._models_dict.pop(NAME, None)


def test_the_card_has_commands_terms_and_notes(models):
    card = (models / NAME / "README.md").read_text()
    assert "python tools/train.py tiny.py\nand test it\n" in card
    assert "- outside: drawn = free.\n" in card
    assert "## Notes\n\nBlots were never seen.\n" in card


def test_predict_and_test_by_name(models, tiny, run, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MODELS", models)
    code, said, _ = run("predict", tiny.root / "outside", "--model", NAME)
    assert (code, said.split(",")[0]) == (0, "46 crops predicted")
    table = read_prediction_table(tmp_path / "predictions.csv")
    expected = read_prediction_table(tiny.root / "test" / "outside" / "predictions.csv")
    np.testing.assert_array_equal(table.predicted, expected.predicted)
    assert 0 < np.abs(table.scores - expected.scores).max() < 0.05

    code, said, _ = run("test", NAME, "--data-root", tiny.root / "outside")
    assert code == 0
    folder = tmp_path / "work_dirs" / NAME / "test" / "outside"
    again = read_prediction_table(folder / "predictions.csv")
    np.testing.assert_allclose(again.scores, table.scores, atol=1e-5)


def test_a_config_still_needs_its_checkpoint(tiny, run, tmp_path):
    crops = tiny.root / "outside"
    code, _, error = run("predict", crops, "--config", tiny.shipment.config)
    assert code == 2 and "tiny.py: expected a checkpoint (.pth, .safetensors)" in error
    code, _, error = run("test", tiny.shipment.config)
    assert code == 2 and "tiny.py: expected a checkpoint (.pth, .safetensors)" in error
    code, _, error = run("predict", crops, "--model", "mmscl-none")
    assert code == 2 and "mmscl-none: no such config file (see configs" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--terms", "inside"], "--terms inside: expected SITE=TEXT"),
        (["--name", "A B"], "--name A B: expected small letters"),
        (["--command", "train /root/x.py"], "'/root/x.py' is a path of this machine"),
    ],
)
def test_a_mistake_is_one_message(more, words, arguments, run, tmp_path):
    out = tmp_path / "models"
    code, _, error = run("ship_weights", *arguments, *more, "--out", out)
    assert code == 2 and words in error
    assert not out.exists() or not list(out.iterdir())


def test_the_list_of_models_is_for_those_of_the_package(models, run, arguments):
    """A model put elsewhere does not get into the documentation."""
    page = (ROOT / "docs" / "models.md").read_text()
    assert NAME not in page
    code, _, error = run("ship_weights", *arguments, "--out", models)
    assert code == 2 and "is there already; replace it with --overwrite" in error
