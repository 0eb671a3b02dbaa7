"""The JSON files of the SCL authors' public code (RuijiaChang/Chromosome-SCL-Encoder).

``{"items": [{"kar_type": "normal", "kar_files": [f, ...]}, ...]}`` where every f is
``[[image path relative to the JSON, label 1..24], ...]``, one file a split.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mmscl.datasets.manifest import SPLITS
from mmscl.datasets.sources.listing import Listing, SourceError, numbered_type

NORMAL = "normal"


def read_scl_json(
    source: Path, ignore: Collection[Path] = (), keep_abnormal: bool = False
) -> Listing:
    """A folder with train.json, val.json, test.json (or some of them), or one file.

    The files name no patients: an item is taken as one case, each list in its
    ``kar_files`` as one cell. A file named after a split gives that split.

    Args:
        source: Folder or file.
        ignore: Not used: only files that the JSON names are looked at.
        keep_abnormal: Also take items whose kar_type is not 'normal', which the
            authors skip in training and testing.
    """
    listing = Listing(source if source.is_dir() else source.parent)
    seen: dict[str, str] = {}
    for file in _files(source):
        split = file.stem if file.stem in SPLITS else ""
        for index, item in enumerate(_items(file)):
            for path, kind, cell in _images(file, index, item):
                if seen.setdefault(path, kind) != kind:
                    raise SourceError(
                        f"{file}, item {index}: {path} is type {kind} here and "
                        f"{seen[path]} in another place; correct one of them"
                    )
                case = f"{file.stem}/{index}"
                _take(
                    listing,
                    item,
                    keep_abnormal,
                    path=path,
                    type=kind,
                    case=case,
                    cell=f"{case}/{cell}",
                    split=split,
                )
    if not listing.records:
        raise SourceError(
            f"{source}: no image to take; {len(listing.left_out)} are in items whose "
            f"kar_type is not {NORMAL!r} (--keep-abnormal takes them)"
        )
    _drop_repeats(listing)
    listing.notes.append(
        "The JSON names no patients: an item is taken as a case, a list in kar_files "
        "as a cell. Files that it does not name were not looked at."
    )
    return listing


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = [file for split in SPLITS if (file := source / f"{split}.json").is_file()]
    if not found:
        raise SourceError(
            f"{source}: expected train.json, val.json or test.json in this folder, or "
            "one JSON file as SOURCE"
        )
    return found


def _items(file: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: not a JSON file ({error})") from error
    items = content.get("items") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise SourceError(f'{file}: expected {{"items": [...]}} at the top')
    for index, item in enumerate(items):
        if not isinstance(item, dict) or not {"kar_type", "kar_files"} <= set(item):
            raise SourceError(
                f"{file}, item {index}: expected an object with kar_type and kar_files"
            )
    return items


def _images(
    file: Path, index: int, item: dict[str, Any]
) -> Iterator[tuple[str, str, int]]:
    """(path, type, number of the cell in its item) of every image of an item."""
    for cell, images in enumerate(item["kar_files"]):
        for pair in images:
            if not _is_pair(pair):
                raise SourceError(
                    f"{file}, item {index}, kar_files {cell}: expected [path, label "
                    f"1..24] but got {pair!r}"
                )
            path, label = pair
            where = f"{file}, item {index}: {path}"
            yield Path(path).as_posix(), numbered_type(label, 1, where), cell


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], int)
    )


def _take(
    listing: Listing, item: dict[str, Any], keep_abnormal: bool, **columns: str
) -> None:
    if item["kar_type"] == NORMAL or keep_abnormal:
        listing.add(**{name: value for name, value in columns.items() if value})
    else:
        listing.leave_out(
            columns["path"], f"kar_type {item['kar_type']!r}, not {NORMAL!r}"
        )


def _drop_repeats(listing: Listing) -> None:
    first: dict[str, dict[str, str]] = {}
    for record in listing.records:
        if first.setdefault(record["path"], record) is not record:
            listing.leave_out(record["path"], "listed a second time")
    listing.records = list(first.values())
