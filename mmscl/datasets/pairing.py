"""Endless streams of tuples: which images of one class are drawn together.

Numpy only. A stream is random access: the tuple at any position follows from the seed
alone, so that ranks, resumed runs and any epoch read it wherever they want.
"""

from __future__ import annotations

import math

import numpy as np

#: Tuples made at once: keeps small classes cheap; a large class makes one superpass.
_CHUNK = 32


class Items:
    """The n images of one class as local numbers 0..n-1, to be drawn in tuples of m.

    This base draws them at random. Subclasses override :meth:`arrange` and
    :meth:`choose`.

    Args:
        size: Number of images n, >= 1.
        width: Images a tuple m, >= 1.
    """

    def __init__(self, size: int, width: int) -> None:
        self.size = size
        self.width = width

    @property
    def usable(self) -> int:
        """How many images take part in one pass, <= n."""
        return self.size

    def choose(self, items: np.ndarray) -> np.ndarray:
        """Those of the shuffled `items` (n,) that take part in a pass: (usable,)."""
        return items

    def arrange(self, items: np.ndarray) -> np.ndarray:
        """Shuffled `items` (k,) -> tuples (k // m, m), the first as well as any."""
        tuples = len(items) // self.width
        return items[: tuples * self.width].reshape(tuples, self.width)


class CrossGroup(Items):
    """Tuples whose members are of different groups (cases).

    A group that holds more than 1/m of the images cannot all be drawn as evenly as the
    rest: of it a random part takes part in each pass, as large as can be partnered.

    Args:
        groups: Group of each image, int (n,); at least m different ones.
        width: Images a tuple m.
    """

    def __init__(self, groups: np.ndarray, width: int) -> None:
        super().__init__(len(groups), width)
        self.groups = groups
        sizes = np.bincount(groups)
        # The most tuples of m different groups: the largest T for which
        # sum(min(size, T)) >= m T. Found by lowering T from its upper bound.
        cap = len(groups) // width
        while np.minimum(sizes, cap).sum() < width * cap:
            cap = int(np.minimum(sizes, cap).sum()) // width
        self.cap = cap
        self._usable = int(np.minimum(sizes, cap).sum())

    @property
    def usable(self) -> int:
        return self._usable

    def choose(self, items: np.ndarray) -> np.ndarray:
        if self._usable == len(items):
            return items
        ordered = items[_by_group(self.groups[items])]
        rank, _ = _rank_in_group(self.groups[ordered])
        return ordered[rank < self.cap]

    def arrange(self, items: np.ndarray) -> np.ndarray:
        # Groups contiguous, none longer than T: places i, i + T, ... are of m groups.
        tuples = len(items) // self.width
        ordered = items[_by_group(self.groups[items])]
        return ordered[: tuples * self.width].reshape(self.width, tuples).T


class SameGroup(Items):
    """Tuples within one cell, what is left within one case, then any.

    Args:
        cells: Cell of each image, int (n,), >= 0.
        case_of: Case of each cell, int >= 0.
        width: Images a tuple m.
    """

    def __init__(self, cells: np.ndarray, case_of: np.ndarray, width: int) -> None:
        super().__init__(len(cells), width)
        self.cells, self.case_of = cells, case_of

    def arrange(self, items: np.ndarray) -> np.ndarray:
        same_cell, items = self._within(self.cells[items], items)
        same_case, items = self._within(self.case_of[self.cells[items]], items)
        return np.concatenate([same_cell, same_case, super().arrange(items)])

    def _within(
        self, groups: np.ndarray, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tuples (k, m) of items (n,) of one group each, and the items left over."""
        order = _by_group(groups)
        rank, sizes = _rank_in_group(groups[order])
        whole = rank < sizes // self.width * self.width
        left = items[np.sort(order[~whole])]
        return items[order[whole]].reshape(-1, self.width), left


class TupleStream:
    """An endless stream of tuples over one class, each image drawn evenly.

    1. A pass shuffles the n images and cuts them into tuples of m.
    2. If m does not divide n, the r = n mod m images left over in this pass are drawn
       in one more tuple at its end, completed by images that the next pass leaves out.
       After m / gcd(m, n) passes (a superpass) this comes out even.
    3. So at every position the draws of any two images that take part differ by at
       most one for m <= 2 and by two for larger m, and no tuple holds an image twice.
    4. If n < m the images are repeated in turn.

    Args:
        items: The class and the rule that makes its tuples.
        key: Seeds of this stream: non-negative ints, such as (seed, class).
        shuffle: False keeps the given order instead of shuffling.
    """

    def __init__(self, items: Items, key: tuple[int, ...], shuffle: bool) -> None:
        self.items = items
        self.key = key
        self.shuffle = shuffle
        n, m = items.usable, items.width
        self.superpass = n // math.gcd(n, m)
        self.repeats = max(1, _CHUNK // self.superpass)
        #: Tuples of one chunk; over it every usable image is drawn equally often.
        self.length = self.superpass * self.repeats
        self._number = -1
        self._rows = np.empty((0, m), np.int32)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Tuples at `positions` (k,), ascending, >= 0: local numbers (k, m)."""
        rows = np.empty((len(positions), self.items.width), np.int32)
        numbers, inside = np.divmod(positions, self.length)
        for number in np.unique(numbers):
            here = numbers == number
            rows[here] = self.chunk(int(number))[inside[here]]
        return rows

    def chunk(self, number: int) -> np.ndarray:
        """The tuples of one chunk: (length, m). The last one asked for is kept."""
        if number != self._number:
            rng = np.random.default_rng((*self.key, number))
            parts = [self._superpass(rng) for _ in range(self.repeats)]
            self._rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
            self._number = number
        return self._rows

    def _superpass(self, rng: np.random.Generator) -> np.ndarray:
        n, m = self.items.usable, self.items.width
        if n < m:
            drawn = self._shuffled(rng, np.arange(n, dtype=np.int32))
            return np.resize(drawn, (self.superpass, m))
        everyone = np.arange(self.items.size, dtype=np.int32)
        if n < self.items.size:
            everyone = self.items.choose(self._shuffled(rng, everyone))
        left = n % m
        if left == 0:
            return self._pass(rng, everyone)
        divisor = math.gcd(n, m)
        extra = self.items.arrange(self._shuffled(rng, everyone))[-(left // divisor) :]
        extra = np.resize(extra, (left // divisor, m))
        absent = extra.reshape(m // divisor, left)
        parts, served = [], 0
        for number, away in enumerate(absent):
            parts.append(self._pass(rng, everyone[~np.isin(everyone, away)]))
            due = -(-(number + 1) * left // m)
            parts.append(extra[served:due])
            served = due
        return np.concatenate(parts)

    def _pass(self, rng: np.random.Generator, items: np.ndarray) -> np.ndarray:
        rows = self.items.arrange(self._shuffled(rng, items))
        # Plain random rows are already in random order.
        return rows if type(self.items) is Items else self._shuffled(rng, rows)

    def _shuffled(self, rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
        if not self.shuffle:
            return values
        # Of several columns an order is drawn: numpy shuffles rows ten times slower.
        return (
            values[rng.permutation(len(values))]
            if values.ndim > 1
            else (rng.permutation(values))
        )


def _by_group(groups: np.ndarray) -> np.ndarray:
    """Order (n,) that brings equal values together, by their first appearance.

    So groups of shuffled images come in a random order too, not in that of their ids.
    """
    first = np.empty(int(groups.max(initial=0)) + 1, np.int32)
    first[groups[::-1]] = np.arange(len(groups), dtype=np.int32)[::-1]
    return _stable_order(first[groups])


def _stable_order(values: np.ndarray) -> np.ndarray:
    """`np.argsort(values, kind='stable')` of int32 values >= 0, by radix sort.

    numpy has radix sort for 16 bits only: sort by the low half, then by the high one.
    """
    order = np.argsort(values.astype(np.uint16), kind="stable")
    if len(values) and values.max() >= 2**16:
        high = (values >> 16).astype(np.uint16)
        order = order[np.argsort(high[order], kind="stable")]
    return order


def _rank_in_group(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place 0, 1, ... of each entry in its run of equal values, and the run's length.

    Args:
        ordered: Values (n,), equal ones side by side.
    """
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    starts = np.flatnonzero(new).astype(np.int32)
    lengths = np.diff(starts, append=np.int32(len(ordered)))
    place = np.arange(len(ordered), dtype=np.int32) - np.repeat(starts, lengths)
    return place, np.repeat(lengths, lengths)
