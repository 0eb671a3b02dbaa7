"""The manifest's CSV file -> columns of text, before anything in them is checked."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

#: Characters of a value in a known column. Each costs 4 bytes in every row.
LONGEST = 1000
_SHOWN = 200


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names file, row and way out."""


def read_table(path: Path, known: Collection[str]) -> dict[str, Sequence[str]]:
    """Columns by name, all of the same length.

    Args:
        path: CSV file: UTF-8, comma separated, the first line names the columns.
        known: Columns whose values are short.

    Raises:
        ManifestError: No such file, no CSV in UTF-8, a column name that occurs twice, a
            row with too few or too many values, a value that is too long.
    """
    names, rows = _read_lines(path)
    if len(set(names)) < len(names):
        raise ManifestError(
            f"{path}: a column name occurs twice in {shown(names)}; rename one"
        )
    short = [index for index, name in enumerate(names) if name in known]
    for line, row in rows:
        if len(row) != len(names):
            raise ManifestError(
                f"{path}, line {line}: expected {len(names)} values ({shown(names)}) "
                f"but got {len(row)}: {shown(row)}"
            )
        for index in short:
            if len(row[index]) > LONGEST:
                raise ManifestError(
                    f"{path}, line {line}: the {names[index]} has {len(row[index])} "
                    f"characters, more than {LONGEST}; is a quotation mark missing?"
                )
    columns = zip(*(row for _, row in rows), strict=True) if rows else [()] * len(names)
    return dict(zip(names, columns, strict=True))


def shown(values: Iterable[str]) -> str:
    """Values in a message: the beginning, where they are many or long."""
    text = ", ".join(values)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _read_lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names, and each row with the number of its last line."""
    number = 0
    try:
        if not path.is_file():
            raise ManifestError(
                f"{path}: no such manifest; write one with "
                "tools/prepare_dataset.py LAYOUT SOURCE --out DIR"
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Without strict, a quotation mark that is never closed swallows the rows
            # that follow.
            lines = csv.reader(_without_nul(file, path), strict=True)
            rows = []
            for row in lines:
                number = lines.line_num
                rows.append((number, row))
    except OSError as error:
        raise ManifestError(f"{path}: cannot be opened ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path}: not a UTF-8 text file ({error}); save it as CSV in UTF-8"
        ) from error
    except csv.Error as error:
        raise ManifestError(
            f"{path}, after line {number}: not a CSV file ({error}); look for a "
            "quotation mark that is not closed or not doubled"
        ) from error
    names = rows[0][1] if rows else []
    return names, [(number, row) for number, row in rows[1:] if row]


def _without_nul(lines: Iterable[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise ManifestError(
                f"{path}, line {number}: holds a NUL character; save it as CSV in UTF-8"
            )
        yield line
