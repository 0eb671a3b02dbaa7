"""The form of the results: lines with a ratio and a goal, tables, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple


class Goal(NamedTuple):
    """What a ratio should be: 'at least' 2 times as fast, 'at most' 1.02 the cost."""

    sign: str
    value: float

    def holds(self, ratio: float) -> bool:
        """Whether the ratio meets the goal."""
        return ratio >= self.value if self.sign == "at least" else ratio <= self.value

    def __str__(self) -> str:
        return f"{self.sign} {self.value:g}"


def at_least(value: float) -> Goal:
    """The goal of a speed: the peer's seconds over ours."""
    return Goal("at least", value)


def at_most(value: float) -> Goal:
    """The goal of a cost: ours over the peer's."""
    return Goal("at most", value)


@dataclass
class Line:
    """One comparison.

    Attributes:
        what: What was measured, with its sizes.
        against: The peer.
        ratio: Of the medians; low and high are the least and greatest of the rounds.
        measured: Medians of both sides, ours first, with their unit.
        goal: The goal in words, '' for none; met is None then.
    """

    what: str
    against: str
    ratio: float
    low: float
    high: float
    measured: str
    goal: str = ""
    met: bool | None = None


@dataclass
class Table:
    """A table of the report.

    Attributes:
        section: 'profile', 'growth' or 'cpu': where the report has it.
        title: Its heading.
        note: What is to be known about it.
        header, rows: Text of the cells.
    """

    section: str
    title: str
    note: str
    header: list[str]
    rows: list[list[str]]


@dataclass
class Part:
    """What one script measured: its lines, tables, and what the reader must know."""

    lines: list[Line] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def show_seconds(seconds: float) -> str:
    """Three digits with the unit that fits: '1.23 ms'."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def show_bytes(count: float) -> str:
    """Three digits with the unit that fits: '1.23 MB'."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def rate_of(images: int) -> Callable[[float], str]:
    """Shows seconds for so many images as images a second."""
    return lambda seconds: f"{images / seconds:.0f} images/s"


def compare(
    what: str,
    against: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    goal: Goal | None = None,
    show: Callable[[float], str] = show_seconds,
) -> Line:
    """The line of two sides measured in the same rounds.

    Args:
        what: What was measured.
        against: The peer.
        ours: Seconds (or bytes), one value a round.
        theirs: The peer's, in the same rounds.
        goal: 'at most' makes the ratio a cost, ours / theirs; else it is a speed,
            theirs / ours.
        show: How a median reads.
    """
    cost = goal is not None and goal.sign == "at most"
    up, down = (ours, theirs) if cost else (theirs, ours)
    ratios = [a / b for a, b in zip(up, down, strict=True)]
    ratio = median(up) / median(down)
    return Line(
        what,
        against,
        ratio,
        min(ratios),
        max(ratios),
        f"{show(median(ours))} : {show(median(theirs))}",
        "" if goal is None else str(goal),
        None if goal is None else goal.holds(ratio),
    )
