"""A run's log is one, however often it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmscl.evaluation.training_log import (
    TrainingLogError,
    curves_of,
    read_training_log,
)


def write_log(work_dir: Path, time: str, lines: list[dict], end: str = "\n") -> Path:
    file = work_dir / time / "vis_data" / "scalars.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(map(json.dumps, lines)) + end)
    return file


def step(number: int, loss: float, **terms: float) -> dict:
    return dict(
        lr=1e-3, loss=loss, time=0.1, epoch=1, iter=number, step=number, **terms
    )


def validation(epoch: int, accuracy: float) -> dict:
    return dict(accuracy=accuracy, data_time=0.1, time=0.2, step=epoch)


def test_a_resumed_run_counts_as_it_was_done_last(tmp_path):
    first = [step(n, 100 + n) for n in (10, 20)] + [validation(1, 50)]
    lost = [step(30, 130), step(40, 140), validation(2, 60)]
    write_log(tmp_path, "20260101_000000", first + lost)
    again = [step(n, 200 + n) for n in (30, 40)] + [validation(2, 65)]
    write_log(tmp_path, "20260102_000000", again)
    write_log(tmp_path, "20260103_000000", [])  # ended before its first log
    log = read_training_log(tmp_path)
    assert log.parts == 2 and list(log.losses) == ["loss"]
    steps, losses = log.losses["loss"]
    assert steps.tolist() == [10, 20, 30, 40]
    assert losses.tolist() == [110, 120, 230, 240]
    assert [v.tolist() for v in log.measures["accuracy"]] == [[20, 40], [50, 65]]
    assert list(log.measures) == ["accuracy"]


def test_a_validation_by_iteration_lies_at_its_own_step(tmp_path):
    write_log(tmp_path, "t", [step(100, 1.0), validation(120, 50)])
    assert read_training_log(tmp_path).measures["accuracy"][0].tolist() == [120]


def test_terms_of_some_runs_only_get_their_panel(tmp_path):
    write_log(tmp_path / "a", "t", [step(1, 2.0, loss_cls=2.0), validation(1, 50)])
    write_log(tmp_path / "b", "t", [step(1, 3.0, loss_cls=2.0, loss_con=1.0)])
    logs = {name: read_training_log(tmp_path / name) for name in "ab"}
    panels = curves_of(logs, ["accuracy"])
    assert {name: list(curves) for name, curves in panels.items()} == {
        "loss": ["a", "b"],
        "loss_cls": ["a", "b"],
        "loss_con": ["b"],
        "validation accuracy (%)": ["a"],
    }
    np.testing.assert_array_equal(panels["loss_con"]["b"], ([1], [1.0]))
    with pytest.raises(TrainingLogError, match="auc: no run.*the logs have accuracy"):
        curves_of(logs, ["auc"])
    with pytest.raises(TrainingLogError, match="no validation at all"):
        curves_of({"b": logs["b"]}, ["accuracy"])


def test_what_is_no_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no log of a training run.*scalars"):
        read_training_log(tmp_path)
    file = write_log(tmp_path, "t", [], end="")
    with pytest.raises(TrainingLogError, match="1 logs hold no training step"):
        read_training_log(tmp_path)
    write_log(tmp_path, "t", [validation(0, 50)])  # a test run
    with pytest.raises(TrainingLogError, match="hold no training step"):
        read_training_log(tmp_path)
    write_log(tmp_path, "t", [step(1, 2.0)], end='\n{"loss": 1.5, "st')
    assert read_training_log(tmp_path).losses["loss"][1].tolist() == [2.0]  # killed
    file.write_text('{"loss": 1}\n' + file.read_text())
    with pytest.raises(TrainingLogError, match="line 1: expected a JSON object with"):
        read_training_log(tmp_path)
