"""Key points on the medial axis, as targets of a network."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.images import ImageError
from mmscl.datasets.straightening import EmptyCropError, NoAxisError, find_axis
from mmscl.datasets.straightening.lines import resample
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.loading import add_backgrounds, grey_image
from mmscl.registry import register


@register(TRANSFORMS)
class AxisPoints(BatchTransform):
    """Add key points on the medial axis, the targets of `StraighteningClassifier`.

    Goes behind the canvas: the points are in shares of it. Keys set, which PackInputs
    hands on if they are in its meta_keys: ``axis_points``, float32 (count, 2), x and y
    in -1..1 over the canvas's width and height (the outer edges of its pixels, as
    torch's grid_sample has them with align_corners=False), equidistant from the upper
    tip to the lower; ``axis_found`` (bool), False where the chromosome has none (a
    ring, a round one, one of a few pixels): its points are zeros and count in no loss.

    Args:
        count: Points from tip to tip.

    Raises:
        ImageError: An empty canvas.
        ValueError: Fewer than 3 points.
    """

    def __init__(self, count: int = 12) -> None:
        if not (isinstance(count, int) and count >= 3):
            raise ValueError(f"AxisPoints.count: expected 3 or more, got {count!r}")
        self.count = count

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Set axis_points and axis_found of each sample."""
        for sample in samples:
            grey_image(sample, self)
        add_backgrounds(samples)
        for sample in samples:
            points = np.zeros((self.count, 2), np.float32)
            try:
                axis = find_axis(sample["img"], sample["background"])
            except NoAxisError as error:
                if isinstance(error, EmptyCropError) and not error.area:
                    path = sample.get("img_path", "a crop")
                    raise ImageError(f"{path}: AxisPoints finds {error}") from error
                sample["axis_found"] = False
            else:
                size = np.array(sample["img"].shape[::-1])
                points[:] = (resample(axis.points, self.count) + 0.5) / size * 2 - 1
                sample["axis_found"] = True
            sample["axis_points"] = points
        return samples

    def __repr__(self) -> str:
        return f"AxisPoints(count={self.count})"
