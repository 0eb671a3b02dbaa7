"""Training curves of several runs: a panel a term of the loss, and the validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from scipy.signal import savgol_filter

from mmscl.visualization.style import TWO_COLUMNS, Look, looks, style

#: Steps and values of a curve, (n,) each.
Curve = tuple[np.ndarray, np.ndarray]
#: Share of a curve's points that its smooth line averages over.
SMOOTHED = 0.1
#: Least distance of two names at the ends of curves, as a share of the panel's height.
_APART = 0.085


def plot_curves(panels: Mapping[str, Mapping[str, Curve]], title: str = "") -> Figure:
    """Curves over training steps: the raw values pale, their moving mean on top.

    Each run has its colour and its dashes, and its name at the end of its line.

    Args:
        panels: Panel title -> run name -> curve. A title that ends with '(%)' is a
            measure; any other a loss, drawn on a logarithmic scale if it is positive.
            Runs have one look in all panels.
        title: Above the panels.

    Raises:
        ValueError: No panel, an empty panel or curve, or more runs than can be told
            apart.
    """
    runs = list(dict.fromkeys(run for curves in panels.values() for run in curves))
    if not runs or not all(panels.values()):
        raise ValueError("plot_curves: expected at least one curve in each panel")
    look_of = dict(zip(runs, looks(len(runs)), strict=True))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 0.3 + 2.3 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for axis, (name, curves) in zip(axes, panels.items(), strict=False):
            _draw(axis, name, curves, look_of)
        for axis in axes:
            axis.tick_params(labelbottom=True)  # each panel is read by itself
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        if title:
            figure.suptitle(title)
    return figure


def moving_mean(values: np.ndarray, share: float = SMOOTHED) -> np.ndarray:
    """Mean over the points around each; a straight line through them at the ends.

    Args:
        values: (n,).
        share: Share of the n points that a mean is over. Below 3 points there is none.
    """
    window = 2 * int(share * len(values) / 2) + 1
    if window < 3:
        return values
    return savgol_filter(values, window, polyorder=1, mode="interp")


def _draw(
    axis, name: str, curves: Mapping[str, Curve], look_of: Mapping[str, Look]
) -> None:
    measure = name.endswith("(%)")
    lowest = min(float(np.min(values, initial=np.inf)) for _, values in curves.values())
    for run, (steps, values) in curves.items():
        if not len(steps):
            raise ValueError(f"{name}, {run}: expected values, the curve is empty")
        look = look_of[run]
        if measure:
            axis.plot(
                steps,
                values,
                color=look.color,
                linestyle=look.line,
                marker=look.marker,
                markersize=3.4,
                markerfacecolor=look.color if look.filled else "white",
            )
        else:
            smooth = moving_mean(values)
            axis.plot(steps, values, color=look.color, linewidth=0.6, alpha=0.35)
            axis.plot(steps, smooth, color=look.color, linestyle=look.line)
    if not measure and lowest > 0:
        axis.set_yscale("log")
        low, high = axis.get_ylim()
        marks = (1, 2, 3, 5, 7) if high < 12 * low else (1, 2, 5)
        axis.yaxis.set_major_locator(LogLocator(subs=marks))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_locator(NullLocator())
    axis.set_title(name)
    axis.set_ylabel(name.removeprefix("validation ") if measure else "loss")
    axis.set_xlabel("training step")
    axis.grid(axis="y", color="0.92", linewidth=0.6)
    _name_ends(axis, curves, look_of, smoothed=not measure)


def _name_ends(
    axis, curves: Mapping[str, Curve], look_of: Mapping[str, Look], smoothed: bool
) -> None:
    """Each run's name to the right of its last value, moved apart where they meet."""
    axis.autoscale_view()
    low, high = axis.get_ylim()
    scale = np.log if axis.get_yscale() == "log" else np.asarray
    ends = {}
    for run, (_, values) in curves.items():
        last = moving_mean(values)[-1] if smoothed else values[-1]
        ends[run] = float((scale(last) - scale(low)) / (scale(high) - scale(low)))
    for run, height in spread(ends).items():
        axis.annotate(
            run,
            (1, height),
            xycoords="axes fraction",
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            color=look_of[run].color,
        )


def spread(heights: Mapping[str, float], apart: float = _APART) -> dict[str, float]:
    """Move heights apart, in their order, by as little as a few passes need.

    Args:
        heights: Name -> height, 0..1.
        apart: Least distance.
    """
    names = sorted(heights, key=lambda name: heights[name])
    places = np.array([heights[name] for name in names])
    for _ in range(200):
        gaps = np.diff(places)
        close = np.flatnonzero(gaps < apart - 1e-9)
        if not len(close):
            break
        for index in close:
            push = (apart - (places[index + 1] - places[index])) / 2
            if push > 0:
                places[index] -= push
                places[index + 1] += push
    return dict(zip(names, places.tolist(), strict=True))
