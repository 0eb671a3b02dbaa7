"""The crops as they are shown, in memory or in the folder of the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from mmscl.datasets.images import ImageError, read_crop
from mmscl.results.tables import ResultsError


class PictureFolder(Sequence[np.ndarray]):
    """Pictures NNNNNN.png of a folder, each read when it is asked for.

    Args:
        folder: Where they are.
        count: How many.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.total = folder, count

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, number: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, number):
        """The picture of a crop, H x W uint8.

        Raises:
            IndexError: There is no crop of that number.
            ResultsError: The picture is missing or damaged.
        """
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(self.total))]
        if not -self.total <= number < self.total:
            raise IndexError(f"crop {number}: expected 0..{self.total - 1}")
        try:
            return read_crop(picture_path(self.folder, number % self.total))
        except ImageError as error:
            raise ResultsError(
                f"{error}. The folder of results is incomplete; make it again"
            ) from error


def picture_path(folder: Path, number: int) -> Path:
    """Where the picture of a crop is."""
    return folder / f"{number:06d}.png"


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write a PNG.

    Args:
        path: Ends with .png; may hold any letters.
        image: H x W uint8.

    Raises:
        OSError: As the system says.
    """
    path.write_bytes(encode_png(image))


def encode_png(image: np.ndarray) -> bytes:
    """H x W uint8 -> the bytes of a PNG."""
    return cv2.imencode(".png", image)[1].tobytes()
