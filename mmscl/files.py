"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: Files from which on all caches are written out at once.
_MANY = 64
#: Names that are told of a folder's other files, and those that file browsers leave.
_TOLD, _OF_THE_SYSTEM = 5, (".DS_Store", "Thumbs.db", "desktop.ini")


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


def check_not_here(folder: Path) -> None:
    """Stop before the folder is replaced that the program runs in, or one above it.

    Raises:
        OutputError: It is one of them.
    """
    if Path.cwd().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{folder}: is the folder that this runs in, or one above it, and is not "
            "replaced; --out names a folder to be made, such as --out results"
        )


def check_all_ours(folder: Path, ours: Callable[[str], bool]) -> None:
    """Stop before a folder is replaced that holds what somebody else put there.

    Args:
        folder: It is there.
        ours: Whether we have given a path within it, such as 'a.csv' or 'a/b.png'.

    Raises:
        OutputError: Names what is not ours.
    """
    others = list(_others(folder, ours))
    if others:
        more = f" and {len(others) - _TOLD} more" if len(others) > _TOLD else ""
        raise OutputError(
            f"{folder}: --overwrite would delete what mmscl-karyotype did not write "
            f"there ({', '.join(others[:_TOLD])}{more}); move it away, or choose "
            "another --out"
        )


def _others(
    folder: Path, ours: Callable[[str], bool], above: str = ""
) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        name = above + path.name
        if not ours(name):
            if path.name not in _OF_THE_SYSTEM:
                yield f"{name}/" if path.is_dir() else name
        elif path.is_dir():
            yield from _others(path, ours, f"{name}/")


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A file to write beside `path`, synced and put in its place when all went well.

    Args:
        path: The file in the end; its folder is made. What is there stays until then.
    """
    path = Path(path)
    with _made_above(path):
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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    with _made_above(path):
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


@contextmanager
def _made_above(path: Path) -> Iterator[None]:
    """The folders above `path`; an error takes away those that had to be made."""
    new = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in new:  # the lowest first
            with suppress(OSError):  # somebody has put something into it
                folder.rmdir()
        raise


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
