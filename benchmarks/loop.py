"""The training loop, data and logging included, against the bare step."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from benchmarks.crops import CASES, FEW_CASES, config_on, drawn_crops
from benchmarks.measure import ROUNDS, run_script
from benchmarks.results import Line, Part, Table, at_least, compare, rate_of

CONFIG = "scl/resnet10t_pki3.py"
STEPS = 16  # of a turn; each holds one log line
SETTLE = 5  # steps before a turn that do not count: prefetched batches are used up


class TurnsHook(Hook):
    """Stops the loop after each turn of its own, and takes a turn of bare steps.

    It comes after all other hooks. Between the turns the workers go on loading, so
    the first steps of each turn do not count.

    Args:
        steps: Of a turn.
        settle: Steps before each turn that do not count.
    """

    priority = "LOWEST"

    def __init__(self, steps: int, settle: int) -> None:
        self.steps, self.settle = steps, settle
        self.loop: list[float] = []  # seconds a step, one value a turn
        self.bare: list[float] = []
        self._done = 0
        self._start = 0.0

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count a step of the loop; after its turn, measure bare steps."""
        self._done += 1
        if self._done == self.settle + self.steps:
            self.loop.append((time.perf_counter() - self._start) / self.steps)
            self._bare_turn(runner, data_batch)
            self._done = 0
        if self._done == self.settle:
            self._start = time.perf_counter()

    def _bare_turn(self, runner: Any, batch: Any) -> None:
        for number in range(self.settle + self.steps):
            if number == self.settle:
                start = time.perf_counter()
            runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)
        self.bare.append((time.perf_counter() - start) / self.steps)


def build_runner(root: Path, workers: int, steps: int, log_every: int) -> Runner:
    """The Runner of the config as configured, without validation, for one epoch.

    Args:
        root: Folder of drawn crops.
        workers: Worker processes of the dataloader.
        steps: Of the epoch.
        log_every: Steps between two log lines.
    """
    cfg = config_on(root, CONFIG)
    cfg.train_dataloader.update(num_workers=workers, persistent_workers=workers > 0)
    cfg.train_dataloader.sampler.steps_per_epoch = steps
    cfg.train_cfg.max_epochs = 1
    cfg.default_hooks.logger.interval = log_every
    cfg.default_hooks.checkpoint.update(interval=-1, save_last=False)
    cfg.log_level = "INFO"  # the log is part of the loop
    cfg.experiment_name = f"bench_{workers}_{time.monotonic_ns()}"
    return Runner.from_cfg(_without_test(cfg))


def _without_test(cfg: Config) -> Config:
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    return cfg


def loop_against_step(
    root: Path, workers: int, rounds: int = 2 * ROUNDS + 1, steps: int = STEPS
) -> Line:
    """Images a second of the loop over those of the bare step.

    Args:
        root: Folder of drawn crops.
        workers: Worker processes of the dataloader.
        rounds: Turns of each side.
        steps: Of a turn.
    """
    settle = min(SETTLE, steps)
    runner = build_runner(root, workers, rounds * (settle + steps), steps)
    turns = TurnsHook(steps, settle)
    runner.register_hook(turns)
    runner.train()
    images = runner.train_dataloader.batch_size
    return compare(
        f"training loop, resnet10t, {workers} workers",
        "bare step on a batch in memory",
        turns.loop,
        turns.bare,
        at_least(0.97),
        rate_of(images),
    )


class StepClock(Hook):
    """Seconds of the parts of each step of a Runner's loop.

    It comes before all other hooks, and has an `EndHook` after all of them.

    Attributes:
        steps: One dict a step: part -> seconds; 'loop' is the whole.
    """

    priority = "HIGHEST"

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.end = EndHook(self._last)
        self._now: dict[str, float] = defaultdict(float)
        self._marks: dict[str, float] = {}

    def before_train(self, runner: Any) -> None:
        """Time the parts of `train_step`."""
        model, wrapper = runner.model, runner.optim_wrapper
        self._time(model.data_preprocessor, "forward", "preprocess")
        self._time(model, "forward", "forward")
        self._time(model.head.loss_con, "forward", "contrastive loss")
        self._time(wrapper, "backward", "backward")
        self._time(wrapper, "step", "optimizer")
        self._time(wrapper, "zero_grad", "optimizer")

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """A batch has come."""
        self._marks["first before"] = time.perf_counter()

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """The step is done."""
        self._marks["first after"] = time.perf_counter()

    def _time(self, owner: Any, name: str, part: str) -> None:
        function = getattr(owner, name)

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._now[part] += time.perf_counter() - start

        setattr(owner, name, timed)

    def _last(self, edge: str, now: float) -> None:
        before, self._marks[f"last {edge}"] = dict(self._marks), now
        if edge == "before":
            return
        parts, self._now = self._now, defaultdict(float)
        if "last after" in before:  # not in the first step
            self.steps.append(self._complete(parts, before["last after"], now))

    def _complete(
        self, parts: dict[str, float], start: float, end: float
    ) -> dict[str, float]:
        marks = self._marks
        parts["forward"] -= parts["contrastive loss"]
        parts["data"] = marks["first before"] - start
        parts["hooks and log"] = (
            marks["last before"] - marks["first before"] + end - marks["first after"]
        )
        parts["rest"] = end - start - sum(parts.values())
        return {**parts, "loop": end - start}


class EndHook(Hook):
    """Tells when all hooks before and after a step are done.

    Args:
        note: Called with 'before' or 'after' and the time.
    """

    priority = "LOWEST"

    def __init__(self, note: Callable[[str, float], None]) -> None:
        self.note = note

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """The step begins."""
        self.note("before", time.perf_counter())

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """The loop goes for the next batch."""
        self.note("after", time.perf_counter())


def shares(root: Path, steps: int, workers: int = 0) -> Table:
    """Where the time of the loop goes.

    Args:
        root: Folder of drawn crops.
        steps: To measure.
        workers: Worker processes of the dataloader.
    """
    runner = build_runner(root, workers, steps + 3, log_every=50)
    clock = StepClock()
    runner.register_hook(clock)
    runner.register_hook(clock.end)
    runner.train()
    kept = clock.steps[-steps:]  # the first ones allocate
    mean = {part: sum(step[part] for step in kept) / len(kept) for part in kept[0]}
    typical = median(step["loop"] for step in kept)
    rows = [
        [part, f"{100 * seconds / mean['loop']:.1f} %", f"{1e3 * seconds:.2f} ms"]
        for part, seconds in mean.items()
        if part != "loop"
    ]
    return Table(
        "profile",
        f"The training loop, {workers} workers",
        f"configs/{CONFIG}, mean of {len(kept)} steps; a step takes "
        f"{1e3 * typical:.0f} ms (median). Forward includes the classification loss "
        "and the check for NaN; data is the wait for the next batch.",
        ["part", "share", "time a step"],
        rows,
    )


def measure(quick: bool) -> Part:
    """All lines and the shares."""
    small = dict(rounds=2, steps=2) if quick else {}
    with drawn_crops(FEW_CASES if quick else CASES) as root:
        lines = [loop_against_step(root, workers, **small) for workers in (0, 2)]
        tables = [shares(root, 3 if quick else 60)]
        if not quick:
            tables.append(shares(root, 60, workers=2))
    return Part(
        lines,
        tables,
        [
            f"Training loop: configs/{CONFIG} as tools/train.py runs it, on drawn "
            "crops; turns of the loop and of the bare step (the same model, "
            "optimizer and `train_step`, one collated batch) alternate within "
            f"one run. A turn of {STEPS} steps writes one log line, where the config "
            "writes one in 50. Validation and checkpoints are left out."
        ],
    )


if __name__ == "__main__":
    run_script("loop", measure)
