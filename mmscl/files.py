"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Files from which on all caches are written out at once.
_MANY = 64


class OutputError(OSError):
    """A file that cannot be written; the message has its path and the reason."""


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn the system's errors within it into one that names the file.

    Raises:
        OutputError: As the system says.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another "
            "place, or make room"
        ) from error


def check_writable(path: str | Path) -> None:
    """Find out before the work whether its result can be written; makes the folder.

    Raises:
        OutputError: It cannot.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A file to write beside `path`, synced and put in its place when all went well.

    Args:
        path: The file in the end; its folder is made. What is there stays until then.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replaced_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill, synced and put in the place of `path` if all went well.

    Args:
        path: The folder in the end. What is there stays until then, and is put back if
            the new one cannot take its place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    part.mkdir()
    try:
        yield part
        sync_all([*part.rglob("*"), part])
        if path.exists():
            path.replace(old)
        try:
            part.replace(path)
        except OSError:
            if old.exists():
                old.replace(path)
            raise
        sync(path.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def sync_all(paths: Sequence[Path]) -> None:
    """Have all of them on the disk: one by one if they are few, else with all caches.

    To sync a file costs milliseconds each (6 on the disk at hand), to write out all of
    the system's caches about as much as a few of them.
    """
    if len(paths) > _MANY and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        sync(path)


def sync(path: Path) -> None:
    """Have a file's or a folder's content on the disk, not in a cache."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
