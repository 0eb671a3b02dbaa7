"""Each transform of the data path alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from mmengine.registry import DefaultScope
from mmpretrain.registry import TRANSFORMS

from benchmarks.crops import training_crops
from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, one_core
from benchmarks.results import Table
from mmscl.datasets.images import read_crop

OPERATIONS = {
    "LoadChromosome, from its file": dict(type="LoadChromosome"),
    "LoadChromosome, in memory": dict(type="LoadChromosome"),
    "GreyJitter, contrast": dict(type="GreyJitter", contrast=0.2),
    "GreyJitter, contrast and gamma": dict(type="GreyJitter", contrast=0.5, gamma=0.3),
    "GreyJitter, blur": dict(type="GreyJitter", blur=1.2),
    "GreyJitter, noise": dict(type="GreyJitter", noise=8.0),
    "ElasticBend": dict(type="ElasticBend"),
    "ChromosomeCanvas, 96 x 48, no augmentation": dict(
        type="ChromosomeCanvas", size=(96, 48), extent=144
    ),
    "ChromosomeCanvas, 96 x 48, rotation, flips, scale, shift": dict(
        type="ChromosomeCanvas",
        size=(96, 48),
        extent=144,
        rotation=15,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    "ChromosomeCanvas, 224 x 224, rotation, flips": dict(
        type="ChromosomeCanvas", size=224, extent=144, rotation=90, hflip=0.5, vflip=0.5
    ),
    "ChromosomeAugment 'paper', 224 x 224": dict(
        type="ChromosomeAugment", preset="paper", size=224, extent=144
    ),
    "ChromosomeAugment 'mmscl', 96 x 48": dict(
        type="ChromosomeAugment", preset="mmscl", size=(96, 48), extent=144
    ),
    "PackInputs": dict(type="PackInputs"),
}


def operations(
    root: Path, images: int = 200, rounds: int = ROUNDS, least: float = LEAST_SECONDS
) -> Table:
    """Microseconds an image of each transform alone, called image by image.

    Args:
        root: Folder of drawn crops.
        images: Crops that each transform sees.
        rounds: As in `alternate`.
        least: As in `alternate`.
    """
    records = [_our_record(path) for path in training_crops(root)[:images]]
    sides = {}
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        for name, settings in OPERATIONS.items():
            given = records
            if "file" in name:
                given = [dict(img_path=record["img_path"]) for record in records]
            sides[name] = partial(_apply, TRANSFORMS.build(settings), given)
    with one_core():
        times = alternate(sides, rounds, least)
    rows = [
        [name, f"{1e6 * median(seconds) / len(records):.1f} us"]
        for name, seconds in times.items()
    ]
    return Table(
        "profile",
        "The data path, by operation",
        "Each transform alone on tight drawn crops (about 64 x 22 px), one image at a "
        "time, one thread, settings of the presets with probability 1; "
        "ChromosomeAugment with the preset's probabilities.",
        ["operation", "an image"],
        rows,
    )


def _our_record(path: Path) -> dict:
    record: dict = dict(img_path=str(path), img=read_crop(path), gt_label=0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        load = TRANSFORMS.build(dict(type="LoadChromosome"))
    return load(record)


def _apply(transform: Callable, records: list[dict]) -> None:
    for record in records:
        transform(dict(record))
