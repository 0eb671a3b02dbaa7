"""Varifocal-Net: a global and a local network, and what leads one to the other."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmscl.models.classifier import STAGES
from mmscl.models.comparators.phases import Phased
from mmscl.models.comparators.varifocal_crop import (
    GRADIENTS,
    covering_boxes,
    crop_boxes,
)
from mmscl.models.comparators.wide_resnet import GridMaxPool
from mmscl.registry import register

#: Phase -> the parts that it trains, and the output that it makes ready.
PHASES: dict[str, tuple[tuple[str, ...], str]] = {
    "global": (("backbone", "head.global"), "global"),
    "box": (("localiser",), "global"),
    "local": (("local_backbone", "head.local"), "local"),
    "locate": (("localiser",), "local"),
    "fused": (("head.fused",), "fused"),
}


class Localiser(BaseModule):
    """Maps of G-Net -> the box (ux, uy, ul) that L-Net looks at.

    Max-pool to 8 x 8, FC 1024, FC 3, sigmoid. The activation between the two layers is
    not published: ReLU.

    Args:
        in_channels: Channels of the maps.
        hidden_dims: Width of the first layer, 1024 in the paper.
        grid: Fields a side, 8 in the paper.
    """

    def __init__(
        self, in_channels: int, hidden_dims: int = 1024, grid: int = 8
    ) -> None:
        super().__init__()
        self.pool = GridMaxPool(grid)
        self.layers = nn.Sequential(
            nn.Linear(in_channels * grid**2, hidden_dims),
            nn.ReLU(),
            nn.Linear(hidden_dims, 3),
        )

    def forward(self, maps: Tensor | tuple[Tensor, ...]) -> Tensor:
        """(B, F, H, W) -> (B, 3), 0..1."""
        return self.layers(self.pool(maps)).sigmoid()


@register(MODELS)
class VarifocalClassifier(Phased, ImageClassifier):
    """Varifocal-Net of Qin et al. (IEEE TMI 38(11), 2019; arXiv 1810.05943).

    G-Net sees the whole image and gives type, polarity and a box; L-Net sees the box,
    enlarged; stage 2 joins their features. One phase at a time is trained, all other
    parts are frozen and their batch norms keep their statistics. `PhaseHook` sets the
    phases from the config; without it G-Net is trained.

    - 'global': G-Net's features and its type and polarity.
    - 'box': the localisation, towards the centred box that covers the chromosome
      (smooth L1).
    - 'local': L-Net, on the boxes as they are.
    - 'locate': the localisation, by the loss of L-Net.
    - 'fused': the MLPs of stage 2. That both networks are frozen meanwhile is our
      reading.

    Predictions are those of the last output that was trained (`VarifocalHead`).

    Args:
        backbone: Config of the feature network, `VarifocalFeatures` by default in type;
            L-Net gets one of its own.
        head: Config of the classifiers, `VarifocalHead` by default in type and width.
        grid: Fields a side that the classifiers read, 4 in the paper.
        box_grid: Fields a side that the localisation reads, 8 in the paper.
        box_dims: Width of the localisation's first layer, 1024 in the paper.
        local_size: Height and width of L-Net's image in pixels; None takes half of the
            image's, 128 for the paper's 256.
        crop_gradient: 'sample' or 'mask', see `crop_boxes`; the paper's is 'mask'.
        mask_slope: k of the mask, 10 in the paper.
        predict_embedding: Whether `predict` adds the field `embedding`.
        channels_last: Keep images and maps in memory as (B, H, W, C).
        data_preprocessor: Config of it; `ChromosomePreprocessor` by default in type.
        **kwargs: As in mmpretrain's `ImageClassifier`.

    Raises:
        ValueError: An unknown `crop_gradient`.
    """

    head: Any
    backbone: Any
    local_backbone: Any
    phases = tuple(PHASES)

    def __init__(
        self,
        backbone: dict | None = None,
        head: dict | None = None,
        grid: int = 4,
        box_grid: int = 8,
        box_dims: int = 1024,
        local_size: tuple[int, int] | None = None,
        crop_gradient: str = "sample",
        mask_slope: float = 10.0,
        predict_embedding: bool = False,
        channels_last: bool = False,
        data_preprocessor: dict | nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        if crop_gradient not in GRADIENTS:
            raise ValueError(
                f"VarifocalClassifier.crop_gradient: expected one of {GRADIENTS}, got "
                f"{crop_gradient!r}"
            )
        if not isinstance(data_preprocessor, nn.Module):
            data_preprocessor = _typed(data_preprocessor, "ChromosomePreprocessor")
        backbone = _typed(backbone, "VarifocalFeatures")
        super().__init__(
            backbone=backbone, data_preprocessor=data_preprocessor, **kwargs
        )
        self.local_backbone = MODELS.build(backbone)
        self.memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        for network in (self.backbone, self.local_backbone):
            network.to(memory_format=self.memory_format)
        maps: Any = self.backbone.out_channels
        self.pool = GridMaxPool(grid)
        self.localiser = Localiser(maps, box_dims, box_grid)
        head = dict(in_channels=maps * grid**2) | _typed(head, "VarifocalHead")
        if predict_embedding:
            head["predict_embedding"] = True
        self.head = MODELS.build(head)
        self.local_size = local_size
        self.crop_gradient, self.mask_slope = crop_gradient, mask_slope
        self.phase = "global"

    def trained_parts(self) -> tuple[str, ...]:
        """Modules of the phase."""
        return PHASES[self.phase][0]

    def set_phase(self, name: str) -> None:
        """Train this phase from now on, and predict with what it makes ready.

        Raises:
            ValueError: There is no such phase.
        """
        super().set_phase(name)
        self.head.output = PHASES[name][1]

    def extract_feat(
        self, inputs: Tensor, stage: str = "neck"
    ) -> Tensor | tuple[Tensor]:
        """Images (B, C, H, W) -> features of the output that predicts.

        Args:
            inputs: (B, C, H, W), preprocessed.
            stage: 'backbone': G-Net's maps. 'neck': (B, F), twice as wide in stage 2;
                both in a tuple. 'embedding' or 'pre_logits': what the last layer for
                the type reads. 'normalized_embedding': of length 1.

        Raises:
            ValueError: On an unknown stage.
        """
        if stage not in STAGES:
            raise ValueError(f"stage: expected one of {STAGES}, got {stage!r}")
        maps = self._maps(self.backbone, inputs)
        if stage == "backbone":
            return (maps,)
        features = []
        if self.head.output != "local":
            features.append(self.pool(maps))
        if self.head.output != "global":
            crops = self.crop(inputs, self.localiser(maps))
            features.append(self.pool(self._maps(self.local_backbone, crops)))
        feats = (torch.cat(features, dim=1),)
        if stage == "neck":
            return feats
        embedding = self.head.pre_logits(feats)
        return normalize(embedding) if stage == "normalized_embedding" else embedding

    def find_boxes(self, inputs: Tensor) -> Tensor:
        """Images (B, C, H, W), preprocessed -> the boxes (B, 3) that L-Net looks at."""
        return self.localiser(self._maps(self.backbone, inputs))

    def crop(self, inputs: Tensor, boxes: Tensor) -> Tensor:
        """What L-Net sees: (B, C, *local_size)."""
        height, width = inputs.shape[-2:]
        size = self.local_size or (height // 2, width // 2)
        return crop_boxes(inputs, boxes, size, self.crop_gradient, self.mask_slope)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of the phase: loss_type and loss_polarity, or loss_box."""
        if self.phase == "global":
            feats = self.pool(self._maps(self.backbone, inputs))
            return self.head.loss(feats, data_samples, "global")
        if self.phase == "fused":
            with torch.no_grad():
                feats = self.extract_feat(inputs)
            return self.head.loss(feats, data_samples, "fused")
        with torch.no_grad():
            maps = self._maps(self.backbone, inputs)
        boxes = self.localiser(maps)
        if self.phase == "box":
            return dict(loss_box=F.smooth_l1_loss(boxes, covering_boxes(inputs)))
        if self.phase == "local":
            boxes = boxes.detach()
        crops = self.crop(inputs, boxes)
        feats = self.pool(self._maps(self.local_backbone, crops))
        return self.head.loss(feats, data_samples, "local")

    def _maps(self, network: nn.Module, images: Tensor) -> Tensor:
        return network(images.contiguous(memory_format=self.memory_format))[-1]


def _typed(config: dict | None, default: str) -> dict:
    """A copy of a config, with the type if it has none."""
    return dict(type=default) | dict(config or {})
