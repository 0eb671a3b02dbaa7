"""The manifest's CSV file -> columns of text, before anything in them is checked."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

#: Characters of a value in a known column. Each costs 4 bytes in every row.
LONGEST = 1000
_SHOWN = 200
_BLOCK = 1 << 15  # rows


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names file, row and way out."""


def read_table(path: Path, known: Collection[str]) -> dict[str, Sequence[str]]:
    """Columns by name, all of the same length.

    Rows become arrays in blocks: as Python's objects ten million rows take some ten
    times the memory.

    Args:
        path: CSV file: UTF-8, comma separated, the first line names the columns.
        known: Columns whose values are short; they become arrays of text.

    Raises:
        ManifestError: No such file, no CSV in UTF-8, a column name that occurs twice, a
            row with too few or too many values, a value that is too long.
    """
    lines = _read_lines(path)
    names = next(lines, (0, []))[1]
    if len(set(names)) < len(names):
        raise ManifestError(
            f"{path}: a column name occurs twice in {shown(names)}; rename one"
        )
    short = [name in known for name in names]
    blocks: list[list[Any]] = [[] for _ in names]
    while block := list(islice(lines, _BLOCK)):
        columns = _check_block(block, names, short, path)
        for parts, values, is_short in zip(blocks, columns, short, strict=True):
            parts.append(np.array(values) if is_short else values)
    return {
        name: _joined(parts, is_short)
        for name, parts, is_short in zip(names, blocks, short, strict=True)
    }


def _check_block(
    block: Sequence[tuple[int, list[str]]],
    names: Sequence[str],
    short: Sequence[bool],
    path: Path,
) -> Iterable[Sequence[str]]:
    """Some rows as columns, when each has its values and none is too long."""
    rows = [row for _, row in block]
    if set(map(len, rows)) != {len(names)}:
        line, row = next(pair for pair in block if len(pair[1]) != len(names))
        raise ManifestError(
            f"{path}, line {line}: expected {len(names)} values ({shown(names)}) "
            f"but got {len(row)}: {shown(row)}"
        )
    columns = list(zip(*rows, strict=True))
    for name, values, is_short in zip(names, columns, short, strict=True):
        lengths = list(map(len, values)) if is_short else [0]
        if max(lengths) > LONGEST:
            place = next(i for i, length in enumerate(lengths) if length > LONGEST)
            raise ManifestError(
                f"{path}, line {block[place][0]}: the {name} has {lengths[place]} "
                f"characters, more than {LONGEST}; is a quotation mark missing?"
            )
    return columns


def _joined(parts: list[Any], is_short: bool) -> Sequence[str]:
    """The blocks of a column as one; empties the list, lest memory be doubled."""
    if not is_short:
        return list(chain.from_iterable(parts))
    if not parts:
        return np.empty(0, str)  # type: ignore[return-value]
    whole = np.empty(sum(map(len, parts)), np.result_type(*{p.dtype for p in parts}))
    end = len(whole)
    while parts:
        part = parts.pop()
        whole[end - len(part) : end] = part
        end -= len(part)
    return whole  # type: ignore[return-value]


def shown(values: Iterable[str]) -> str:
    """Values in a message: the beginning, where they are many or long."""
    text = ", ".join(values)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The row of column names, then each row that is not empty, with its last line."""
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
            for place, row in enumerate(lines):
                number = lines.line_num
                if row or place == 0:
                    yield number, row
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


def _without_nul(lines: Iterable[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise ManifestError(
                f"{path}, line {number}: holds a NUL character; save it as CSV in UTF-8"
            )
        yield line
