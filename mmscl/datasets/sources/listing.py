"""What a reader of a layout hands back: records, and the files that became none."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from re import Match, Pattern

from mmscl.datasets.manifest import TYPES

#: Why an image is left out whose path no table can hold.
NOT_UTF8 = "file name is not valid UTF-8"
IMAGE_SUFFIXES = (".bmp", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff")


class SourceError(ValueError):
    """A source that is no data set of its layout, or an option that does not fit it."""


@dataclass(frozen=True)
class LeftOut:
    """A file (or folder) that did not become a record, and why."""

    path: str
    reason: str


@dataclass
class Listing:
    """Files on disk as records of a manifest, nothing decoded yet.

    Attributes:
        root: Folder that the paths are relative to.
        records: Manifest column -> value, one dict an image; ``path`` (POSIX form,
            relative to root, or absolute) and ``type`` always.
        left_out: Every other file found.
        notes: Sentences for the report about how the source was understood.
    """

    root: Path
    records: list[dict[str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, path: str, type: str, **columns: str) -> None:
        """Appends one image."""
        self.records.append({"path": path, "type": type, **columns})

    def leave_out(self, path: str, reason: str) -> None:
        """Notes a file that is not taken."""
        self.left_out.append(LeftOut(path, reason))

    def image_paths(self, ignore: Collection[Path] = ()) -> list[str]:
        """Image files below root, sorted, relative, in POSIX form.

        Other files and hidden folders are noted as left out. Links are followed, each
        folder once.

        Args:
            ignore: Absolute paths of files that are no part of the source (what we
                wrote there ourselves).
        """
        images = []
        for path in _files(self):
            if self.root / path in ignore:
                continue
            if not path.lower().endswith(IMAGE_SUFFIXES):
                self.leave_out(path, "not an image file")
            elif not _is_utf8(path):
                self.leave_out(repr(path), NOT_UTF8)
            else:
                images.append(path)
        return images


def read_named(
    source: Path,
    ignore: Collection[Path],
    layout: str,
    pattern: Pattern[str],
    expected: str,
    columns: Callable[[Match[str]], dict[str, str] | str],
) -> Listing:
    """Reads a layout in which the path of an image says everything about it.

    Args:
        source: Folder of the data set.
        ignore: See :meth:`Listing.image_paths`.
        layout: Its name, for messages.
        pattern: Must match the whole path relative to source.
        expected: The pattern in the user's words, for messages.
        columns: Match -> manifest columns, or the reason to leave the file out.

    Raises:
        SourceError: No folder, or not one file is named as expected.
    """
    listing = Listing(existing_folder(source))
    images = listing.image_paths(ignore)
    for path in images:
        match = pattern.fullmatch(path)
        if match is None:
            listing.leave_out(path, f"unknown name, expected {expected}")
            continue
        found = columns(match)
        if isinstance(found, str):
            listing.leave_out(path, found)
        else:
            listing.add(path, **found)
    if not listing.records:
        raise no_data_set(source, layout, images, expected)
    return listing


def existing_folder(source: Path) -> Path:
    """The source itself, if it is a folder."""
    if not source.is_dir():
        what = "is a file" if source.exists() else "does not exist"
        raise SourceError(f"{source}: expected a folder, but it {what}")
    return source


def no_data_set(
    source: Path, layout: str, images: Collection[str], expected: str
) -> SourceError:
    """The error for a source in which nothing is named as the layout wants it."""
    if not images:
        return SourceError(
            f"{source}: no image file in it or below (looked for "
            f"{' '.join(IMAGE_SUFFIXES)}); is SOURCE the unpacked data set?"
        )
    return SourceError(
        f"{source}: no data set of the layout {layout!r}: none of its {len(images)} "
        f"image files is named {expected}, for example {next(iter(images))!r}; is "
        "SOURCE the folder that directly holds the data set, and is it this layout?"
    )


def numbered_type(number: int, first: int, where: str) -> str:
    """Type of a numeric label.

    Args:
        number: The label.
        first: Label of type 1: 1 (labels 1..24, X = 23, Y = 24) or 0 (labels 0..23).
        where: File that carries it, for the message.

    Raises:
        SourceError: A label outside the 24 types.
    """
    if not first <= number < first + len(TYPES):
        raise SourceError(
            f"{where}: label {number} is outside the 24 types; expected {first}.."
            f"{first + 23} (X = {first + 22}, Y = {first + 23}); correct the label or "
            "take the file out of the source"
        )
    return TYPES[number - first]


def _files(listing: Listing) -> Iterator[str]:
    """Every file below root once; hidden and repeated folders are noted instead."""

    def fail(error: OSError) -> None:
        raise SourceError(f"{error.filename}: cannot be listed ({error.strerror})")

    seen = {os.path.realpath(listing.root)}
    for folder, folders, files in os.walk(listing.root, onerror=fail, followlinks=True):
        inside = os.path.relpath(folder, listing.root)
        prefix = "" if inside == os.curdir else Path(inside).as_posix() + "/"
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(folder, name))
            if name.startswith("."):
                listing.leave_out(f"{prefix}{name}/", "hidden folder, not looked into")
            elif real in seen:
                listing.leave_out(f"{prefix}{name}/", "link to a folder already read")
            else:
                seen.add(real)
                continue
            folders.remove(name)
        folders.sort()
        yield from (prefix + name for name in sorted(files))


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
