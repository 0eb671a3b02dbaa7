"""What one file of the corpus is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HEIGHT, WIDTH = 40, 31
SIZE = (WIDTH, HEIGHT)
HUGE = 60_000

IMAGE, ERROR = "image", "error"
#: An error, or the right pixels: whether it can be read depends on OpenCV's version.
NEVER_WRONG = "never wrong"
#: Damage that the format has no checksum for: an error or some picture.
ANYTHING = "anything"


@dataclass(frozen=True)
class Case:
    """A file and what should come of it.

    Attributes:
        name: File name: the kind in words, and a suffix that a data set accepts.
        data: Its bytes.
        expect: IMAGE, ERROR, NEVER_WRONG or ANYTHING.
        grey: The right pixels, H x W uint8, where they are known.
        near: How far from them a level may be (lossy formats).
        says: What the error says.
    """

    name: str
    data: bytes
    expect: str
    grey: np.ndarray | None = None
    near: int = 0
    says: str = ""


def readable(name: str, data: bytes, grey: np.ndarray, near: int = 0) -> Case:
    return Case(name, data, IMAGE, np.asarray(grey, np.uint8), near)


def refused(name: str, data: bytes, says: str = "cannot be decoded") -> Case:
    return Case(name, data, ERROR, says=says)


def over_white(grey: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha.astype(np.float64) / 255
    return np.rint(grey * share + 255 * (1 - share)).astype(np.uint8)


def stack(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels, axis=2)
