"""Runs the jobs of a plan, some side by side, each as the commands for one run."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import torch

from mmscl.ablation.display import Display, Line, read_steps, seconds_left
from mmscl.ablation.job import Job
from mmscl.config import ConfigError
from mmscl.engine.stopping import Stopped, catch_signals, stop_requested

#: Lines of a failed job's log that are shown.
TAIL = 15
_POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Failure(NamedTuple):
    """A job that ended with an error, and the end of its log."""

    job: Job
    phase: str
    code: int
    log: Path
    tail: str


@dataclass
class _Running:
    """A job's process."""

    job: Job
    slot: int
    phase: str
    process: subprocess.Popen
    log: IO[bytes]
    start: float
    first_step: int

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start


def run_jobs(
    jobs: Sequence[Job],
    tools: Path,
    parallel: int,
    display: Display,
    finished: Callable[[Job], None],
) -> list[Failure]:
    """Train and test all jobs; those that an earlier call began go on.

    Args:
        jobs: Those that are to do, in this order.
        tools: Folder of train.py and test.py.
        parallel: Processes side by side, >= 1.
        display: Where progress is shown.
        finished: Called with each job that is trained and tested.

    Returns:
        Jobs that failed; the others went on.

    Raises:
        Stopped: After SIGTERM or Ctrl-C, when the processes have saved and ended.
    """
    if parallel < 1:
        raise ConfigError(f"--jobs: expected a number >= 1, got {parallel}")
    pool = _Pool(jobs, tools, parallel, display, finished)
    with catch_signals():
        try:
            pool.run()
        finally:
            pool.end()
    return pool.failures


class _Pool:
    """Slots that jobs run in: see `run_jobs`."""

    def __init__(
        self,
        jobs: Sequence[Job],
        tools: Path,
        parallel: int,
        display: Display,
        finished: Callable[[Job], None],
    ) -> None:
        self.waiting = list(jobs)
        self.tools, self.parallel, self.display = tools, parallel, display
        self.finished = finished
        self.running: list[_Running] = []
        self.failures: list[Failure] = []
        self.pace: dict[str, float] = {}

    def run(self) -> None:
        while self.waiting or self.running:
            number = stop_requested(together=False)
            if number:
                self.end()
                raise Stopped(
                    "Stopped; the runs that were under way have saved their state. "
                    "The same command goes on.",
                    number,
                )
            self._fill()
            for one in [*self.running]:
                code = one.process.poll()
                if code is not None:
                    self._ended(one, code)
            self._show()
            time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """End all processes: training saves its state after the step."""
        for one in self.running:
            one.process.send_signal(signal.SIGTERM)
        for one in self.running:
            one.process.wait()
            self._note_time(one)
            one.log.close()
        self.running.clear()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.parallel:
            job = self.waiting.pop(0)
            slot = min(set(range(self.parallel)) - {one.slot for one in self.running})
            checkpoint = job.read_state().get("checkpoint")
            trained = checkpoint and (job.folder / checkpoint).is_file()
            self._start(job, slot, "test" if trained else "train")

    def _start(self, job: Job, slot: int, phase: str) -> None:
        settings = environment(os.environ, slot, self.parallel)
        job.folder.mkdir(parents=True, exist_ok=True)
        job.cfg.dump(job.config_file)
        job.write_state(threads=int(settings["OMP_NUM_THREADS"]))
        log = open(job.folder / "log.txt", "ab")
        first = read_steps(Path(log.name)) if job.work_dir.is_dir() else 0
        process = subprocess.Popen(
            [sys.executable, *command(job, phase, self.tools)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=settings,
            start_new_session=True,  # Ctrl-C reaches this process alone, which tells it
            preexec_fn=_follow_parent if _LIBC else None,
        )
        now = time.monotonic()
        self.running.append(_Running(job, slot, phase, process, log, now, first))

    def _ended(self, one: _Running, code: int) -> None:
        self.running.remove(one)
        one.log.close()
        self._note_time(one)
        job = one.job
        if code == 0 and one.phase == "train":
            job.write_state(checkpoint=str(find_checkpoint(job)))
            self._start(job, one.slot, "test")
        elif code == 0:
            spent = job.read_state()["seconds"] + one.seconds
            self.pace[_kind(job)] = spent / job.steps
            self.finished(job)
            self.display.done += 1
            self.display.say(f"done: {job.name}")
        else:
            log = Path(one.log.name)
            tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-TAIL:])
            self.failures.append(Failure(job, one.phase, code, log, tail))
            self.display.failed += 1
            self.display.say(f"failed: {job.name}: {log}")

    def _note_time(self, one: _Running) -> None:
        """Add the seconds of a training's session; they make its pace."""
        if one.phase != "train":
            return
        spent = one.job.read_state().get("seconds", 0.0)
        one.job.write_state(seconds=spent + one.seconds)
        if one.process.returncode == 0:
            mean = (spent + one.seconds) / one.job.steps
            self.pace.setdefault(_kind(one.job), mean)

    def _show(self) -> None:
        lines, pace = [], dict(self.pace)
        left: dict[str, int] = {}
        for one in self.running:
            done = one.job.steps
            if one.phase == "train":
                done = min(read_steps(Path(one.log.name)), one.job.steps)
                if done > one.first_step:
                    new = one.seconds / (done - one.first_step)
                    pace.setdefault(_kind(one.job), new)
            lines.append(Line(one.job.name, one.phase, done, one.job.steps))
            left[_kind(one.job)] = left.get(_kind(one.job), 0) + one.job.steps - done
        for job in self.waiting:
            left[_kind(job)] = left.get(_kind(job), 0) + job.steps
        self.display.update(lines, seconds_left(left, pace, self.parallel))


def command(job: Job, phase: str, tools: Path) -> list[str]:
    """Arguments of python for one phase of a job."""
    if phase == "train":
        arguments = [job.config_file, "--work-dir", job.work_dir, "--resume"]
        return [str(word) for word in (tools / "train.py", *arguments)]
    checkpoint = job.folder / job.read_state()["checkpoint"]
    words = [tools / "test.py", job.config_file, checkpoint, "--work-dir", job.work_dir]
    words += ["--out", job.folder / "test"]
    if len(job.sets) > 1:
        words.append("--external")
    return [str(word) for word in words]


def environment(
    given: Mapping[str, str], slot: int, parallel: int, gpus: int | None = None
) -> dict[str, str]:
    """The environment of a job: its share of the cores, and one of the GPUs.

    Args:
        given: This process's; an OMP_NUM_THREADS in it is kept.
        slot: Place of the job among those side by side, from 0.
        parallel: How many run side by side.
        gpus: GPUs of this machine; None asks torch.
    """
    cores = len(os.sched_getaffinity(0))
    threads = given.get("OMP_NUM_THREADS") or str(max(1, cores // parallel))
    gpus = torch.cuda.device_count() if gpus is None else gpus
    own = dict(given, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
    own["PYTHONUNBUFFERED"] = "1"
    if gpus:
        visible = given.get("CUDA_VISIBLE_DEVICES", "").split(",")
        number = slot % gpus
        own["CUDA_VISIBLE_DEVICES"] = visible[number] if visible[0] else str(number)
    return own


def find_checkpoint(job: Job) -> Path:
    """The checkpoint of a finished training that is to be tested, in the job's folder.

    Raises:
        ConfigError: The training left none.
    """
    if job.select == "best":
        found = sorted(job.work_dir.glob("best_*.pth"), key=lambda p: p.stat().st_mtime)
    else:
        note = job.work_dir / "last_checkpoint"
        names = [Path(note.read_text().strip()).name] if note.is_file() else []
        found = [job.work_dir / name for name in names]
    if not found or not found[-1].is_file():
        raise ConfigError(
            f"{job.work_dir}: the training left no {job.select} checkpoint; see "
            "default_hooks.checkpoint of its config"
        )
    return found[-1].relative_to(job.folder)


def _kind(job: Job) -> str:
    return f"{job.config} {job.arm}"


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _follow_parent() -> None:
    """Have a child told to end (and save) when this process is killed outright."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
