"""Heat maps: where in an image a network sees its type (Grad-CAM, the paper's Fig. 5).

Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74. The computation is grad-cam's
(PyPI); which layer to look at and how its output is laid out is decided here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmscl.config import ConfigError


def heat_maps(
    model: nn.Module, inputs: Tensor, labels: Tensor, layer: str | None = None
) -> np.ndarray:
    """Grad-CAM of each image for a type.

    Args:
        model: A classifier of mmpretrain (SCLClassifier, ImageClassifier) with a
            backbone; images (B, C, H, W) -> logits (B, K). It is put into evaluation
            mode; its gradients are cleared.
        inputs: Preprocessed images (B, C, H, W).
        labels: Class index whose evidence is wanted, int64 (B,).
        layer: Name of a module of the model, such as 'backbone.model.layer3'; None
            takes the last one whose output is a map (`last_map`).

    Returns:
        Heat float32 (B, H, W), >= 0 in the units of the logit, zero where nothing
        speaks for the type; not scaled, so images can be compared.

    Raises:
        ConfigError: grad-cam is not installed, the backbone is of an unknown family,
            there is no such layer, or its output is no map.
    """
    cam_class, target_class = _import_gradcam()
    backbone: Any = model.backbone
    name = layer or last_map(model)
    try:
        module = model.get_submodule(name)
    except AttributeError as error:
        raise ConfigError(
            f"--layer {name}: the model has no such module ({error}); its children: "
            + ", ".join(f"backbone.{child}" for child, _ in backbone.named_children())
        ) from error
    size = (int(inputs.shape[-2]), int(inputs.shape[-1]))

    def as_map(output: Any) -> Tensor:
        return to_map(output, backbone, size, name)

    with torch.enable_grad():
        cam = cam_class(model, [module], as_map)
        try:
            cam(inputs, [target_class(int(label)) for label in labels])
        finally:
            cam.activations_and_grads.release()
            model.zero_grad()
    heat = torch.from_numpy(np.maximum(cam.heat, 0)).float()[:, None]
    return interpolate(heat, size, mode="bilinear")[:, 0].numpy()


def last_map(model: nn.Module) -> str:
    """Name of the module whose output is the last map of a classifier's backbone.

    Of convolutional networks the last stage; of Swin and DaViT the norm behind the last
    stage, or the stage where the norm follows the pooling; of ViT the first norm of the
    last block, because behind it the patches no longer reach the class token.

    Raises:
        ConfigError: None of these; name a layer.
    """
    backbone: Any = model.backbone
    for prefix in ("timm_model", "model"):  # mmpretrain's TIMMBackbone, TimmEncoder
        if isinstance(getattr(backbone, prefix, None), nn.Module):
            return f"backbone.{prefix}.{_last_of_timm(getattr(backbone, prefix))}"
    return f"backbone.{_last_of_mmpretrain(backbone)}"


def _last_of_timm(model: Any) -> str:
    if hasattr(model, "blocks") and hasattr(model, "num_prefix_tokens"):  # ViT, DeiT
        return f"blocks.{len(model.blocks) - 1}.norm1"
    if hasattr(model, "layers") and hasattr(model, "norm"):  # Swin
        return "norm"
    if hasattr(model, "stages"):  # DaViT, ConvNeXt
        return f"stages.{len(model.stages) - 1}"
    if hasattr(model, "layer4"):  # ResNet
        return "layer4"
    raise _unknown(model)


def _last_of_mmpretrain(backbone: Any) -> str:
    if hasattr(backbone, "res_layers"):  # ResNet
        return str(backbone.res_layers[-1])
    if hasattr(backbone, "layers") and hasattr(backbone, "num_extra_tokens"):  # ViT
        return f"layers.{len(backbone.layers) - 1}.ln1"
    if hasattr(backbone, "stages"):
        last = len(backbone.stages) - 1
        # Swin and DaViT have a norm for each output.
        return f"norm{last}" if hasattr(backbone, f"norm{last}") else f"stages.{last}"
    raise _unknown(backbone)


def _unknown(model: nn.Module) -> ConfigError:
    children = ", ".join(name for name, _ in model.named_children())
    return ConfigError(
        f"{type(model).__name__}: its last map is not known; name the module that "
        f"gives it with --layer, as backbone.NAME. Its children: {children}"
    )


def to_map(
    output: Any, backbone: nn.Module, size: tuple[int, int], layer: str = ""
) -> Tensor:
    """A layer's output as map (B, F, h, w), whatever its layout.

    Args:
        output: (B, F, h, w), (B, h, w, F) of a model that tells it is channels-last, or
            tokens (B, n, F), whose class and other extra tokens are left out.
        backbone: The model that it is of, asked for layout and extra tokens.
        size: Height and width of the image: tells the shape of the grid of tokens.
        layer: Its name, for the message.

    Raises:
        ConfigError: No map: another number of dimensions, or tokens in no grid.
    """
    model: Any = getattr(backbone, "timm_model", getattr(backbone, "model", backbone))
    if not isinstance(output, Tensor) or output.ndim not in (3, 4):
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output)
        raise ConfigError(
            f"--layer {layer}: expected a module that gives a map (B, F, h, w) or "
            f"tokens (B, n, F), got {got}"
        )
    if output.ndim == 4:
        last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        return output.permute(0, 3, 1, 2) if last else output
    extra = getattr(model, "num_prefix_tokens", getattr(model, "num_extra_tokens", 0))
    tokens = output[:, extra:]
    height, width = grid_of(tokens.shape[1], size)
    return tokens.transpose(1, 2).unflatten(2, (height, width))


def grid_of(number: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a grid of tokens over an image.

    Args:
        number: Tokens, >= 1.
        size: Height and width of the image.

    Returns:
        Of all pairs with this product the one nearest to the image's proportions.

    Raises:
        ConfigError: No pair comes within a factor of two of them.
    """
    target = np.log(size[0] / size[1])
    pairs = [(h, number // h) for h in range(1, number + 1) if number % h == 0]
    off = [abs(np.log(h / w) - target) for h, w in pairs]
    if not pairs or min(off) > np.log(2) + 1e-9:
        raise ConfigError(
            f"{number} tokens make no grid over an image of {size[0]} x {size[1]} "
            "pixels: name a layer whose output is a map with --layer"
        )
    return pairs[int(np.argmin(off))]


def _import_gradcam() -> tuple[type, type]:
    try:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError as error:
        raise ConfigError(
            "heat maps need grad-cam, which is not installed: "
            'pip install -e ".[figures]" (docs/figures.md)'
        ) from error

    class Heat(GradCAM):
        """Keeps the map before grad-cam subtracts its least value and scales it."""

        def get_cam_image(self, *args, **kwargs) -> np.ndarray:
            self.heat = super().get_cam_image(*args, **kwargs)
            return self.heat

    return Heat, ClassifierOutputTarget
