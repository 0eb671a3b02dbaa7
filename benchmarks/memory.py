"""Peak memory of a piece of work, in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLEAR = Path("/proc/self/clear_refs")
LARGE = 100 * 10**6  # bytes; above, one measurement is exact to less than 1 %
# glibc gives freed memory back at once: the peak is that of the work alone.
FRUGAL = dict(
    MALLOC_MMAP_THRESHOLD_="4096", MALLOC_TRIM_THRESHOLD_="0", MALLOC_MMAP_MAX_="999999"
)


def peak_memory(
    prepare: str, run: str, sizes: Sequence[int], repeats: int
) -> list[list[int]] | None:
    """Bytes that a piece of work adds to resident memory at its peak, at each size.

    A fresh process does `run(prepare(size))`. The first size is run once before,
    unmeasured: what is loaded and allocated once does not count. The system counts
    to some hundred kB, so small work is measured again and again, large work once.

    Args:
        prepare: 'module:function' that makes the input, which does not count.
        run: 'module:function' that takes it.
        sizes: Arguments of `prepare`, ascending.
        repeats: Measurements of each size.

    Returns:
        One list a size; None where the system does not tell a process's peak: it
        needs Linux.
    """
    if not CLEAR.exists():
        return None
    numbers = map(str, [repeats, *sizes])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", prepare, run, *numbers],
        cwd=ROOT,
        env={**os.environ, **FRUGAL},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peaks(
    prepare: Callable, run: Callable, sizes: Sequence[int], repeats: int
) -> list[list[int]]:
    """As `peak_memory`, in this process."""
    run(prepare(sizes[0]))
    return [_repeated(prepare, run, size, repeats) for size in sizes]


def _repeated(prepare: Callable, run: Callable, size: int, repeats: int) -> list[int]:
    first = _peak(prepare, run, size)
    if first > LARGE:
        return [first] * repeats
    return [first, *(_peak(prepare, run, size) for _ in range(repeats - 1))]


def _peak(prepare: Callable, run: Callable, size: int) -> int:
    given = prepare(size)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    CLEAR.write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    kept = run(given)
    peak = _status("VmHWM") - before
    del kept
    return max(peak, 0)


def _status(name: str) -> int:
    """Bytes of an entry of this process's status."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{name}:")[2].split()[0]) * 1024


def _function(name: str) -> Callable:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


if __name__ == "__main__":
    make, work = _function(sys.argv[1]), _function(sys.argv[2])
    times, *given = map(int, sys.argv[3:])
    print(json.dumps(peaks(make, work, given, times)))
