"""Items that a thread makes while their user is busy with earlier ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


def made_ahead(items: Iterator[Item], count: int = 2) -> Iterator[Item]:
    """The same items, made by a thread while the caller is busy with earlier ones.

    Args:
        items: Runs in the thread; its exceptions come out here.
        count: Items that may wait.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="mmscl_ahead")
    try:
        waiting = deque(pool.submit(next, items, _END) for _ in range(count))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(pool.submit(next, items, _END))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
