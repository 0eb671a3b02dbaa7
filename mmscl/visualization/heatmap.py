"""Heat maps over chromosomes, a row a model (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmscl.visualization.style import FULL_HEIGHT, SMALL, TWO_COLUMNS, style

#: Contours of the heat, as shares of its greatest value, and their widths in points.
LEVELS, WIDTHS = (0.25, 0.5, 0.75), (0.4, 0.8, 1.3)
#: Room for the models' names at the left and for their numbers at the right, inches.
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.85, 1.15, 0.3, 0.5


def plot_heatmaps(
    images: Sequence[np.ndarray],
    labels: Sequence[str],
    heats: Mapping[str, Sequence[np.ndarray]],
    numbers: Mapping[str, str] | None = None,
    note: str = "",
) -> Figure:
    """The originals in the first row, then a row of heat maps for each model.

    Each map is scaled to its own greatest value and drawn as colour with contours at a
    quarter, half and three quarters of it, which stay readable in grey print.

    Args:
        images: Chromosomes on their canvas, each H x W uint8.
        labels: Above each column.
        heats: Model name -> heat of each image, H' x W' >= 0 over the same view.
        numbers: Model name -> text beside its row.
        note: Below all.

    Raises:
        ValueError: No image or model, or not one label and one heat map an image.
    """
    if not len(images) or not heats:
        raise ValueError("plot_heatmaps: expected at least one image and one model")
    for name, own in [("labels", labels), *heats.items()]:
        if len(own) != len(images):
            raise ValueError(f"{name}: expected {len(images)} entries, got {len(own)}")
    numbers = numbers or {}
    rows, columns = 1 + len(heats), len(images)
    right = _RIGHT if numbers else 0.1
    width, height = _cell(images[0], rows, columns, right)
    with style():
        total = _TOP + rows * height + _BOTTOM
        full = _LEFT + columns * width + right
        figure = Figure(figsize=(full, total))
        axes = figure.subplots(
            rows,
            columns,
            squeeze=False,
            gridspec_kw=dict(
                left=_LEFT / full,
                right=1 - right / full,
                top=1 - _TOP / total,
                bottom=_BOTTOM / total,
                wspace=0.06,
                hspace=0.04,
            ),
        )
        for axis, image, label in zip(axes[0], images, labels, strict=True):
            _show(axis, image)
            axis.set_title(label, pad=3)
        _name_row(axes[0], "original", "")
        for line, (name, own) in zip(axes[1:], heats.items(), strict=True):
            for axis, image, heat in zip(line, images, own, strict=True):
                _show(axis, image)
                _heat(axis, np.asarray(heat, float), image.shape)
            _name_row(line, name, numbers.get(name, ""))
        if note:
            figure.text(
                0.01, 0.06 / total, note, va="bottom", fontsize=SMALL, linespacing=1.2
            )
    return figure


def _cell(
    image: np.ndarray, rows: int, columns: int, right: float
) -> tuple[float, float]:
    """Width and height of a picture in inches, so that all fit on a page."""
    height, width = image.shape
    wide = min(1.4, (TWO_COLUMNS - _LEFT - right) / columns)
    high = min(wide * height / width, (FULL_HEIGHT - _TOP - _BOTTOM) / rows)
    return high * width / height, high


def _show(axis, image: np.ndarray) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set(visible=True, color="0.7")


def _heat(axis, heat: np.ndarray, shape: tuple[int, int]) -> None:
    if not heat.max() > 0:
        axis.text(
            0.5,
            0.04,
            "no heat",
            transform=axis.transAxes,
            ha="center",
            fontsize=SMALL,
        )
        return
    heat = heat / heat.max()
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    axis.imshow(
        heat,
        cmap="YlOrRd",
        vmin=0,
        vmax=1,
        alpha=0.65 * np.clip(heat * 1.5, 0, 1),
        extent=extent,
        interpolation="bilinear",
    )
    # Contours go through the middles of the heat's own pixels.
    rows, columns = heat.shape
    x = (np.arange(columns) + 0.5) * shape[1] / columns - 0.5
    y = (np.arange(rows) + 0.5) * shape[0] / rows - 0.5
    if min(heat.shape) > 1 and heat.min() < max(LEVELS):
        axis.contour(x, y, heat, levels=LEVELS, colors="black", linewidths=WIDTHS)
    axis.set_xlim(extent[:2])
    axis.set_ylim(extent[2:])


def _name_row(axes, name: str, number: str) -> None:
    axes[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=5)
    if number:
        axes[-1].annotate(
            number,
            (1, 0.5),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            linespacing=1.3,
        )
