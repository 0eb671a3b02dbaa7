"""Counts of chromosomes as ISCN text: 46,XX; 47,XY,+21; mos 45,X[10]/46,XX[20].

ISCN 2020 (McGowan-Jordan, Hastings, Moore, eds.), for numerical changes alone: types do
not show translocations, deletions, inversions or markers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.karyotype.prior import AUTOSOMES, K, X, Y


@dataclass(frozen=True, order=True)
class Karyotype:
    """Copies of each type.

    Attributes:
        counts: 24 numbers >= 0, in the order 1 .. 22, X, Y.

    Example:
        >>> Karyotype.of('XY', {'21': 1}).text
        '47,XY,+21'
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != K or min(self.counts, default=-1) < 0:
            raise ValueError(f"counts: expected {K} numbers >= 0, got {self.counts!r}.")

    @classmethod
    def of(cls, sex: str, changes: dict[str, int] | None = None) -> Karyotype:
        """From a sex complement and changes of autosomes: {'21': 1}, {'16': -1}."""
        counts = np.full(K, 2)
        counts[X], counts[Y] = sex.count("X"), sex.count("Y")
        for name, change in (changes or {}).items():
            counts[TYPES.index(name)] += change
        return cls(tuple(counts.tolist()))

    @classmethod
    def of_types(cls, types: np.ndarray) -> Karyotype:
        """From the class index of each chromosome of a cell; others are left out."""
        types = np.asarray(types)
        counts = np.bincount(types[types < K], minlength=K)
        return cls(tuple(counts.tolist()))

    @property
    def number(self) -> int:
        """How many chromosomes."""
        return sum(self.counts)

    @property
    def sex(self) -> str:
        """X before Y; '' if there is neither."""
        return "X" * self.counts[X] + "Y" * self.counts[Y]

    @property
    def autosome_changes(self) -> tuple[str, ...]:
        """'+21', '-16', ... in the order of the types, once for each copy."""
        return tuple(
            ("+" if count > 2 else "-") + name
            for name, count in zip(TYPES[:AUTOSOMES], self.counts, strict=False)
            for _ in range(abs(count - 2))
        )

    @property
    def is_normal(self) -> bool:
        """46,XX or 46,XY."""
        return not self.autosome_changes and self.sex in ("XX", "XY")

    @property
    def lost_autosomes(self) -> int:
        """Copies of autosomes that are missing."""
        return sum(max(2 - count, 0) for count in self.counts[:AUTOSOMES])

    @property
    def text(self) -> str:
        """ISCN. Without any sex chromosome their place holds '?' (not determined)."""
        return ",".join([str(self.number), self.sex or "?", *self.autosome_changes])


def mosaic_text(clones: Sequence[tuple[Karyotype, int]]) -> str:
    """ISCN of one case: its clones with their numbers of cells.

    One clone is written without its number; several begin with mos, the largest first
    and the normal one last, whatever its size.

    Args:
        clones: Karyotypes that differ, each with its cells (>= 1).

    Raises:
        ValueError: No clones, one twice, or one without cells.

    Example:
        >>> mosaic_text([(Karyotype.of('XX'), 20), (Karyotype.of('X'), 10)])
        'mos 45,X[10]/46,XX[20]'
    """
    if not clones or min(cells for _, cells in clones) < 1:
        raise ValueError("clones: expected one or more, each with a cell or more.")
    if len({clone for clone, _ in clones}) < len(clones):
        raise ValueError("clones: expected karyotypes that differ.")
    if len(clones) == 1:
        return clones[0][0].text
    ordered = sorted(clones, key=lambda one: (one[0].is_normal, -one[1], one[0].text))
    return "mos " + "/".join(f"{clone.text}[{cells}]" for clone, cells in ordered)
