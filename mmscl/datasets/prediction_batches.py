"""Crops -> batches of images for a network; each file is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import DefaultScope
from mmpretrain.datasets.transforms import PackInputs
from mmpretrain.registry import TRANSFORMS
from torch import Tensor

from mmscl.datasets.cell_measure import NO_SIZE, measure_cell, measure_crop
from mmscl.datasets.crops import Crops
from mmscl.datasets.images import ImageError, read_crop
from mmscl.datasets.sources.listing import LeftOut
from mmscl.datasets.transforms.batching import run_pipeline
from mmscl.datasets.transforms.loading import add_backgrounds
from mmscl.datasets.transforms.packing import stack_images


class TestPipeline:
    """A config's test pipeline, from decoded crops to images (B, C, H, W).

    Crops are decoded by :func:`mmscl.datasets.images.read_crop` whatever the pipeline
    says: the place of mmpretrain's LoadImageFromFile is taken by the grey levels in as
    many channels as it would give. The images are taken out before PackInputs, which
    would make a DataSample of each.

    Args:
        transforms: Settings of the transforms, in order.
    """

    __test__ = False  # no test, for pytest

    def __init__(self, transforms: Sequence[dict]) -> None:
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            steps = [TRANSFORMS.build(dict(settings)) for settings in transforms]
        self.colour = False
        if steps and isinstance(steps[0], LoadImageFromFile):
            self.colour = steps.pop(0).color_type != "grayscale"
        self.key, self.packs = "inputs", bool(steps) and type(steps[-1]) is PackInputs
        if self.packs:
            self.key = steps.pop().input_key
        self.steps: list[Callable] = steps

    @property
    def cell_size(self) -> float | None:
        """Size that every cell is brought to, in pixels; None if it stays as it is."""
        step = self._sizing_step()
        return None if step is None else step.cell_size

    @property
    def cell_measure(self) -> str:
        """What the size of a cell is made of, one of `cell_measure.MEASURES`."""
        return getattr(self._sizing_step(), "cell_measure", "area")

    def _sizing_step(self) -> Any:
        sizing = (step for step in self.steps if getattr(step, "cell_size", None))
        return next(sizing, None)

    def __call__(self, samples: list[dict]) -> Tensor:
        """Run it on B samples with `img` (H x W uint8).

        Raises:
            ImageError: A transform gave None for a crop.
            ValueError: Images that differ in size.
        """
        if self.colour:
            for sample in samples:
                sample["img"] = cv2.cvtColor(sample["img"], cv2.COLOR_GRAY2BGR)
        rows = [sample["sample_idx"] for sample in samples]
        samples = run_pipeline(self.steps, samples, rows, np.random.default_rng(0))
        images = [sample[self.key] for sample in samples]
        shapes = {tuple(image.shape) for image in images}
        if len(shapes) > 1:
            raise ValueError(
                "test pipeline: expected images of one size, got "
                f"{' and '.join(map(str, sorted(shapes)[:2]))}; let it end with a "
                "canvas or a resize (ChromosomeCanvas)"
            )
        if self.packs and isinstance(images[0], np.ndarray):
            return stack_images(images)
        return torch.stack(images)


class CropReader:
    """Decodes crops, cell by cell where the size of the cell is needed.

    A cell's crops are in memory together, measured, and handed on; so each file is read
    once, and memory does not grow with the number of cells.

    Args:
        crops: What to read.
        cells: Rows of each cell; None does not measure them.
        skip_unreadable: Leave out what cannot be read instead of raising.

    Attributes:
        left_out: Row -> what was left out and why, so far.
    """

    def __init__(
        self, crops: Crops, cells: list[np.ndarray] | None, skip_unreadable: bool
    ) -> None:
        self.crops, self.cells = crops, cells
        self.skip_unreadable = skip_unreadable
        self.left_out: dict[int, LeftOut] = {}

    def batches(self, size: int, pipeline: TestPipeline) -> Iterator[tuple]:
        """Rows (int64, up to `size`) and their images, cell by cell.

        Raises:
            ImageError: A crop cannot be read, or a cell has no size.
        """
        samples = self._samples(pipeline.cell_measure)
        while batch := list(islice(samples, size)):
            rows = np.array([sample["sample_idx"] for sample in batch])
            yield rows, pipeline(batch)

    def _samples(self, measure: str) -> Iterator[dict]:
        if self.cells is None:
            for row in range(len(self.crops)):
                yield from self._read(row)
            return
        for rows in self.cells:
            cell = [sample for row in rows.tolist() for sample in self._read(row)]
            yield from self._measured(cell, measure)

    def _read(self, row: int) -> list[dict]:
        """The sample of a row, in a list that is empty if it is left out."""
        try:
            sample = self.crops.sample(row)
            if sample.get("img") is None:
                sample["img"] = read_crop(sample["img_path"])
        except ImageError as error:
            if not self.skip_unreadable:
                raise
            self._leave_out(row, error)
            return []
        sample["sample_idx"] = row
        return [sample]

    def _measured(self, cell: list[dict], measure: str) -> list[dict]:
        """Add the cell's size, measured as ChromosomeDataset(cell_size=...) does."""
        if not cell:
            return cell
        add_backgrounds(cell)
        sizes = [measure_crop(s["img"], s["background"], measure) for s in cell]
        size = measure_cell(np.array(sizes))
        if size > 0:
            for sample in cell:
                sample["cell_size"], sample["cell_measure"] = size, measure
            return cell
        error = ImageError(
            f"{cell[0]['img_path']}: {NO_SIZE[measure]}, so it has no size; look at "
            f"its {len(cell)} crops"
        )
        if not self.skip_unreadable:
            raise error
        for sample in cell:
            self._leave_out(sample["sample_idx"], error)
        return []

    def _leave_out(self, row: int, error: ImageError) -> None:
        path = str(self.crops.path[row])
        reason = str(error).removeprefix(f"{path}: ")
        self.left_out[row] = LeftOut(path, reason)
