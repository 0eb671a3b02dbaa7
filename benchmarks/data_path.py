"""Crop file -> augmented tensor, against mmpretrain's pipeline and torchvision v2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.registry import TRANSFORMS
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_image

from benchmarks.crops import (
    CASES,
    FEW_CASES,
    canvas_size,
    config_on,
    drawn_crops,
    training_crops,
)
from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, one_core, run_script
from benchmarks.operations import operations
from benchmarks.peer_transforms import stock_pipeline, v2_transforms
from benchmarks.results import Line, Part, at_least, compare, rate_of
from mmscl.datasets.images import read_crop

#: Config of our side -> what its canvas is called.
CONFIGS = {
    "_base_/pki3_224px.py": "224 px",
    "_base_/pki3_96x48.py": "96 x 48 px",
}
BATCH = 48
STEPS = 10  # batches of a turn
STOCK, V2 = "mmpretrain's transforms", "torchvision v2"


def sheet_of(cfg: Config) -> tuple[int, int]:
    """(height, width) in source pixels that the config's canvas covers."""
    height, width = canvas_size(cfg)
    zoom = max(height, width) / cfg.test_dataloader.dataset.pipeline[1]["extent"]
    return round(height / zoom), round(width / zoom)


def our_loader(
    root: Path, name: str, cached: bool, steps: int, vary: bool = True
) -> DataLoader:
    """The config's training dataloader with the preset 'paper', in this process.

    Args:
        root: Folder of drawn crops.
        name: Config, path below configs/.
        cached: Whether crops are decoded beforehand.
        steps: Batches of an epoch.
        vary: Whether to augment; else the crops are only put on the canvas.
    """
    cfg = config_on(root, name)
    loader = cfg.train_dataloader
    loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    loader.sampler.update(steps_per_epoch=steps)
    loader.dataset.update(cache=cached, cell_size=False)
    kind = dict(type="ChromosomeAugment", preset="paper")
    if not vary:
        kind = dict(type="ChromosomeCanvas")
    extent = cfg.test_dataloader.dataset.pipeline[1]["extent"]
    loader.dataset.pipeline[1] = dict(kind, size=canvas_size(cfg), extent=extent)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return Runner.build_dataloader(loader, seed=0)


class PeerDataset(Dataset):
    """Records of crops through a peer's transforms, with nothing around them.

    Args:
        records: One an image.
        transform: Record -> sample.
    """

    def __init__(self, records: Sequence, transform: Callable) -> None:
        self.records, self.transform = records, transform

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> object:
        return self.transform(self.records[index])


def stock_loader(
    root: Path, name: str, cached: bool, steps: int, vary: bool = True
) -> DataLoader:
    """As `our_loader`, with mmpretrain's transforms."""
    cfg = config_on(root, name)
    steps_of = stock_pipeline(canvas_size(cfg), sheet_of(cfg), cached, vary)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        pipeline = Compose([TRANSFORMS.build(step) for step in steps_of])
    records = [_stock_record(path, cached) for path in training_crops(root)]
    # The pipeline writes into the record, so each image gets a copy, as in mmengine.
    dataset = PeerDataset(records, lambda record: pipeline(dict(record)))
    return _loader(dataset, steps, default_collate)


def _stock_record(path: Path, cached: bool) -> dict:
    record: dict = dict(img_path=str(path), gt_label=0)
    if cached:
        crop = read_crop(path)
        record.update(img=crop, img_shape=crop.shape, ori_shape=crop.shape)
    return record


def v2_loader(
    root: Path, name: str, cached: bool, steps: int, vary: bool = True
) -> DataLoader:
    """As `our_loader`, with torchvision v2."""
    cfg = config_on(root, name)
    transforms = v2_transforms(canvas_size(cfg), sheet_of(cfg), vary)
    if cached:
        records = [_decode(path) for path in training_crops(root)]
        return _loader(PeerDataset(records, transforms), steps)
    dataset = PeerDataset(training_crops(root), lambda path: transforms(_decode(path)))
    return _loader(dataset, steps)


def _decode(path: Path) -> Tensor:
    return decode_image(str(path), ImageReadMode.GRAY)


def _loader(
    dataset: PeerDataset, steps: int, collate: Callable | None = None
) -> DataLoader:
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    indices = order.repeat(1 + steps * BATCH // len(order))[: steps * BATCH]
    return DataLoader(
        dataset, batch_size=BATCH, sampler=indices.tolist(), collate_fn=collate
    )


LOADERS = {"ours": our_loader, STOCK: stock_loader, V2: v2_loader}


def go_through(loader: Iterable) -> None:
    """Load every batch of an epoch."""
    for _ in loader:
        pass


def speed(
    root: Path,
    name: str,
    cached: bool,
    rounds: int = ROUNDS,
    least: float = LEAST_SECONDS,
    steps: int = STEPS,
) -> list[Line]:
    """Images a second and core, against both peers.

    Args:
        root: Folder of drawn crops.
        name: Config, path below configs/.
        cached: Whether crops are decoded beforehand.
        rounds: As in `alternate`.
        least: As in `alternate`.
        steps: Batches of a turn.
    """
    sides = {
        peer: partial(go_through, build(root, name, cached, steps))
        for peer, build in LOADERS.items()
    }
    with one_core():
        times = alternate(sides, rounds, least)
    source = "crops in memory" if cached else "crop files"
    goals = {STOCK: at_least(4 if cached else 2), V2: at_least(2)}
    return [
        compare(
            f"data path, {source}, {CONFIGS[name]}",
            peer,
            times["ours"],
            times[peer],
            goal,
            rate_of(steps * BATCH),
        )
        for peer, goal in goals.items()
    ]


def measure(quick: bool) -> Part:
    """All lines and the table of operations."""
    turns = (2, 0.0) if quick else (ROUNDS, LEAST_SECONDS)
    lines = []
    with drawn_crops(FEW_CASES if quick else CASES) as root:
        for name in CONFIGS:
            for cached in (True, False):
                lines += speed(root, name, cached, *turns, 1 if quick else STEPS)
        table = operations(root, 10 if quick else 200, *turns)
    return Part(
        lines,
        [table],
        [
            "Data path: drawn crops, batches of 48 collated tensors in one process "
            "with one thread, so images a second are per core. The preset 'paper' "
            "(contrast 0.8 to 1.2, canvas, rotation -90 to 90 degrees, two flips) on "
            "all sides, bilinear, grey. Ours goes through the config's dataloader, "
            "dataset and sampler; the peers through a list of paths or decoded "
            "crops. mmpretrain's own contrast transforms fail on grey arrays, so "
            "torchvision's stands there, which mmpretrain registers."
        ],
    )


if __name__ == "__main__":
    run_script("data_path", measure)
