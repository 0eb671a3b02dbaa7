"""Parts of a model that are trained while the others are frozen."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


def freeze_but(model: nn.Module, parts: Iterable[str]) -> None:
    """Let only the parameters of some parts be trained.

    A frozen parameter gets no gradient, so the optimizer leaves it as it is, weight
    decay and momentum included.

    Args:
        model: With all parts.
        parts: Dotted names of its modules.
    """
    model.requires_grad_(False)
    for part in parts:
        model.get_submodule(part).requires_grad_(True)
