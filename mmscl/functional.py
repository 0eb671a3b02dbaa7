"""The mathematics of supervised contrastive learning, in torch alone.

Equations are those of Chang et al., "Supervised Contrastive Learning for
Fine-grained Chromosome Recognition" (arXiv 2312.07623, 2023), called "the
paper" below. Shapes: B images, N types, D embedding size, m views.

Example of a training step without any framework::

    embeddings, logits = head(encoder(images))
    loss = scl_loss(embeddings, labels, scale=1 / 0.07)
    loss = loss + 2 * focal_loss(logits, labels)  # Eq. 5 adds two batches
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmscl.whole_views import EPS, whole_views_loss

PAIRS = ("all", "upper", "cross")


def focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    alpha: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Multi-class focal loss on softmax scores: -alpha (1 - p_t)^gamma log p_t.

    Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), Eq. 5, with
    the softmax in place of the sigmoid; the FL of the paper's Eq. 3 and 5.
    `gamma=0` is the cross-entropy.

    Args:
        logits: (B, N) scores before the softmax.
        target: (B,) class indices in 0..N-1.
        gamma: Focusing parameter, >= 0; 2.0 in the authors' code.
        alpha: Weight of the loss, one number or (N,) one for each class.
        reduction: 'mean' over images, 'sum' or 'none' (gives (B,)).

    Raises:
        ValueError: On a wrong shape, a negative gamma or an unknown reduction.
    """
    if logits.ndim != 2 or target.shape != logits.shape[:1]:
        raise ValueError(
            f"focal_loss: expected logits (B, N) and target (B,), got "
            f"{tuple(logits.shape)} and {tuple(target.shape)}"
        )
    log_pt = F.log_softmax(logits, dim=1).gather(1, target[:, None]).squeeze(1)
    loss = _focal_term(log_pt, gamma)
    if alpha is not None:
        weight = torch.as_tensor(alpha, dtype=loss.dtype, device=loss.device)
        loss = loss * (weight[target] if weight.ndim else weight)
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"reduction: expected mean, sum or none, got {reduction!r}")


def scl_loss_two_blocks(
    embeddings1: Tensor,
    embeddings2: Tensor,
    gamma: float = 2.0,
    scale: float | Tensor = 1.0,
) -> Tensor:
    """Contrastive loss of two paired batches, the paper's Eq. 3.

    L_con = sum over i, j in {1, 2} of FL_row(S_ij, y) + FL_col(S_ij, y), where
    S_ij = scale * norm(E_i) norm(E_j)^T and y = [0..N-1]; FL is averaged over rows.
    Row k of both batches must be of the same type, all rows of different types.

    Args:
        embeddings1: (N, D) embeddings of the first karyotype.
        embeddings2: (N, D) embeddings of the second karyotype.
        gamma: Focusing parameter of the focal loss.
        scale: Factor of the cosines, 1 / temperature. The paper prints none
            (scale 1), with which the score of the positive cannot exceed
            e / (e + 23 / e) = 0.243 for 24 types.
    """
    if embeddings1.ndim != 2 or embeddings1.shape != embeddings2.shape:
        raise ValueError(
            "scl_loss_two_blocks: expected two tensors of one shape (N, D), got "
            f"{tuple(embeddings1.shape)} and {tuple(embeddings2.shape)}"
        )
    labels = torch.arange(len(embeddings1), device=embeddings1.device).repeat(2)
    return scl_loss(torch.cat([embeddings1, embeddings2]), labels, gamma, scale)


def scl_loss(
    embeddings: Tensor,
    labels: Tensor,
    gamma: float = 2.0,
    scale: float | Tensor = 1.0,
    pairs: str = "all",
) -> Tensor:
    """The paper's Eq. 3 for a batch of any composition and order.

    Within each type the k-th occurrence in the batch belongs to view k. For every
    ordered pair of views (i, j) the rows of view i meet the columns of view j, both
    restricted to the types that both views hold; row and column focal losses are
    averaged over rows. The sum over view pairs is scaled by 4 / m^2, so that two
    views of all types give Eq. 3 exactly, in block order [0..N-1, 0..N-1] and in
    class-major order [0, 0, 1, 1, ...] alike.

    The Gram matrix is symmetric, so a column loss of S_ij is a row loss of S_ji:
    one matrix and one log-sum-exp hold every term.

    Args:
        embeddings: (B, D), need not be normalised. Half precision is computed in
            float32.
        labels: (B,) integer types, any values.
        gamma: Focusing parameter of the focal loss; 0 gives cross-entropy.
        scale: Factor of the cosines, 1 / temperature; a tensor may be learnt.
        pairs: View pairs that count: 'all' m x m (the paper's four), 'upper' i <= j
            (the authors' later code's three), 'cross' i != j.

    Returns:
        Scalar. Zero with a zero gradient if no type occurs twice. The gradient of whole
        karyotypes is written by hand and cannot be derived again.

    Raises:
        ValueError: On wrong shapes or an unknown `pairs`.
    """
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise ValueError(
            "scl_loss: expected embeddings (B, D) and labels (B,), got "
            f"{tuple(embeddings.shape)} and {tuple(labels.shape)}"
        )
    if pairs not in PAIRS:
        raise ValueError(f"pairs: expected one of {PAIRS}, got {pairs!r}")
    if gamma < 0:
        raise ValueError(f"gamma: expected a number >= 0, got {gamma}")
    if embeddings.dtype in (torch.float16, torch.bfloat16):
        embeddings = embeddings.float()
    with torch.autocast(embeddings.device.type, enabled=False):
        number = count_karyotypes(labels)
        if number > 1:
            return whole_views_loss(embeddings, number, gamma, scale, pairs)
        views = find_views(labels)
        if views.number < 2:
            return embeddings.sum() * 0.0
        ordered = embeddings[views.order]
        if views.full:
            return whole_views_loss(ordered, views.number, gamma, scale, pairs)
        ordered = F.normalize(ordered, eps=EPS)
        log_pt, weight = _log_scores_any((ordered * scale) @ ordered.T, views)
        weight = weight * _pair_weight(views, pairs).to(weight)
        return (_focal_term(log_pt, gamma) * weight).sum() * (4 / views.number**2)


def count_karyotypes(labels: Tensor) -> int:
    """m if the batch is m karyotypes one after the other, all in one order of types.

    Args:
        labels: (B,) integer types.

    Returns:
        m >= 1; 0 for any other batch. For batches as `PairedKaryotypeSampler` makes
        them this is all that need be known, and faster than `find_views`.
    """
    values = labels.tolist()
    types = len(set(values))
    if not types or len(values) % types:
        return 0
    number = len(values) // types
    first = values[:types]
    return number if len(set(first)) == types and values == first * number else 0


def contrastive_accuracy(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Share of images whose nearest embedding of another view has their type.

    Args:
        embeddings: (B, D), need not be normalised.
        labels: (B,) integer types.

    Returns:
        Scalar in 0..1; images whose type occurs once do not count. NaN if none do.
    """
    views = find_views(labels)
    with torch.no_grad(), torch.autocast(embeddings.device.type, enabled=False):
        ordered = F.normalize(embeddings[views.order].float(), eps=EPS)
        same_view = views.view[:, None] == views.view
        cosine = (ordered @ ordered.T).masked_fill(same_view, -2.0)
        hit = views.type[cosine.argmax(1)] == views.type
        return hit[views.counts[views.type] > 1].float().mean()


class Views(NamedTuple):
    """A batch sorted by view, then by type.

    Attributes:
        order: (B,) indices that sort the batch.
        view: (B,) view of each sorted row, 0..m-1.
        type: (B,) type of each sorted row as an index 0..N-1 of the types present.
        counts: (N,) images of each type present.
        number: m, the greatest count.
        full: Whether every type occurs m times.
    """

    order: Tensor
    view: Tensor
    type: Tensor
    counts: Tensor
    number: int
    full: bool


def find_views(labels: Tensor) -> Views:
    """Assign the k-th image of each type to view k.

    Args:
        labels: (B,) integer types.
    """
    _, type_, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    by_type = torch.argsort(type_, stable=True)
    start = torch.cumsum(counts, 0) - counts
    occurrence = torch.arange(len(labels), device=labels.device)
    view = torch.empty_like(type_)
    view[by_type] = occurrence - start[type_[by_type]]
    order = torch.argsort(view * len(counts) + type_)
    number = int(counts.max()) if len(counts) else 0
    full = number * len(counts) == len(labels)
    return Views(order, view[order], type_[order], counts, number, full)


def _focal_term(log_pt: Tensor, gamma: float) -> Tensor:
    """-(1 - p)^gamma log p of log-scores of any shape."""
    if gamma < 0:
        raise ValueError(f"gamma: expected a number >= 0, got {gamma}")
    if gamma == 0:
        return -log_pt
    miss = -torch.expm1(log_pt)
    if gamma < 1:  # the slope of x^gamma is infinite at 0
        miss = miss.clamp_min(torch.finfo(miss.dtype).eps)
    return -(miss**gamma) * log_pt


def _log_scores_any(gram: Tensor, views: Views) -> tuple[Tensor, Tensor]:
    """Log-softmax of the positives where views hold different types.

    A row of view i sees, in view j, the types that both views hold: column (j, t) if
    counts[t] > i. Its positive exists if counts of its own type > j.

    Returns:
        (B, m) log-scores of row r against view j, and their weights: one over the
        number of types that views i and j share, 0 where there is no positive.
    """
    rows, number = len(gram), views.number
    hidden = views.counts[views.type] <= views.view[:, None]
    gram = gram.masked_fill(hidden, torch.finfo(gram.dtype).min)
    columns = views.view.expand(rows, rows)
    peak = gram.new_full((rows, number), torch.finfo(gram.dtype).min)
    peak = peak.scatter_reduce(1, columns, gram.detach(), "amax")
    in_view = F.one_hot(views.view, number).to(gram)
    total = torch.exp(gram - peak.gather(1, columns)).masked_fill(hidden, 0) @ in_view
    places = torch.arange(number, device=gram.device)
    exists = views.counts[views.type][:, None] > places
    position = torch.zeros(number, len(views.counts), dtype=torch.long).to(gram.device)
    position[views.view, views.type] = torch.arange(rows, device=gram.device)
    positive = gram.gather(1, position[:, views.type].T)
    log_total = torch.log(total.clamp_min(torch.finfo(gram.dtype).tiny)) + peak
    log_pt = torch.where(exists, positive - log_total, torch.zeros_like(total))
    held = (views.counts[:, None] > places).sum(0)
    shared = torch.minimum(held[views.view][:, None], held)
    return log_pt, exists / shared


def _pair_weight(views: Views, pairs: str) -> Tensor:
    """(B, m) how often the row loss of row r against view j counts.

    Eq. 3 takes rows and columns of S_ij; the columns of S_ij are the rows of S_ji.
    """
    other = torch.arange(views.number, device=views.view.device)
    same = views.view[:, None] == other
    if pairs == "all":
        return torch.full_like(same, 2, dtype=torch.float32)
    if pairs == "upper":
        return 1.0 + same.float()
    return 2.0 * (~same).float()
