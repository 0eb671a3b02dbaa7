"""Which end of a chromosome is up: the label that a vertical flip makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.images import ImageError
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.loading import grey_image
from mmscl.datasets.transforms.pipeline_error import PipelineError
from mmscl.datasets.transforms.randomness import check_probability, happens
from mmscl.registry import register

#: The manifest's word -> the label: 1 is upright, with the q arm down.
LABELS = dict(up=1, down=0)


@register(TRANSFORMS)
class FlipPolarity(BatchTransform):
    """Turn crops upside down at random, and label each with its polarity.

    As Varifocal-Net is trained (Qin et al., IEEE TMI 38(11), 2019): the label is 1 with
    the p arm up, 0 with the p arm down. Keys set: ``polarity_label``, which PackInputs
    hands on if it is in its meta_keys. Goes behind LoadChromosome and before the
    canvas, which may then neither flip up and down nor rotate by 90 degrees or more.

    Args:
        prob: Probability of turning; 0 only labels, for validation and testing.
        upright: Take crops whose polarity the manifest does not tell to have the p arm
            up, as crops cut from karyograms have.

    Raises:
        ImageError: A crop's polarity is not known, or neither 'up' nor 'down'.

    Example:
        >>> flip = FlipPolarity(prob=0)
        >>> crop = np.full((8, 4), 90, np.uint8)
        >>> flip(dict(img=crop, polarity='down'))['polarity_label']
        0
    """

    def __init__(self, prob: float = 0.5, upright: bool = False) -> None:
        self.prob = check_probability("FlipPolarity.prob", prob)
        self.upright = upright

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Change img (H x W uint8) and set polarity_label of each sample."""
        turned = happens(rng, self.prob, len(samples))
        for sample, turn in zip(samples, turned, strict=True):
            label = self._label(sample)
            image = grey_image(sample, self)
            if turn:
                sample["img"] = cv2.flip(image, 0)
            sample["polarity_label"] = 1 - label if turn else label
        return samples

    def _label(self, sample: dict) -> int:
        told = sample.get("polarity") or ("up" if self.upright else "")
        if told not in LABELS:
            raise ImageError(
                f"{sample.get('img_path', 'a crop')}: FlipPolarity expects 'up' or "
                f"'down' in the manifest's column polarity, got {told!r}. Fill the "
                "column, or set upright=True where all crops stand with the p arm up"
            )
        return LABELS[told]

    def __repr__(self) -> str:
        return f"FlipPolarity(prob={self.prob}, upright={self.upright})"


def check_flips(transforms: Iterable[Any]) -> None:
    """Stop a pipeline in which a canvas would make polarity labels wrong.

    The data set asks when it is built: a test pipeline would otherwise run first after
    an epoch of training.

    Args:
        transforms: Of a pipeline, in order.

    Raises:
        PipelineError: As :func:`refuse_flips`.
    """
    labelled: dict = {}
    for transform in transforms:
        if isinstance(transform, FlipPolarity):
            labelled["polarity_label"] = 1
        for part in getattr(transform, "transforms", [transform]):
            if hasattr(part, "vflip") and hasattr(part, "rotation"):
                refuse_flips(labelled, part)


def refuse_flips(sample: dict, canvas: Any) -> None:
    """Stop a canvas that would make a polarity label wrong.

    Raises:
        PipelineError: It flips up and down, or rotates by 90 degrees or more.
    """
    if "polarity_label" not in sample:
        return
    widest = max(map(abs, canvas.rotation))
    if canvas.vflip or widest >= 90:
        raise PipelineError(
            f"ChromosomeCanvas: vflip={canvas.vflip} and rotation={canvas.rotation} "
            "would turn chromosomes over behind FlipPolarity's back; expected vflip=0 "
            "and rotation below 90 degrees. Of the presets of ChromosomeAugment, "
            "'mmscl' is such"
        )
