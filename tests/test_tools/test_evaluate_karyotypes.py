from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_cells import draw_table

from mmscl.datasets.manifest import TYPES, Manifest
from mmscl.evaluation import write_prediction_table
from mmscl.karyotype import Karyotype

ROOT = Path(__file__).resolve().parents[2]
NORMAL = [[Karyotype.of("XX")], [Karyotype.of("XY")]]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess:
    tool = ROOT / "tools" / "evaluate_karyotypes.py"
    command = [sys.executable, str(tool), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    validation = draw_table(NORMAL * 4, seed=1)
    write_prediction_table(tmp_path / "val.csv", validation)
    test = draw_table([*NORMAL, [Karyotype.of("XX", {"21": 1})] * 2], seed=2)
    write_prediction_table(tmp_path / "test.csv", test)
    Manifest(
        dict(
            path=validation.path,
            type=np.array(TYPES)[validation.labels],
            case=validation.case,
            cell=validation.cell,
            split=np.full(len(validation), "train"),
        )
    ).write(tmp_path / "manifest.csv")
    return tmp_path


@pytest.mark.slow
def test_the_command_fits_measures_and_measures_again_with_its_model(folder):
    options = ("--fit", "val.csv", "--manifest", "manifest.csv", "--out", "out")
    done = run(folder, "test.csv", *options)
    assert done.returncode == 0, done.stderr
    assert "# Karyotypes of test.csv" in done.stdout
    assert "| case2 | 47,XX,+21 |" in done.stdout
    names = ["cases", "cells", "crops", "measures", "risk_coverage"]
    for name in (*(f"{n}.csv" for n in names), "measures.md", "model.json"):
        assert (folder / "out" / name).is_file(), name
    prior = json.loads((folder / "out" / "model.json").read_text())["prior"]
    assert prior["sex"]["XX"] == pytest.approx(4.5 / 11)
    again = run(folder, "test.csv", "--model", "out/model.json", "--out", "again")
    assert again.returncode == 0, again.stderr
    for name in names:
        first, second = (folder / d / f"{name}.csv" for d in ("out", "again"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_mistakes_are_messages(folder):
    (folder / "bad.json").write_text("{}")
    table = (folder / "test.csv").read_text().splitlines()
    (folder / "nocell.csv").write_text(
        "\n".join([table[0].replace("cell", "slide"), *table[1:]])
    )
    for options, message in (
        (("test.csv", "--model", "bad.json"), "bad.json: expected a karyotype model"),
        (("nocell.csv", "--fit", "val.csv"), "the columns cell are missing"),
        (("test.csv", "--fit", "val.csv", "--sizes"), "--sizes needs --manifest"),
        (("test.csv", "--fit", "val.csv", "--catch", "2"), "expected a share, 0 to 1"),
    ):
        done = run(folder, *options)
        assert done.returncode == 2
        assert message in done.stderr and "Traceback" not in done.stderr
