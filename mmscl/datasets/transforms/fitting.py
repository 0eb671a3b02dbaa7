"""Has a crop room on its canvas?"""

from __future__ import annotations

import cv2
import numpy as np

from mmscl.datasets.images import foreground_mask

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


def cell_size_of(sample: dict) -> float:
    """Size of the sample's cell in source pixels, > 0.

    Raises:
        KeyError: The sample has none; says what to set.
        ValueError: It is not positive.
    """
    if "cell_size" not in sample:
        raise KeyError(
            "ChromosomeCanvas.cell_size is set but the sample has no cell_size: set "
            "cell_size=True in the ChromosomeDataset of the config"
        )
    if not sample["cell_size"] > 0:
        raise ValueError(
            f"{sample.get('img_path', 'sample')}: its cell has size "
            f"{sample['cell_size']}: no foreground found in the crops of the cell"
        )
    return sample["cell_size"]
