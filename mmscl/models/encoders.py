"""Any mmpretrain backbone or timm model -> features (B, F)."""

from __future__ import annotations

from typing import Any

import timm
import torch
from mmengine.model import initialize
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmscl.registry import register


@register(MODELS)
class TimmEncoder(BaseBackbone):
    """A timm model that gives the features its own classifier would read.

    Args:
        model_name: Name of a timm model, with or without the tag of its weights.
        pretrained: True loads the weights that timm knows for the name, a path loads a
            local file (.pth, .safetensors). Three-channel weights are summed over
            channels for one-channel input.
        in_channels: Channels of the images.
        num_classes: 0 gives the pooled features. A number keeps timm's last layer,
            whose output then is the feature (4096 in the authors' code).
        frozen_layers: Number of timm's layer groups, counted from the input, that are
            not trained; their batch norms keep their statistics. -1 freezes all.
        with_cp: Gradient checkpointing: less memory, slower.
        init_cfg: mmengine initialisation of the whole model, such as `Pretrained`;
            children are never initialised anew, so timm's weights survive.
        **kwargs: For `timm.create_model`: img_size (ViT and Swin off their own size),
            drop_path_rate, ...

    Raises:
        ValueError: On an unknown model name, with the nearest names; on frozen_layers
            out of range.
    """

    model: Any  # timm's methods are not those of nn.Module

    def __init__(
        self,
        model_name: str,
        pretrained: bool | str = False,
        in_channels: int = 1,
        num_classes: int = 0,
        frozen_layers: int = 0,
        with_cp: bool = False,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(init_cfg)
        _check_model_name(model_name)
        if isinstance(pretrained, str):
            kwargs["pretrained_cfg_overlay"] = dict(file=pretrained)
        self.model = timm.create_model(
            model_name,
            pretrained=bool(pretrained),
            in_chans=in_channels,
            num_classes=num_classes,
            **kwargs,
        )
        if with_cp:
            self.model.set_grad_checkpointing()
        self._layer_of = group_with_matcher(
            self.model.named_parameters(), self.model.group_matcher(), reverse=True
        )
        self._num_layers = max(self._layer_of.values()) + 1
        self._freeze(frozen_layers)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Images (B, C, H, W) -> a tuple of the features (B, F)."""
        return (self.model(x),)

    def init_weights(self) -> None:
        """Apply `init_cfg`; never the own initialisation of timm's modules."""
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._is_init = True

    def train(self, mode: bool = True) -> TimmEncoder:
        """Set the training mode; frozen batch norms stay in evaluation mode."""
        super().train(mode)
        for module in self.model.modules():
            frozen = [not p.requires_grad for p in module.parameters(recurse=False)]
            if isinstance(module, _BatchNorm) and frozen and all(frozen):
                module.eval()
        return self

    def get_layer_depth(self, param_name: str, prefix: str = "") -> tuple[int, int]:
        """Layer of a parameter, for the layer-wise decay of the learning rate.

        Returns:
            The layer, counted from the input, and the number of layers, which include
            one for all that follows the encoder (neck and head).
        """
        total = self._num_layers + 1
        name = param_name.removeprefix(f"{prefix}model.")
        if name == param_name:
            return total - 1, total
        return self._layer_of[name], total

    def _freeze(self, layers: int) -> None:
        if not -1 <= layers <= self._num_layers:
            raise ValueError(
                f"TimmEncoder.frozen_layers: expected -1 (all) to {self._num_layers}, "
                f"got {layers}"
            )
        last = self._num_layers if layers == -1 else layers
        for name, parameter in self.model.named_parameters():
            if self._layer_of[name] < last:
                parameter.requires_grad_(False)


def pool_features(outputs, backbone: nn.Module) -> Tensor:
    """What a backbone or neck returns -> features (B, F).

    Maps are averaged, in the layout that timm tells (Swin is channels-last);
    of tokens the class token is taken where the model has one, else their mean.

    Args:
        outputs: Tensor, or a tuple or list that ends with the last stage: (B, F),
            (B, F, H, W), (B, H, W, F) or (B, tokens, F); the last stage may itself be
            the pair (patch map, class token) of older mmpretrain models.
        backbone: The model that made them, asked for layout and tokens.

    Raises:
        ValueError: On outputs of another form.
    """
    while isinstance(outputs, (tuple, list)) and outputs:
        outputs = outputs[-1]
    if not isinstance(outputs, Tensor) or outputs.ndim not in (2, 3, 4):
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs)
        raise ValueError(
            f"{type(backbone).__name__}: expected features (B, F), maps or tokens, "
            f"got {got}; add a neck that pools them"
        )
    model = getattr(backbone, "timm_model", backbone)
    if outputs.ndim == 2:
        return outputs
    if outputs.ndim == 4:
        channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        return outputs.mean((1, 2) if channels_last else (2, 3))
    prefix = getattr(model, "num_prefix_tokens", None)
    if prefix is None:
        prefix = getattr(model, "num_extra_tokens", 0)
    has_class_token = getattr(model, "cls_token", None) is not None
    return outputs[:, 0] if has_class_token and prefix else outputs[:, prefix:].mean(1)


@torch.no_grad()
def count_features(extract, backbone: nn.Module) -> int:
    """Width F of the features, found by running one blank image through the model.

    Args:
        extract: Images (1, C, H, W) -> (1, F).
        backbone: Asked for the number of channels and the size of its input.
    """
    modes = {module: module.training for module in backbone.modules()}
    backbone.eval()
    try:
        image = torch.zeros(1, _input_channels(backbone), *_input_size(backbone))
        return extract(image).shape[1]
    finally:
        for module, mode in modes.items():
            module.training = mode


def _input_channels(backbone: nn.Module) -> int:
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return 3


def _input_size(backbone: nn.Module) -> tuple[int, int]:
    model = getattr(backbone, "timm_model", getattr(backbone, "model", backbone))
    patch_embed = getattr(model, "patch_embed", None)
    for owner, name in [
        (patch_embed, "img_size"),
        (model, "img_size"),
        (patch_embed, "init_input_size"),
    ]:
        size = getattr(owner, name, None)
        if size is not None:
            return (size, size) if isinstance(size, int) else tuple(size)[:2]
    return 224, 224


def _check_model_name(model_name: str) -> None:
    if timm.is_model(model_name.split(".")[0]):
        return
    import difflib

    near = difflib.get_close_matches(model_name, timm.list_models(), n=3)
    raise ValueError(
        f"TimmEncoder.model_name: timm {timm.__version__} has no model "
        f"{model_name!r}; nearest names: {', '.join(near) or 'none'}"
    )
