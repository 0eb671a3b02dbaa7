"""Bent crops -> straight ones, along the medial axis or in Sharma's way."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.images import ImageError
from mmscl.datasets.straightening import (
    EmptyCropError,
    NoAxisError,
    axis_of,
    find_centromere,
    find_outline,
    sharma_steps,
    straighten_along,
)
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.loading import add_backgrounds, grey_image
from mmscl.registry import register

_NO_AXIS = ("keep", "error")


class _Straightening(BatchTransform):
    """What both ways share: which crops are left as they are, and which are refused.

    Args:
        no_axis: 'keep' or 'error', for a crop in which there is nothing to straighten
            along.

    Raises:
        ValueError: Another setting.
    """

    def __init__(self, no_axis: str = "keep") -> None:
        if no_axis not in _NO_AXIS:
            raise ValueError(
                f"{type(self).__name__}.no_axis: expected one of {_NO_AXIS}, got "
                f"{no_axis!r}"
            )
        self.no_axis = no_axis

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Replace img of each sample; set img_shape, straightened and not_straight."""
        for sample in samples:
            grey_image(sample, self)
        add_backgrounds(samples)
        for sample in samples:
            sample["straightened"], sample["not_straight"] = True, ""
            try:
                self.straighten(sample)
            except NoAxisError as error:
                if self.no_axis == "error" or isinstance(error, EmptyCropError):
                    path = sample.get("img_path", "a crop")
                    raise ImageError(
                        f"{path}: {type(self).__name__} finds {error}"
                    ) from error
                sample["straightened"], sample["not_straight"] = False, str(error)
            sample["img_shape"] = sample["img"].shape
        return samples

    @abstractmethod
    def straighten(self, sample: dict) -> None:
        """Replace img of one sample.

        Raises:
            NoAxisError: It is to stay as it is.
        """


@register(TRANSFORMS)
class Straighten(_Straightening):
    """Straighten each chromosome along its medial axis, before any model.

    Length along the axis, widths across it and grey levels stay; what was the upper
    end stays up. Put it behind LoadChromosome and before the canvas. Keys set besides
    img and img_shape: ``straightened`` (bool), ``not_straight`` (why not: a ring or a
    round chromosome has no axis, its crop stays as it is), ``axis_length`` (pixels)
    and, where asked for, ``centromere`` (`Centromere`, or None where there is no
    constriction).

    Args:
        margin: Rows and columns of background around the result.
        centromere: Look for the centromere too.
        no_axis: 'keep' leaves a crop without an axis as it is, 'error' stops with its
            path. An empty crop is an error in any case.

    Raises:
        ImageError: An empty crop, or with no_axis='error' one without an axis.
        ValueError: A setting out of range.

    Example:
        >>> straighten = Straighten()
        >>> crop = np.full((60, 20), 255, np.uint8)
        >>> crop[5:55, 4:16] = 90
        >>> result = straighten(dict(img=crop, background=255))
        >>> round(result['axis_length'])
        50
    """

    def __init__(
        self, margin: int = 1, centromere: bool = False, no_axis: str = "keep"
    ) -> None:
        super().__init__(no_axis)
        if not (isinstance(margin, int) and margin >= 0):
            raise ValueError(f"Straighten.margin: expected pixels >= 0, got {margin!r}")
        self.margin, self.centromere = margin, centromere

    def straighten(self, sample: dict) -> None:
        """Replace img; set axis_length and centromere."""
        image, background = sample["img"], sample["background"]
        outline = find_outline(image, background)
        axis = axis_of(outline)
        found = straighten_along(image, background, outline, axis, self.margin)
        sample["img"], sample["axis_length"] = found.image, found.length
        if self.centromere:
            sample["centromere"] = find_centromere(found)

    def __repr__(self) -> str:
        return (
            f"Straighten(margin={self.margin}, centromere={self.centromere}, "
            f"no_axis={self.no_axis!r})"
        )


@register(TRANSFORMS)
class SharmaStraighten(_Straightening):
    """Straighten each chromosome in Sharma's way: cut at the bend, turn, stitch, fill.

    Sharma et al., CVPR Workshops 2017, after Javan-Roshtkhari and Setarehdan, Pattern
    Recognition Letters 29:1208, 2008; the steps are in
    :func:`mmscl.datasets.straightening.sharma_steps`, and
    `mmscl.visualization.plot_sharma` shows them. For comparison with the paper:
    `Straighten` is more exact (docs/straightening.md). Keys set besides img and
    img_shape: ``straightened`` (bool) and ``not_straight`` (why not).

    Args:
        no_axis: 'keep' leaves a crop that fills two thirds of its box, that has no
            bend or that is a ring as it is; 'error' stops with its path. An empty crop
            is an error in any case.

    Raises:
        ImageError: An empty crop, or with no_axis='error' one that is not straightened.
        ValueError: A setting out of range.
    """

    def straighten(self, sample: dict) -> None:
        """Replace img."""
        steps = sharma_steps(sample["img"], sample["background"])
        if steps.reason:
            raise NoAxisError(steps.reason)
        sample["img"] = steps.result

    def __repr__(self) -> str:
        return f"SharmaStraighten(no_axis={self.no_axis!r})"
