"""One training step with SCL against the same step without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.optim import build_optim_wrapper
from mmpretrain.registry import MODELS
from torch.profiler import ProfilerActivity, profile

from benchmarks.crops import KARYOTYPE, batch_in_memory, canvas_size, config_on
from benchmarks.measure import LEAST_SECONDS, alternate, run_script
from benchmarks.results import Line, Part, Table, at_most, compare, show_seconds

CONFIGS = ("resnet10t_pki3", "resnet18_pki3", "vit-t_pki3")
ROUNDS = 61  # a difference of two hundredths needs more than five
OPERATORS = 6  # rows of the profile


def build_step(
    config: str,
    types: int = KARYOTYPE,
    karyotypes: int = 2,
    model: dict | None = None,
) -> tuple[Any, Callable[[], None]]:
    """A config's model, and a training step of it on a batch in memory.

    Args:
        config: Path below configs/.
        types: Types of a karyotype and classes of the model.
        karyotypes: In the batch.
        model: Settings of the model that replace the config's.
    """
    cfg = config_on(None, config)
    cfg.merge_from_dict(dict(model=model or {}))
    cfg.model.head.num_classes = types
    torch.manual_seed(0)
    network = MODELS.build(cfg.model).train()
    optim_wrapper = build_optim_wrapper(network, cfg.optim_wrapper)
    data = batch_in_memory(canvas_size(cfg), types, karyotypes)

    def step() -> None:
        network.train_step(data, optim_wrapper)

    return network, step


def cost_of_scl(
    name: str,
    rounds: int = ROUNDS,
    least: float = LEAST_SECONDS,
    types: int = KARYOTYPE,
) -> Line:
    """The step of configs/scl/NAME.py against that of configs/baseline/NAME.py.

    Args:
        name: Of both configs.
        rounds: As in `alternate`.
        least: As in `alternate`.
        types: Types of a karyotype.
    """
    sides = {
        folder: build_step(f"{folder}/{name}.py", types)[1]
        for folder in ("scl", "baseline")
    }
    times = alternate(sides, rounds, least)
    encoder = name.partition("_")[0]
    return compare(
        f"training step with SCL, {encoder} at its config's size",
        "the same step without SCL",
        times["scl"],
        times["baseline"],
        at_most(1.02),
    )


def operators(config: str, steps: int = 5, types: int = KARYOTYPE) -> Table:
    """Where a step's time goes, by torch's operators.

    Args:
        config: Path below configs/.
        steps: To measure.
        types: Types of a karyotype.
    """
    _, step = build_step(config, types)
    step()
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        for _ in range(steps):
            step()
    events = sorted(
        profiler.key_averages(), key=lambda e: e.self_cpu_time_total, reverse=True
    )
    total = sum(event.self_cpu_time_total for event in events)
    rows = [
        [
            f"`{event.key}`",
            f"{100 * event.self_cpu_time_total / total:.1f} %",
            str(event.count // steps),
            show_seconds(event.self_cpu_time_total / steps / 1e6),
        ]
        for event in events[:OPERATORS]
    ]
    return Table(
        "profile",
        "A training step, by operator",
        f"configs/{config}, batch in memory, torch.profiler, the greatest "
        f"{OPERATORS}; own time of each operator.",
        ["operator", "share", "calls a step", "time a step"],
        rows,
    )


def measure(quick: bool) -> Part:
    """All lines and the profile."""
    if quick:
        lines = [cost_of_scl(CONFIGS[0], rounds=2, least=0.0, types=3)]
    else:
        lines = [cost_of_scl(name) for name in CONFIGS]
    table = operators("scl/resnet10t_pki3.py", types=3 if quick else KARYOTYPE)
    return Part(
        lines,
        [table],
        [
            "Training step: preprocessing, forward, losses, backward, clipping and "
            "AdamW on 48 images in memory, by the config's own settings; both sides "
            "start from the same weights. Without SCL the model is the same, its "
            "embedding layer included: configs/baseline differs in the loss alone."
        ],
    )


if __name__ == "__main__":
    run_script("step", measure)
