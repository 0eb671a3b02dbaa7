"""Case and cell out of names that only their owner can read, by regular expression."""

from __future__ import annotations

import re
from re import Pattern

from mmscl.datasets.sources.listing import SourceError

GROUPS = ("case", "cell", "homolog", "polarity")
NO_CASES = (
    "The file names were not asked for cases (no --case-pattern): a split by case is "
    "impossible, and cells cannot be counted."
)


def compile_case_pattern(text: str | None) -> Pattern[str] | None:
    r"""Checks a pattern such as ``(?P<case>P\d+)_(?P<cell>\d+)_``.

    Args:
        text: Regular expression, searched in the path relative to SOURCE (with /);
            named groups: case (required), cell, homolog, polarity.

    Raises:
        SourceError: No regular expression, no group ``case``, or an unknown group.
    """
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SourceError(f"--case-pattern {text!r}: {error}") from error
    unknown = set(pattern.groupindex) - set(GROUPS)
    if "case" not in pattern.groupindex or unknown:
        raise SourceError(
            f"--case-pattern {text!r}: expected a named group (?P<case>...) and, if "
            f"wanted, {', '.join(GROUPS[1:])}, but got groups "
            f"{sorted(pattern.groupindex)}"
        )
    return pattern


def case_columns(pattern: Pattern[str] | None, path: str) -> dict[str, str] | str:
    """Columns that the pattern finds in a path, or the reason to leave it out."""
    if pattern is None:
        return {}
    match = pattern.search(path)
    if match is None or not match["case"]:
        return "unknown name, --case-pattern finds no case in it"
    columns = {name: value or "" for name, value in match.groupdict().items()}
    if columns.get("cell"):
        columns["cell"] = f"{columns['case']}/{columns['cell']}"
    return columns
