"""How the cost of a step grows with its batch, its embedding and its types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import torch

from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, run_script
from benchmarks.results import Part, Table, show_seconds
from benchmarks.step import build_step
from mmscl.models import SupConFocalLoss

CONFIG = "scl/resnet10t_pki3.py"


@dataclass(frozen=True)
class Setting:
    """What a step is made of; the defaults are the paper's."""

    karyotypes: int = 2
    embed_dims: int = 1024
    types: int = 24


SETTINGS = (
    Setting(),
    *(Setting(karyotypes=number) for number in (4, 8)),
    *(Setting(embed_dims=number) for number in (128, 4096)),
    *(Setting(types=number) for number in (6, 12, 48)),
)


def loss_alone(setting: Setting) -> Callable[[], None]:
    """Forward and backward of the contrastive loss of that batch."""
    images = setting.karyotypes * setting.types
    embeddings = torch.randn(images, setting.embed_dims).requires_grad_()
    labels = torch.arange(setting.types).repeat(setting.karyotypes)
    loss = SupConFocalLoss()

    def run() -> None:
        embeddings.grad = None
        loss(embeddings, labels).backward()

    return run


def step_of(setting: Setting) -> Callable[[], None]:
    """A training step of the config with that setting."""
    model = dict(head=dict(embed_dims=setting.embed_dims))
    return build_step(CONFIG, setting.types, setting.karyotypes, model)[1]


def growth(
    settings: tuple[Setting, ...], rounds: int = ROUNDS, least: float = LEAST_SECONDS
) -> Table:
    """Step and loss of every setting, in turn.

    Args:
        settings: The first is what the others are compared with.
        rounds: As in `alternate`.
        least: As in `alternate`.
    """
    sides = {("step", one): step_of(one) for one in settings}
    sides |= {("loss", one): loss_alone(one) for one in settings}
    named = {f"{kind} {one}": side for (kind, one), side in sides.items()}
    seconds = {
        key: median(times)
        for key, times in zip(
            sides, alternate(named, rounds, least).values(), strict=True
        )
    }
    first = seconds["step", settings[0]]
    return Table(
        "growth",
        "How cost grows",
        f"configs/{CONFIG}, one training step with a batch in memory, one thing "
        "changed at a time; the loss alone is the contrastive one, forward and "
        "backward.",
        [
            "karyotypes a batch",
            "embedding size",
            "types",
            "images",
            "step",
            "over the first row",
            "contrastive loss alone",
            "its share of the step",
        ],
        [
            [
                str(one.karyotypes),
                str(one.embed_dims),
                str(one.types),
                str(one.karyotypes * one.types),
                show_seconds(seconds["step", one]),
                f"{seconds['step', one] / first:.2f}",
                show_seconds(seconds["loss", one]),
                f"{100 * seconds['loss', one] / seconds['step', one]:.1f} %",
            ]
            for one in settings
        ],
    )


def measure(quick: bool) -> Part:
    """The table."""
    if quick:
        few = replace(SETTINGS[0], types=3)
        table = growth((few, replace(few, karyotypes=4)), rounds=2, least=0.0)
    else:
        table = growth(SETTINGS)
    return Part(tables=[table])


if __name__ == "__main__":
    run_script("growth", measure)
