"""Plain-loop transcriptions of the paper's equations, for the tests alone."""

from __future__ import annotations

import math

import torch


def focal(logits, target, gamma):
    """-(1 - p)^gamma log p, averaged over rows; logits a list of row tensors."""
    total = 0.0
    for row, t in zip(logits, target, strict=True):
        p = torch.exp(row[t]) / torch.exp(row).sum()
        total = total - (1 - p) ** gamma * torch.log(p)
    return total / len(target)


def cosine_matrix(e1, e2, scale):
    """S_ij of Eq. 2 and 3, entry by entry."""
    rows = []
    for a in e1:
        row = [(a @ b) / (a.norm() * b.norm()) * scale for b in e2]
        rows.append(torch.stack(row))
    return torch.stack(rows)


def equation_3(e1, e2, gamma, scale, which=((0, 0), (0, 1), (1, 0), (1, 1))):
    """Sum over view pairs of FL along the rows and along the columns."""
    blocks, y, total = (e1, e2), list(range(len(e1))), 0.0
    for i, j in which:
        s = cosine_matrix(blocks[i], blocks[j], scale)
        total = total + focal(s, y, gamma) + focal(s.T, y, gamma)
    return total


def general_form(embeddings, labels, gamma, scale, pairs="all"):
    """Any batch: k-th occurrence of a type is in view k; views meet on shared types."""
    views: list[dict[int, torch.Tensor]] = []
    for e, label in zip(embeddings, labels.tolist(), strict=True):
        k = next((k for k, v in enumerate(views) if label not in v), None)
        if k is None:
            views.append({})
            k = len(views) - 1
        views[k][label] = e
    m, total = len(views), 0.0
    if m < 2:
        return embeddings.sum() * 0
    for i in range(m):
        for j in range(m):
            if (pairs == "cross" and i == j) or (pairs == "upper" and i > j):
                continue
            types = sorted(set(views[i]) & set(views[j]))
            e1 = torch.stack([views[i][t] for t in types])
            e2 = torch.stack([views[j][t] for t in types])
            total = total + equation_3(e1, e2, gamma, scale, which=((0, 1),))
    return total * 4 / m**2


def ceiling(types, scale=1.0):
    """Greatest softmax score of a positive whose negatives are all at cosine -1."""
    return math.exp(scale) / (math.exp(scale) + (types - 1) * math.exp(-scale))
