"""The contrastive loss where every view holds every type, with its own gradient.

This is the batch that `PairedKaryotypeSampler` makes: m karyotypes of N types. Then all
terms of the paper's Eq. 3 are blocks of one Gram matrix, and the gradient is written
down here: autograd would take three times as many small steps and keep a copy of each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-6  # least length of an embedding


def whole_views_loss(
    embeddings: Tensor, views: int, gamma: float, scale: float | Tensor, pairs: str
) -> Tensor:
    """Sum over views i, j of the focal loss of the rows of S_ij, weighted by `pairs`.

    Args:
        embeddings: (B, D), float32 or float64: m karyotypes one after the other, the N
            types of each in one order.
        views: m >= 2; B = m N.
        gamma: Focusing parameter, >= 0.
        scale: Factor of the cosines; a tensor may be learnt.
        pairs: As in `mmscl.functional.scl_loss`.

    Returns:
        Scalar; its gradient cannot be derived again.
    """
    if isinstance(scale, Tensor):
        scale = scale.to(embeddings)
    # 4 / m^2 of m^2 terms, each a mean over N = B / m types.
    mean = 4 / (views * len(embeddings))
    weight = _pair_weight(embeddings, views, pairs) * mean
    return _Loss.apply(embeddings, scale, weight, views, gamma)


def focal_term(log_pt: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """-(1 - p)^gamma log p and its derivative by log p.

    Args:
        log_pt: log p <= 0 of any shape.
        gamma: Focusing parameter, >= 0.
    """
    if gamma == 0:
        return -log_pt, torch.full_like(log_pt, -1.0)
    miss = torch.expm1(log_pt).neg_()
    seen = None
    if gamma < 1:  # the slope of x^gamma is infinite at 0
        least = torch.finfo(miss.dtype).eps
        seen = miss > least
        miss = miss.clamp_min(least)
    power = miss**gamma
    slope = gamma * log_pt.exp() * log_pt * miss ** (gamma - 1)
    if seen is not None:
        slope = slope * seen
    return -power * log_pt, slope - power


class _Loss(torch.autograd.Function):
    """Loss of embeddings (B, D), and weights of the view pairs: (m, 1, m) or one."""

    @staticmethod
    def forward(
        ctx: Any,
        embeddings: Tensor,
        scale: float | Tensor,
        weight: float | Tensor,
        views: int,
        gamma: float,
    ) -> Tensor:
        rows, types = len(embeddings), len(embeddings) // views
        length = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
        unit = embeddings / length.clamp_min(EPS)
        scores = (unit @ unit.T).mul_(scale)
        # Row r of view i against view j: (B, m, N), as a softmax over its types.
        log_p = scores.view(rows, views, types).log_softmax(dim=2)
        log_pt = _positives(log_p).clone()
        value, slope = focal_term(log_pt, gamma)
        if any(ctx.needs_input_grad):
            slope *= weight
            gram_grad = log_p.exp_().mul_(-slope.view(rows, views, 1))
            _positives(gram_grad).add_(slope)
            gram_grad = gram_grad.view(rows, rows)
            scale_grad = None
            if ctx.needs_input_grad[1]:
                scale_grad = scores.mul_(gram_grad).sum() / scale
            ctx.scale = scale
            ctx.save_for_backward(unit, length, gram_grad, scale_grad)
        return (value * weight).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        unit, length, gram_grad, scale_grad = ctx.saved_tensors
        found = None
        if ctx.needs_input_grad[0]:
            found = ((gram_grad + gram_grad.T) * (ctx.scale * grad)) @ unit
            along = (unit * found).sum(dim=1, keepdim=True)
            along = torch.where(length > EPS, along, 0.0)
            found = found.addcmul_(unit, along, value=-1).div_(length.clamp_min(EPS))
        return found, None if scale_grad is None else scale_grad * grad, *[None] * 3


def _positives(blocks: Tensor) -> Tensor:
    """View (m, N, m) of the entries (row of view i and type t, view j, type t)."""
    rows, views, types = blocks.shape
    same = blocks.view(views, types, views, types).diagonal(dim1=1, dim2=3)
    return same.transpose(1, 2)


def _pair_weight(like: Tensor, views: int, pairs: str) -> float | Tensor:
    """How often the rows of view i against view j count: (m, 1, m), or one number."""
    if pairs == "all":
        return 2.0
    same = torch.eye(views, dtype=like.dtype, device=like.device)[:, None]
    return 1 + same if pairs == "upper" else 2 * (1 - same)
