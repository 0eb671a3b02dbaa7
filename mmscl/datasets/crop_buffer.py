"""Decoded crops of any size in one block of memory."""

from __future__ import annotations

import numpy as np


class CropBuffer:
    """Crops one after the other in a flat uint8 buffer, with their offsets.

    Filled with :meth:`append`, then frozen once. After that it consists of numpy
    arrays alone: workers forked from this process read the same memory, because no
    Python object's reference count changes when a crop is read.

    Example:
        >>> buffer = CropBuffer()
        >>> buffer.append(np.full((4, 2), 7, np.uint8))
        >>> buffer.freeze()
        >>> buffer[0].shape
        (4, 2)
    """

    def __init__(self) -> None:
        self._filling = bytearray()
        self._shape_list: list[tuple[int, int]] = []

    def append(self, crop: np.ndarray) -> None:
        """Add a crop, H x W uint8."""
        self._filling += np.ascontiguousarray(crop).tobytes()
        self._shape_list.append(crop.shape)

    def freeze(self) -> None:
        """End the filling and make the crops readable."""
        shapes = np.asarray(self._shape_list, np.int64).reshape(-1, 2)
        self._widths = shapes[:, 1].copy()
        self._offsets = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))])
        self._bytes = np.frombuffer(self._filling, np.uint8)
        del self._filling, self._shape_list

    def __len__(self) -> int:
        return len(self._widths)

    def __getitem__(self, index: int) -> np.ndarray:
        """A copy of the crop: what a transform writes stays out of the buffer."""
        start, end = self._offsets.item(index), self._offsets.item(index + 1)
        width = self._widths.item(index)
        return self._bytes[start:end].reshape(-1, width).copy()
