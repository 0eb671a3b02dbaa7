"""Configs with and without SCL side by side, and their differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Told apart by shape and filling alone: readable in grey print.
_MARKERS: tuple[dict[str, Any], ...] = (
    dict(marker="o", markerfacecolor="white"),
    dict(marker="s", markerfacecolor="black"),
    dict(marker="^", markerfacecolor="0.6"),
    dict(marker="D", markerfacecolor="white"),
    dict(marker="v", markerfacecolor="black"),
)


@dataclass(frozen=True)
class ArmsPanel:
    """One test set.

    Attributes:
        values: (config, arm) -> one value a seed, in %.
        differences: (config, arm) -> difference from the first arm, low and high end
            of its interval, in points; NaN ends where there is no interval.
        note: What the interval is over, such as '59 cases'.
    """

    values: Mapping[tuple[str, str], Sequence[float]]
    differences: Mapping[tuple[str, str], tuple[float, float, float]]
    note: str = ""


def plot_arms(
    panels: Mapping[str, ArmsPanel],
    configs: Sequence[str],
    arms: Sequence[str],
    measure: str = "accuracy",
) -> Figure:
    """A row for each set: values on the left, differences on the right.

    On the left a config is a line from its least to its greatest arm; the large
    markers are means over seeds, the dots single seeds. On the right the whiskers are
    the intervals; what lies right of the zero line is better than the first arm.

    Args:
        panels: Set name -> its values.
        configs: Rows of each panel, from the top.
        arms: The reference first; at most five.
        measure: Named on the axes.

    Raises:
        ValueError: No set or config, or more arms than markers.
    """
    if not panels or not configs:
        raise ValueError("plot_arms: expected at least one set and one config")
    if not 2 <= len(arms) <= len(_MARKERS):
        raise ValueError(
            f"plot_arms: expected 2 to {len(_MARKERS)} arms, got {len(arms)}"
        )
    height = 1.3 + len(panels) * (0.9 + 0.42 * len(configs))
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots(
        len(panels), 2, squeeze=False, width_ratios=(3, 2), sharey="row"
    )
    for (left, right), (name, panel) in zip(axes, panels.items(), strict=True):
        _draw_values(left, panel, configs, arms)
        _draw_differences(right, panel, configs, arms)
        left.set_yticks(range(len(configs)), configs)
        left.set_ylim(len(configs) - 0.5, -0.5)
        left.set_title(name, loc="left", fontweight="bold")
        left.set_xlabel(f"{measure} in %")
        right.set_title(panel.note, loc="right", fontsize="small")
        right.set_xlabel(f"difference from {arms[0]} in points, 95 % interval")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(arms))
    return figure


def _draw_values(
    axis: Axes, panel: ArmsPanel, configs: Sequence[str], arms: Sequence[str]
) -> None:
    for row, config in enumerate(configs):
        means = [np.mean(v) for (c, _), v in panel.values.items() if c == config]
        if means:
            axis.hlines(row, min(means), max(means), color="0.6", linewidth=1, zorder=1)
    for number, arm in enumerate(arms):
        known = [(row, (c, arm)) for row, c in enumerate(configs)]
        known = [(row, key) for row, key in known if key in panel.values]
        for row, key in known:
            seeds = panel.values[key]
            axis.plot(seeds, [row] * len(seeds), ".", color="0.4", ms=3, zorder=2)
        axis.plot(
            [np.mean(panel.values[key]) for _, key in known],
            [row for row, _ in known],
            linestyle="none",
            color="black",
            ms=8,
            label=arm,
            zorder=3,
            **_MARKERS[number],
        )
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)


def _draw_differences(
    axis: Axes, panel: ArmsPanel, configs: Sequence[str], arms: Sequence[str]
) -> None:
    axis.axvline(0, color="black", linewidth=0.8)
    others = len(arms) - 1
    for number, arm in enumerate(arms[1:], 1):
        shift = 0.5 * (number - (others + 1) / 2) / max(others, 1)
        for row, config in enumerate(configs):
            if (config, arm) not in panel.differences:
                continue
            value, low, high = panel.differences[config, arm]
            axis.hlines(row + shift, low, high, color="black", linewidth=1.2)
            axis.plot(value, row + shift, color="black", ms=7, **_MARKERS[number])
    axis.tick_params(labelleft=False)
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
