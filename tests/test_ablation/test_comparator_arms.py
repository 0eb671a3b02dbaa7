"""Comparators as arms of an ablation: one budget, phases that follow it, tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_ablation import write_crops

from mmscl.ablation import Request, make_plan, run_ablation
from mmscl.ablation.results import read_results
from mmscl.engine import PhaseHook
from mmscl.evaluation import read_prediction_table

ROOT = Path(__file__).resolve().parents[2]
COMPARATORS = sorted(p.stem for p in (ROOT / "configs/comparators").glob("*.py"))
REDUCED = [name for name in COMPARATORS if name.endswith("_pki3")]


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("comparators") / "crops"
    write_crops(folder, ["train", "train", "val", "test"], seed=0)
    return folder


def ask(crops: Path, out: Path, names: list[str], steps: int) -> Request:
    data = {
        f"{phase}_dataloader.dataset.data_root": str(crops)
        for phase in ("train", "val", "test")
    }
    return Request(
        configs=["scl/resnet10t_pki3.py"],
        arms=[f"{name}=comparators/{name}.py" for name in names],
        seeds=[0],
        out=out,
        steps=steps,
        external=[],
        options=data,
        configs_root=ROOT / "configs",
    )


def test_the_reduced_configs_have_the_budget_of_scl(crops, tmp_path):
    assert len(REDUCED) == 9
    for names in (REDUCED[:3], REDUCED[3:6], REDUCED[6:]):
        request = ask(crops, tmp_path, names, 2000)
        arms = ["scl", *request.arms]
        plan = make_plan(Request(**{**vars(request), "arms": arms, "steps": None}))
        assert [job.arm for job in plan] == ["scl", *names]
        assert {job.steps for job in plan} == {2000}


@pytest.mark.parametrize("steps", [20, 500])
def test_phases_keep_their_shares_in_a_run_of_another_length(crops, tmp_path, steps):
    names = ["siamese_pki3", "varifocal_pki3"]
    for job in make_plan(ask(crops, tmp_path, names, steps)):
        loader, epochs = job.cfg.train_dataloader, job.cfg.train_cfg.max_epochs
        assert loader.sampler.steps_per_epoch * epochs == steps
        settings = next(h for h in job.cfg.custom_hooks if h["type"] == "PhaseHook")
        plan = PhaseHook(settings["phases"]).plan(steps)
        assert plan[-1].end == steps
        assert all(phase.begin < phase.end for phase in plan)


@pytest.mark.slow
def test_comparators_train_and_leave_prediction_tables(crops, tmp_path):
    """8 steps, so that every phase has one; by tools/train.py and tools/test.py."""
    names = ["siamese_pki3", "varifocal_pki3"]
    request = ask(crops, tmp_path, names, 8)
    assert run_ablation(request, ROOT / "tools") == []
    rows = read_results(tmp_path / "results.csv")
    assert {row["arm"] for row in rows} == set(names)
    for name in names:
        (path,) = (tmp_path / "runs").glob(f"*/{name}/**/predictions.csv")
        table = read_prediction_table(path)
        assert len(table) == 24 and set(table.case) == {"c3"}
        np.testing.assert_allclose(table.scores.sum(axis=1), 1, atol=1e-5)
