"""PairedKaryotypeSampler against pytorch-metric-learning's MPerClassSampler."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import median

import numpy as np

from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, run_script
from benchmarks.memory import peak_memory
from benchmarks.results import Line, Part, at_least, at_most, compare
from mmscl.datasets import PairedKaryotypeSampler

TYPES, BATCH, STEPS = 24, 48, 2000
PEER = "MPerClassSampler of pytorch-metric-learning"
#: Images -> steps of the peer's epoch that are measured; its step shuffles a type.
PEER_STEPS = {10**5: STEPS, 10**6: 200, 10**7: 20}
MOST_BYTES = 16  # an image, beyond the labels
FIRST_BATCH = at_most(2)  # seconds, at the greatest size


def labels_of(images: int) -> np.ndarray:
    """Types 0..23 of so many images, int64."""
    return np.random.default_rng(0).integers(0, TYPES, images)


def build_ours(labels: np.ndarray) -> PairedKaryotypeSampler:
    """Our sampler: two karyotypes of 24 types a batch."""
    return PairedKaryotypeSampler(
        range(len(labels)),
        seed=0,
        steps_per_epoch=STEPS,
        labels=labels,  # type: ignore[arg-type]  # any array does
    )


def build_peer(labels: np.ndarray, steps: int) -> Iterable[int]:
    """The peer's sampler: two images of each of 24 types a batch.

    Args:
        labels: (n,).
        steps: Batches of its epoch.
    """
    from pytorch_metric_learning.samplers import MPerClassSampler

    return MPerClassSampler(
        labels, m=2, batch_size=BATCH, length_before_new_iter=steps * BATCH
    )


def run_ours(labels: np.ndarray) -> object:
    """Construct, and yield one epoch."""
    sampler = build_ours(labels)
    for _ in sampler:
        pass
    return sampler


def run_peer(labels: np.ndarray) -> object:
    """Construct, and yield two batches: more do not change its memory."""
    sampler = build_peer(labels, 2)
    for _ in sampler:
        pass
    return sampler


def peer_epoch(labels: np.ndarray, steps: int) -> float:
    """Seconds to construct the peer and yield `STEPS` batches.

    Args:
        labels: (n,).
        steps: Batches that are measured; the others take as long.
    """
    start = time.perf_counter()
    sampler = build_peer(labels, steps)
    built = time.perf_counter()
    for _ in sampler:
        pass
    return built - start + (time.perf_counter() - built) * STEPS / steps


def first_batch(labels: np.ndarray) -> list[int]:
    """Construct, and yield the first 48 indices."""
    return list(islice(build_ours(labels), BATCH))


def speed(
    images: int,
    peer_steps: int,
    rounds: int = ROUNDS,
    least: float = LEAST_SECONDS,
) -> tuple[Line, Line]:
    """The lines of an epoch and of our first batch.

    Args:
        images: Of the data set.
        peer_steps: Batches of the peer's epoch that are measured.
        rounds: As in `alternate`.
        least: As in `alternate`.
    """
    labels = labels_of(images)

    def epoch() -> None:
        run_ours(labels)

    def first() -> None:
        first_batch(labels)

    def peer() -> float:
        return peer_epoch(labels, peer_steps)

    sides = {"ours": epoch, "first": first, "peer": peer}
    times = alternate(sides, rounds, least)
    ours, size = times["ours"], _size(images)
    whole = compare(
        f"sampler, construct and {STEPS:,} steps, {size}",
        PEER,
        ours,
        times["peer"],
        at_least(1),
    )
    start = compare(
        f"sampler, construct and first batch, {size}",
        "our construct and epoch",
        times["first"],
        ours,
    )
    start.goal = f"{FIRST_BATCH} s"
    start.met = FIRST_BATCH.holds(median(times["first"]))
    return whole, start


def memory(sizes: Sequence[int], repeats: int = ROUNDS) -> list[Line]:
    """Peak memory beyond the labels at each size; none where it can't be told."""
    module = "benchmarks.sampler"
    mine, others = (
        peak_memory(f"{module}:labels_of", f"{module}:{run}", sizes, repeats)
        for run in ("run_ours", "run_peer")
    )
    if mine is None or others is None:
        return []
    return [
        _memory_line(images, ours, theirs)
        for images, ours, theirs in zip(sizes, mine, others, strict=True)
    ]


def _memory_line(images: int, ours: list[int], theirs: list[int]) -> Line:
    line = compare(
        f"sampler, peak memory beyond the labels, {_size(images)}",
        PEER,
        ours,
        theirs,
        show=lambda count: f"{count / images:.3g} bytes an image",
    )
    line.goal = f"at most {MOST_BYTES} bytes an image"
    line.met = median(ours) / images <= MOST_BYTES
    return line


def _size(images: int) -> str:
    return f"10^{len(str(images)) - 1} images"


def measure(quick: bool) -> Part:
    """All lines."""
    sizes = {10**4: 20} if quick else PEER_STEPS
    lines = []
    for images, steps in sizes.items():
        epoch, first = speed(images, steps, *((2, 0.0) if quick else ()))
        lines += [epoch, first] if images == max(sizes) else [epoch]
    lines += memory(list(sizes), 2 if quick else ROUNDS)
    return Part(
        lines,
        notes=[
            f"Sampler: {STEPS:,} batches of {BATCH}, two images of each of {TYPES} "
            "types, labels in memory as int64. A step of the peer shuffles all images "
            "of each type, so at 10^6 images 200 of its steps are measured and at "
            "10^7 images 20, and counted for 2,000; its construction is measured "
            "whole. Memory is the growth of a process's resident memory at its peak; "
            "its ratio is the peer's over ours."
        ],
    )


if __name__ == "__main__":
    run_script("sampler", measure)
