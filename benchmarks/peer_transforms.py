"""The operations of the preset 'paper' in mmpretrain's and torchvision's transforms."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.transforms import v2

WHITE = 255


def stock_pipeline(
    size: tuple[int, int], sheet: tuple[int, int], cached: bool, vary: bool = True
) -> list[dict]:
    """mmpretrain's transforms for the same operations on grey crops.

    Contrast is torchvision's, which mmpretrain registers: its own ones fail on grey
    arrays. `Pad` fills to the right and below, where ours centres: the same work.

    Args:
        size: (height, width) of the canvas.
        sheet: (height, width) in source pixels that it covers.
        cached: Whether the crop is in memory; else it is read.
        vary: Whether to augment.
    """
    reading = dict(
        type="LoadImageFromFile", color_type="grayscale", imdecode_backend="cv2"
    )
    contrast: list[dict] = [
        dict(type="NumpyToPIL"),
        dict(type="torchvision/ColorJitter", contrast=0.2),
        dict(type="PILToNumpy"),
    ]
    canvas: list[dict] = [
        dict(type="Pad", size=sheet[::-1], pad_val=dict(img=WHITE)),
        dict(type="Resize", scale=size[::-1]),
    ]
    spatial: list[dict] = [
        dict(
            type="Rotate",
            magnitude_range=(0, 90),
            magnitude_level=10,
            magnitude_std="inf",
            prob=1.0,
            pad_val=WHITE,
            interpolation="bilinear",
        ),
        dict(type="RandomFlip", prob=0.5, direction="horizontal"),
        dict(type="RandomFlip", prob=0.5, direction="vertical"),
    ]
    start = [] if cached else [reading]
    varied = [*contrast, *canvas, *spatial] if vary else canvas
    return [*start, *varied, dict(type="PackInputs")]


class Padding(v2.Transform):
    """A crop in the middle of a white sheet.

    Args:
        sheet: (height, width) in pixels.
    """

    def __init__(self, sheet: tuple[int, int]) -> None:
        super().__init__()
        self.sheet = sheet

    def transform(self, inpt: Tensor, params: dict) -> Tensor:
        """(1, h, w) -> (1, H, W)."""
        y, x = (
            max(full - part, 0)
            for full, part in zip(self.sheet, inpt.shape[-2:], strict=True)
        )
        sides = [x // 2, y // 2, x - x // 2, y - y // 2]
        return v2.functional.pad(inpt, sides, fill=WHITE)


def v2_transforms(
    size: tuple[int, int], sheet: tuple[int, int], vary: bool = True
) -> nn.Module:
    """torchvision v2's transforms for the same operations on (1, h, w) uint8.

    Args:
        size: (height, width) of the canvas.
        sheet: (height, width) in source pixels that it covers.
        vary: Whether to augment.
    """
    canvas = [Padding(sheet), v2.Resize(size, antialias=False)]
    if not vary:
        return v2.Compose(canvas)
    bilinear = v2.InterpolationMode.BILINEAR
    return v2.Compose(
        [
            v2.ColorJitter(contrast=0.2),
            *canvas,
            v2.RandomRotation(90, interpolation=bilinear, fill=WHITE),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomVerticalFlip(0.5),
        ]
    )
