"""BioImLab (Q-band, University of Padova): one folder a cell, black background."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.sources.listing import Listing, numbered_type, read_named

EXPECTED = "<cell>/<cell> <k><a or b>.bmp"
PATTERN = re.compile(r"(?P<cell>[^/]+)/(?P=cell) (?P<k>\d+)(?P<homolog>[ab]?)\.bmp")


def read_bioimlab(source: Path, ignore: Collection[Path] = ()) -> Listing:
    """Every cell is a case; k = 1..24 (23 X, 24 Y); a is homologue 1, b is 2.

    The X and the Y of a male cell carry no letter: homologue 1.
    """
    listing = read_named(source, ignore, "bioimlab", PATTERN, EXPECTED, _columns)
    listing.notes.append("The set names cells only: each cell is taken as one case.")
    return listing


def _columns(match: re.Match[str]) -> dict[str, str]:
    return {
        "type": numbered_type(int(match["k"]), 1, match.string),
        "case": match["cell"],
        "cell": match["cell"],
        "homolog": "2" if match["homolog"] == "b" else "1",
    }
