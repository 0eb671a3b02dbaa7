"""How every figure looks: size on paper, letters, colours that survive grey print.

A figure is drawn at the size at which it is printed, so that a 7-point letter is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.style import context

from mmscl.files import replaced

#: Width in inches of a figure over one and over two columns of a journal (89, 183 mm).
ONE_COLUMN, TWO_COLUMNS = 3.5, 7.2
#: Highest figure in inches that leaves room for its caption (Nature: 247 mm in all).
FULL_HEIGHT = 8.8
#: Smallest letters, in points.
SMALL = 7.0
#: Resolution of the PNG and of what is drawn as pixels within the SVG, in dots an inch.
DPI = 300
#: Formats of one call, as endings.
FORMATS = (".png", ".svg")


@dataclass(frozen=True)
class Look:
    """What tells one of several series from the others, in print without colour too.

    Attributes:
        color: Of Okabe and Ito (jfly.uni-koeln.de/color, 2008).
        marker: matplotlib's marker.
        line: matplotlib's line style.
        filled: Whether the marker is.
    """

    color: str
    marker: str
    line: str
    filled: bool


#: Series in the order in which they are drawn; yellow is left out, too pale on white.
LOOKS = (
    Look("#0072B2", "o", "-", True),
    Look("#D55E00", "s", "--", False),
    Look("#009E73", "^", "-.", True),
    Look("#CC79A7", "D", ":", False),
    Look("#000000", "v", (0, (6, 1, 1, 1, 1, 1)), True),  # type: ignore[arg-type]
    Look("#56B4E9", "P", (0, (8, 3)), False),  # type: ignore[arg-type]
)

_SETTINGS = {
    "font.size": SMALL + 0.5,
    "axes.titlesize": SMALL + 1,
    "axes.labelsize": SMALL + 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.titlesize": SMALL + 1.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters, to be searched and edited
    "svg.hashsalt": "mmscl",  # the same figure is the same file
    "image.interpolation": "nearest",
    "savefig.dpi": DPI,
}


@contextmanager
def style() -> Iterator[None]:
    """The settings under which a figure is drawn, and must be written too.

    They begin with matplotlib's own (its font comes with it), whatever the user's are:
    a figure is the same on every machine.
    """
    with context(["default", _SETTINGS]):
        yield


def looks(number: int) -> tuple[Look, ...]:
    """One look a series.

    Raises:
        ValueError: More series than can be told apart.
    """
    if number > len(LOOKS):
        raise ValueError(
            f"expected at most {len(LOOKS)} series in one figure, got {number}: more "
            "cannot be told apart; make two figures"
        )
    return LOOKS[:number]


def halo(width: float = 1.6) -> list:
    """Path effects that keep letters legible on any ground: a white rim (points)."""
    return [withStroke(linewidth=width, foreground="white")]


def without_ending(out: str | Path) -> Path:
    """A figure's name without .png or .svg; other endings belong to the name."""
    out = Path(out)
    return out.with_suffix("") if out.suffix.lower() in FORMATS else out


def save_figure(figure: Figure, out: str | Path) -> list[Path]:
    """Write a figure as PNG (300 dpi) and SVG, each whole or not at all.

    Args:
        figure: Drawn under :func:`style`.
        out: NAME writes NAME.png and NAME.svg; a name that ends with one of these
            writes that one alone. The folder is made.

    Returns:
        The files.
    """
    out, name = Path(out), without_ending(out)
    paths = [out] if out != name else [Path(f"{name}{end}") for end in FORMATS]
    for path in paths:
        kind = path.suffix[1:].lower()
        # Without a date, so that a figure drawn again is no change.
        metadata = {"Date": None} if kind == "svg" else None
        with style(), replaced(path) as part:
            figure.savefig(part, format=kind, dpi=DPI, metadata=metadata)
    return paths
