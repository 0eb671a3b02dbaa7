"""Key points of an axis -> the straightened image, differentiable in both.

B images of C channels, H x W pixels; K key points; L x V pixels of the straight image.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from scipy.interpolate import CubicSpline
from torch import Tensor

#: Points of the curve through the key points.
_FINE = 64


def sample_along(images: Tensor, points: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample images perpendicular to the axis through their key points.

    The axis is the natural cubic spline through the points, run straight on beyond its
    ends. Row r of the result is one pixel of arc further than row r - 1, the middle of
    the axis in the middle row, the axis itself in the middle column; so lengths and
    widths stay. Beyond the image there is background, the median of its border: a
    chromosome that touches the border is not drawn out.

    Args:
        images: (B, C, H, W).
        points: (B, K, 2), x and y in -1..1 over the image as grid_sample has them
            (align_corners=False), from the upper tip to the lower.
        size: Height L and width V of the straight image in pixels.

    Returns:
        (B, C, L, V), with gradients to images and points.
    """
    height, width = images.shape[-2:]
    scale = points.new_tensor([width, height])
    curve, tangents = _curve(((points + 1) * scale - 1) / 2)
    steps = (curve[:, 1:] - curve[:, :-1]).square().sum(-1).clamp_min(1e-12).sqrt()
    length = steps.sum(1, keepdim=True)
    rows = torch.arange(size[0], device=points.device, dtype=points.dtype)
    arc = rows - (size[0] - 1) / 2 + length / 2  # (B, L)
    inside = torch.minimum(arc.clamp_min(0), length)
    place, along = _at(curve, tangents, inside / length.clamp_min(1e-3))
    along = F.normalize(along, dim=-1, eps=1e-6)
    place = place + (arc - inside)[..., None] * along
    across = torch.stack([along[..., 1], -along[..., 0]], dim=-1)
    offsets = torch.arange(size[1], device=points.device, dtype=points.dtype)
    offsets = (offsets - (size[1] - 1) / 2)[:, None]
    grid = place[:, :, None] + offsets * across[:, :, None]  # (B, L, V, 2)
    grid = (2 * grid + 1) / scale - 1
    level = border_level(images)
    straight = F.grid_sample(
        images - level,
        grid.to(images.dtype),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return straight + level


def border_level(images: Tensor) -> Tensor:
    """Images (B, C, H, W) -> the median of each one's border, (B, C, 1, 1)."""
    edges = (images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1])
    return torch.cat(edges, dim=-1).median(dim=-1).values[..., None, None]


@lru_cache(maxsize=8)
def _spline(count: int) -> tuple[Tensor, Tensor]:
    """Matrices from K points to the spline's points and directions, (64, K) each."""
    places = torch.linspace(0, 1, _FINE, dtype=torch.float64).numpy()
    known = torch.linspace(0, 1, count, dtype=torch.float64).numpy()
    spline = CubicSpline(known, torch.eye(count).numpy(), bc_type="natural")
    return torch.from_numpy(spline(places)), torch.from_numpy(spline(places, 1))


def _curve(points: Tensor) -> tuple[Tensor, Tensor]:
    """Points and directions, (B, 64, 2) each, of the spline through (B, K, 2)."""
    values, slopes = (matrix.to(points) for matrix in _spline(points.shape[1]))
    return values @ points, slopes @ points


def _at(curve: Tensor, tangents: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Points and directions at shares (B, L) of the curve, between its own linearly."""
    place = share.clamp(0, 1) * (_FINE - 1)
    below = place.detach().floor().clamp(max=_FINE - 2)
    rest = (place - below)[..., None]
    index = below.long()[..., None].expand(-1, -1, 2)
    return tuple(  # type: ignore[return-value]
        torch.lerp(values.gather(1, index), values.gather(1, index + 1), rest)
        for values in (curve, tangents)
    )
