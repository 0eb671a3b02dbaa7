"""Has a crop room on its canvas?"""

from __future__ import annotations

import cv2
import numpy as np

from mmscl.datasets.cell_measure import NO_SIZE
from mmscl.datasets.images import ImageError, foreground_mask
from mmscl.datasets.transforms.pipeline_error import PipelineError

_NEARLY_ONE = 1 + 1e-9


def room_for(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[float, float]:
    """The largest zoom across and down at which a crop lies on its canvas.

    Args:
        shape: Height and width of the crop in pixels.
        size: Height and width of the canvas in pixels.
    """
    return size[1] / shape[1], size[0] / shape[0]


def is_larger(zoom: float, room: float) -> bool:
    """Is the zoom more than the room? A float's last bit does not count."""
    return zoom > room * _NEARLY_ONE


def trim(image: np.ndarray, background: int) -> np.ndarray:
    """The crop without blank margin: some sets centre each crop on a large sheet."""
    x, y, width, height = cv2.boundingRect(
        foreground_mask(image, background).view(np.uint8)
    )
    return image[y : y + height, x : x + width] if width else image


def cell_size_of(
    sample: dict, owner: str = "ChromosomeCanvas", measure: str = "area"
) -> float:
    """Size of the sample's cell in source pixels, > 0.

    Args:
        sample: As the data set gives it.
        owner: The transform that asks.
        measure: What the size has to be made of, one of
            `mmscl.datasets.cell_measure.MEASURES`.

    Raises:
        PipelineError: The sample has none, or one of something else; says what to set.
        ImageError: It is not positive.
    """
    setting = "cell_size=True" if measure == "area" else f"cell_size={measure!r}"
    if "cell_size" not in sample:
        raise PipelineError(
            f"{owner}.cell_size is set but the sample has no cell_size: set "
            f"{setting} in the ChromosomeDataset of the config"
        )
    if (own := sample.get("cell_measure", measure)) != measure:
        raise PipelineError(
            f"{owner}.cell_size is a size of measure {measure!r}, got one of measure "
            f"{own!r}: set {setting} in the ChromosomeDataset of the config"
        )
    if not sample["cell_size"] > 0:
        raise ImageError(
            f"{sample.get('img_path', 'sample')}: its cell has size "
            f"{sample['cell_size']}: {NO_SIZE[measure]}"
        )
    return sample["cell_size"]
