"""Progress and time left, on one line."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmscl.registry import register


class _Clock:
    """Steps done and seconds left, from the mean time of a step."""

    def __init__(self, phase: str, total: int, done: int) -> None:
        self.phase, self.total, self.done, self.first = phase, total, done, done
        self.start = time.monotonic()

    def __str__(self) -> str:
        steps = self.done - self.first
        rate = steps / max(time.monotonic() - self.start, 1e-9)
        left = math.ceil((self.total - self.done) / rate)
        return (
            f"{self.phase} {self.done}/{self.total} "
            f"({100 * self.done // self.total} %)  {rate:.1f} steps/s  "
            f"ETA {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
        )


@register(HOOKS)
class ProgressHook(Hook):
    """One line with progress and time left, for training and testing.

    On a terminal the line is rewritten in place and makes way for log lines;
    elsewhere (a file, CI) a new line is printed every `interval` seconds. Only
    the main process prints.

    Args:
        interval: Seconds between two lines where the stream is no terminal.
        stream: Where to print; standard error by default.
    """

    priority = "NORMAL"

    def __init__(self, interval: float = 10.0, stream: TextIO | None = None) -> None:
        if interval < 0:
            raise ValueError(f"interval: expected seconds >= 0, got {interval}.")
        self.interval = interval
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.drawn = False
        self._clock = self._training = _Clock("", 0, 0)
        self._printed = 0.0

    def before_run(self, runner: Any) -> None:
        """Let log lines clear the progress line first."""
        if self.live and is_main_process():
            runner.logger.addFilter(self._make_way)

    def after_run(self, runner: Any) -> None:
        """Leave a clean terminal and a logger as it was."""
        self._clear()
        runner.logger.removeFilter(self._make_way)

    def before_train(self, runner: Any) -> None:
        """Start the clock; a resumed run starts where it was."""
        self._start("train", runner.max_iters, done=runner.iter)

    def before_val(self, runner: Any) -> None:
        """Keep the training clock aside during validation."""
        self._training = self._clock
        self._start("val", len(runner.val_dataloader))

    def before_test(self, runner: Any) -> None:
        """Start the clock."""
        self._start("test", len(runner.test_dataloader))

    def after_val(self, runner: Any) -> None:
        """Go on with the training clock, less the time of the validation."""
        self._clear()
        spent = time.monotonic() - self._clock.start
        self._clock = self._training
        self._clock.start += spent

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Show one more step."""
        loss = (outputs or {}).get("loss")
        self._step("" if loss is None else f"  loss {loss.item():.4g}")

    def after_val_iter(self, *args: Any, **kwargs: Any) -> None:
        """Show one more batch."""
        self._step()

    def after_test_iter(self, *args: Any, **kwargs: Any) -> None:
        """Show one more batch."""
        self._step()

    def _start(self, phase: str, total: int, done: int = 0) -> None:
        self._clock = _Clock(phase, total, done)
        self._printed = time.monotonic()

    def _step(self, note: str = "") -> None:
        self._clock.done += 1
        if not is_main_process():
            return
        if self.live:
            self.stream.write(f"\r{self._clock}{note}\x1b[K")
            self.drawn = True
        elif self._is_due():
            self.stream.write(f"{self._clock}{note}\n")
            self._printed = time.monotonic()
        self.stream.flush()

    def _is_due(self) -> bool:
        last = self._clock.done >= self._clock.total
        return last or time.monotonic() - self._printed >= self.interval

    def _make_way(self, record: logging.LogRecord) -> bool:
        self._clear()
        return True

    def _clear(self) -> None:
        if self.drawn:
            self.stream.write("\r\x1b[K")
            self.drawn = False
