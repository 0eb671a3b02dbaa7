"""One step of a review by hand, and its line in corrections.csv."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields

#: Put a crop elsewhere; turn it; tick it off; tick its cell off.
CHANGES = ("place", "flip", "check", "done")
ACTIONS = (*CHANGES, "undo", "redo", "note")
#: The place of a crop that is no chromosome, or not one whole chromosome.
REJECTED = "rejected"
_LONGEST = 500  # characters of a text
_NUMBERS = ("seq", "crop", "step")


@dataclass(frozen=True)
class Step:
    """What a person did: one line of the log.

    Attributes:
        seq: Number of the line, 1, 2, ...
        time: UTC, ISO 8601.
        reviewer: Who; any text.
        action: One of `ACTIONS`.
        karyogram: The cell, by the name of its karyogram; '' for a note.
        crop: Number of the crop; None if the step is of a whole cell.
        before, after: Values: a place (1 .. 22, X, Y, '' for not placed, 'rejected'),
            or '0' and '1'. The text of a note is in `after`.
        step: For undo and redo: the step that is taken back or made again.
    """

    seq: int
    time: str
    reviewer: str
    action: str
    karyogram: str = ""
    crop: int | None = None
    before: str = ""
    after: str = ""
    step: int | None = None


COLUMNS = tuple(field.name for field in fields(Step))


def format_line(step: Step) -> str:
    """The line of a step, with its end: one line, whatever the texts hold."""
    return _csv(["" if v is None else one_line(str(v)) for v in astuple(step)])


def header_line() -> str:
    """The first line of the log."""
    return _csv(COLUMNS)


def parse_line(line: str) -> Step:
    """Read what :func:`format_line` wrote.

    Raises:
        ValueError: It is no such line; the message says why.
    """
    try:
        rows = list(csv.reader([line], strict=True))
    except csv.Error as error:
        raise ValueError(f"no line of a CSV file ({error})") from error
    row = rows[0] if len(rows) == 1 else []
    if len(row) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} values, got {len(row)}")
    values = dict(zip(COLUMNS, row, strict=True))
    if values["action"] not in ACTIONS:
        raise ValueError(
            f"expected an action out of {', '.join(ACTIONS)}, got {values['action']!r}"
        )
    numbers = {name: _number(name, values[name]) for name in _NUMBERS}
    if numbers["seq"] is None:
        raise ValueError("it has no number (seq)")
    return Step(**(values | numbers))  # type: ignore[arg-type]


def one_line(text: str) -> str:
    """A text without line ends and other control characters, not too long."""
    return "".join(c if c.isprintable() else " " for c in text)[:_LONGEST]


def _number(name: str, text: str) -> int | None:
    if text == "":
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"expected a number in the column {name}, got {text!r}")
    return int(text)


def _csv(row: list[str] | tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
