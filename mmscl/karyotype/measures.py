"""How right the types of whole cells are, and the karyotypes that are called.

Truth and calls of several cells; shares are fractions, NaN where nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

import numpy as np

from mmscl.karyotype.iscn import Karyotype
from mmscl.karyotype.prior import AUTOSOMES

#: Above this share of right chromosomes a karyotype counts as well classified (PWCK).
WELL = 0.8


class Share(NamedTuple):
    """A share with what it is of.

    Attributes:
        hits: How many.
        total: Of how many.
    """

    hits: int
    total: int

    @classmethod
    def of(cls, values: Iterable[bool]) -> Share:
        """The share of what is true."""
        found = [bool(value) for value in values]
        return cls(sum(found), len(found))

    @property
    def value(self) -> float:
        """0..1; NaN of nothing."""
        return self.hits / self.total if self.total else float("nan")


class TypeMeasures(NamedTuple):
    """Of one way of giving types to the crops of cells.

    Attributes:
        per_image: Share of the crops that are right.
        per_cell: Mean over the cells of that share.
        perfect: Cells without an error.
        well: Cells with more than 80 % right (PWCK).
    """

    per_image: Share
    per_cell: float
    perfect: Share
    well: Share


def measure_types(right: Sequence[np.ndarray]) -> TypeMeasures:
    """Measures from what is right, cell by cell.

    Args:
        right: Bool (n,) for each of one cell or more.

    Raises:
        ValueError: No cells, or one without crops.
    """
    if not right or min(map(len, right)) == 0:
        raise ValueError("right: expected one cell or more, each with crops.")
    shares = np.array([one.mean() for one in right])
    every = np.concatenate(right)
    return TypeMeasures(
        Share.of(every),
        float(shares.mean()),
        Share.of(shares == 1),
        Share.of(shares > WELL),
    )


class CallMeasures(NamedTuple):
    """Of count calls of cells or of cases.

    Attributes:
        exact: Calls that equal the truth.
        sensitivity: Of those truly abnormal, called abnormal.
        named: Of those truly abnormal, called by the true karyotype.
        specificity: Of those truly normal (46,XX or 46,XY), called by the true one.
    """

    exact: Share
    sensitivity: Share
    named: Share
    specificity: Share


def measure_calls(
    truths: Sequence[Set[Karyotype]], calls: Sequence[Set[Karyotype]]
) -> CallMeasures:
    """Compare calls with the truth.

    Args:
        truths: Karyotypes of each cell (one) or case (its clones).
        calls: As called.
    """
    pairs = list(zip(truths, calls, strict=True))
    normal = [pair for pair in pairs if all(one.is_normal for one in pair[0])]
    changed = [pair for pair in pairs if not all(one.is_normal for one in pair[0])]
    return CallMeasures(
        exact=Share.of(truth == call for truth, call in pairs),
        sensitivity=Share.of(
            not all(one.is_normal for one in call) for _, call in changed
        ),
        named=Share.of(truth == call for truth, call in changed),
        specificity=Share.of(truth == call for truth, call in normal),
    )


def without_losses(karyotype: Karyotype) -> Karyotype:
    """The same with lost autosomes put back.

    A lost autosome is not viable in a whole person: in a single cell it is a loss of
    the preparation or of the data set, so gains and sex chromosomes are also measured
    by themselves.
    """
    counts = np.array(karyotype.counts)
    counts[:AUTOSOMES] = np.maximum(counts[:AUTOSOMES], 2)
    return Karyotype(tuple(counts.tolist()))
