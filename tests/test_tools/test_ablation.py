"""tools/ablation.py as a user types it: real trainings of two steps."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_ablation import write_folder

from mmscl.ablation.results import read_results
from mmscl.checkpoint import load_from_local
from mmscl.datasets.manifest import Manifest
from mmscl.evaluation import read_prediction_table

ROOT = Path(__file__).resolve().parents[2]
ARGS = "--configs configs/scl/tiny.py --steps 2 --external other_lab --jobs 2 --out out"


def call(folder: Path, *more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "ablation.py"), *ARGS.split(), *more],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def call_here(tmp_path, monkeypatch, capfd):
    """The command in this process, which saves the imports where nothing is trained."""

    def run(*more: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["ablation.py", *ARGS.split(), *more])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "ablation.py"), run_name="__main__")
        return int(ended.value.code or 0), "".join(capfd.readouterr())

    return run


@pytest.mark.slow
def test_an_ablation_goes_on_where_it_is_and_refuses_other_data(tmp_path, call_here):
    folder = write_folder(tmp_path)
    out = folder / "out"
    code, text = call(folder, "--seeds", "0", "1")
    assert code == 0, text
    assert "4 runs, 4 of them to do" in text
    rows = read_results(out / "results.csv")
    assert len(rows) == 8
    for row in rows:
        checkpoint = load_from_local(str(out / row["checkpoint"]))
        assert checkpoint["meta"]["iter"] == int(row["steps"]) == 2
        table = read_prediction_table(out / row["predictions"])
        accuracy = 100 * (table.labels == table.predicted).mean()
        assert float(row["accuracy"]) == pytest.approx(accuracy, abs=1e-4)
        assert len(table) == 48
    text = (out / "table.md").read_text()
    assert "scl less baseline" in text and "model.head.loss.type" in text
    assert (out / "ablation.png").is_file() and (out / "ablation.svg").is_file()

    code, text = call_here("--seeds", "0", "1")
    assert code == 0 and "4 runs, 0 of them to do" in text, text

    removed = out / "runs" / "tiny" / "scl" / "seed_1"
    kept = {p: p.stat().st_mtime_ns for p in out.rglob("log.txt")}
    before = [row for row in rows if row["seed"] == "1" and row["arm"] == "scl"]
    shutil.rmtree(removed)
    code, text = call(folder, "--seeds", "0", "1")
    assert code == 0 and "4 runs, 1 of them to do" in text, text
    for path, written in kept.items():
        assert (path.stat().st_mtime_ns == written) == (path.parent != removed)
    after = [
        row
        for row in read_results(out / "results.csv")
        if row["seed"] == "1" and row["arm"] == "scl"
    ]
    same = ("accuracy", "recall", "auc", "f1")  # equal seeds, equal runs
    assert [[r[m] for m in same] for r in after] == [
        [r[m] for m in same] for r in before
    ]

    file = folder / "data" / "manifest.csv"
    manifest = Manifest.read(file)
    Manifest({n: manifest[n][1:] for n in manifest.columns}).write(file)
    code, text = call_here("--seeds", "0", "1")
    assert code == 2 and "train_data 48 + 24 images" in text, text
    assert "-> 47 + 24 images" in text and "--allow-mixed" in text
    code, text = call_here("--report-only")
    assert code == 0 and "| tiny " in text, text
