"""Batch norms folded into the convolutions before them, for prediction alone."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

#: Greatest difference of an output, as a share of the greatest output.
TOLERANCE = 1e-5


def fold_batch_norms(model: nn.Module, images: Tensor) -> nn.Module:
    """A copy of the model that computes the same in fewer passes over memory.

    With fixed statistics a batch norm is one factor and one offset a channel, which the
    convolution before it can take over. Which convolution feeds which norm is seen by
    running the model, so no layout of layers is taken for granted, and the copy is
    kept only if it gives the same output.

    Args:
        model: In evaluation mode; called with images alone. It is not changed.
        images: (B, C, H, W), preprocessed, to run the model with.

    Returns:
        The copy; the model itself if it has nothing to fold, or if the folded copy
        does not agree with it (a convolution whose output is also used elsewhere).
    """
    pairs, expected = _watch(model, images)
    if not pairs:
        return model
    folded = copy.deepcopy(model)
    for conv_name, norm_name in pairs:
        _fold(folded, conv_name, norm_name)
    with _exact(images):
        got = folded(images)
    return folded if _agree(got, expected) else model


def _watch(model: nn.Module, images: Tensor) -> tuple[list[tuple[str, str]], Any]:
    """Names of (convolution, batch norm that reads its output), and the output."""
    calls: Counter[nn.Module] = Counter()
    made: dict[int, nn.Module] = {}  # id of an output -> the convolution
    read: list[tuple[nn.Module, nn.Module]] = []
    kept: list[Tensor] = []  # an id is of one tensor only while that tensor lives

    def see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls[module] += 1
        if _is_plain_conv(module):
            made[id(output)] = module
            kept.append(output)
        elif id(inputs[0]) in made:
            read.append((made[id(inputs[0])], module))

    watched = [m for m in model.modules() if _is_plain_conv(m) or _is_fixed_norm(m)]
    with _hooks(watched, see), _exact(images):
        output = model(images)
    names = {module: name for name, module in model.named_modules()}
    pairs = [  # in every call it is this norm, and nothing else, that reads it
        (names[conv], names[norm])
        for (conv, norm), times in Counter(read).items()
        if calls[conv] == calls[norm] == times
    ]
    return pairs, output


@contextmanager
def _hooks(modules: list[nn.Module], hook: Any) -> Iterator[None]:
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _exact(images: Tensor) -> Iterator[None]:
    """No gradients, and no mixed precision, whose rounding would hide a difference."""
    kind = images.device.type
    with torch.inference_mode(), torch.autocast(kind, enabled=False):
        yield


def _is_plain_conv(module: nn.Module) -> bool:
    """Not a subclass: some of them compute their weight anew in every call."""
    return type(module) is nn.Conv2d and not module._forward_pre_hooks


def _is_fixed_norm(module: nn.Module) -> bool:
    known = type(module) in (nn.BatchNorm2d, BatchNormAct2d)
    return known and not module.training and module.running_mean is not None


@torch.no_grad()
def _fold(model: nn.Module, conv_name: str, norm_name: str) -> None:
    """Let the convolution do the norm's work; what else the norm did stays."""
    conv: Any = model.get_submodule(conv_name)
    norm: Any = model.get_submodule(norm_name)
    terms = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    mean, variance, eps, scale, offset = (_double(term) for term in terms)
    weight, bias = fuse_conv_bn_weights(
        *(_double(conv.weight), _double(conv.bias)),
        *(mean, variance, eps, scale, offset),
    )
    layout = (
        torch.channels_last
        if conv.weight.is_contiguous(memory_format=torch.channels_last)
        else torch.contiguous_format
    )
    kind = conv.weight.dtype
    conv.weight = nn.Parameter(weight.to(kind).contiguous(memory_format=layout))
    conv.bias = nn.Parameter(bias.to(kind))
    rest: nn.Module = nn.Identity()
    if isinstance(norm, BatchNormAct2d):
        rest = nn.Sequential(norm.drop, norm.act)
    parent, _, child = norm_name.rpartition(".")
    setattr(model.get_submodule(parent), child, rest)


def _double(term: Any) -> Any:
    return term.double() if isinstance(term, Tensor) else term


def _agree(got: Any, expected: Any) -> bool:
    """Whether all tensors are equal to within `TOLERANCE` of the greatest value."""
    if isinstance(expected, (tuple, list)):
        return all(map(_agree, got, expected))
    bound = TOLERANCE * max(float(expected.abs().max()), 1e-3)
    return bool((got - expected).abs().max() <= bound)
