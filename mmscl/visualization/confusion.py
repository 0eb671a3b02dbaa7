"""Confusion matrices side by side, and what changed (the paper's Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mmscl.datasets.manifest import TYPES
from mmscl.visualization.style import ONE_COLUMN, SMALL, TWO_COLUMNS, style

#: Side of a matrix in inches: 24 rows and columns of letters of 7 points.
_SIDE = 3.02
#: Inches for what is around it: names of types at the left, title, names of types and
#: scale below.
_LEFT, _TOP, _BELOW, _SCALE = 0.42, 0.28, 0.45, 0.5
#: Shares below this are not printed, changes below that not marked.
_PRINTED, _MARKED = 0.1, 0.01
_ARROW = "\N{RIGHTWARDS ARROW}"
#: Pairs that a list names.
LISTED = 12


class Pair(NamedTuple):
    """Two types that are confused.

    Attributes:
        true, called: Names of the types.
        before, after: Images of the true type that were called the other.
    """

    true: str
    called: str
    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.true} called {self.called}: {self.before} {_ARROW} {self.after}"


def plot_confusion(matrices: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Row-normalised confusion matrices, one panel each, two in a row.

    One scale of lightness (readable in grey print and by a colour-blind reader); the
    share of every cell above 10 % is printed in it, but for 100, which is wider than a
    cell and as dark as can be. Rows without images stay blank.

    Args:
        matrices: Panel title -> (24, 24) counts, rows the true types.
        title: Above the panels.

    Raises:
        ValueError: A matrix of another shape, or none.
    """
    if not matrices:
        raise ValueError("plot_confusion: expected at least one matrix, got none")
    columns = min(2, len(matrices))
    rows = -(-len(matrices) // columns)
    with style():
        page = _Page(rows, columns, scales=1, title=title)
        for number, (name, counts) in enumerate(matrices.items()):
            image = _draw_shares(page.add_panel(number), name, np.asarray(counts))
        page.add_scale(image, rows - 1, columns, "share of the true type")
    return page.figure


def plot_confusion_change(
    matrices: Mapping[str, np.ndarray], title: str = ""
) -> Figure:
    """Two confusion matrices of the same images, their difference, the worst pairs.

    The difference is second less first, in percentage points of the true type: orange
    and + for more, purple and - for fewer, so that it reads without colour too.

    Args:
        matrices: Panel title -> (24, 24) counts; two, with equal row sums.
        title: Above the panels.

    Raises:
        ValueError: Not two matrices, another shape, or other row sums: other images.
    """
    if len(matrices) != 2:
        raise ValueError(
            f"plot_confusion_change: expected two matrices, got {len(matrices)}"
        )
    (_, before), (_, after) = ((n, np.asarray(c)) for n, c in matrices.items())
    pairs = worst_pairs(before, after)
    with style():
        page = _Page(2, 2, scales=2, title=title)
        for number, (name, counts) in enumerate(matrices.items()):
            image = _draw_shares(page.add_panel(number), name, np.asarray(counts))
        page.add_scale(image, 0, 2, "share of the true type")
        change = _draw_change(page.add_panel(2), _shares(after) - _shares(before))
        page.add_scale(change, 1, 1, "change (percentage points)")
        _list_pairs(page.add_panel(3), pairs, list(matrices), before, after)
    return page.figure


def worst_pairs(before: np.ndarray, after: np.ndarray) -> list[Pair]:
    """Pairs of types by their confusions in both tables together, the most first.

    Args:
        before, after: Counts (24, 24), rows the true types, of the same images.

    Returns:
        At most `LISTED` pairs, none without a confusion.

    Raises:
        ValueError: The matrices are of different images, or of another shape.
    """
    before, after = (_checked("matrix", np.asarray(m)) for m in (before, after))
    rows = np.flatnonzero(before.sum(axis=1) != after.sum(axis=1))
    if len(rows):
        row = rows[0]
        raise ValueError(
            "the two matrices are of different images: type "
            f"{TYPES[row]} has {before[row].sum()} and {after[row].sum()}"
        )
    both = before + after
    np.fill_diagonal(both, 0)
    order = np.argsort(-both, axis=None, kind="stable")[:LISTED]
    cells = [divmod(int(cell), len(TYPES)) for cell in order]
    return [
        Pair(TYPES[t], TYPES[c], int(before[t, c]), int(after[t, c]))
        for t, c in cells
        if both[t, c]
    ]


class _Page:
    """A figure whose panels are placed in inches, so that 24 names fit to each side.

    Args:
        rows, columns: Of panels.
        scales: Rows with a scale below them: the last, or all.
        title: Above all.
    """

    def __init__(self, rows: int, columns: int, scales: int, title: str) -> None:
        self.columns = columns
        self.width = ONE_COLUMN if columns == 1 else TWO_COLUMNS
        head = 0.25 if title else 0.0
        tall = _TOP + _SIDE + _BELOW
        self.height = head + rows * tall + scales * _SCALE
        self.figure = Figure(figsize=(self.width, self.height))
        step = tall + (_SCALE if scales > 1 else 0)
        #: Lower edge of the panels of each row, inches from the bottom.
        self.floors = [
            self.height - head - row * step - _TOP - _SIDE for row in range(rows)
        ]
        if title:
            self.figure.suptitle(title, y=1 - 0.08 / self.height, va="top")

    def _axes(self, left: float, bottom: float, width: float, height: float):
        w, h = self.width, self.height
        return self.figure.add_axes((left / w, bottom / h, width / w, height / h))

    def _left(self, column: int) -> float:
        return _LEFT + column * self.width / 2

    def add_panel(self, number: int):
        """Axes of a panel, counted row by row."""
        row, column = divmod(number, self.columns)
        return self._axes(self._left(column), self.floors[row], _SIDE, _SIDE)

    def add_scale(self, image, row: int, columns: int, label: str) -> None:
        """A scale below a row, in the middle of its first panels."""
        middle = (self._left(0) + self._left(columns - 1) + _SIDE) / 2
        bottom = self.floors[row] - _BELOW - 0.1
        axis = self._axes(middle - 1.1, bottom, 2.2, 0.08)
        bar = self.figure.colorbar(image, cax=axis, orientation="horizontal")
        bar.set_label(label, labelpad=1)
        bar.outline.set_visible(False)


def _checked(name: str, counts: np.ndarray) -> np.ndarray:
    n = len(TYPES)
    if counts.shape != (n, n):
        raise ValueError(f"{name}: expected a matrix ({n}, {n}), got {counts.shape}")
    return counts


def _shares(counts: np.ndarray) -> np.ndarray:
    """Shares (24, 24) of the true type; NaN in rows without images."""
    total = counts.sum(1, keepdims=True)
    empty = np.full(counts.shape, np.nan)
    return np.divide(counts, total, out=empty, where=total > 0)


def _draw_shares(axis, name: str, counts: np.ndarray):
    share = _shares(_checked(name, counts))
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    printed = (share >= _PRINTED) & (share < 0.995)
    for row, column in zip(*np.nonzero(printed), strict=True):
        value = share[row, column]
        axis.text(
            column,
            row,
            f"{100 * value:.0f}",
            ha="center",
            va="center_baseline",
            fontsize=SMALL,
            color="white" if value > 0.6 else "black",
        )
    _label(axis)
    axis.set_title(f"{name} ({int(counts.sum()):,} images)")
    return image


def _draw_change(axis, change: np.ndarray):
    limit = max(0.01, float(np.nanmax(np.abs(change), initial=0)))
    image = axis.imshow(
        100 * change, cmap="PuOr_r", vmin=-100 * limit, vmax=100 * limit
    )
    for row, column in zip(*np.nonzero(np.abs(change) >= _MARKED), strict=True):
        value = change[row, column]
        axis.text(
            column,
            row,
            "+" if value > 0 else "\N{MINUS SIGN}",
            ha="center",
            va="center_baseline",
            fontsize=SMALL,
            color="white" if abs(value) > 0.6 * limit else "black",
        )
    _label(axis)
    axis.set_title("change, second less first")
    return image


def _list_pairs(axis, pairs: list[Pair], names: list[str], before, after) -> None:
    wrong = [int(m.sum() - np.trace(m)) for m in (before, after)]
    lines = [
        f"All confusions: {wrong[0]:,} {_ARROW} {wrong[1]:,}",
        f"({names[0]} {_ARROW} {names[1]})",
        "",
        "Most confused pairs, images:" if pairs else "No pair is confused.",
        *map(str, pairs),
    ]
    axis.set_axis_off()
    axis.text(
        0.08,
        0.97,
        "\n".join(lines),
        transform=axis.transAxes,
        va="top",
        linespacing=1.35,
        fontsize=SMALL + 0.5,
    )


def _label(axis) -> None:
    axis.set_xticks(range(len(TYPES)), TYPES, fontsize=SMALL, rotation=90)
    axis.set_yticks(range(len(TYPES)), TYPES, fontsize=SMALL)
    axis.tick_params(length=0, pad=2)
    axis.set_xlabel("predicted type")
    axis.set_ylabel("true type")
    for side in axis.spines.values():
        side.set(visible=True, color="0.6")
