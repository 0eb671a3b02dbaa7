"""Crop -> canvas of fixed size, with the spatial augmentation in the same warp."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.cell_measure import MEASURES
from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.channels import check_channels, repeat_channels
from mmscl.datasets.transforms.fitting import cell_size_of, is_larger, room_for, trim
from mmscl.datasets.transforms.loading import background_of, grey_image
from mmscl.datasets.transforms.placing import (
    PLAIN,
    Plan,
    Pose,
    average_blocks,
    plan_placing,
)
from mmscl.datasets.transforms.polarity import refuse_flips
from mmscl.datasets.transforms.randomness import (
    Range,
    as_range,
    check_probability,
    check_within,
    draw,
    draw_ratio,
    generator,
    happens,
)
from mmscl.registry import register


@register(TRANSFORMS)
class ChromosomeCanvas(BatchTransform):
    """Put a crop in the middle of a canvas and keep its relative size.

    Length is the best single mark of a chromosome's type, so a crop must not be
    blown up to the canvas. With ``extent`` every crop gets the same zoom, canvas side
    / extent. A crop that would not fit loses its blank margin; if that is not enough
    it is shrunk until it fits and ``results['shrunk']`` is True (add 'shrunk' to
    PackInputs' meta_keys to count them).

    Flip, scale, rotation and shift are drawn and act in this order. All of it is one
    affine warp filled with the background; a crop that becomes smaller than 0.6 is
    averaged in whole blocks first, so that bands do not alias. With the defaults of
    the augmentation arguments nothing is random: use it as is for validation and
    testing.

    Args:
        size: Canvas in pixels: a side, or (height, width).
        extent: Pixels of the source that the longer canvas side covers, for
            fit='pad'. Choose it so that the longest chromosome has room: 144 to 160
            for Pki-3 (longest of 600 crops: 156, 99 % below 136). None: each crop's
            longer side fills the canvas, the aspect ratio stays, the relative size is
            lost.
        fit: 'pad' keeps the aspect ratio. 'squash' stretches each crop to the whole
            canvas, as the authors' public code does.
        background: Grey level 0..255 to fill with, or 'auto': the crop's own.
        cell_size: Target size of the cell in source pixels; the zoom is multiplied by
            cell_size / results['cell_size'], which evens out magnification and
            condensation between laboratories. Needs cell_size=True in the data set.
            Median of Pki-3: 31. For fit='pad' with an extent.
        cell_measure: What the size of a cell is made of: 'area', the square root of
            the foreground's area, or 'axis', the length of the medial axis, which
            thicker chromosomes do not change. 'axis' needs cell_size='axis' in the
            data set; median of Pki-3: 64.
        channels: 1 gives H x W; 3 repeats the grey levels to H x W x 3, for backbones
            that want them; only in the last of our transforms.
        rotation: Degrees, counter-clockwise as seen: a number a draws from -a..a, a
            pair from low..high.
        hflip: Probability of a left-right flip.
        vflip: Probability of an up-down flip (turns the p arm down).
        scale: (low, high) > 0, drawn uniformly on the logarithm.
        shift: Share of the canvas side, drawn from -shift..shift on both axes.
        prob: Probability that rotation, scale and shift are drawn at all.

    Raises:
        ValueError: A value out of range, or two that exclude each other.
        PipelineError: cell_size is set but the sample does not have it, or the canvas
            would make the label of FlipPolarity wrong.

    Example:
        >>> canvas = ChromosomeCanvas(size=64, extent=128)
        >>> crop = np.full((60, 20), 90, np.uint8)
        >>> canvas(dict(img=crop, background=255))['img'].shape
        (64, 64)
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        extent: float | None = None,
        fit: str = "pad",
        background: int | str = "auto",
        cell_size: float | None = None,
        cell_measure: str = "area",
        channels: int = 1,
        rotation: float | Range = 0.0,
        hflip: float = 0.0,
        vflip: float = 0.0,
        scale: Range = (1.0, 1.0),
        shift: float | Range = 0.0,
        prob: float = 1.0,
    ) -> None:
        self.size = _as_size(size)
        self.extent, self.fit, self.cell_size = extent, fit, cell_size
        self.cell_measure = cell_measure
        self.background = background
        self.channels = check_channels("ChromosomeCanvas.channels", channels)
        self._check_fit()
        self.rotation = as_range("ChromosomeCanvas.rotation", rotation)
        self.hflip = check_probability("ChromosomeCanvas.hflip", hflip)
        self.vflip = check_probability("ChromosomeCanvas.vflip", vflip)
        self.scale = check_within(
            "ChromosomeCanvas.scale",
            as_range("ChromosomeCanvas.scale", scale, 1.0),
            0.01,
            100,
        )
        self.shift = check_within(
            "ChromosomeCanvas.shift", as_range("ChromosomeCanvas.shift", shift), -1, 1
        )
        self.prob = check_probability("ChromosomeCanvas.prob", prob)

    def _check_fit(self) -> None:
        if self.fit not in ("pad", "squash"):
            raise ValueError(
                f"ChromosomeCanvas.fit: expected 'pad' or 'squash', got {self.fit!r}"
            )
        if self.fit == "squash" and (self.extent is not None or self.cell_size):
            raise ValueError(
                "ChromosomeCanvas: fit='squash' stretches every crop to the canvas, so "
                f"extent={self.extent} and cell_size={self.cell_size} cannot hold: "
                "drop them, or set fit='pad'"
            )
        if self.cell_size is not None and self.extent is None:
            raise ValueError(
                f"ChromosomeCanvas.cell_size={self.cell_size} needs an extent: without "
                "it each crop fills the canvas whatever its size"
            )
        for name in ("extent", "cell_size"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(
                    f"ChromosomeCanvas.{name}: expected pixels > 0, got {value!r}"
                )
        if self.cell_measure not in MEASURES:
            raise ValueError(
                f"ChromosomeCanvas.cell_measure: expected one of {MEASURES}, got "
                f"{self.cell_measure!r}"
            )
        level = self.background
        if level != "auto" and not (isinstance(level, int) and 0 <= level <= 255):
            raise ValueError(
                "ChromosomeCanvas.background: expected 'auto' or a grey level 0..255, "
                f"got {level!r}"
            )

    def transform(self, results: dict) -> dict:
        """Replace img (H x W uint8) by the canvas; set img_shape and shrunk."""
        grey_image(results, self)
        zoom = self.fit_crop(results)
        pose = self.draw_pose(generator(results))
        plan = plan_placing(results["img"].shape[::-1], zoom, pose, self.size, PLAIN)
        self._put(results, plan, np.empty(self.size, np.uint8))
        return results

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """The same for each sample; the canvases are parts of one array (B, H, W)."""
        return self.apply(samples, self.draw_pose(rng, len(samples)))

    def draw_pose(self, rng: np.random.Generator, count: int | None = None) -> Pose:
        """Random poses of ``count`` crops; None gives that of one."""
        on = happens(rng, self.prob, count)
        angle = math.pi / 180 * draw(rng, self.rotation, count)
        scale = draw_ratio(rng, self.scale, count)
        shift_x, shift_y = draw(rng, self.shift, count), draw(rng, self.shift, count)
        flip_x = 1 - 2 * happens(rng, self.hflip, count)
        flip_y = 1 - 2 * happens(rng, self.vflip, count)
        return Pose(angle * on, scale**on, flip_x, flip_y, shift_x * on, shift_y * on)

    def apply(self, samples: list[dict], poses: Pose) -> list[dict]:
        """Put each crop on its canvas in its entry of ``poses`` (B,)."""
        for sample in samples:
            grey_image(sample, self)
        zooms = [self.fit_crop(sample) for sample in samples]
        plan = self.plan(zooms, [sample["img"].shape for sample in samples], poses)
        places = np.array(plan[:-1], int).tolist()
        matrices = plan.matrix.transpose(2, 0, 1).copy()
        canvases = np.empty((len(samples), *self.size), np.uint8)
        plans = map(Plan, *places, matrices)
        for sample, one, canvas in zip(samples, plans, canvases, strict=True):
            self._put(sample, one, canvas)
        return samples

    def plan(
        self, zooms: Sequence[Sequence], shapes: Sequence[Sequence], poses: Pose
    ) -> Plan:
        """How a batch is placed.

        Args:
            zooms: Of B crops: canvas pixels per source pixel across and down.
            shapes: Heights and widths of the crops in pixels.
            poses: Of the crops, arrays (B,).
        """
        sizes = np.array(shapes).T[::-1]
        return plan_placing(sizes, np.array(zooms).T, poses, self.size, np)

    def _put(self, sample: dict, plan: Plan, canvas: np.ndarray) -> None:
        """Fill the canvas (H, W) with the crop and its background."""
        fill = self.background
        if isinstance(fill, str):
            fill = background_of(sample)
        image = average_blocks(sample["img"], plan.block_x, plan.block_y, fill)
        canvas.fill(fill)
        left, top, right, bottom = plan[2:6]
        if left < right and top < bottom:
            cv2.warpAffine(
                image,
                plan.matrix,
                (right - left, bottom - top),
                canvas[top:bottom, left:right],
                cv2.INTER_LINEAR,
                cv2.BORDER_CONSTANT,
                fill,
            )
        sample["background"] = fill
        sample["img_shape"] = self.size
        sample["img"] = canvas if self.channels == 1 else repeat_channels(canvas)

    def fit_crop(
        self, sample: dict, shape: tuple[int, int] | None = None
    ) -> tuple[float, float]:
        """Canvas pixels per source pixel across and down; trims img, sets shrunk.

        Args:
            sample: With img (H x W uint8).
            shape: Height and width that img will have, where that is not its own
                yet. It must have room (`has_room`).
        """
        refuse_flips(sample, self)
        sample["shrunk"] = False
        fit = room_for(shape or sample["img"].shape, self.size)
        if self.fit == "squash":
            return fit
        room = min(fit)
        if self.extent is None:
            return room, room
        zoom = self._zoom(sample, self.extent)
        if is_larger(zoom, room):
            sample["img"] = trim(sample["img"], background_of(sample))
            room = min(room_for(sample["img"].shape, self.size))
            sample["shrunk"] = is_larger(zoom, room)
        zoom = min(zoom, room)
        return zoom, zoom

    def has_room(self, sample: dict, shape: tuple[int, int]) -> bool:
        """Is a crop of this height and width placed without being trimmed?"""
        if self.fit == "squash" or self.extent is None:
            return True
        return not is_larger(
            self._zoom(sample, self.extent), min(room_for(shape, self.size))
        )

    def _zoom(self, sample: dict, extent: float) -> float:
        """The zoom that extent and cell_size ask for."""
        zoom = max(self.size) / extent
        if self.cell_size is not None:
            zoom *= self.cell_size / cell_size_of(sample, measure=self.cell_measure)
        return zoom

    def __repr__(self) -> str:
        names = (
            "size",
            "extent",
            "fit",
            "background",
            "cell_size",
            "cell_measure",
            "channels",
            "rotation",
            "hflip",
            "vflip",
            "scale",
            "shift",
            "prob",
        )
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"ChromosomeCanvas({said})"


def _as_size(size: int | tuple[int, int]) -> tuple[int, int]:
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(isinstance(s, int) and s > 0 for s in pair):
        raise ValueError(
            "ChromosomeCanvas.size: expected pixels > 0, a side or (height, width), "
            f"got {size!r}"
        )
    return pair
