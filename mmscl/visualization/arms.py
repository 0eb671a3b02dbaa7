"""Configs with and without SCL side by side, and their differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: Told apart by shape and filling alone: readable in grey print.
_MARKERS: tuple[dict[str, Any], ...] = (
    dict(marker="o", markerfacecolor="white"),
    dict(marker="s", markerfacecolor="black"),
    dict(marker="^", markerfacecolor="0.6"),
    dict(marker="D", markerfacecolor="white"),
    dict(marker="v", markerfacecolor="black"),
    dict(marker="o", markerfacecolor="black"),
    dict(marker="s", markerfacecolor="white"),
    dict(marker="^", markerfacecolor="white"),
    dict(marker="D", markerfacecolor="0.6"),
    dict(marker="v", markerfacecolor="white"),
    dict(marker="P", markerfacecolor="black"),
    dict(marker="X", markerfacecolor="white"),
)
#: How many arms can be told apart.
MOST_ARMS = len(_MARKERS)
#: Arms side by side in the legend, and close together in a row.
_FEW = 5


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

    On the left the large markers are means over seeds, the dots single seeds, and a
    line joins the arms of a config if they are few. On the right the whiskers are the
    intervals; what lies right of the zero line is better than the first arm.

    Args:
        panels: Set name -> its values.
        configs: Rows of each panel, from the top.
        arms: The reference first; at most `MOST_ARMS`.
        measure: Named on the axes.

    Raises:
        ValueError: No set or config, or more arms than markers.
    """
    if not panels or not configs:
        raise ValueError("plot_arms: expected at least one set and one config")
    if not 2 <= len(arms) <= MOST_ARMS:
        raise ValueError(f"plot_arms: expected 2 to {MOST_ARMS} arms, got {len(arms)}")
    row = max(0.42, 0.2 * len(arms))
    height = 1.3 + len(panels) * (0.9 + row * len(configs))
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
        right.set_xlabel(f"points more than {arms[0]}")
    handles = [
        Line2D([], [], linestyle="none", color="black", ms=8, label=arm, **marker)
        for arm, marker in zip(arms, _MARKERS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=_FEW)
    return figure


def _shift(number: int, arms: Sequence[str]) -> float:
    """Where an arm lies within the row of its config, whose middle is 0."""
    spread = 0.4 if len(arms) <= _FEW else 0.8
    return spread * (number / (len(arms) - 1) - 0.5)


def _draw_values(
    axis: Axes, panel: ArmsPanel, configs: Sequence[str], arms: Sequence[str]
) -> None:
    for row, config in enumerate(configs):
        means = []
        for number, arm in enumerate(arms):
            seeds = panel.values.get((config, arm), ())
            place = row + _shift(number, arms)
            if not len(seeds):
                continue
            if len(seeds) > 1:
                axis.plot(seeds, [place] * len(seeds), ".", color="0.4", ms=4, zorder=3)
            means.append((float(np.mean(seeds)), place, number))
        if len(arms) <= _FEW:
            axis.plot(*zip(*[m[:2] for m in means], strict=True), color="0.6", zorder=1)
        for mean, place, number in means:
            axis.plot(mean, place, color="black", ms=8, zorder=2, **_MARKERS[number])
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)


def _draw_differences(
    axis: Axes, panel: ArmsPanel, configs: Sequence[str], arms: Sequence[str]
) -> None:
    axis.axvline(0, color="black", linewidth=0.8)
    for (config, arm), (value, low, high) in panel.differences.items():
        number = arms.index(arm)
        place = configs.index(config) + _shift(number, arms)
        axis.hlines(place, low, high, color="black", linewidth=1.2)
        axis.plot(value, place, color="black", ms=7, **_MARKERS[number])
    axis.margins(x=0.1)
    axis.tick_params(labelleft=False)
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
