"""Crops of one cell scaled together, so that cells agree and relative lengths stay."""

from __future__ import annotations

import cv2
import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.fitting import cell_size_of
from mmscl.datasets.transforms.loading import grey_image
from mmscl.registry import register


@register(TRANSFORMS)
class NormalizeLength(BatchTransform):
    """Bring every cell to one length of chromosomes, as Sharma et al. (2017) do.

    Each crop is scaled by cell_size / (the cell's own), where a cell's own is the
    median length of the medial axes of its chromosomes. So a long chromosome stays as
    much longer than a short one of its cell as it was. That the paper scales by cell
    and keeps relative lengths is known, by which statistic of the cell is not: the
    median is ours. Keys set: ``img``, ``img_shape`` and ``length_scale`` (the factor).

    Args:
        cell_size: Median axis length of a cell in pixels afterwards. Needs
            cell_size='axis' in the ChromosomeDataset. Median of Pki-3: 61.

    Raises:
        PipelineError: The sample has no cell_size.
        ValueError: A setting out of range, or a cell_size that is none of axes.
    """

    #: What the size of a cell has to be made of.
    cell_measure = "axis"

    def __init__(self, cell_size: float = 61.0) -> None:
        if not cell_size > 0:
            raise ValueError(
                f"NormalizeLength.cell_size: expected pixels > 0, got {cell_size!r}"
            )
        self.cell_size = cell_size

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Scale img (H x W uint8) of each sample; set img_shape and length_scale."""
        for sample in samples:
            image = grey_image(sample, self)
            own = cell_size_of(sample, "NormalizeLength", self.cell_measure)
            scale = self.cell_size / own
            height, width = (max(round(side * scale), 1) for side in image.shape)
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            sample["img"] = cv2.resize(image, (width, height), interpolation=way)
            sample["img_shape"], sample["length_scale"] = (height, width), scale
        return samples

    def __repr__(self) -> str:
        return f"NormalizeLength(cell_size={self.cell_size})"
