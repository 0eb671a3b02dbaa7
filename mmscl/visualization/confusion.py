"""Confusion matrices side by side (the paper's Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mmscl.datasets.manifest import TYPES


def plot_confusion(matrices: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Row-normalised confusion matrices, one panel each.

    One scale of lightness (readable in grey print and by a colour-blind reader); the
    share of every cell above 10 % is printed in it. Rows without images stay blank.

    Args:
        matrices: Panel title -> (24, 24) counts, rows the true types.
        title: Above the panels.

    Raises:
        ValueError: A matrix of another shape, or none.
    """
    if not matrices:
        raise ValueError("plot_confusion: expected at least one matrix, got none")
    figure = Figure(figsize=(6.4 * len(matrices), 6.6), layout="constrained")
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axis, (name, counts) in zip(axes, matrices.items(), strict=True):
        image = _draw(axis, name, np.asarray(counts))
    figure.colorbar(image, ax=list(axes), label="share of the true type", shrink=0.8)
    if title:
        figure.suptitle(title)
    return figure


def _draw(axis, name: str, counts: np.ndarray):
    n = len(TYPES)
    if counts.shape != (n, n):
        raise ValueError(f"{name}: expected a matrix ({n}, {n}), got {counts.shape}")
    total = counts.sum(1, keepdims=True)
    share = np.divide(counts, total, out=np.full((n, n), np.nan), where=total > 0)
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(np.nan_to_num(share) >= 0.1), strict=True):
        value = share[row, column]
        axis.text(
            column,
            row,
            f"{100 * value:.0f}",
            ha="center",
            va="center",
            fontsize=6,
            color="white" if value > 0.6 else "black",
        )
    axis.set_xticks(range(n), TYPES, fontsize=7)
    axis.set_yticks(range(n), TYPES, fontsize=7)
    axis.set_xlabel("predicted type")
    axis.set_ylabel("true type")
    axis.set_title(f"{name} ({int(counts.sum())} images)")
    return image
