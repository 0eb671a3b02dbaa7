"""Millions of short texts: groups and repeats without sorting the texts themselves."""

from __future__ import annotations

import numpy as np

_BLOCK = 1 << 16  # rows whose characters fit a processor's cache
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def text_hash(values: np.ndarray) -> np.ndarray:
    """A number of 64 bits for each text (n,): uint64. Equal texts have equal ones."""
    hashes = np.zeros(len(values), np.uint64)
    width = values.dtype.itemsize // 4
    if not width:
        return hashes
    for start in range(0, len(values), _BLOCK):
        block = np.ascontiguousarray(values[start : start + _BLOCK])
        characters = block.view(np.uint32).reshape(len(block), width)
        here = hashes[start : start + _BLOCK]
        for place in range(width):
            here ^= characters[:, place]
            here *= _FACTOR  # modulo 2^64
            here ^= here >> np.uint64(29)
    return hashes


def text_groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct texts of (n,), in any order, and the number of each row's text: (n,).

    As `np.unique(values, return_inverse=True)` but for the order.
    """
    hashes = text_hash(values)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    names = values[first]
    if not _same(names, inverse, values):  # two texts with one hash
        return np.unique(values, return_inverse=True)
    return names, inverse


def first_repeat(values: np.ndarray) -> tuple[int, int] | None:
    """Rows of the first two equal texts that are found; None if all differ."""
    hashes = text_hash(values)
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not twice.size:
        return None
    rows = np.flatnonzero(np.isin(hashes, twice))
    names, first, counts = np.unique(
        values[rows], return_index=True, return_counts=True
    )
    if not (counts > 1).any():
        return None
    name = names[counts > 1][0]
    one, other = rows[np.flatnonzero(values[rows] == name)[:2]]
    return int(one), int(other)


def _same(names: np.ndarray, inverse: np.ndarray, values: np.ndarray) -> bool:
    return all(
        np.array_equal(
            names[inverse[start : start + _BLOCK]], values[start : start + _BLOCK]
        )
        for start in range(0, len(values), _BLOCK)
    )
