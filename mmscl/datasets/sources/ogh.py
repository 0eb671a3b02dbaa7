"""OGH-Fudan (private): the plain layout in which its owner can hand it to us.

Either folders, ``<train, val or test>/<case>/<cell>/<type>_<homolog>.png``, or a
manifest CSV of the owner's own. Images are 256 x 256, white around the chromosome.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.manifest import SPLITS, TYPES, Manifest
from mmscl.datasets.sources.listing import (
    Listing,
    SourceError,
    existing_folder,
    read_named,
)

EXPECTED = "<train, val or test>/<case>/<cell>/<type>_<homolog>.png"
PATTERN = re.compile(
    r"(?P<split>train|val|test)/(?P<case>[^/]+)/(?P<cell>[^/]+)/"
    r"(?P<type>[^/_]+)_(?P<homolog>\d+)\.[^/.]+"
)


def read_ogh(source: Path, ignore: Collection[Path] = ()) -> Listing:
    """A folder in the layout above, or a manifest (paths relative to its folder).

    Raises:
        SourceError: Folders beside train, val and test; a type that is not 1..22, X,
            Y; a listed image that lies outside any folder.
    """
    if source.is_file():
        return _read_manifest(source)
    _check_top_folders(existing_folder(source))
    return read_named(source, ignore, "ogh", PATTERN, EXPECTED, _columns)


def _read_manifest(source: Path) -> Listing:
    manifest = Manifest.read(source)
    columns = [manifest[name].tolist() for name in manifest.columns]
    listing = Listing(source.parent)
    for row in zip(*columns, strict=True):
        listing.add(**dict(zip(manifest.columns, row, strict=True)))
    if not listing.records:
        raise SourceError(f"{source}: the manifest has no rows")
    listing.notes.append(
        f"The images are those that {source.name} lists; no other file was looked at."
    )
    return listing


def _check_top_folders(source: Path) -> None:
    names = {
        path.name
        for path in source.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    }
    other = sorted(names - set(SPLITS))
    if other:
        hint = ""
        if list(source.glob("*.csv")):
            hint = "; to use a manifest, give the CSV file itself as SOURCE"
        raise SourceError(
            f"{source / other[0]}: the layout ogh has the folders train, val and test "
            f"at the top and no others, but got {', '.join(other)}{hint}"
        )


def _columns(match: re.Match[str]) -> dict[str, str]:
    if match["type"] not in TYPES:
        raise SourceError(
            f"{match.string}: type {match['type']!r} is not one of the 24; expected "
            "1..22, X or Y before the underscore; rename the file"
        )
    return {
        "type": match["type"],
        "case": match["case"],
        "cell": f"{match['case']}/{match['cell']}",
        "homolog": match["homolog"],
        "split": match["split"],
    }
