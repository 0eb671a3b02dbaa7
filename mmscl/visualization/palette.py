"""24 colours for 24 types: a hue for each ISCN group, a shade for each type in it."""

from __future__ import annotations

#: Groups of ISCN, with the sex chromosomes by themselves (X goes with C, Y with G).
GROUPS = {
    "A": ("1", "2", "3"),
    "B": ("4", "5"),
    "C": ("6", "7", "8", "9", "10", "11", "12"),
    "D": ("13", "14", "15"),
    "E": ("16", "17", "18"),
    "F": ("19", "20"),
    "G": ("21", "22"),
    "X": ("X",),
    "Y": ("Y",),
}
#: Group of each type.
GROUP_OF = {name: group for group, names in GROUPS.items() for name in names}

#: Chosen by search: a hue and a range of lightness for each group, so that the nearest
#: two of the 24 lie 20 apart in CIELAB (CIE76), where 2 can just be told.
_COLORS = {
    "A": ("#03546b", "#1a74b0", "#7a8bfb"),
    "B": ("#96d5fb", "#1fabc7"),
    "C": (
        "#124035",
        "#025c3b",
        "#0e782e",
        "#44920c",
        "#86a70c",
        "#c2ba0e",
        "#ffcb37",
    ),
    "D": ("#885403", "#cc8911", "#ffc972"),
    "E": ("#5c2d00", "#b52705", "#f44054"),
    "F": ("#d8a8fa", "#fea0d2"),
    "G": ("#4c4b4c", "#898788"),
    "X": ("#000000",),
    "Y": ("#710001",),
}
#: Within each group they differ. F and Y have others than B and E, whose hues a
#: dichromat sees alike.
_MARKERS = {**dict.fromkeys(GROUPS, "os^DvPX"), "F": "Dv", "Y": "D"}


def color_of(name: str) -> str:
    """Colour of a type, '#rrggbb'."""
    group = GROUP_OF[name]
    return _COLORS[group][GROUPS[group].index(name)]


def marker_of(name: str) -> str:
    """Marker of a type: differs within its group, for readers who see no hue."""
    group = GROUP_OF[name]
    return _MARKERS[group][GROUPS[group].index(name)]
