"""Names of class folders -> types, by the convention of the whole set of names."""

from __future__ import annotations

import re
from collections.abc import Collection

from mmscl.datasets.manifest import TYPES
from mmscl.datasets.sources.listing import SourceError

_NAME = re.compile(r"(?:chr(?:om(?:osome)?)?[ _-]?)?(\d+|x|y)", re.IGNORECASE)


def types_of_class_folders(
    names: Collection[str], source: str, zero_based: bool = False
) -> tuple[dict[str, str], str]:
    """Type of each class folder, and the convention they follow.

    Read are 1..22, X, Y (also chr1..chrX); 1..24 with X = 23, Y = 24; 0..23 with
    X = 22, Y = 23; leading zeros and case do not matter. A folder 0 means 0..23, a
    folder 23 or 24 without a 0 means 1..24, folders X or Y mean 1..22, X, Y.

    Args:
        names: All folder names of the level; those that name no class are not in
            the result.
        source: The folder they are in, for messages.
        zero_based: The layout says that labels begin at 0; X and Y may be letters.

    Raises:
        SourceError: A number above 24, names of two conventions, two folders of one
            type, or no class folder at all.
    """
    labels = {name: m[1].upper() for name in names if (m := _NAME.fullmatch(name))}
    if not labels:
        raise SourceError(
            f"{source}: no class folder in it; expected folders named 1..22, X, Y, or "
            f"1..24, or 0..23, or chr1..chrX, but got {_shown(names)}"
        )
    first = 0 if zero_based else _first_label(labels, source)
    types: dict[str, str] = {}
    for name, label in labels.items():
        index = int(label) - first if label.isdigit() else TYPES.index(label)
        if not 0 <= index < len(TYPES):
            raise SourceError(
                f"{source}/{name}: label {label} is outside the 24 types; labels run "
                f"from {first} to {first + 23} here; rename the folder or take it out"
            )
        types[name] = TYPES[index]
    for kind in set(types.values()):
        twice = sorted(name for name, found in types.items() if found == kind)
        if len(twice) > 1:
            raise SourceError(
                f"{source}: the folders {' and '.join(twice)} are both type {kind}; "
                "join them or rename one"
            )
    letters = bool({"X", "Y"} & set(labels.values()))
    x_y = "X, Y" if letters else f"X = {first + 22}, Y = {first + 23}"
    return types, f"class folders {first}..{first + 21} for types 1..22, {x_y}"


def _first_label(labels: dict[str, str], source: str) -> int:
    found = set(labels.values())
    numbers = {int(label) for label in found if label.isdigit()}
    above = sorted(
        name
        for name, label in labels.items()
        if label.isdigit() and int(label) > len(TYPES)
    )
    if above:
        raise SourceError(
            f"{source}/{above[0]}: label {labels[above[0]]} is outside the 24 types; "
            "rename the folder or take it out"
        )
    letters = sorted(found & {"X", "Y"})
    beyond = sorted(numbers & {23, 24})
    if 0 in numbers and 24 in numbers:
        clash = "0 (labels 0..23) and 24 (labels 1..24)"
    elif 0 in numbers and letters:
        clash = f"0 (labels 0..23) and {letters[0]} (labels 1..22, X, Y)"
    elif letters and beyond:
        clash = f"{letters[0]} (labels 1..22, X, Y) and {beyond[0]} (labels 1..24)"
    else:
        return 0 if 0 in numbers else 1
    raise SourceError(
        f"{source}: its class folders follow two conventions, there is {clash}; "
        "rename them to 1..22, X, Y"
    )


def _shown(names: Collection[str]) -> str:
    if not names:
        return "no folder"
    return ", ".join(sorted(names)[:8]) + (", ..." if len(names) > 8 else "")
