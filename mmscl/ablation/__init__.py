"""Networks with and without SCL under one budget: plan, runs, results, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmscl.ablation.display import Display
from mmscl.ablation.fingerprint import code_state, commit
from mmscl.ablation.job import Job, Request
from mmscl.ablation.plan import make_plan
from mmscl.ablation.report import write_report
from mmscl.ablation.results import (
    MixedResultsError,
    check_agreement,
    is_done,
    read_results,
    refuse_mixture,
    replace_rows,
    rows_of,
    write_results,
)
from mmscl.ablation.running import Failure, run_jobs
from mmscl.ablation.summary import summarise
from mmscl.config import ConfigError
from mmscl.training import sole_run

__all__ = [
    "Failure",
    "Job",
    "MixedResultsError",
    "Request",
    "make_plan",
    "report_ablation",
    "run_ablation",
]
RESULTS = "results.csv"


def run_ablation(
    request: Request, tools: Path, parallel: int = 1, allow_mixed: bool = False
) -> list[Failure]:
    """Train and test what is not done yet; results.csv grows with each finished run.

    Args:
        request: What to compare.
        tools: Folder of train.py and test.py.
        parallel: Runs side by side.
        allow_mixed: Keep results of other code, settings or data beside the new ones.

    Returns:
        Runs that failed.

    Raises:
        ConfigError, FileNotFoundError, ManifestError: As `make_plan`.
        MixedResultsError: Results or begun runs are of other code, settings or data,
            or the code changed meanwhile.
        Stopped: On SIGTERM or Ctrl-C.
    """
    out, file = request.out, request.out / RESULTS
    commit()  # that of now, not of when the last run ends
    plan = make_plan(request)
    with sole_run(out):
        rows = read_results(file)
        refuse_mixture(plan, rows, file, allow_mixed)
        left = [job for job in plan if not is_done(job, rows, out)]

        def finished(job: Job) -> None:
            nonlocal rows
            _check_code(job)
            rows = replace_rows(rows, rows_of(job, out))
            write_results(file, rows)

        with Display(len(plan), len(plan) - len(left)) as display:
            display.say(f"{len(plan)} runs, {len(left)} of them to do: {out}")
            return run_jobs(left, tools, parallel, display, finished)


def report_ablation(
    out: Path,
    configs: Sequence[str] = (),
    arms: Sequence[str] = (),
    command: str = "",
    allow_mixed: bool = False,
) -> list[Path]:
    """Make table and figure from the results that are there.

    Args:
        out: Folder of the ablation.
        configs, arms: Names in the order to show; the first arm is the reference.
        command: How it was called, for the table.
        allow_mixed: Compare results of different code or data.

    Returns:
        The files.

    Raises:
        ConfigError: There are no results.
        MixedResultsError: They are of different code or data.
        FileNotFoundError, PredictionTableError: Predictions cannot be compared.
    """
    rows = read_results(out / RESULTS)
    if not rows:
        raise ConfigError(f"{out / RESULTS}: no results yet; nothing to report")
    if not allow_mixed:
        check_agreement(rows, out / RESULTS)
    return write_report(out, summarise(rows, out, configs, arms), command)


def _check_code(job: Job) -> None:
    before, now = job.fingerprints["internal"]["code"], code_state()
    if before != now:
        raise MixedResultsError(
            f"{job.name}: files of mmscl changed while it ran ({before} -> {now}), so "
            "its result is of neither. Undo the change, or take another --out; run an "
            "ablation from a copy that nobody edits."
        )
