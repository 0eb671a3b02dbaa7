"""A training step on a CPU: threads, memory layout, compilation, bfloat16."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

import torch

from benchmarks.machine import has_bfloat16
from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, run_script, threads
from benchmarks.results import Part, Table, compare, show_seconds
from benchmarks.step import build_step

CONFIGS = ("scl/resnet10t_pki3.py", "scl/vit-t_pki3.py")
CORES = os.cpu_count() or 1


COMPILED = "encoder compiled (`model.backbone.compile()`)"


def options(config: str, types: int) -> dict[str, Callable[[], None]]:
    """Name -> training step, each with one option changed; the first with none.

    Args:
        config: Path below configs/.
        types: Of a karyotype.
    """
    model, default = build_step(config, types)
    channels_last = model.memory_format is torch.channels_last
    used = 1 if CORES > 1 else 2
    changed = dict(channels_last=not channels_last)

    def other_threads() -> None:
        with threads(used):
            default()

    def bfloat16() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            default()

    return {
        f"as configured: {CORES} threads, channels_last {_on(channels_last)}, "
        "float32": default,
        f"{used} thread{'s' * (used > 1)}": other_threads,
        f"channels_last {_on(not channels_last)}": build_step(
            config, types, model=changed
        )[1],
        "bfloat16 (autocast)": bfloat16,
    }


def _on(value: bool) -> str:
    return "on" if value else "off"


def compiled_step(config: str, types: int) -> tuple[Callable[[], None], float]:
    """The step with a compiled encoder, and the seconds of its first run.

    Args:
        config: Path below configs/.
        types: Of a karyotype.
    """
    os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    model, step = build_step(config, types)
    model.backbone.compile()
    start = time.perf_counter()
    step()
    return step, time.perf_counter() - start


def table_of(
    config: str,
    types: int = 24,
    rounds: int = ROUNDS,
    least: float = LEAST_SECONDS,
    compiled: bool = True,
) -> Table:
    """Time of a step with each option.

    Args:
        config: Path below configs/.
        types: Of a karyotype.
        rounds: As in `alternate`.
        least: As in `alternate`.
        compiled: Whether to measure a compiled encoder, which needs a C++ compiler.
    """
    sides = options(config, types)
    compiling = ""
    if compiled:
        sides[COMPILED], seconds = compiled_step(config, types)
        compiling = f" Compiled, the first step takes {seconds:.0f} s."
    times = alternate(sides, rounds, least)
    first = next(iter(times.values()))
    rows = []
    for name, measured in times.items():
        line = compare(name, "", measured, first)
        ratio = f"{line.ratio:.2f} ({line.low:.2f}..{line.high:.2f})"
        rows.append([name, show_seconds(median(measured)), ratio])
    hardware = "has" if has_bfloat16() else "does not have"
    return Table(
        "cpu",
        f"configs/{config}",
        f"One training step of {2 * types} images in memory, one option changed at a "
        f"time. This CPU {hardware} bfloat16 in hardware.{compiling}",
        ["option", "step", "times as fast as configured"],
        rows,
    )


def measure(quick: bool) -> Part:
    """A table a model."""
    with threads(CORES):
        if quick:
            table = table_of(CONFIGS[0], 3, rounds=2, least=0.0, compiled=False)
            return Part(tables=[table])
        return Part(tables=[table_of(config) for config in CONFIGS])


if __name__ == "__main__":
    run_script("cpu", measure)
