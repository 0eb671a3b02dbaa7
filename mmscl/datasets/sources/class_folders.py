"""Class folders: ``<class>/<image>``, with or without split folders above them.

Serves the layout ``folder`` (anybody's data) and ``chromosomenet`` (0..21, X = 22,
Y = 23; its file names are not public).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from mmscl.datasets.manifest import SPLITS
from mmscl.datasets.sources.case_pattern import (
    NO_CASES,
    case_columns,
    compile_case_pattern,
)
from mmscl.datasets.sources.class_names import types_of_class_folders
from mmscl.datasets.sources.listing import Listing, existing_folder, no_data_set


def read_folder(
    source: Path, ignore: Collection[Path] = (), case_pattern: str | None = None
) -> Listing:
    """``<class>/<image>`` or ``<train, val or test>/<class>/<image>``, any depth."""
    return _read(source, ignore, case_pattern, "folder", zero_based=False)


def read_chromosomenet(
    source: Path, ignore: Collection[Path] = (), case_pattern: str | None = None
) -> Listing:
    """24 class folders 0..21, 22 or X, 23 or Y."""
    return _read(source, ignore, case_pattern, "chromosomenet", zero_based=True)


def _read(
    source: Path,
    ignore: Collection[Path],
    case_pattern: str | None,
    layout: str,
    zero_based: bool,
) -> Listing:
    pattern = compile_case_pattern(case_pattern)
    listing = Listing(existing_folder(source))
    images = listing.image_paths(ignore)
    if not images:
        raise no_data_set(source, layout, images, "<class>/<image>")
    by_folder = _by_class_folder(listing, images)
    names = {folder for _, folder in by_folder}
    types, convention = types_of_class_folders(names, str(source), zero_based)
    listing.notes.append(f"Read as {convention}.")
    for (split, folder), paths in by_folder.items():
        for path in paths:
            columns = case_columns(pattern, path)
            if folder not in types:
                listing.leave_out(path, f"stray folder {folder}, names no class")
            elif isinstance(columns, str):
                listing.leave_out(path, columns)
            else:
                given = {"split": split} if split else {}
                listing.add(path, types[folder], **given, **columns)
    if not listing.records:
        raise no_data_set(source, layout, images, f"as {case_pattern!r} wants it")
    if pattern is None:
        listing.notes.append(NO_CASES)
    return listing


def _by_class_folder(
    listing: Listing, images: list[str]
) -> dict[tuple[str, str], list[str]]:
    """Images by (split or '', class folder); those in neither are left out."""
    split_level = all(path.split("/")[0] in SPLITS for path in images if "/" in path)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in images:
        *folders, _ = path.split("/")
        split = folders.pop(0) if split_level and folders else ""
        if folders:
            groups[split, folders[0]].append(path)
        else:
            listing.leave_out(path, "in no class folder")
    return groups
