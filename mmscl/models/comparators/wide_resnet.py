"""The feature network of Varifocal-Net: three blocks of wide residual units."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.registry import register

_INIT = (
    dict(type="Kaiming", layer="Conv2d", mode="fan_out", nonlinearity="relu"),
    dict(type="Constant", layer="BatchNorm2d", val=1),
)


class WideUnit(nn.Module):
    """Pre-activation unit: BN-ReLU-conv3x3, BN-ReLU-conv3x3, plus the shortcut.

    Zagoruyko & Komodakis, "Wide Residual Networks" (BMVC 2016), Fig. 1d without
    dropout. Where the shape changes the shortcut is a 1x1 convolution of the first
    BN-ReLU's output, else the input itself.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        stride: Of the first convolution and of the shortcut.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.shortcut = (
            None
            if stride == 1 and in_channels == channels
            else nn.Conv2d(in_channels, channels, 1, stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, channels, H / stride, W / stride)."""
        active = F.relu(self.bn1(x))
        kept = x if self.shortcut is None else self.shortcut(active)
        return kept + self.conv2(F.relu(self.bn2(self.conv1(active))))


@register(MODELS)
class VarifocalFeatures(BaseBackbone):
    """Feature network of G-Net and L-Net.

    Qin et al., "Varifocal-Net: A Chromosome Classification Approach Using Deep
    Convolutional Networks" (IEEE TMI 38(11), 2019; arXiv 1810.05943): conv3x3 to 16
    channels, three blocks of four wide units, the first of each with stride 2, final
    BN-ReLU. That is WRN-28-10 but for the stride of the first block and the grey input.
    Biases and initial weights are not published: none, and He's, here.

    With `SCLClassifier` and the neck `GridMaxPool` it is G-Net without its
    localisation, for any loss.

    Args:
        in_channels: Channels of the images.
        stem_channels: Channels of the first convolution, 16 in the paper.
        channels: Channels of the blocks, (160, 320, 640) in the paper.
        units: Units a block, 4 in the paper.
        init_cfg: mmengine initialisation.

    Raises:
        ValueError: No block, or a number below 1.

    Example:
        >>> import torch
        >>> net = VarifocalFeatures(channels=(4, 8, 16), units=1)
        >>> net(torch.zeros(1, 1, 64, 64))[0].shape
        torch.Size([1, 16, 8, 8])
    """

    def __init__(
        self,
        in_channels: int = 1,
        stem_channels: int = 16,
        channels: Sequence[int] = (160, 320, 640),
        units: int = 4,
        init_cfg: dict | Sequence[dict] | None = _INIT,
    ) -> None:
        super().__init__(list(init_cfg) if isinstance(init_cfg, tuple) else init_cfg)
        if not channels or min(in_channels, stem_channels, units, *channels) < 1:
            raise ValueError(
                "VarifocalFeatures: expected in_channels, stem_channels, units and all "
                f"of channels >= 1, got {in_channels}, {stem_channels}, {units} and "
                f"{tuple(channels)}"
            )
        self.out_channels = channels[-1]
        self.stem = nn.Conv2d(in_channels, stem_channels, 3, 1, 1, bias=False)
        before = (stem_channels, *channels)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    WideUnit(wide_in, wide, 2),
                    *(WideUnit(wide, wide, 1) for _ in range(units - 1)),
                )
                for wide_in, wide in zip(before, channels, strict=False)
            )
        )
        self.bn = nn.BatchNorm2d(channels[-1])

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Images (B, C, H, W) -> a tuple of the maps (B, F, H / 8, W / 8)."""
        return (F.relu(self.bn(self.blocks(self.stem(x)))),)


@register(MODELS)
class GridMaxPool(nn.Module):
    """Neck: the greatest value in each field of a grid, as one vector.

    What G-Net (max-pool 8 of 32 x 32) and L-Net (max-pool 4 of 16 x 16) classify: 4 x 4
    fields of 640 maps, 10,240 features. The grid stays 4 x 4 for images of any size.

    Args:
        grid: Fields a side, or (down, across).

    Raises:
        ValueError: Fewer than one.
    """

    def __init__(self, grid: int | tuple[int, int] = 4) -> None:
        super().__init__()
        self.grid = (grid, grid) if isinstance(grid, int) else tuple(grid)
        if len(self.grid) != 2 or min(self.grid) < 1:
            raise ValueError(
                f"GridMaxPool.grid: expected fields >= 1, a side or (down, across), "
                f"got {grid!r}"
            )

    def forward(self, maps: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Maps (B, F, H, W), or a tuple that ends with them -> (B, F x down x across).

        Raises:
            ValueError: The maps have fewer pixels than the grid fields.
        """
        maps = maps[-1] if isinstance(maps, (tuple, list)) else maps
        height, width = maps.shape[-2:]
        if height < self.grid[0] or width < self.grid[1]:
            raise ValueError(
                f"GridMaxPool: expected maps of {self.grid[0]} x {self.grid[1]} or "
                f"more, got {height} x {width}; give larger images, 8 pixels a field "
                "with VarifocalFeatures"
            )
        return F.adaptive_max_pool2d(maps, self.grid).flatten(1)
