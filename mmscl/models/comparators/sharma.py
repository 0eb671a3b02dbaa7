"""The convolutional network of Sharma et al. (CVPR Workshops 2017)."""

from __future__ import annotations

from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.registry import register

#: Filters of the four blocks, and widths of the two fully connected layers.
FILTERS, WIDTHS = (64, 32, 16, 8), (1024, 512)
_SIGMOID_GAIN = 4.0


@register(MODELS)
class SharmaFeatures(BaseBackbone):
    """Images -> the 512 features that Sharma's softmax layer reads.

    Sharma et al., "Crowdsourcing for Chromosome Segmentation and Deep Classification"
    (CVPR Workshops 2017): 120 x 120 grey; four blocks of convolution, ReLU,
    convolution, ReLU, dropout, max-pool 2, with 64, 32, 16 and 8 filters; fully
    connected layers of 1024 and 512 with sigmoids; then 24 outputs, which are the
    head's here. Filters of 3 x 3 are told by a secondary source. Padding (here 1, so
    that convolutions keep the size), the share of dropout and how weights are drawn
    are not public to us; those here are ours: He's for the convolutions and, before
    sigmoids, Glorot's times four, as their slope is a quarter of a tanh's. With torch's
    own the network learns nothing: its features are the same for all images.

    Put SharmaStraighten and NormalizeLength in front of it in the pipeline.

    Args:
        input_size: Side of the images, or (height, width), each 16 or more; 120 in
            the paper.
        in_channels: Channels of the images.
        dropout: Share of values that are dropped in each block, 0..1.
        init_cfg: mmengine initialisation.

    Raises:
        ValueError: Images too small for four poolings.
    """

    def __init__(
        self,
        input_size: int | tuple[int, int] = 120,
        in_channels: int = 1,
        dropout: float = 0.25,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        pair = (input_size,) * 2 if isinstance(input_size, int) else tuple(input_size)
        height, width = (side // 2 ** len(FILTERS) for side in pair)
        if not (height and width):
            raise ValueError(
                "SharmaFeatures.input_size: expected 16 pixels or more a side, which "
                f"four poolings leave something of, got {input_size!r}"
            )
        self.img_size = pair
        blocks, channels = [], in_channels
        for filters in FILTERS:
            blocks.append(_block(channels, filters, dropout))
            channels = filters
        self.blocks = nn.Sequential(*blocks)
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * height * width, WIDTHS[0]),
            nn.Sigmoid(),
            nn.Linear(*WIDTHS),
            nn.Sigmoid(),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight, gain=_SIGMOID_GAIN)
            if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Images (B, C, H, W) -> a tuple of the features (B, 512).

        Raises:
            ValueError: Images of another size than `input_size`.
        """
        if tuple(x.shape[-2:]) != self.img_size:
            raise ValueError(
                f"SharmaFeatures.input_size: expected images of {self.img_size} "
                f"pixels, got {tuple(x.shape[-2:])}; give it the size of the "
                "pipeline's canvas"
            )
        return (self.layers(self.blocks(x).contiguous()),)


def _block(channels: int, filters: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(filters, filters, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.MaxPool2d(2),
    )
