"""Rows of results <-> CSV: a column an attribute, in their order."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

Row = TypeVar("Row")


class ResultsError(ValueError):
    """A folder of results that cannot be read or written; the message names it."""


def write_rows(path: str | Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write a CSV (UTF-8); numbers have five decimals, flags are 0 and 1.

    Args:
        path: The file; one that is there is replaced.
        kind: Class of the rows, one of :mod:`mmscl.results.rows`.
        rows: Any number.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_text(getattr(row, name)) for name in names])


def read_rows(path: str | Path, kind: type[Row]) -> tuple[Row, ...]:
    """Read what :func:`write_rows` wrote.

    Columns may stand in any order, and further ones are ignored: a table that went
    through a spreadsheet program is read too.

    Raises:
        ResultsError: There is no such file; a column is missing; a line is cut off or
            holds a value of another kind.
    """
    if not Path(path).is_file():
        raise ResultsError(
            f"{path}: no such table; is this a folder that mmscl-karyotype wrote?"
        )
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or ()
        readers = {
            field.name: _READERS[str(field.type)]
            for field in fields(kind)  # type: ignore[arg-type]
        }
        missing = [name for name in readers if name not in header]
        if missing:
            raise ResultsError(
                f"{path}: expected the columns {', '.join(readers)}; missing are "
                f"{', '.join(missing)}"
            )
        return tuple(_row(kind, line, readers, path, reader) for line in reader)


def _row(
    kind: type[Row],
    line: dict[str, str | None],
    readers: dict[str, Callable[[str], Any]],
    path: str | Path,
    reader: csv.DictReader,
) -> Row:
    values = {}
    for name, read in readers.items():
        text = line[name]
        if text is None:
            raise ResultsError(f"{path}, line {reader.line_num}: the line is cut off")
        try:
            values[name] = read(text)
        except ValueError as error:
            raise ResultsError(
                f"{path}, line {reader.line_num}: {name} is {text!r}; {error}"
            ) from error
    return kind(**values)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.5f}" if isinstance(value, float) else str(value)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return text == "1"


def _optional(text: str) -> float | None:
    return float(text) if text else None


#: How a value of each annotation is read.
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _flag,
    "float | None": _optional,
}
