"""Heat maps over chromosomes, a row a model (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import fill, wrap

import numpy as np
from matplotlib.figure import Figure

from mmscl.visualization.style import FULL_HEIGHT, SMALL, TWO_COLUMNS, style

#: Contours of the heat, as shares of its greatest value, and their widths in points.
LEVELS, WIDTHS = (0.25, 0.5, 0.75), (0.4, 0.8, 1.3)
#: Inches for the models' numbers at the right, the labels above, a long note below.
_RIGHT, _TOP, _BOTTOM = 1.15, 0.3, 0.7
#: A letter's width in inches, rather more than less; letters in a line of a name.
_LETTER, _NAME = 0.059, 14
#: A line of the note in inches.
_LINE = 0.125


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
    names = {name: fill(name, _NAME) for name in ("original", *heats)}
    numbers = numbers or {}
    with style():
        shape = np.asarray(images[0]).shape
        figure, axes = _pictures(shape, names.values(), len(images), numbers, note)
        for axis, image, label in zip(axes[0], images, labels, strict=True):
            _show(axis, image)
            axis.set_title(label, pad=3)
        _name_row(axes[0], "original", "")
        for line, (name, own) in zip(axes[1:], heats.items(), strict=True):
            for axis, image, heat in zip(line, images, own, strict=True):
                _show(axis, image)
                _heat(axis, np.asarray(heat, float), image.shape)
            _name_row(line, names[name], numbers.get(name, ""))
    return figure


def _pictures(
    shape: tuple[int, int],
    names: Collection[str],
    columns: int,
    numbers: Mapping[str, str],
    note: str,
):
    """A figure on which all fit, with its note, and its axes, a row a name."""
    longest = max(len(line) for name in names for line in name.splitlines())
    left = 0.15 + longest * _LETTER
    right = _RIGHT if numbers else 0.1
    wide = min(1.4, (TWO_COLUMNS - left - right) / columns)
    high = min(wide * shape[0] / shape[1], (FULL_HEIGHT - _TOP - _BOTTOM) / len(names))
    width = left + columns * high * shape[1] / shape[0] + right
    lines = wrap(note, int((width - 0.1) / _LETTER))
    bottom = 0.15 + _LINE * len(lines)
    height = _TOP + len(names) * high + bottom
    figure = Figure(figsize=(width, height))
    figure.text(
        0.05 / width,
        (bottom - 0.08) / height,
        "\n".join(lines),
        va="top",
        fontsize=SMALL,
        linespacing=1.2,
    )
    grid = dict(
        left=left / width,
        right=1 - right / width,
        top=1 - _TOP / height,
        bottom=bottom / height,
        wspace=0.06,
        hspace=0.04,
    )
    return figure, figure.subplots(len(names), columns, squeeze=False, gridspec_kw=grid)


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
