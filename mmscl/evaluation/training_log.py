"""What a training run logged, read back: also where it was interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Of a line of a training step, what is no term of the loss.
_LOSS_PREFIX = "loss"
#: Of a line of a validation, what is no measure.
_NO_MEASURE = ("step", "time", "data_time")


class TrainingLogError(ValueError):
    """A log that cannot be read; the message has file, line, way out."""


@dataclass(frozen=True)
class TrainingLog:
    """One run.

    Attributes:
        losses: Term of the loss -> (steps int64 (n,), values float64 (n,)); 'loss' is
            their sum. As mmengine logs them: means over the last steps.
        measures: Measure on the validation split -> (steps, values), in %.
        parts: Number of times the run was started.
    """

    losses: dict[str, tuple[np.ndarray, np.ndarray]]
    measures: dict[str, tuple[np.ndarray, np.ndarray]]
    parts: int


def read_training_log(work_dir: str | Path) -> TrainingLog:
    """Join the logs WORK_DIR/<time>/vis_data/scalars.json of one run.

    A run that was resumed has a log for each start. Steps that were done again after an
    interruption count as they were done the last time.

    A validation is placed at the last training step logged before it: exact where the
    logging interval divides the epoch, as in all configs here.

    Args:
        work_dir: The run's folder.

    Raises:
        FileNotFoundError: There is no log in it.
        TrainingLogError: A line is no JSON, or no training step was logged.
    """
    files = sorted(Path(work_dir).glob("*/vis_data/scalars.json"))
    if not files:
        raise FileNotFoundError(
            f"{work_dir}: no log of a training run: expected "
            f"{Path(work_dir, '<time>', 'vis_data', 'scalars.json')}, which "
            "tools/train.py writes; give the run's work dir"
        )
    lines: list[tuple[int, bool, dict[str, Any]]] = []
    parts = 0
    for file in files:
        read = _read(file)
        if not any(training for _, training, _ in read):
            continue  # a test run, or one that ended before its first log
        parts += 1
        first = min(step for step, training, _ in read if training)
        lines = [line for line in lines if line[0] < first] + read
    if not lines:
        raise TrainingLogError(
            f"{work_dir}: its {len(files)} logs hold no training step: the run ended "
            "before default_hooks.logger.interval steps were done."
        )
    return TrainingLog(
        _columns((s, v) for s, training, v in lines if training),
        _columns((s, v) for s, training, v in lines if not training),
        parts,
    )


def curves_of(
    logs: Mapping[str, TrainingLog], measures: Sequence[str]
) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Panels for a figure: each term of the loss, then each measure, of all runs.

    Args:
        logs: Run name -> log.
        measures: Names of measures, such as accuracy.

    Returns:
        Panel title -> run name -> steps and values; only runs that have them.

    Raises:
        TrainingLogError: No run was validated by one of the measures.
    """
    terms = dict.fromkeys(name for log in logs.values() for name in log.losses)
    panels = {
        name: {run: log.losses[name] for run, log in logs.items() if name in log.losses}
        for name in terms
    }
    for name in measures:
        own = {
            run: log.measures[name] for run, log in logs.items() if name in log.measures
        }
        if not own:
            known = sorted({m for log in logs.values() for m in log.measures})
            raise TrainingLogError(
                f"{name}: no run was validated by it; the logs have "
                f"{', '.join(known) or 'no validation at all'}"
            )
        panels[f"validation {name} (%)"] = own
    return panels


def _read(file: Path) -> list[tuple[int, bool, dict[str, Any]]]:
    """Lines as (training step, is it of training, its values)."""
    found: list[tuple[int, bool, dict[str, Any]]] = []
    text = file.read_text(encoding="utf-8")
    last = 0
    rows = text.splitlines()
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            values = json.loads(row)
            step = int(values["step"])
        except (ValueError, KeyError, TypeError) as error:
            if number == len(rows) and not text.endswith("\n"):
                break  # the process was killed while it wrote
            raise TrainingLogError(
                f"{file}, line {number}: expected a JSON object with 'step', got "
                f"{row[:60]!r}; remove the line or the file"
            ) from error
        training = _LOSS_PREFIX in values
        # A validation's own step is the epoch, or the iteration where it goes by that.
        last = step if training or (last and step > last) else last
        keep = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, (int, float))
            and (name.startswith(_LOSS_PREFIX) if training else name not in _NO_MEASURE)
        }
        if last:  # a validation before any step belongs to a test
            found.append((last, training, keep))
    return found


def _columns(rows) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Values by name, each with its steps."""
    steps: dict[str, list[int]] = {}
    values: dict[str, list[float]] = {}
    for step, row in rows:
        for name, value in row.items():
            steps.setdefault(name, []).append(step)
            values.setdefault(name, []).append(value)
    return {
        name: (np.array(steps[name], np.int64), np.array(values[name]))
        for name in values
    }
