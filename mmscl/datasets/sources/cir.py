"""CIR (G-band, CloudDataLab/CIR-Net): the label is the last but one part of a name."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.sources.case_pattern import (
    NO_CASES,
    case_columns,
    compile_case_pattern,
)
from mmscl.datasets.sources.listing import Listing, numbered_type, read_named

EXPECTED = "<name>.<label 0..23>.tiff"
PATTERN = re.compile(r"(?:.*/)?[^/]+\.(?P<label>\d+)\.tiff?")


def read_cir(
    source: Path, ignore: Collection[Path] = (), case_pattern: str | None = None
) -> Listing:
    """Labels 0..23 (22 X, 23 Y); case and cell only through ``case_pattern``."""
    pattern = compile_case_pattern(case_pattern)

    def columns(match: re.Match[str]) -> dict[str, str] | str:
        found = case_columns(pattern, match.string)
        if isinstance(found, str):
            return found
        return {"type": numbered_type(int(match["label"]), 0, match.string), **found}

    listing = read_named(source, ignore, "cir", PATTERN, EXPECTED, columns)
    if pattern is None:
        listing.notes.append(NO_CASES)
    return listing
