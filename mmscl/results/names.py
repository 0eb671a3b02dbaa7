"""Names in tables and of files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from mmscl.datasets.manifest import TYPES

#: Names of the class indices 0..24 in tables; none of the types is ''.
TYPE_NAMES = (*TYPES, "")
#: Characters of a file's name; file systems take 255 bytes.
_LONGEST = 60


def case_and_cell(case: str, cell: str, between: str = ", ") -> str:
    """Case and cell in one text; the cell alone where its name tells the case.

    It does where it is the case's name, or goes on behind it with what is no letter,
    mark or digit. review/page/words.js has the same rule.

    Example:
        >>> [case_and_cell('1', cell) for cell in ('1', '1/07', '12')]
        ['1', '1/07', '1, 12']
    """
    after = cell[len(case) :][:1] or " "
    told = cell.startswith(case) and unicodedata.category(after)[0] not in "LMN"
    return cell if told or not case else f"{case}{between}{cell}"


def file_names(cells: Iterable[tuple[str, str]]) -> list[str]:
    """A file name without ending for each (case, cell): readable, safe, unique.

    Letters of all scripts and digits stay; everything else becomes '_'. Names that
    would be one file, also where capitals do not count, get a number.

    Example:
        >>> file_names([('P1', 'P1/07'), ('Fall 3', 'ä*'), ('fall_3', 'Ä?')])
        ['P1_07', 'Fall_3_ä', 'fall_3_Ä_2']
    """
    names: list[str] = []
    used: set[str] = set()
    for case, cell in cells:
        text = unicodedata.normalize("NFC", case_and_cell(case, cell, " "))
        base = re.sub(r"[^\w.-]+", "_", text).strip("_.")[:_LONGEST] or "cell"
        name, number = base, 1
        while name.casefold() in used:
            number += 1
            name = f"{base}_{number}"
        used.add(name.casefold())
        names.append(name)
    return names
