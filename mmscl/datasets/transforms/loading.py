"""Image file or array -> one grey crop with a known background."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.images import (
    BACKGROUND_SPREAD,
    find_background,
    read_crop,
    to_grey,
)
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.registry import register


@register(TRANSFORMS)
class LoadChromosome(BatchTransform):
    """Give the crop as grey levels, H x W uint8, with its background.

    Takes ``results['img']`` when it is there (a crop from the data set's cache, or a
    1-, 3- (BGR) or 4-channel array from mmpretrain's ImageClassificationInferencer,
    which reads the file itself), else decodes ``results['img_path']``. Keys set:
    ``img``, ``background`` (its grey level, int), ``img_shape`` and ``ori_shape``
    ((H, W) in pixels).

    Args:
        invert: Turn grey levels over (255 - level). The models expect G-band: dark
            bands on a white background. Q-band and DAPI pictures have bright bands on
            black: set True. 'auto' inverts a crop whose background is darker than
            128, for data that mixes both. Default False.

    Raises:
        ImageError: The file cannot be decoded, or ``results['file_check']`` (from
            :class:`ChromosomeDataset`) refuses it; the message has its path.
    """

    def __init__(self, invert: bool | str = False) -> None:
        if invert not in (True, False, "auto"):
            raise ValueError(
                f"LoadChromosome.invert: expected True, False or 'auto', got {invert!r}"
            )
        self.invert = invert

    def transform(self, results: dict) -> dict:
        """Add img (H x W uint8), background, img_shape and ori_shape."""
        self._read(results)
        background_of(results)
        self._invert(results)
        return results

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """The same for each sample."""
        for sample in samples:
            self._read(sample)
        add_backgrounds(samples)
        for sample in samples:
            self._invert(sample)
        return samples

    def _read(self, sample: dict) -> None:
        image, file_check = sample.get("img"), sample.pop("file_check", None)
        if image is None:
            image = read_crop(sample["img_path"], file_check)
        else:
            image = to_grey(image)
        sample["img"] = image
        sample["img_shape"] = sample["ori_shape"] = image.shape

    def _invert(self, sample: dict) -> None:
        background = sample["background"]
        if self.invert is True or (self.invert == "auto" and background < 128):
            sample["img"] = cv2.bitwise_not(sample["img"])
            sample["background"] = 255 - background

    def __repr__(self) -> str:
        return f"LoadChromosome(invert={self.invert!r})"


def grey_image(results: dict, transform: BaseTransform) -> np.ndarray:
    """``results['img']`` if it is H x W uint8.

    Raises:
        ValueError: It is not; says which transform is missing in the pipeline.
    """
    image = results.get("img")
    if image is None or image.ndim != 2 or image.dtype != np.uint8:
        got = "no img" if image is None else f"{image.dtype} of shape {image.shape}"
        raise ValueError(
            f"{type(transform).__name__} expects a grey crop, H x W uint8, in "
            f"results['img'], got {got}. Put dict(type='LoadChromosome') first in the "
            "pipeline, and ask for channels=3 only in the last transform."
        )
    return image


def background_of(results: dict) -> int:
    """Grey level of the background: known from loading, else found and kept."""
    if results.get("background") is None:
        results["background"] = find_background(results["img"])
    return results["background"]


def add_backgrounds(samples: list[dict]) -> None:
    """:func:`background_of` for a batch."""
    unknown = [sample for sample in samples if sample.get("background") is None]
    if not unknown:
        return
    levels = find_backgrounds([sample["img"] for sample in unknown])
    for sample, level in zip(unknown, levels.tolist(), strict=True):
        sample["background"] = level


def find_backgrounds(images: Sequence[np.ndarray]) -> np.ndarray:
    """:func:`mmscl.datasets.images.find_background` of many crops at once.

    Args:
        images: B crops, each H x W uint8.

    Returns:
        Grey levels, int64 (B,).
    """
    edges = [(im[0], im[-1], im[1:-1, 0], im[1:-1, -1]) for im in images]
    lengths = [sum(len(edge) for edge in four) for four in edges]
    levels = np.concatenate([edge for four in edges for edge in four])
    places = np.repeat(256 * np.arange(len(images)), lengths) + levels
    counts = np.bincount(places, minlength=256 * len(images)).reshape(-1, 256)
    # Pixels within the spread of each level, as differences of running sums.
    spread = BACKGROUND_SPREAD
    sums = np.pad(counts, ((0, 0), (spread + 1, spread))).cumsum(axis=1)
    near = sums[:, 2 * spread + 1 :] - sums[:, : -2 * spread - 1]
    grey = np.arange(256)
    # The commonest level; of several the nearest to white or black, then the lighter.
    rank = (near << 16) + (np.abs(2 * grey - 255) << 8) + grey
    peak = rank.argmax(axis=1)[:, None]
    # The median of the pixels near it, from their histogram.
    below = np.where(np.abs(grey - peak) <= spread, counts, 0).cumsum(axis=1)
    total = below[:, -1:]
    middle = ((below > half).argmax(axis=1) for half in ((total - 1) // 2, total // 2))
    return sum(middle) // 2
