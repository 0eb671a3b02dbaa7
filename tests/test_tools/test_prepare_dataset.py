"""tools/prepare_dataset.py as a user runs it."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmscl.datasets.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "prepare_dataset.py"


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(TOOL), *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def crops(tmp_path) -> Path:
    """Three cases of two types in class folders, in tmp_path/crops."""
    generator = np.random.default_rng(0)
    for kind in ("1", "X"):
        for case in range(3):
            path = tmp_path / "crops" / kind / f"P{case}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), generator.integers(0, 255, (9, 9), np.uint8))
    return tmp_path


def test_a_folder_of_crops_becomes_a_manifest_and_a_report(crops):
    done = run(
        crops,
        "folder",
        "crops",
        "--out",
        ".",
        "--case-pattern",
        r"(?P<case>P\d)",
        "--ratios",
        "0.5",
        "0.25",
        "0.25",
        "--site",
        "here",
    )
    assert done.returncode == 0, done.stderr
    manifest = Manifest.read(crops / "manifest.csv")
    assert len(manifest) == 6 and set(manifest["site"]) == {"here"}
    assert all((crops / path).is_file() for path in manifest["path"])
    assert "6 images, 3 cases" in done.stdout and "data_root=" in done.stdout
    assert "Reading images" in done.stderr
    assert "6 images, 3 cases" in (crops / "report.md").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fodler", "crops"], "unknown layout 'fodler'; there are folder, pki3"),
        (["folder", "crops"], "a split by case needs the case of every image"),
        (["pki3", "crops"], "crops: no data set of the layout 'pki3'"),
        (["folder", "nothing"], "nothing: expected a folder, but it does not exist"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    crops, args, message, monkeypatch, capsys
):
    monkeypatch.chdir(crops)
    monkeypatch.setattr(sys, "argv", ["prepare_dataset.py", *args, "--out", "out"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("prepare_dataset.py: error: ") and message in error
    assert not (crops / "out").exists()
