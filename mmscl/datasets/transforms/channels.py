"""Grey levels in one channel, or three times the same."""

from __future__ import annotations

import numpy as np


def check_channels(name: str, value: int) -> int:
    """``value`` if it is 1 or 3.

    Raises:
        ValueError: It is not.
    """
    if value not in (1, 3):
        raise ValueError(f"{name}: expected 1 or 3, got {value!r}")
    return value


def repeat_channels(image: np.ndarray) -> np.ndarray:
    """H x W as H x W x 3; the channels lie one after the other, as tensors want it."""
    return np.stack([image] * 3).transpose(1, 2, 0)
