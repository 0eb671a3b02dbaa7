"""How a chromosome is straightened along its medial axis, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmscl.datasets.images import find_background
from mmscl.datasets.straightening import (
    axis_of,
    find_centromere,
    find_outline,
    straighten_along,
)
from mmscl.datasets.straightening.outline import PAD
from mmscl.datasets.straightening.skeleton import longest_path, skeleton_of
from mmscl.visualization.style import LOOKS, SMALL, TWO_COLUMNS, halo, style

_STEPS = ("crop", "outline, skeleton", "medial axis", "straight", "width")


def plot_straightening(
    images: Sequence[np.ndarray], names: Sequence[str] | None = None
) -> Figure:
    """A row a crop: outline and skeleton, axis, straight chromosome, width along it.

    The dotted line is where the centromere was found; beside the width stands the
    bend that was taken out.

    Args:
        images: Crops, each H x W uint8, all drawn at one scale.
        names: Of the rows.

    Raises:
        ValueError: No crop, or not one name each.
        NoAxisError: A crop has no axis.
    """
    names = [""] * len(images) if names is None else list(names)
    if not len(images) or len(names) != len(images):
        raise ValueError(
            f"plot_straightening: expected one or more crops and a name for each, got "
            f"{len(images)} and {len(names)}"
        )
    with style():
        figure = Figure(figsize=(TWO_COLUMNS, 0.35 + 1.75 * len(images)))
        axes = figure.subplots(len(images), len(_STEPS), squeeze=False)
        for line, image, name in zip(axes, images, names, strict=True):
            _draw_row(line, image)
            line[0].set_ylabel(name)
        for axis, title in zip(axes[0], _STEPS, strict=True):
            axis.set_title(title)
        figure.tight_layout(pad=0.4)
    return figure


def _draw_row(axes, image: np.ndarray) -> None:
    background = find_background(image)
    outline = find_outline(image, background)
    axis = axis_of(outline)
    straight = straighten_along(image, background, outline, axis)
    side = max(*image.shape, *straight.image.shape) + 2
    for place, picture in ((0, image), (2, image), (3, straight.image)):
        show(axes[place], picture, side)
    show(axes[1], 255 - outline.mask[PAD:-PAD, PAD:-PAD] // 4, side)
    way = longest_path(skeleton_of(outline.mask)) - PAD
    axes[1].plot(*way.T, color=LOOKS[1].color, linewidth=1.0)
    axes[2].plot(*axis.points.T, color=LOOKS[1].color, linewidth=1.0)
    rows = np.arange(len(straight.widths))
    axes[4].plot(straight.widths, rows, color=LOOKS[0].color)
    axes[4].set_ylim((len(rows) + side) / 2, (len(rows) - side) / 2)
    axes[4].set_xlim(0)
    axes[4].set_xlabel("pixels")
    lines = [f"bend {axis.bend:.0f}°", f"length {axis.length:.0f}"]
    centromere = find_centromere(straight)
    if centromere is not None:
        for place in (3, 4):
            axes[place].axhline(centromere.row, color=LOOKS[1].color, linestyle=":")
        lines.append(f"centromere\nat {100 * centromere.position:.0f} %")
    # Beside the middle of the chromosome, where the width is never small.
    axes[4].text(
        0.03,
        0.5,
        "\n".join(lines),
        va="center",
        transform=axes[4].transAxes,
        fontsize=SMALL,
        path_effects=halo(),
    )


def show(axis, image: np.ndarray, side: float | None = None) -> None:
    """A grey picture in the middle of a square of ``side`` pixels, without ticks."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255)
    if side is not None:
        height, width = image.shape
        axis.set_xlim((width - side) / 2 - 0.5, (width + side) / 2 - 0.5)
        axis.set_ylim((height + side) / 2 - 0.5, (height - side) / 2 - 0.5)
    axis.set_xticks([])
    axis.set_yticks([])
    for edge in axis.spines.values():
        edge.set(visible=True, color="0.7")
