"""results.csv: one row for each config, arm, seed and test set."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmscl.ablation.fingerprint import commit
from mmscl.ablation.job import Job
from mmscl.config import ConfigError
from mmscl.engine.settings import list_changes
from mmscl.files import replaced
from mmscl.testing import MEASURES

KEY = ("config", "arm", "seed", "set")
FINGERPRINT = ("code", "stack", "settings", "train_data", "test_data")
COLUMNS = (
    *KEY,
    *MEASURES,
    "steps",
    "seconds",
    "threads",
    "tested",
    "checkpoint",
    "predictions",
    *FINGERPRINT,
    "commit",
    "command",
)
#: Columns in which rows agree that have these columns in common.
_SAME_OVER: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("code", "stack"),
    ("config",): ("train_data", "steps", "tested"),
    ("config", "set"): ("test_data",),
    ("config", "arm", "set"): ("settings",),
}
#: Refused rows that are named one by one.
_SHOWN = 8

Row = dict[str, str]


class MixedResultsError(ConfigError):
    """Results of different code, settings or data in one folder."""


def read_results(file: Path) -> list[Row]:
    """Rows of a results.csv; none if it is not there yet.

    Raises:
        ConfigError: It is not one.
    """
    if not file.is_file():
        return []
    with open(file, encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        rows = list(reader)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing or any(None in row.values() for row in rows):
        raise ConfigError(
            f"{file}: not a table of this command (missing: "
            f"{', '.join(missing) or 'ends of rows'}); take another --out"
        )
    return rows


def write_results(file: Path, rows: Iterable[Row]) -> None:
    """Write all rows; a table that is there is replaced whole."""
    with replaced(file) as part, part.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rows_of(job: Job, out: Path) -> list[Row]:
    """The rows of a job that is trained and tested; paths are relative to `out`."""
    state = job.read_state()
    measured = json.loads((job.folder / "test" / "metrics.json").read_text("utf-8"))
    folder = job.folder.relative_to(out)
    return [
        {
            "config": job.config,
            "arm": job.arm,
            "seed": str(job.seed),
            "set": name,
            **{m: f"{measured[name][m]:.4f}" for m in MEASURES if m in measured[name]},
            "steps": str(job.steps),
            "seconds": f"{state['seconds']:.0f}",
            "threads": str(state["threads"]),
            "tested": job.select,
            "checkpoint": str(folder / state["checkpoint"]),
            "predictions": str(folder / "test" / name / "predictions.csv"),
            **job.fingerprints[name],
            "commit": commit(),
            "command": f"python tools/train.py {os.path.relpath(job.config_file)}",
        }
        for name in job.sets
    ]


def replace_rows(rows: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Rows with those of the same config, arm, seed and set replaced by the new."""
    fresh = {key_of(row) for row in new}
    return [*(row for row in rows if key_of(row) not in fresh), *new]


def key_of(row: Row) -> tuple[str, ...]:
    """What a row is of."""
    return tuple(row[name] for name in KEY)


def is_done(job: Job, rows: Sequence[Row], out: Path) -> bool:
    """Whether every set of a job has its row and its prediction table."""
    keys = {key_of(row) for row in rows if (out / row["predictions"]).is_file()}
    return all((job.config, job.arm, str(job.seed), s) in keys for s in job.sets)


def refuse_mixture(
    jobs: Sequence[Job], rows: Sequence[Row], file: Path, allow: bool = False
) -> None:
    """Compare rows, and runs that are begun, with what this call would compute.

    Args:
        jobs: The plan.
        rows: Of the results.csv.
        file: The results.csv.
        allow: Keep rows of other code, settings or data; runs that are not finished
            are refused all the same, as they would be of both.

    Raises:
        MixedResultsError: Names what is of other code, settings or data.
    """
    planned: dict[tuple[str, ...], tuple[Job, str]] = {
        (job.config, job.arm, str(job.seed), name): (job, name)
        for job in jobs
        for name in job.sets
    }
    found = []
    for row in rows if not allow else ():
        if key_of(row) in planned:
            found += _compare(*planned[key_of(row)], row)
        elif jobs:  # a row of an earlier call: only the program can be compared
            new = jobs[0].fingerprints["internal"]
            found += _list(" / ".join(key_of(row)), row, new, FINGERPRINT[:2])
    if found:
        raise MixedResultsError(
            f"{file.parent}: its results are not of the code, settings and data of "
            f"this call:{_first(found)}\nA table of both would compare what cannot be "
            "compared. Take another --out, undo the changes, or keep what is there "
            "with --allow-mixed (the table then says so)."
        )
    known = {key_of(row) for row in rows}
    for key, (job, name) in planned.items():
        begun = job.read_state().get("fingerprints", {}).get(name)
        if key not in known and begun:
            found += _compare(job, name, begun)
    if found:
        raise MixedResultsError(
            f"{file.parent}: runs were begun with other code, settings or data and are "
            f"not finished:{_first(found)}\nUndo the changes, remove their folders "
            f"below {file.parent / 'runs'} to start them anew, or take another --out."
        )


def disagreements(rows: Sequence[Row]) -> list[tuple[Row, Row, list[str]]]:
    """Rows that a table compares or averages although they are not of one kind.

    Returns:
        A row, one that it should agree with, and the columns in which it does not.
    """
    found = []
    for group, names in _SAME_OVER.items():
        first: dict[tuple[str, ...], Row] = {}
        for row in rows:
            other = first.setdefault(tuple(row[name] for name in group), row)
            differ = [name for name in names if row[name] != other[name]]
            if differ:
                found.append((row, other, differ))
    return found


def check_agreement(rows: Sequence[Row], file: Path) -> None:
    """Rows that a table will compare must be of one code and of the same data.

    Raises:
        MixedResultsError: Names the values that differ.
    """
    found = [
        line
        for row, other, names in disagreements(rows)
        for line in _list(" / ".join(key_of(row)), other, row, names)
    ]
    if found:
        raise MixedResultsError(
            f"{file}: its rows cannot be compared with those before them:"
            f"{_first(found)}\nRemove the rows of one kind, or allow them with "
            "--allow-mixed (the table then says so)."
        )


def _first(found: Sequence[str]) -> str:
    listed = "".join(f"\n    {line}" for line in found[:_SHOWN])
    more = len(found) - _SHOWN
    return listed + (f"\n    and {more} more" if more > 0 else "")


def _compare(job: Job, name: str, old: Row) -> list[str]:
    lines = _list(f"{job.name}, {name}", old, job.fingerprints[name], FINGERPRINT)
    before = job.read_state().get("settings", {}).get(name)
    if before and old["settings"] != job.fingerprints[name]["settings"]:
        lines += [f"  {line}" for line in list_changes(before, job.settings[name])]
    return lines


def _list(what: str, old: Row, new: Row, names: Sequence[str]) -> list[str]:
    return [
        f"{what}: {name} {old[name]} -> {new[name]}"
        for name in names
        if old[name] != new[name]
    ]
