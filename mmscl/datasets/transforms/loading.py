"""Image file or array -> one grey crop with a known background."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.images import find_background, read_crop, to_grey
from mmscl.registry import register


@register(TRANSFORMS)
class LoadChromosome(BaseTransform):
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
        ImageError: The file cannot be decoded; the message has its path.
    """

    def __init__(self, invert: bool | str = False) -> None:
        if invert not in (True, False, "auto"):
            raise ValueError(
                f"LoadChromosome.invert: expected True, False or 'auto', got {invert!r}"
            )
        self.invert = invert

    def transform(self, results: dict) -> dict:
        """Add img (H x W uint8), background, img_shape and ori_shape."""
        image = results.get("img")
        image = read_crop(results["img_path"]) if image is None else to_grey(image)
        background = results.get("background")
        if background is None:
            background = find_background(image)
        if self.invert is True or (self.invert == "auto" and background < 128):
            image, background = cv2.bitwise_not(image), 255 - background
        results["img"] = image
        results["background"] = background
        results["img_shape"] = results["ori_shape"] = image.shape
        return results

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
    if "background" not in results:
        results["background"] = find_background(results["img"])
    return results["background"]
