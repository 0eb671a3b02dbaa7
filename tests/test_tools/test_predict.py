"""tools/predict.py as a user types it, in a process and a folder of its own."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trained import make_config, save_weights, write_cells

from mmscl.datasets import Manifest
from mmscl.evaluation import read_embeddings, read_prediction_table
from mmscl.inference import ChromosomeInferencer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two cells, config.py that brings cells to one size, weights.pth."""
    root = tmp_path_factory.mktemp("drawn")
    write_cells(root)
    cfg = make_config(root, cell_size=31)
    cfg.dump(root / "config.py")
    save_weights(cfg, root / "weights.pth")
    return root


@pytest.fixture
def predict(root, tmp_path):
    """Runs the command; gives exit code, standard output and standard error."""

    def run(*args: str | Path) -> tuple[int, str, str]:
        model = ("--config", root / "config.py", "--checkpoint", root / "weights.pth")
        tool = ROOT / "tools" / "predict.py"
        done = subprocess.run(
            [sys.executable, *map(str, (tool, *model, "--device", "cpu", *args))],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_split_of_a_manifest_with_embeddings(predict, root, tmp_path):
    code, said, _ = predict(
        *(root, "--split", "test", "--embeddings", "--out", "new/table.csv")
    )
    rows = int((Manifest.read(root / "manifest.csv")["split"] == "test").sum())
    files = "new/table.csv, new/table.npz"
    assert code == 0
    assert said == f"{rows} crops predicted, 0 left out as unreadable: {files}\n"
    table = read_prediction_table(tmp_path / "new" / "table.csv")
    infer = ChromosomeInferencer(root / "config.py", root / "weights.pth", device="cpu")
    found = infer(root, split="test", embeddings=True)
    np.testing.assert_array_equal(table.path, found.predictions.path)
    np.testing.assert_allclose(table.scores, found.predictions.scores, atol=1e-5)
    embedding, path, _ = read_embeddings(tmp_path / "new" / "table.npz")
    np.testing.assert_allclose(embedding, found.embeddings, atol=1e-3)
    np.testing.assert_array_equal(path, table.path)
    assert {file.name for file in tmp_path.iterdir()} == {"new"}


def test_a_folder_of_one_cell_with_a_broken_crop(predict, refused, root, tmp_path):
    manifest = Manifest.read(root / "manifest.csv")
    crops = tmp_path / "crops"
    crops.mkdir()
    for number in range(3):
        shutil.copy(root / manifest["path"][number], crops / f"{number}.png")
    (crops / "broken.png").write_bytes(b"no image")
    (crops / "notes.txt").touch()

    assert "error: This config brings every cell" in refused(crops)
    error = refused(crops, "--one-cell")
    assert f"error: {crops}/broken.png: cannot be decoded; not an image" in error
    assert not (tmp_path / "predictions.csv").exists()

    code, said, error = predict(crops, "--one-cell", "--skip-unreadable")
    assert code == 3
    assert f"left out: {crops}/broken.png: cannot be decoded; not an image" in error
    assert said == (
        "3 crops predicted, 1 left out as unreadable, 1 other file in the folder: "
        "predictions.csv\n"
    )
    table = read_prediction_table(tmp_path / "predictions.csv")
    assert table.path.tolist() == [f"{crops}/{number}.png" for number in range(3)]
    assert set(table.labels) == {-1}


@pytest.fixture
def refused(root, tmp_path, monkeypatch, capfd):
    """Runs it in this process, which saves the imports; gives the message."""

    def run(*args: str) -> str:
        model = ("--config", root / "config.py", "--checkpoint", root / "weights.pth")
        tool = str(ROOT / "tools" / "predict.py")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [*map(str, (tool, *model, *args))])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(tool, run_name="__main__")
        said = capfd.readouterr()
        assert (stop.value.code, said.out) == (2, "")
        assert "Traceback" not in said.err
        return said.err

    return run


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere"], "error: nowhere: no such file or folder"),
        (["{root}", "--out", "{root}/config.py/t.csv"], "t.csv: cannot be written"),
        (["{root}", "--out", "table.txt"], "expected a name that ends with .csv"),
        (["{root}", "--config", "none.py"], "error: none.py: no such config file"),
        (["{root}", "--checkpoint", "none.pth"], "none.pth does not exist"),
        (
            ["{root}", "--cfg-options", "model.head.embed_dims=8"],
            "weights.pth does not fit SCLClassifier",
        ),
        (["{root}", "--batch-size", "0"], "--batch-size 0: expected 1 or more"),
    ],
)
def test_a_mistake_is_one_message(args, words, refused, root, tmp_path):
    assert words in refused(*(arg.format(root=root) for arg in args))
    assert not list(tmp_path.iterdir())
