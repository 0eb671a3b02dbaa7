"""Where Varifocal-Net looks again: the box, the crop, and its first target.

A box is (B, 3) numbers (ux, uy, ul) in 0..1. In an image of side S, with T1 = S / 4 and
T2 = S / 2 (64 and 128 for the paper's 256), its centre is T1 + u T2 and its half side
T1 / 2 (1 + ul): from a quarter to half of the image's side, and never beyond its edge.
On an image that is not square the box has the image's proportions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmscl.models.comparators.axis_sampling import border_level

GRADIENTS = ("sample", "mask")
#: Chromosome is what is off the background by this share of the greatest distance.
_FOREGROUND = 0.25
#: Targets of the box stay this far from 0 and 1.
_END = 0.05


def crop_boxes(
    images: Tensor,
    boxes: Tensor,
    size: tuple[int, int],
    gradient: str = "sample",
    slope: float = 10.0,
) -> Tensor:
    """The contents of the boxes, resized by bilinear interpolation.

    Args:
        images: (B, C, H, W).
        boxes: (B, 3), 0..1.
        size: Height and width of the crops in pixels.
        gradient: How the boxes get one. 'sample': the crop is a differentiable look-up
            (Jaderberg et al., "Spatial Transformer Networks", NIPS 2015). 'mask': as
            published, the image is multiplied by a boxcar of logistic functions and
            only that has a gradient. Over all places within a pixel it is half of
            that of 'sample', as the outer half of each edge is not in the crop, and
            for the size it lacks that a larger box shows things smaller. For one
            place it may be nearly nothing, between two pixels.
        slope: k of the logistic functions, in 1 / pixel; 10 in the paper.

    Returns:
        (B, C, *size).

    Raises:
        ValueError: On wrong shapes or an unknown `gradient`.
    """
    if images.ndim != 4 or boxes.shape != (len(images), 3):
        raise ValueError(
            "crop_boxes: expected images (B, C, H, W) and boxes (B, 3), got "
            f"{tuple(images.shape)} and {tuple(boxes.shape)}"
        )
    if gradient == "mask":
        images = images * _boxcar(boxes, images.shape[-2:], slope)
        boxes = boxes.detach()
    elif gradient != "sample":
        raise ValueError(f"gradient: expected one of {GRADIENTS}, got {gradient!r}")
    centre, half = _centre_and_half(boxes)
    theta = torch.cat([torch.diag_embed(half), centre[:, :, None]], dim=2)
    shape = [len(images), images.shape[1], *size]
    grid = F.affine_grid(theta.to(images.dtype), shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def covering_boxes(images: Tensor) -> Tensor:
    """The target of the pre-training: centred boxes that just cover the chromosome.

    The background is the median of an image's border. A chromosome larger than the
    largest box gets that, a blank image the smallest: both a little within 0..1, as the
    logistic function that gives a box learns nothing more at its flat ends.

    Args:
        images: (B, C, H, W), on any grey scale.

    Returns:
        (B, 3): ux = uy = 0.5, ul in 0.05..0.95.
    """
    images = images.detach().float()
    distance = (images - border_level(images)).abs().mean(dim=1)
    peak = distance.amax(dim=(1, 2), keepdim=True)
    on = distance > _FOREGROUND * peak
    height, width = on.shape[1:]
    # From the middle to the outer edge of each row and column, in half sides.
    down = on.any(dim=2) * _reach(height, on.device)
    across = on.any(dim=1) * _reach(width, on.device)
    half = torch.maximum(down.amax(dim=1), across.amax(dim=1))
    ul = (4 * half - 1).clamp(_END, 1 - _END)
    middle = torch.full_like(ul, 0.5)
    return torch.stack([middle, middle, ul], dim=1)


def _centre_and_half(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres and half sides (B, 2), x and y, where the image spans -1..1."""
    return boxes[:, :2] - 0.5, (1 + boxes[:, 2:]).expand(-1, 2) / 4


def _reach(side: int, device: torch.device) -> Tensor:
    """Distance of each pixel's outer edge from the middle; 1 is the image's edge."""
    places = torch.arange(side, device=device, dtype=torch.float32)
    return (2 * (places + 0.5) / side - 1).abs() + 1 / side


def _boxcar(boxes: Tensor, shape: torch.Size, slope: float) -> Tensor:
    """The mask (B, 1, H, W): nearly 1 in the box, nearly 0 outside."""
    centre, half = _centre_and_half(boxes)
    sides = []
    for axis, side in enumerate((shape[1], shape[0])):  # x, y
        pixel = torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5
        low = (centre[:, axis] - half[:, axis] + 1) * side / 2
        high = (centre[:, axis] + half[:, axis] + 1) * side / 2
        rise = torch.sigmoid(slope * (pixel - low[:, None]))
        fall = torch.sigmoid(slope * (pixel - high[:, None]))
        sides.append(rise - fall)
    across, down = sides
    return (down[:, :, None] * across[:, None, :])[:, None]
