"""Grey levels of a batch of pictures, on any device: tone, blur and noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mmscl.datasets.transforms.sheets import ToneStep
from mmscl.datasets.transforms.tone import LEAST_BLUR, Tone, blur_radius


class Pictures(NamedTuple):
    """Pictures in the corners of sheets, as distances from their background.

    So the background is 0 and stays 0 under every resampling, and what lies beyond a
    sheet needs no grey level.
    """

    #: Grey levels less the background: float32 (B, 1, H, W); 0 around the picture.
    distance: Tensor
    #: Grey levels 0..255: (B, 1, 1, 1), on the same device.
    background: Tensor
    #: Height and width of each picture in pixels: int64 (B, 2), on the host.
    size: Tensor


def send(numbers: Tensor, device: torch.device) -> Tensor:
    """A few numbers from the host to the device, which CUDA need not be waited for."""
    return numbers.to(device, non_blocking=device.type == "cuda")


def inside(pictures: Pictures) -> Tensor:
    """Which pixels of the sheets are those of the picture: bool (B, 1, H, W)."""
    distance = pictures.distance
    height, width = distance.shape[-2:]
    high, wide = send(pictures.size, distance.device).T[:, :, None, None, None]
    down = torch.arange(height, device=distance.device)[:, None] < high
    return down & (torch.arange(width, device=distance.device) < wide)


def change_tone(pictures: Pictures, step: ToneStep) -> Pictures:
    """Tone, then blur, then noise, as GreyJitter does."""
    tone = Tone(*step.tones.T)
    keep = bool(step.keep_background[0])
    if bool(tone.on.any()):
        scale = _scale_distances if keep else _scale_levels
        pictures = scale(pictures, tone)
    if bool((tone.blur >= LEAST_BLUR).any()):
        pictures = _blur(pictures, tone.blur)
    if bool((tone.noise > 0).any()):
        pictures = _add_noise(pictures, tone, keep)
    return pictures


def _factor(values: Tensor, on: Tensor, device: torch.device) -> Tensor:
    """(B,) -> (B, 1, 1, 1) on the device; 1 where the tone does not act."""
    chosen = torch.where(on > 0, values, torch.ones_like(values))
    return send(chosen.float(), device)[:, None, None, None]


def _scale_distances(pictures: Pictures, tone: Tone) -> Pictures:
    """Contrast and gamma on the distance from the background, which they keep."""
    distance, background, size = pictures
    reach = (background - 127.5).abs() + 127.5
    moved = distance.abs() / reach
    if bool((tone.gamma != 1).any()):
        moved = moved ** _factor(tone.gamma, tone.on, distance.device)
    moved = moved * reach * _factor(tone.contrast, tone.on, distance.device)
    distance = torch.copysign(moved, distance)
    return Pictures(_within(distance, background), background, size)


def _scale_levels(pictures: Pictures, tone: Tone) -> Pictures:
    """Brightness, contrast and gamma of the whole picture."""
    distance, background, size = pictures
    device = distance.device
    area = send(size.prod(dim=1).float(), device)[:, None, None, None]
    # Around the picture the distance is 0 and counts nothing.
    mean = distance.sum(dim=(1, 2, 3), keepdim=True) / area + background
    factors = [
        _factor(part, tone.on, device)
        for part in (tone.brightness, tone.contrast, tone.gamma)
    ]
    varied = bool((tone.gamma != 1).any())
    levels = _new_levels(distance + background, mean, factors, varied)
    background = _new_levels(background, mean, factors, varied)
    return Pictures((levels - background) * inside(pictures), background, size)


def _new_levels(
    levels: Tensor, mean: Tensor, factors: list[Tensor], varied: bool
) -> Tensor:
    brightness, contrast, gamma = factors
    mean = brightness * mean
    levels = (mean + contrast * (brightness * levels - mean)).clamp(0, 255)
    return 255 * (levels / 255) ** gamma if varied else levels


def _blur(pictures: Pictures, sigmas: Tensor) -> Pictures:
    """Gaussian blur of those pictures whose sigma (pixels) counts; borders repeat."""
    places = (sigmas >= LEAST_BLUR).nonzero()[:, 0]
    weights = _kernels(sigmas[places])
    distance, device = pictures.distance, pictures.distance.device
    chosen = send(places, device)
    size = pictures.size[places]
    part = Pictures(distance[chosen], pictures.background[chosen], size)
    taps = send(weights, device)[:, :, None, None, None]
    blurred = part.distance
    for dim in (3, 2):
        blurred = _blur_along(blurred, taps, size[:, dim - 2], dim)
    blurred = blurred * inside(part)
    return pictures._replace(distance=distance.index_copy(0, chosen, blurred))


def _kernels(sigmas: Tensor) -> Tensor:
    """Weights of each picture's taps: float32 (b, 2 r + 1), r the largest radius."""
    radii = torch.tensor([blur_radius(sigma) for sigma in sigmas.tolist()])
    reach = int(radii.max())
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (steps / sigmas.double()[:, None]) ** 2)
    weights *= steps.abs() <= radii[:, None]
    return (weights / weights.sum(dim=1, keepdim=True)).float()


def _blur_along(distance: Tensor, taps: Tensor, lengths: Tensor, dim: int) -> Tensor:
    """One of the two passes; sums of shifted sheets, which no GPU rounds to TF32."""
    reach = taps.shape[1] // 2
    length = distance.shape[dim]
    # A picture ends before its sheet does: there, too, its last row or column repeats.
    steps = torch.arange(-reach, length + reach)
    index = torch.minimum(steps.clamp(min=0), lengths[:, None] - 1)
    shape = [len(distance), 1, 1, 1]
    shape[dim] = length + 2 * reach
    wide = list(distance.shape)
    wide[dim] = length + 2 * reach
    index = send(index, distance.device).view(shape).expand(wide)
    padded = distance.gather(dim, index)
    total = taps[:, 0] * padded.narrow(dim, 0, length)
    for tap in range(1, taps.shape[1]):
        total += taps[:, tap] * padded.narrow(dim, tap, length)
    return total


def _add_noise(pictures: Pictures, tone: Tone, keep: bool) -> Pictures:
    """Gaussian noise; from a generator of its own, seeded by the batch's plan."""
    places = (tone.noise > 0).nonzero()[:, 0]
    distance, device = pictures.distance, pictures.distance.device
    chosen = send(places, device)
    part = Pictures(
        distance[chosen], pictures.background[chosen], pictures.size[places]
    )
    generator = torch.Generator(device).manual_seed(math.floor(tone.seed[0]))
    noise = torch.randn(part.distance.shape, generator=generator, device=device)
    noise *= send(tone.noise[places].float(), device)[:, None, None, None]
    # Half a level: what rounds to the background is background.
    noise *= part.distance.abs() >= 0.5 if keep else inside(part)
    noisy = _within(part.distance + noise, part.background)
    return pictures._replace(distance=distance.index_copy(0, chosen, noisy))


def _within(distance: Tensor, background: Tensor) -> Tensor:
    """Cut to grey levels 0..255."""
    return torch.clamp(distance, -background, 255 - background)
