"""What augmentation on the device takes from the workers, and costs on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from benchmarks.crops import CASES, FEW_CASES, config_on, drawn_crops
from benchmarks.data_path import BATCH, STEPS, go_through
from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, one_core, run_script
from benchmarks.results import Part, Table
from mmscl.models.augmenting import augment

#: Preset, canvas (height, width), and pixels of the source on its longer side.
SETTINGS = (
    ("paper", (224, 224), 144),
    ("mmscl", (224, 224), 144),
    ("mmscl", (96, 48), 144),
)


def loader_of(
    root: Path,
    preset: str,
    size: tuple[int, int],
    extent: int,
    on_device: bool,
    steps: int,
) -> DataLoader:
    """A training dataloader in this process, its crops decoded beforehand.

    Args:
        root: Folder of drawn crops.
        preset, size, extent, on_device: Of ChromosomeAugment.
        steps: Batches of an epoch.
    """
    loader = config_on(root, "_base_/pki3_96x48.py").train_dataloader
    loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    loader.sampler.update(steps_per_epoch=steps)
    loader.dataset.update(cache=True, cell_size=False)
    loader.dataset.pipeline[1] = dict(
        type="ChromosomeAugment",
        preset=preset,
        size=size,
        extent=extent,
        on_device=on_device,
    )
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return Runner.build_dataloader(loader, seed=0)


def sides_of(root: Path, setting: tuple, steps: int) -> dict[str, Callable]:
    """Augmented batches with OpenCV; plans alone; plans and pixels, on the CPU."""
    opencv, plans = (
        loader_of(root, *setting, on_device, steps) for on_device in (False, True)
    )

    def do_all() -> None:
        for batch in plans:
            augment(batch["inputs"], torch.device("cpu"))

    return {
        "workers, OpenCV": partial(go_through, opencv),
        "workers, on_device": partial(go_through, plans),
        "both, on_device on a CPU": do_all,
    }


def speed(
    root: Path,
    rounds: int = ROUNDS,
    least: float = LEAST_SECONDS,
    steps: int = STEPS,
) -> Table:
    """Images a second and core.

    Args:
        root: Folder of drawn crops.
        rounds: As in `alternate`.
        least: As in `alternate`.
        steps: Batches of a turn.
    """
    rows = []
    for setting in SETTINGS:
        with one_core():
            times = alternate(sides_of(root, setting, steps), rounds, least)
        seconds = [median(side) for side in times.values()]
        preset, (height, width), _ = setting
        rates = [f"{steps * BATCH / second:.0f} images/s" for second in seconds]
        ratios = [f"{seconds[0] / second:.2f}" for second in seconds[1:]]
        rows.append([f"'{preset}', {height} x {width}", *rates, *ratios])
    return Table(
        "cpu",
        "Augmentation on the device",
        "ChromosomeAugment with and without `on_device`, drawn crops in memory, "
        "batches of 48, one thread. What the workers do is what a GPU waits for; the "
        "last rate has the CPU do the device's part as well. Ratios are to OpenCV, "
        "above 1 is faster.",
        [
            "preset, canvas",
            "workers, OpenCV",
            "workers, `on_device`",
            "both parts, on a CPU",
            "ratio, workers",
            "ratio, both parts",
        ],
        rows,
    )


def measure(quick: bool) -> Part:
    """The table."""
    turns = (2, 0.0, 1) if quick else (ROUNDS, LEAST_SECONDS, STEPS)
    with drawn_crops(FEW_CASES if quick else CASES) as root:
        return Part(tables=[speed(root, *turns)])


if __name__ == "__main__":
    run_script("device_path", measure)
