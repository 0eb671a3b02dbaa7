"""SIGTERM and Ctrl-C end a run after the current step, with its state saved."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from mmengine.dist import all_reduce, get_world_size, is_main_process

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_caught: list[int] = []


class Stopped(KeyboardInterrupt):
    """A run that ended on a signal; its message says how to go on.

    Attributes:
        number: The signal.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number


@contextmanager
def catch_signals() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM ask for a stop, and the second end at once.

    Outside of the main thread nothing is caught.
    """
    _caught.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def catch(number: int, frame: FrameType | None) -> None:
        if _caught:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        _caught.append(number)
        if is_main_process():
            name = signal.Signals(number).name
            print(
                f"\n{name}: the run saves its state and ends after this step; the same "
                "again ends it at once",
                file=sys.stderr,
                flush=True,
            )

    for number in _SIGNALS:
        signal.signal(number, catch)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_requested(together: bool = True) -> int:
    """The signal that asks for a stop, or 0.

    Args:
        together: Ask all ranks, so that all stop at the same step; every rank must
            then call this.
    """
    number = _caught[0] if _caught else 0
    if together and get_world_size() > 1:
        flag = torch.tensor(number)
        if torch.distributed.get_backend() == "nccl":
            flag = flag.cuda()
        all_reduce(flag, op="max")
        number = int(flag)
    return number
