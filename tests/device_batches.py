"""Batches that the device augments, and the same ones augmented with OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
from mmengine.dataset import default_collate
from mmpretrain.datasets.transforms import PackInputs

from mmscl.datasets.transforms import ChromosomeAugment, GreyJitter
from mmscl.datasets.transforms.packing import pack_batch


def banded_crops(
    count: int = 24, background: int = 250, seed: int = 0, tight: bool = False
) -> list[dict]:
    """Rods of several sizes, smooth as chromosomes are, as samples.

    They lie in some pixels of background, or fill their crops to the edge.
    """
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        height, width = 24 + 4 * number, 12 + number % 5
        bands = rng.integers(30, 190, (3 + height // 8, 1), dtype=np.uint8)
        bands = cv2.resize(bands, (width, height), interpolation=cv2.INTER_CUBIC)
        image = np.pad(
            bands, 0 if tight else 3 + number % 3, constant_values=background
        )
        samples.append(dict(img=image, background=background, gt_label=number % 24))
    return samples


def augmentations(preset: str, noise: bool = True, **settings) -> list:
    """The preset with OpenCV, and the one for the device."""
    both = [
        ChromosomeAugment(preset, on_device=on_device, **settings)
        for on_device in (False, True)
    ]
    for one in both:
        for transform in one.transforms:
            if isinstance(transform, GreyJitter) and not noise:
                transform.noise = (0.0, 0.0)
    return both


def collated(augment: ChromosomeAugment, samples: list[dict], seed: int = 0) -> dict:
    """A batch as the model gets it."""
    rng = np.random.default_rng(seed)
    samples = augment.transform_batch([dict(sample) for sample in samples], rng)
    return default_collate(pack_batch(PackInputs(), samples))
