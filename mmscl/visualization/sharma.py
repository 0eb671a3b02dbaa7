"""The steps of Sharma's straightening and length normalisation, as figures."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from mmscl.datasets.straightening import SharmaSteps
from mmscl.datasets.straightening.sharma_bend import ANGLES, BendingAxis
from mmscl.visualization.straightening import show
from mmscl.visualization.style import LOOKS, SMALL, TWO_COLUMNS, halo, style

_TITLES = (
    "crop",
    "1 object",
    "2 box, 3 fitted line",
    "4 score by angle",
    "4 projection",
    "4 bending axis",
    "5 arms, upright",
    "6 stitched",
    "7 wedge filled",
)
_MARK = LOOKS[1].color


def plot_sharma(steps: SharmaSteps) -> Figure:
    """Every intermediate result of :func:`mmscl.datasets.straightening.sharma_steps`.

    Steps that were not taken (a crop that is straight by step 2) stay empty, and the
    reason stands in their place.

    Args:
        steps: Of one crop.
    """
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 3.4))
        panels = figure.subplots(2, 5)
        axes = panels.ravel()[: len(_TITLES)]
        panels.ravel()[-1].axis("off")
        for axis, title in zip(axes, _TITLES, strict=True):
            axis.set_title(title)
        side = max(*steps.image.shape, *steps.result.shape) + 2
        show(axes[0], steps.image, side)
        show(axes[1], _as_grey(steps.mask), side)
        _draw_box(axes[2], steps, side)
        if steps.bend is None or steps.centre is None or steps.stitched is None:
            for axis in axes[3:]:
                axis.set_title("")
                axis.axis("off")
            axes[3].text(0, 0.9, fill(steps.reason, 26), fontsize=SMALL, va="top")
        else:
            _draw_scores(axes[3], steps.bend)
            _draw_projection(axes[4], steps.bend)
            show(axes[5], steps.image, side)
            _draw_cut(axes[5], steps, steps.bend.degrees, steps.centre)
            arms = _side_by_side(steps)
            show(axes[6], arms, max(side, *arms.shape))
            show(axes[7], steps.stitched.open, side)
            show(axes[8], steps.stitched.filled, side)
            if steps.stitched.wedge.any():
                axes[8].contour(
                    steps.stitched.wedge, [0.5], colors=_MARK, linewidths=0.8
                )
        figure.tight_layout(pad=0.4)
    return figure


def plot_lengths(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray], names: Sequence[str]
) -> Figure:
    """Crops of cells before and after the length normalisation, at one scale.

    Args:
        before: Crops, each H x W uint8.
        after: The same crops from NormalizeLength.
        names: Below each pair.

    Raises:
        ValueError: No crops, or not as many of each.
    """
    if not len(before) or not len(before) == len(after) == len(names):
        raise ValueError(
            "plot_lengths: expected as many crops before and after as names, got "
            f"{len(before)}, {len(after)} and {len(names)}"
        )
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 3.2))
        axes = figure.subplots(2, len(names), squeeze=False)
        side = max(max(image.shape) for image in (*before, *after)) + 2
        for line, images in zip(axes, (before, after), strict=True):
            for axis, image in zip(line, images, strict=True):
                show(axis, image, side)
        for axis, name in zip(axes[1], names, strict=True):
            axis.set_xlabel(name)
        axes[0, 0].set_ylabel("before")
        axes[1, 0].set_ylabel("after")
        figure.tight_layout(pad=0.4)
    return figure


def _as_grey(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, 100, 255).astype(np.uint8)


def _draw_box(axis, steps: SharmaSteps, side: float) -> None:
    show(axis, _as_grey(steps.mask), side)
    rows, columns = (np.flatnonzero(steps.mask.any(axis=i)) for i in (1, 0))
    top, bottom = rows[0] - 0.5, rows[-1] + 0.5
    left, right = columns[0] - 0.5, columns[-1] + 0.5
    axis.plot(
        [left, right, right, left, left], [top, top, bottom, bottom, top], "k-", lw=0.8
    )
    y, x = np.nonzero(steps.mask)
    ends = np.array([rows[0], rows[-1]])
    axis.plot(x.mean() + steps.slope * (ends - y.mean()), ends, color=_MARK)
    axis.set_xlabel(f"fills {steps.fill:.2f}, slope {steps.slope:+.2f}")


def _draw_scores(axis, bend: BendingAxis) -> None:
    known = np.isfinite(bend.scores)
    angles = np.array(ANGLES)
    axis.plot(angles[known], bend.scores[known], "o-", ms=2.5, color=LOOKS[0].color)
    axis.axvline(bend.degrees, color=_MARK, linestyle=":")
    axis.set_xlabel("degrees turned")
    axis.set_ylabel("score")


def _draw_projection(axis, bend: BendingAxis) -> None:
    rows = np.arange(len(bend.projection)) + bend.first_row
    axis.plot(bend.projection, rows, color=LOOKS[0].color)
    for row, name in zip(bend.peaks, ("P1", "P2", "P3"), strict=True):
        value = bend.projection[row - bend.first_row]
        axis.plot(value, row, "o", ms=3, color=_MARK)
        axis.annotate(name, (value, row), fontsize=SMALL, path_effects=halo())
    axis.invert_yaxis()
    axis.set_xlabel("pixels a row")


def _draw_cut(
    axis, steps: SharmaSteps, degrees: int, centre: tuple[float, float]
) -> None:
    x, y = centre
    angle = np.deg2rad(degrees)
    reach = max(steps.image.shape) / 3
    dx, dy = reach * np.cos(angle), reach * np.sin(angle)
    axis.plot([x - dx, x + dx], [y - dy, y + dy], color=_MARK)
    axis.set_xlabel(f"{abs(steps.angle):.0f}° taken out")


def _side_by_side(steps: SharmaSteps) -> np.ndarray:
    arms = [arm.image for arm in steps.arms or ()]
    height = max(len(arm) for arm in arms)
    padded = [
        np.pad(
            arm, ((1, height - len(arm) + 1), (2, 2)), constant_values=steps.background
        )
        for arm in arms
    ]
    return np.concatenate(padded, axis=1)
