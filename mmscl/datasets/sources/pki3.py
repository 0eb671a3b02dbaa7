"""Pki-3 (G-band, University of Padova): one folder a cell, one a class inside it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.sources.listing import Listing, numbered_type, read_named

EXPECTED = "<case>.<slide>.tiff/clase<k>/clase<k>_<n>_<case>.<slide>.tiff"
PATTERN = re.compile(
    r"(?P<case>[^/.]+)\.(?P<slide>[^/]+)\.tiff?/clase(?P<k>\d+)/"
    r"clase(?P=k)_(?P<n>\d+)_(?P=case)\.(?P=slide)\.tiff?"
)
# The published set has files in a class folder that stands for no type.
STRAY_CLASS = 25


def read_pki3(source: Path, ignore: Collection[Path] = ()) -> Listing:
    """Cells ``case/slide``; k = 1..24 (23 X, 24 Y); homologues counted from 1."""
    return read_named(source, ignore, "pki3", PATTERN, EXPECTED, _columns)


def _columns(match: re.Match[str]) -> dict[str, str] | str:
    number = int(match["k"])
    if number == STRAY_CLASS:
        return f"stray class folder clase{number}, classes are 1..24"
    return {
        "type": numbered_type(number, 1, match.string),
        "case": match["case"],
        "cell": f"{match['case']}/{match['slide']}",
        "homolog": str(int(match["n"]) + 1),
    }
