"""The pixels of the training augmentation, for a batch at once, on any device.

Does what `mmscl.datasets.transforms` does with OpenCV, from the same plans
(`mmscl.datasets.transforms.sheets`), which stay on the host: no step waits for the
device. Grey levels are float32 and are not rounded between the steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from mmscl.datasets.transforms.sheets import (
    OWN_BACKGROUND,
    BendStep,
    CanvasStep,
    Sheets,
    ToneStep,
)
from mmscl.models.grey_levels import Pictures, change_tone, inside, send


@torch.no_grad()
def augment(sheets: Sheets, device: torch.device, non_blocking: bool = False) -> Tensor:
    """Augmented canvases.

    Args:
        sheets: A batch on the host; the crops go to the device as uint8.
        device: Where the pixels are done.
        non_blocking: Of the copy to the device.

    Returns:
        Grey levels 0..255, float32 (B, C, H, W) on the device.
    """
    # No convolution and no matrix product below: nothing that autocast would do in half
    # precision, or a GPU in TF32.
    image = sheets.image.to(device, non_blocking=non_blocking)
    background = send(sheets.background, device)[:, None, None, None]
    pictures = Pictures(image.float() - background, background, sheets.size)
    channels = 1
    for step in sheets.steps:
        if isinstance(step, BendStep):
            pictures = bend(pictures, step)
        elif isinstance(step, ToneStep):
            pictures = change_tone(pictures, step)
        else:
            pictures = place(pictures, step)
            channels = int(step.canvas[0, 2])
    levels = pictures.distance + pictures.background
    return levels.expand(-1, channels, -1, -1)


def bend(pictures: Pictures, step: BendStep) -> Pictures:
    """Bend those pictures that are to be bent, as ElasticBend does."""
    places = step.on.nonzero()[:, 0]
    if not len(places):
        return pictures
    distance, device = pictures.distance, pictures.distance.device
    height, width = distance.shape[-2:]
    size = pictures.size.clone()
    size[places] = step.size[places]
    x = torch.arange(width, device=device).expand(len(places), height, -1)
    y = torch.arange(height, device=device)[:, None].expand(len(places), -1, width)
    # The nodes' values lie where cv2.resize has the centres of its source pixels.
    high, wide = send(step.size[places], device).T[:, :, None, None]
    nodes = send(step.shifts[places], device).permute(0, 3, 1, 2)
    grid = torch.stack([(2 * x + 1) / wide - 1, (2 * y + 1) / high - 1], dim=-1)
    shifts = F.grid_sample(nodes, grid, padding_mode="border", align_corners=False)
    bent = _look_up(distance[send(places, device)], x + shifts[:, 0], y + shifts[:, 1])
    # Around the bent picture stays 0: it was grown by more than the bend moves.
    distance = distance.index_copy(0, send(places, device), bent)
    return Pictures(distance, pictures.background, size)


def place(pictures: Pictures, step: CanvasStep) -> Pictures:
    """Put the pictures on their canvases, as ChromosomeCanvas does."""
    pictures = _on_background(pictures, step.fill)
    distance, device = pictures.distance, pictures.distance.device
    count = len(distance)
    height, width, _ = step.canvas[0].tolist()
    u = torch.arange(width, device=device)
    v = torch.arange(height, device=device)[:, None]
    canvases = distance.new_empty(count, 1, height, width)
    for block, places in _groups(step.blocks):
        whole = len(places) == count
        chosen = send(places, device)
        part = distance if whole else distance[chosen]
        part = _average(part, *block)
        matrix = send(step.matrix[places].float(), device)[..., None, None]
        x = matrix[:, 0, 0] * u + matrix[:, 0, 1] * v + matrix[:, 0, 2]
        y = matrix[:, 1, 0] * u + matrix[:, 1, 1] * v + matrix[:, 1, 2]
        placed = _look_up(part, x, y)
        canvases = placed if whole else canvases.index_copy_(0, chosen, placed)
    size = torch.tensor([height, width]).expand(count, -1)
    return Pictures(canvases, pictures.background, size)


def _on_background(pictures: Pictures, fill: Tensor) -> Pictures:
    """The pictures as distances from the level that their canvas is filled with."""
    if bool((fill == OWN_BACKGROUND).all()):
        return pictures
    background = send(fill, pictures.distance.device).float()[:, None, None, None]
    levels = pictures.distance + pictures.background
    distance = (levels - background) * inside(pictures)
    return Pictures(distance, background, pictures.size)


def _groups(blocks: Tensor) -> Iterator[tuple[tuple[int, int], Tensor]]:
    """The kinds of blocks (down, across) of a batch, and the places that have them."""
    kinds, which = blocks.unique(dim=0, return_inverse=True)
    for number, (down, across) in enumerate(kinds.tolist()):
        yield (down, across), (which == number).nonzero()[:, 0]


def _average(distance: Tensor, down: int, across: int) -> Tensor:
    """The means of blocks; at its end the sheet is padded to whole blocks."""
    if down == across == 1:
        return distance
    height, width = distance.shape[-2:]
    padded = F.pad(distance, (0, -width % across, 0, -height % down))
    return F.avg_pool2d(padded, (down, across))


def _look_up(distance: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The pictures (B, 1, H, W) at x and y (B, h, w), in pixels; bilinear.

    Beyond its sheet a picture is background, distance 0.
    """
    height, width = distance.shape[-2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(distance, grid, align_corners=False)
