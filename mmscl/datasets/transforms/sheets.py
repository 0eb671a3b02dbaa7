"""Augmentation for the device: what is drawn here, and the crops it is meant for.

A worker decides everything, from the same random numbers and with the same formulas as
where it does the pixels itself; what travels is a batch of untouched crops on sheets of
one size, and numbers. `mmscl.models.augmenting` does the pixels.

Each class is a NamedTuple of arrays over the batch here, and of tensors after
collation: shapes are the same, with B images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.bending import Bend, ElasticBend
from mmscl.datasets.transforms.canvas import ChromosomeCanvas
from mmscl.datasets.transforms.loading import add_backgrounds, grey_image
from mmscl.datasets.transforms.tone import GreyJitter

#: Sheets have multiples of this many pixels a side, so that a GPU's memory is reused.
_SIDE = 16
#: `CanvasStep.fill` where the canvas takes the picture's own background.
OWN_BACKGROUND = -1


class BendStep(NamedTuple):
    """What ElasticBend does."""

    #: Is the picture bent? bool (B,).
    on: Any
    #: Height and width after it: int64 (B, 2).
    size: Any
    #: Where bent pixels are looked up, see `ElasticBend.plan`: (B, nodes, nodes, 2).
    shifts: Any


class ToneStep(NamedTuple):
    """What GreyJitter does."""

    #: The fields of `mmscl.datasets.transforms.tone.Tone`: float64 (B, 7).
    tones: Any
    #: Its setting: bool (B,).
    keep_background: Any


class CanvasStep(NamedTuple):
    """What ChromosomeCanvas does."""

    #: Pixels whose mean is taken, down and across: int64 (B, 2).
    blocks: Any
    #: From pixels of the canvas to blocks, x and y: float64 (B, 2, 3).
    matrix: Any
    #: Grey level around the picture, or OWN_BACKGROUND: int64 (B,).
    fill: Any
    #: Height and width of the canvas, and its channels: int64 (B, 3).
    canvas: Any


class Sheets(NamedTuple):
    """Crops, each in the top left corner of a sheet, and what is to happen to them."""

    #: uint8 (B, 1, H, W).
    image: Any
    #: Height and width of each crop: int64 (B, 2).
    size: Any
    #: Grey level of the sheet around it: int64 (B,).
    background: Any
    #: In order.
    steps: list[Any]


def check_order(name: str, transforms: Sequence[BatchTransform]) -> None:
    """Can the device do these transforms, in this order?

    Raises:
        ValueError: Not one canvas, a bend after it, or another transform.
    """
    kinds = [type(transform) for transform in transforms]
    known = (ElasticBend, GreyJitter, ChromosomeCanvas)
    one = kinds.count(ChromosomeCanvas) == 1
    if not one or any(kind not in known for kind in kinds):
        wrong = "one ChromosomeCanvas, and ElasticBend and GreyJitter around it"
    elif ElasticBend in kinds[kinds.index(ChromosomeCanvas) :]:
        wrong = "ElasticBend before ChromosomeCanvas"
    else:
        return
    got = ", ".join(kind.__name__ for kind in kinds)
    raise ValueError(f"{name}: on_device=True expects {wrong}, got {got}")


def lay_on_sheets(
    transforms: Sequence[BatchTransform],
    samples: list[dict],
    rng: np.random.Generator,
    channels: int = 1,
) -> list[dict]:
    """Decide what the transforms do to a batch, and leave the doing to the device.

    The random numbers are those that the transforms draw when they do it themselves.

    Args:
        transforms: ElasticBend, GreyJitter and ChromosomeCanvas, see `check_order`.
        samples: B dicts with img (H x W uint8).
        rng: Where all random numbers come from.
        channels: Of the canvas.

    Returns:
        The samples, with 'sheet' (`Sheets` of one crop) in the place of 'img'.
    """
    for sample in samples:
        grey_image(sample, transforms[0])
    add_backgrounds(samples)
    backgrounds = np.array([sample["background"] for sample in samples])
    bent: dict[int, tuple[int, int]] = {}
    steps: list[Any] = []
    for transform in transforms:
        if isinstance(transform, ElasticBend):
            canvas = next(t for t in transforms if isinstance(t, ChromosomeCanvas))
            steps.append(_bend_step(transform, canvas, samples, rng, bent))
        elif isinstance(transform, GreyJitter):
            steps.append(_tone_step(transform, samples, rng))
        elif isinstance(transform, ChromosomeCanvas):
            steps.append(_canvas_step(transform, samples, rng, bent, channels))
    sizes = np.array([sample["img"].shape for sample in samples])
    whole = Sheets(_sheets(samples, bent), sizes, backgrounds, steps)
    for sample, sheet in zip(samples, _rows(whole, len(samples)), strict=True):
        del sample["img"]
        sample["sheet"] = sheet
    return samples


def _bend_step(
    bend: ElasticBend,
    canvas: ChromosomeCanvas,
    samples: list[dict],
    rng: np.random.Generator,
    bent: dict[int, tuple[int, int]],
) -> BendStep:
    """Notes in ``bent`` the new sizes (place in the batch -> height, width).

    Where a bent crop ends is known only when it is bent. So those that the canvas would
    have to trim are bent here and now.
    """
    places, axes, bends = bend.choose(samples, rng)
    on = np.zeros(len(samples), bool)
    sizes = np.zeros((len(samples), 2), np.int64)
    shifts = np.zeros((len(samples), *bends.field.shape[1:]), np.float32)
    if places:
        shapes = [samples[i]["img"].shape for i in places]
        sizes[places], shifts[places] = bend.plan(shapes, axes, bends)
        on[places] = True
    tight = []
    for number, i in enumerate(places):
        size = (int(sizes[i, 0]), int(sizes[i, 1]))
        if canvas.has_room(samples[i], size):
            bent[i] = size
        else:
            tight.append(number)
            on[i] = False
    if tight:
        part = Bend(*(column[tight] for column in bends))
        bend.apply([samples[places[n]] for n in tight], [axes[n] for n in tight], part)
    return BendStep(on, sizes, shifts)


def _tone_step(
    jitter: GreyJitter, samples: list[dict], rng: np.random.Generator
) -> ToneStep:
    tones = np.array(jitter.draw_tone(rng, len(samples)), np.float64).T
    return ToneStep(tones, np.full(len(samples), jitter.keep_background))


def _canvas_step(
    canvas: ChromosomeCanvas,
    samples: list[dict],
    rng: np.random.Generator,
    bent: dict[int, tuple[int, int]],
    channels: int,
) -> CanvasStep:
    poses = canvas.draw_pose(rng, len(samples))
    zooms = [canvas.fit_crop(one, bent.get(i)) for i, one in enumerate(samples)]
    shapes = [bent.get(i, one["img"].shape) for i, one in enumerate(samples)]
    plan = canvas.plan(zooms, shapes, poses)
    for sample in samples:
        sample["img_shape"] = canvas.size
    fill = OWN_BACKGROUND if isinstance(canvas.background, str) else canvas.background
    return CanvasStep(
        np.stack([plan.block_y, plan.block_x], axis=1).astype(np.int64),
        _inverse(plan.matrix.transpose(2, 0, 1), plan.left, plan.top),
        np.full(len(samples), fill),
        np.full((len(samples), 3), (*canvas.size, channels)),
    )


def _inverse(matrix: np.ndarray, left: np.ndarray, top: np.ndarray) -> np.ndarray:
    """From the whole canvas back to blocks: (B, 2, 3), as `plan_placing` has them."""
    back = np.linalg.inv(matrix[:, :, :2])
    origin = matrix[:, :, 2] + np.stack([left, top], axis=1)
    return np.concatenate([back, -back @ origin[:, :, None]], axis=2)


def _sheets(samples: list[dict], bent: dict[int, tuple[int, int]]) -> np.ndarray:
    """The crops in the corners of (B, 1, H, W); bent ones have room to grow."""
    shapes = [sample["img"].shape for sample in samples] + list(bent.values())
    height, width = (
        -(-max(side) // _SIDE) * _SIDE for side in zip(*shapes, strict=True)
    )
    sheets = np.empty((len(samples), 1, height, width), np.uint8)
    for (sheet,), sample in zip(sheets, samples, strict=True):
        image = sample["img"]
        sheet.fill(sample["background"])
        sheet[: image.shape[0], : image.shape[1]] = image
    return sheets


def _rows(whole: Any, count: int) -> list[Any]:
    """One NamedTuple of tensors for each image."""
    if isinstance(whole, np.ndarray):
        return list(torch.from_numpy(whole).unbind())
    if isinstance(whole, list):
        parts = [_rows(part, count) for part in whole]
        return [list(row) for row in zip(*parts, strict=True)]
    parts = [_rows(part, count) for part in whole]
    return [type(whole)(*row) for row in zip(*parts, strict=True)]
