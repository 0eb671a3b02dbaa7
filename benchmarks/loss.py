"""The contrastive loss against pytorch-metric-learning's and against a plain loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, run_script, threads
from benchmarks.memory import peak_memory
from benchmarks.results import (
    Line,
    Part,
    at_least,
    at_most,
    compare,
    show_bytes,
)
from mmscl.functional import focal_loss
from mmscl.models import SupConFocalLoss

TYPES, EMBED_DIMS = 24, 1024
SIZES = (48, 192, 768, 3072)  # 2, 8, 32 and 128 karyotypes
GAMMA, SCALE = 2.0, 1 / 0.07
PEER = "SupConLoss of pytorch-metric-learning"
LOOP = "plain loop of Eq. 3"


def batch(images: int) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and labels (B,) of whole karyotypes.

    Args:
        images: B, a multiple of 24.
    """
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(images, EMBED_DIMS, generator=generator)
    return embeddings.requires_grad_(), torch.arange(TYPES).repeat(images // TYPES)


def plain_loop(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Eq. 3 as the paper prints it: every two views, row loss plus column loss.

    Args:
        embeddings: (B, D), m karyotypes one after the other.
        labels: (B,), 0..23 in each.
    """
    views = torch.nn.functional.normalize(embeddings, eps=1e-6).split(TYPES)
    target, total = labels[:TYPES], embeddings.new_zeros(())
    for one in views:
        for other in views:
            scores = SCALE * one @ other.T
            total = total + focal_loss(scores, target, GAMMA)
            total = total + focal_loss(scores.T, target, GAMMA)
    return total * 4 / len(views) ** 2


def make_losses() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Name -> loss of embeddings and labels: ours first."""
    from pytorch_metric_learning.losses import SupConLoss

    return {
        "ours": SupConFocalLoss(gamma=GAMMA, scale=SCALE),
        PEER: SupConLoss(temperature=1 / SCALE),
        LOOP: plain_loop,
    }


def forward_backward(
    loss: Callable[[Tensor, Tensor], Tensor], given: tuple[Tensor, Tensor]
) -> None:
    """One loss and its gradient."""
    given[0].grad = None
    loss(*given).backward()


def run_ours(given: tuple[Tensor, Tensor]) -> None:
    """For the measurement of memory."""
    forward_backward(make_losses()["ours"], given)


def run_peer(given: tuple[Tensor, Tensor]) -> None:
    """For the measurement of memory."""
    forward_backward(make_losses()[PEER], given)


def run_loop(given: tuple[Tensor, Tensor]) -> None:
    """For the measurement of memory."""
    forward_backward(plain_loop, given)


def speed(
    images: int, rounds: int = ROUNDS, least: float = LEAST_SECONDS
) -> list[Line]:
    """Both lines of one batch size, with torch's threads as they are."""
    given = batch(images)
    sides = {
        name: partial(forward_backward, loss, given)
        for name, loss in make_losses().items()
    }
    times = alternate(sides, rounds, least)
    used = torch.get_num_threads()
    what = f"loss, B = {images}, {used} thread{'s' * (used > 1)}"
    goals = {PEER: at_least(2 if images == 48 else 1), LOOP: at_least(2)}
    return [
        compare(what, peer, times["ours"], times[peer], goal)
        for peer, goal in goals.items()
    ]


def memory(sizes: Sequence[int], repeats: int = ROUNDS) -> list[Line]:
    """Both lines of peak memory at each batch size; none where it can't be told."""
    ours, *others = (
        peak_memory("benchmarks.loss:batch", f"benchmarks.loss:{run}", sizes, repeats)
        for run in ("run_ours", "run_peer", "run_loop")
    )
    return [
        compare(
            f"peak memory of the loss, B = {images}",
            peer,
            mine,
            its,
            at_most(1),
            show_bytes,
        )
        for peer, other in zip((PEER, LOOP), others, strict=True)
        if ours is not None and other is not None
        for images, mine, its in zip(sizes, ours, other, strict=True)
    ]


def measure(quick: bool) -> Part:
    """All lines."""
    sizes = SIZES[:1] if quick else SIZES
    lines = []
    for images in sizes:
        for number in (1, 2):
            with threads(number):
                lines += speed(images, *((2, 0.0) if quick else ()))
    return Part(
        [*lines, *memory(sizes, 2 if quick else ROUNDS)],
        notes=[
            f"Loss: forward and backward, D = {EMBED_DIMS}, float32, karyotypes of "
            f"{TYPES} types one after the other. pytorch-metric-learning's loss is "
            "another formula on the same embeddings and labels; the plain loop gives "
            "our value. Memory is what a forward and backward adds to a process's "
            "resident memory at its peak."
        ],
    )


if __name__ == "__main__":
    run_script("loss", measure)
