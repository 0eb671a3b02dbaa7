"""A progress bar on standard error, gone when all is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def tracked(
    items: Iterable[Item], what: str, total: int, shown: bool = True
) -> Iterator[Item]:
    """The same items, with a bar.

    Args:
        items: Any number.
        what: Is being done, before the bar.
        total: How many there are; a single one has no bar.
        shown: Whether there is a bar.
    """
    if not shown or total < 2:
        yield from items
        return
    console = Console(stderr=True)
    yield from track(
        items, what, total, console=console, update_period=0.5, transient=True
    )
