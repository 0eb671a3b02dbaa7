"""The review of unsure crops: errors it finds, and errors that stay, by its share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmscl.karyotype.review import RiskCoverage
from mmscl.visualization.style import TWO_COLUMNS, looks, style

#: Least greatest share of the crops that is shown as reviewed, in %.
_LEAST = 5.0
#: Share of the errors that is found where the axis ends.
_SHOWN = 0.95


def plot_risk(curves: Mapping[str, RiskCoverage], title: str = "") -> Figure:
    """What a review of the least sure crops does: risk-coverage curves.

    Left the share of all errors that is found, right the share of errors among the
    crops that are accepted unseen (the risk), over the share that is looked at
    (1 - coverage). The axis ends where the last curve has 95 % of its errors.

    Args:
        curves: Name -> curve (:func:`mmscl.karyotype.risk_coverage`).
        title: Above the panels.

    Raises:
        ValueError: No curve, or more than can be told apart.
    """
    if not curves:
        raise ValueError("plot_risk: expected at least one curve, got none")
    most = max(_LEAST, *(_end(curve) for curve in curves.values()))
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.6), layout="constrained")
        caught, risk = figure.subplots(1, 2)
        for (name, curve), look in zip(curves.items(), looks(len(curves)), strict=True):
            reviewed = 100 * (1 - curve.coverage)
            for axis, values in ((caught, curve.caught), (risk, curve.risk)):
                axis.plot(
                    reviewed,
                    100 * values,
                    color=look.color,
                    linestyle=look.line,
                    drawstyle="steps-post",
                    label=name,
                )
        _finish(caught, most, "errors found (%)", 100.0)
        _finish(risk, most, "errors among accepted crops (%)", None)
        caught.legend(loc="lower right", frameon=False)
        if title:
            figure.suptitle(title)
    return figure


def _finish(axis: Axes, most: float, label: str, top: float | None) -> None:
    axis.set_xlim(0, most)
    axis.set_ylim(0, top)
    axis.set_xlabel("crops looked at (%)")
    axis.set_ylabel(label)
    axis.grid(color="0.92", linewidth=0.6)


def _end(curve: RiskCoverage) -> float:
    """Share of crops in % whose review finds most errors; 0 without errors."""
    enough = np.flatnonzero(curve.caught >= _SHOWN)
    return 100 * float(1 - curve.coverage[enough[-1]]) if len(enough) else 0.0
