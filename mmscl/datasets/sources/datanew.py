"""The 'DataNew' crops (G-band, Pampaj7/ChromosomesRecognition): class folders."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.sources.listing import Listing, numbered_type, read_named

EXPECTED = "<k>/<k>_<homolog 1 or 2>_<case>_<slide>_<cell>.tiff"
PATTERN = re.compile(
    r"(?P<k>\d+)/(?P=k)_(?P<homolog>\d+)_"
    r"(?P<case>[^/_]+)_(?P<slide>[^/_]+)_(?P<cell>[^/_]+)\.tiff?"
)


def read_datanew(source: Path, ignore: Collection[Path] = ()) -> Listing:
    """Cells ``case/slide/cell``; k = 1..24 (23 X, 24 Y)."""
    return read_named(source, ignore, "datanew", PATTERN, EXPECTED, _columns)


def _columns(match: re.Match[str]) -> dict[str, str]:
    return {
        "type": numbered_type(int(match["k"]), 1, match.string),
        "case": match["case"],
        "cell": f"{match['case']}/{match['slide']}/{match['cell']}",
        "homolog": match["homolog"],
    }
