"""An HRNet that finds key points on the medial axis of a chromosome."""

from __future__ import annotations

from typing import Any

import timm
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, initialize
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.registry import register

#: HRNet halves its input five times over, and its branches must meet again.
_STRIDE = 32


@register(MODELS)
class AxisNet(BaseModule):
    """Images -> a heat map for each key point, and the point at its mean.

    A timm HRNet (Wang et al., TPAMI 2020) gives maps at a quarter to a thirty-second of
    the size; all are brought to a quarter and stacked, as its authors do for key
    points. The softmax of a heat map is where the point may be; its mean is the point
    (integral regression, Sun et al., ECCV 2018), so that the straightening behind it
    has a gradient. A part of `StraighteningClassifier`, which is only inspired by
    HR-Net: that network is not this HRNet.

    Args:
        model_name: Name of a timm HRNet.
        points: Key points K, from the upper tip to the lower.
        channels: Of the layer between the maps and the heat maps.
        pretrained: As timm's.
        in_channels: Channels of the images.
        init_cfg: mmengine initialisation of the whole.

    Raises:
        ValueError: A model that is no HRNet; fewer than 3 points.
    """

    def __init__(
        self,
        model_name: str = "hrnet_w18_small",
        points: int = 12,
        channels: int = 64,
        pretrained: bool = False,
        in_channels: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not model_name.startswith("hrnet_") or not timm.is_model(
            model_name.split(".")[0]
        ):
            raise ValueError(
                "AxisNet.model_name: expected a timm HRNet "
                f"({', '.join(timm.list_models('hrnet_*')[:4])}, ...), got "
                f"{model_name!r}"
            )
        if points < 3:
            raise ValueError(f"AxisNet.points: expected 3 or more, got {points}")
        self.points = points
        self.model: Any = timm.create_model(
            model_name,
            pretrained=pretrained,
            in_chans=in_channels,
            features_only=True,
            feature_location="",
            out_indices=(1, 2, 3, 4),
        )
        info: Any = self.model.feature_info
        width = sum(info.channels())
        self.heat = nn.Sequential(
            nn.Conv2d(width, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, points, 1),
        )

    def init_weights(self) -> None:
        """Apply `init_cfg`; never the own initialisation of timm's modules."""
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._is_init = True

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) -> points (B, K, 2) and logits of heat (B, K, h, w).

        Points are x and y in -1..1 over the image, as grid_sample has them with
        align_corners=False; h and w are a quarter of H and W.

        Raises:
            ValueError: H or W is no multiple of 32.
        """
        if images.shape[-2] % _STRIDE or images.shape[-1] % _STRIDE:
            raise ValueError(
                f"AxisNet expects images whose sides are multiples of {_STRIDE} pixels,"
                f" got {tuple(images.shape[-2:])}; choose another canvas size"
            )
        maps = self.model(images)
        size = maps[0].shape[-2:]
        stacked = [maps[0]] + [
            F.interpolate(part, size, mode="bilinear", align_corners=False)
            for part in maps[1:]
        ]
        heat = self.heat(torch.cat(stacked, dim=1)).float()
        return mean_points(heat), heat


def mean_points(heat: Tensor) -> Tensor:
    """Logits of heat (B, K, h, w) -> the mean of their softmax, (B, K, 2) in -1..1."""
    share = heat.flatten(2).softmax(dim=2).view_as(heat)
    x, y = centres(heat)
    return torch.stack([(share.sum(2) * x).sum(2), (share.sum(3) * y).sum(2)], dim=2)


def centres(heat: Tensor) -> tuple[Tensor, Tensor]:
    """Centres of the columns (w,) and rows (h,) of heat maps, in -1..1."""
    height, width = heat.shape[-2:]
    return tuple(  # type: ignore[return-value]
        (2 * torch.arange(size, device=heat.device, dtype=heat.dtype) + 1) / size - 1
        for size in (width, height)
    )


def axis_loss(heat: Tensor, points: Tensor, targets: Tensor, found: Tensor) -> Tensor:
    """How far heat maps and points are from their targets.

    The Kullback-Leibler divergence from a normal curve of one heat map pixel about the
    target, plus the L1 distance of the points in heat map pixels; the mean over key
    points and over the chromosomes that have an axis.

    Args:
        heat: Logits (B, K, h, w).
        points: (B, K, 2), -1..1.
        targets: (B, K, 2), -1..1.
        found: Which chromosomes have an axis, bool (B,).

    Returns:
        Scalar; 0 with a gradient if none has one.
    """
    if not bool(found.any()):
        return heat.sum() * 0
    heat, points, targets = heat[found], points[found], targets[found]
    size = heat.new_tensor(heat.shape[-2:]).flip(0)
    x, y = centres(heat)
    across = ((x - targets[..., :1]) * size[0] / 2).square()
    down = ((y - targets[..., 1:]) * size[1] / 2).square()
    wanted = -0.5 * (down[..., :, None] + across[..., None, :])
    wanted = wanted.flatten(2).log_softmax(dim=2)
    given = heat.flatten(2).log_softmax(dim=2)
    divergence = F.kl_div(given, wanted, reduction="none", log_target=True).sum(2)
    distance = ((points - targets).abs() * size / 2).sum(2)
    return (divergence + distance).mean()
