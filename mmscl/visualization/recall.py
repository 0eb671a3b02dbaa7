"""Recall of each type with its interval, of one table or of several."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.intervals import wilson_interval
from mmscl.visualization.style import TWO_COLUMNS, Look, looks, style

#: Room between X and Y, in types: Y stands apart.
_GAP = 0.8
#: Letters of a series' label up to which two stand side by side above the panel.
_TWO_IN_A_ROW = 58


def plot_recall(matrices: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Recall of each type in %, with Wilson's 95 % interval; Y by itself.

    Args:
        matrices: Series name -> (24, 24) counts, rows the true types.
        title: Above the panel.

    Raises:
        ValueError: A matrix of another shape, none, or more than can be told apart.
    """
    if not matrices:
        raise ValueError("plot_recall: expected at least one matrix, got none")
    n = len(TYPES)
    places = np.arange(n) + _GAP * (np.arange(n) == n - 1)
    step = 0.66 / max(1, len(matrices))
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        axis = figure.subplots()
        lowest = 1.0
        for number, (look, (name, counts)) in enumerate(
            zip(looks(len(matrices)), matrices.items(), strict=True)
        ):
            counts = np.asarray(counts)
            if counts.shape != (n, n):
                raise ValueError(
                    f"{name}: expected a matrix ({n}, {n}), got {counts.shape}"
                )
            shift = (number - (len(matrices) - 1) / 2) * step
            low = _draw(axis, places + shift, name, counts, look)
            lowest = min(lowest, low)
        _finish(axis, places, lowest)
        if title:
            figure.suptitle(title)
    return figure


def _draw(axis, places: np.ndarray, name: str, counts: np.ndarray, look: Look) -> float:
    """One series; the lowest end of its intervals is returned."""
    hits, total = np.diag(counts), counts.sum(axis=1)
    lower, upper = wilson_interval(hits, total)
    there = total > 0
    recall = hits[there] / total[there]
    axis.errorbar(
        places[there],
        100 * recall,
        yerr=100 * np.stack([recall - lower[there], upper[there] - recall]),
        linestyle="",
        color=look.color,
        marker=look.marker,
        markersize=3.4,
        markerfacecolor=look.color if look.filled else "white",
        markeredgewidth=0.9,
        elinewidth=0.9,
        label=f"{name}: macro recall {100 * recall.mean():.1f} %, "
        f"{total[there].min():,} to {total[there].max():,} images a type",
    )
    return float(np.min(lower[there], initial=1.0))


def _finish(axis, places: np.ndarray, lowest: float) -> None:
    axis.set_xticks(places, TYPES)
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(places[0] - 0.7, places[-1] + 0.7)
    axis.set_ylim(max(0, 10 * np.floor(10 * lowest - 0.2)), 101)
    axis.set_xlabel("chromosome type")
    axis.set_ylabel("recall (%), with 95 % interval")
    axis.grid(axis="y", color="0.9", linewidth=0.6)
    axis.set_axisbelow(True)
    for left, right in zip(places[:-2], places[1:-1], strict=True):
        axis.axvline((left + right) / 2, color="0.93", linewidth=0.6, zorder=0)
    axis.axvline((places[-2] + places[-1]) / 2, color="0.6", linewidth=0.8, zorder=0)
    longest = max(len(label) for label in axis.get_legend_handles_labels()[1])
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2 if longest <= _TWO_IN_A_ROW else 1,
        borderpad=0,
        handletextpad=0.3,
        columnspacing=1.5,
    )
