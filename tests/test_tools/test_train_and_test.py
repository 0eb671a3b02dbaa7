"""tools/train.py, interrupted and resumed, and tools/test.py on its checkpoint."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmscl.checkpoint import load_from_local
from mmscl.evaluation import read_prediction_table

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "configs" / "scl" / "resnet10t_synthetic.py")
SMALL = [
    "--cfg-options",
    *(f"{phase}_dataloader.dataset.cases=6" for phase in ("train", "val", "test")),
    *(
        f"{phase}_dataloader.dataset.pipeline.1.size=32"
        for phase in ("train", "val", "test")
    ),
    "external.site_b.cases=1",
    "train_dataloader.sampler.steps_per_epoch=2",
    "default_hooks.logger.interval=1",
]


def run_apart(folder: Path, tool: str, *args: str) -> str:
    """A command as a user types it, in a process and a folder of its own."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture
def run_here(folder, monkeypatch, capfd):
    """A command in this process, which saves the imports."""

    def run(tool: str, *args: str) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", [tool, *args])
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
        return "".join(capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the commands run."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def trained(folder) -> tuple[Path, str]:
    """work_dir and output of a training that stopped after one epoch and went on."""
    work_dir = folder / "work_dir"
    args = (CONFIG, "--work-dir", str(work_dir))
    run_apart(folder, "train.py", *args, *SMALL, "train_cfg.max_epochs=1")
    assert (work_dir / "last_checkpoint").read_text().endswith("epoch_1.pth")
    more = [*args, "--resume", "--allow-changes", *SMALL, "train_cfg.max_epochs=2"]
    return work_dir, run_apart(folder, "train.py", *more)


def test_resume_goes_on_where_the_interrupted_training_was(trained):
    work_dir, output = trained
    assert "train_cfg.max_epochs: 1 -> 2" in output
    assert "resumed epoch: 1, iter: 2" in output
    steps = re.findall(r"Epoch\(train\)\s+\[(\d+)\]\[(\d+)/2\]", output)
    assert steps == [("2", "1"), ("2", "2")]
    first, second = (load_from_local(str(work_dir / f"epoch_{n}.pth")) for n in (1, 2))
    assert (first["meta"]["iter"], second["meta"]["iter"]) == (2, 4)
    assert second["meta"]["epoch"] == 2
    # the optimiser went on too: its own count of steps is that of both parts
    assert {int(s["step"]) for s in second["optimizer"]["state"].values()} == {4}


def test_training_shows_progress_with_an_eta(trained):
    assert re.search(r"train 4/4 \(100 %\).*ETA", trained[1])


def test_testing_leaves_tables_that_agree_with_the_measures(trained, run_here):
    work_dir, _ = trained
    checkpoint = str(work_dir / "epoch_2.pth")
    args = (CONFIG, checkpoint, "--work-dir", str(work_dir), "--external", *SMALL)
    output = run_here("test.py", *args)
    measured = json.loads((work_dir / "test" / "metrics.json").read_text())
    assert list(measured) == ["internal", "site_b"]
    for name, site in (("internal", "A"), ("site_b", "B")):
        table = read_prediction_table(work_dir / "test" / name / "predictions.csv")
        assert set(table.site) == {site} and len(set(table.case)) == 1
        assert 45 <= len(table) <= 47
        np.testing.assert_allclose(table.scores.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(table.scores.argmax(axis=1), table.predicted)
        accuracy = 100 * np.mean(table.labels == table.predicted)
        assert measured[name]["accuracy"] == pytest.approx(accuracy, abs=1e-4)
        assert f"{accuracy:.2f}" in output


@pytest.mark.parametrize(
    "name, steps",
    [("scl/resnet10t_pki3", 2), ("comparators/varifocal_pki3", 5)],
    ids=["plain", "phases"],
)
def test_smoke_proves_a_config_without_its_data(name, steps, folder, run_here):
    config = ROOT / "configs" / f"{name}.py"
    output = run_here("train.py", str(config), "--smoke")
    assert f"{config}: builds, steps and tests" in output
    assert re.search(rf"train {steps}/{steps} \(100 %\)", output)
    if steps == 5:
        assert "local and locate 3-4, fused 5-5" in output
    assert not (folder / "work_dirs").exists()
