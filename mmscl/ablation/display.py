"""What a running ablation shows: done, running, time left."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

#: As ProgressHook writes it where the stream is no terminal.
_PROGRESS = re.compile(rb"train (\d+)/\d+ \(")
_TAIL = 8192


@dataclass(frozen=True)
class Line:
    """A running job: its name, phase ('train', 'test'), steps done and of how many."""

    name: str
    phase: str
    done: int
    steps: int


class Display:
    """A table that is redrawn on a terminal; elsewhere a line every minute.

    Args:
        total: Jobs of the plan.
        done: Those that were done before.
        console: Where to show; standard error by default.
        interval: Seconds between two lines where it is no terminal.
    """

    def __init__(
        self,
        total: int,
        done: int,
        console: Console | None = None,
        interval: float = 60.0,
    ) -> None:
        self.total, self.done, self.failed = total, done, 0
        self.console = console or Console(stderr=True)
        self.interval = interval
        self._said = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def update(self, running: Iterable[Line], seconds_left: float | None) -> None:
        """Show the state now."""
        now = time.monotonic()
        if self._live:
            self._live.update(self._table(running, seconds_left), refresh=True)
        elif now - self._said >= self.interval:
            self._said = now
            steps = "; ".join(
                f"{r.name}: {r.phase} {r.done}/{r.steps}" for r in running
            )
            self.say(f"{self._summary(seconds_left)}  {steps}")

    def _summary(self, seconds_left: float | None) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done}/{self.total} runs done{failed}, {format_eta(seconds_left)}"

    def _table(self, running: Iterable[Line], seconds_left: float | None) -> Table:
        table = Table(title=self._summary(seconds_left), title_justify="left")
        for name in ("running", "phase", "steps"):
            table.add_column(name, justify="right" if name == "steps" else "left")
        for line in running:
            table.add_row(line.name, line.phase, f"{line.done}/{line.steps}")
        return table


def format_eta(seconds: float | None) -> str:
    """'ETA 1:02:03', or that it is not known yet."""
    if seconds is None:
        return "ETA not known yet"
    left = round(seconds)
    return f"ETA {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"


def read_steps(log: Path) -> int:
    """Steps done by the last progress line of a job's log; 0 without one."""
    if not log.is_file():
        return 0
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        found = _PROGRESS.findall(file.read())
    return int(found[-1]) if found else 0


def seconds_left(
    steps_left: Mapping[str, int], pace: Mapping[str, float], parallel: int
) -> float | None:
    """Time until all is trained, from the pace of what ran.

    Args:
        steps_left: Config and arm -> steps to go, over all seeds.
        pace: Config and arm -> seconds a step; one that did not run yet is taken to be
            as fast as the mean of the others.
        parallel: Jobs side by side.

    Returns:
        Seconds; None where nothing ran yet.
    """
    if not pace:
        return None
    mean = sum(pace.values()) / len(pace)
    work = sum(steps * pace.get(key, mean) for key, steps in steps_left.items())
    return work / max(parallel, 1)
