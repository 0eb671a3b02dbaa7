"""Maps of the embeddings, a panel a model (the paper's Fig. 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmscl.datasets.manifest import TYPES
from mmscl.visualization.palette import GROUPS, color_of, marker_of
from mmscl.visualization.style import SMALL, TWO_COLUMNS, halo, style

#: More points than these are drawn as pixels in an SVG, which would grow too big.
VECTOR_POINTS = 12_000
#: Least distance of two names, as a share of the map's longer side.
_APART = 0.045
#: Room for the title, and for caption, legend and note, in inches.
_ABOVE, _BELOW = 0.25, 1.0


@dataclass(frozen=True)
class EmbeddingMap:
    """What one panel shows.

    Attributes:
        places: Places in the plane (B, 2).
        types: Type of each image, strings (B,).
        caption: Below the panel: how many images, what the embedding itself measures.
    """

    places: np.ndarray
    types: np.ndarray
    caption: str


def plot_embedding(maps: Mapping[str, EmbeddingMap], note: str = "") -> Figure:
    """Maps side by side, each type's name at the median of its images.

    A hue stands for an ISCN group, a shade and a marker for the type within it; the
    names make the map readable without colour.

    Args:
        maps: Panel title -> map; one or two.
        note: Below all: how the maps were made.

    Raises:
        ValueError: No map or more than two, a type that is none, or places of another
            shape.
    """
    if not 1 <= len(maps) <= 2:
        raise ValueError(f"plot_embedding: expected one or two maps, got {len(maps)}")
    for name, panel in maps.items():
        _check(name, panel)
    with style():
        side = (TWO_COLUMNS - 0.24) / 2 if len(maps) == 2 else 5.4
        high = side * max(_proportion(panel.places) for panel in maps.values())
        total_height = _ABOVE + high + _BELOW
        figure = Figure(figsize=(TWO_COLUMNS, total_height))
        left = (TWO_COLUMNS - len(maps) * side - 0.1 * (len(maps) - 1)) / 2
        grid = figure.add_gridspec(
            1,
            len(maps),
            left=left / TWO_COLUMNS,
            right=1 - left / TWO_COLUMNS,
            top=1 - _ABOVE / total_height,
            bottom=_BELOW / total_height,
            wspace=0.1 / side,
        )
        total = sum(len(panel.types) for panel in maps.values())
        for number, (name, panel) in enumerate(maps.items()):
            axis = figure.add_subplot(grid[number])
            _draw(axis, panel, rasterized=total > VECTOR_POINTS)
            axis.set_title(name)
            axis.set_xlabel(panel.caption)
        _add_legend(figure, 0.2 / total_height)
        if note:
            figure.text(
                0.5, 0.04 / total_height, note, ha="center", va="bottom", fontsize=SMALL
            )
    return figure


def _proportion(places: np.ndarray) -> float:
    """Height of a map by its width, within what a page can bear."""
    width, height = np.ptp(places, axis=0)
    return float(np.clip(height / max(width, 1e-9), 0.75, 1.05))


def _check(name: str, panel: EmbeddingMap) -> None:
    if panel.places.shape != (len(panel.types), 2):
        raise ValueError(
            f"{name}: expected places of shape ({len(panel.types)}, 2), one for each "
            f"type, got {panel.places.shape}"
        )
    unknown = sorted(set(panel.types.tolist()) - set(TYPES))
    if unknown or not len(panel.types):
        raise ValueError(f"{name}: expected the types 1 .. 22, X, Y, got {unknown}")


def _draw(axis, panel: EmbeddingMap, rasterized: bool) -> None:
    size = float(np.clip(9000 / len(panel.types), 2.2, 14))
    for name in TYPES:
        own = panel.places[panel.types == name]
        axis.scatter(
            own[:, 0],
            own[:, 1],
            s=size,
            color=color_of(name),
            marker=marker_of(name),
            linewidths=0,
            alpha=0.85,
            rasterized=rasterized,
        )
    there = [name for name in TYPES if (panel.types == name).any()]
    medians = [np.median(panel.places[panel.types == name], axis=0) for name in there]
    spans = np.ptp(panel.places, axis=0)
    for name, place in zip(
        there, keep_apart(medians, _APART * spans.max()), strict=True
    ):
        axis.text(
            *place,
            name,
            ha="center",
            va="center",
            fontsize=SMALL + 1,
            fontweight="bold",
            path_effects=halo(2),
            zorder=5,
        )
    axis.set_aspect("equal", "datalim")
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set(visible=True, color="0.6")


def keep_apart(places: Sequence[np.ndarray], distance: float) -> np.ndarray:
    """Move places that lie closer together than `distance`, each by half of it.

    Args:
        places: n of (2,).
        distance: In their units.

    Returns:
        (n, 2). A hundred passes are made; more than can be had room for stay close.
    """
    moved = np.array(places, float)
    for _ in range(100):
        steps = moved[:, None] - moved[None]
        lengths = np.linalg.norm(steps, axis=2)
        np.fill_diagonal(lengths, np.inf)
        if lengths.min() >= distance * (1 - 1e-6):
            break
        # Places that coincide part sideways.
        steps[lengths == 0] = np.sign(np.subtract.outer(*[np.arange(len(moved))] * 2))[
            lengths == 0, None
        ] * np.array([1.0, 0.0])
        push = np.clip(distance - lengths, 0, None) / 2
        unit = steps / np.where(lengths > 0, lengths, 1)[:, :, None]
        moved += (unit * push[:, :, None]).sum(axis=1)
    return moved


def _add_legend(figure: Figure, bottom: float) -> None:
    """Two rows of twelve types with their groups, in the order of ISCN."""
    groups = {name: group for group, names in GROUPS.items() for name in names}
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker_of(name),
            markersize=4.5,
            markeredgewidth=0,
            color=color_of(name),
            label=name if groups[name] == name else f"{groups[name]} {name}",
        )
        for name in sorted(TYPES, key=list(groups).index)
    ]
    figure.legend(
        # legend fills column by column: two rows of twelve, read along the row
        handles=[handles[column + 12 * row] for column in range(12) for row in (0, 1)],
        loc="lower center",
        bbox_to_anchor=(0.5, bottom),
        ncols=12,
        columnspacing=0.9,
        handletextpad=0.1,
        borderpad=0,
    )
