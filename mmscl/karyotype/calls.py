"""What a cell and a case are called: ISCN text, certainty and warnings.

A single cell may have lost a chromosome in the preparation, or have been read wrongly,
so the cells of a case vote. A change is clonal, and goes into the text, if at least two
cells show the same gain, or three the same loss (ISCN 2020). Sex chromosomes follow the
same rules, counted from XX, or from XY where a Y is clonal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.karyotype.iscn import Karyotype, mosaic_text
from mmscl.karyotype.model import CellReading
from mmscl.karyotype.prior import K, Y
from mmscl.wording import counted

#: Cells that must show a gain, and a loss, for it to be clonal.
GAIN_CELLS, LOSS_CELLS = 2, 3
#: Autosomes that may be missing from a cell that still votes.
MOST_LOST = 3
#: Votes with and without a Y that differ by less are even: its loss is the commoner.
EVEN = 0.05
#: Counts below this certainty are a guess.
UNSURE = 0.8
STRUCTURE = (
    "numerical changes only: translocations, deletions, inversions and markers do not "
    "show in chromosome types"
)


@dataclass(frozen=True)
class CellCall:
    """What one cell is called.

    Attributes:
        karyotype: Its counts.
        certainty: Of all counts, 0..1.
        type_certainty: Of the count of each type (24,).
        complete: Whether it votes: no more than `MOST_LOST` autosomes are missing, and
            it has a sex chromosome.
        warnings: In words.
    """

    karyotype: Karyotype
    certainty: float
    type_certainty: np.ndarray
    complete: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class CaseCall:
    """What a case is called.

    Attributes:
        clones: Its karyotypes with their numbers of cells, clonal changes alone.
        text: ISCN.
        certainty: Of the count that its cells support least, 0..1.
        cells: Cells that voted.
        provisional: The case has fewer cells than the rules ask for, and a change is
            named because all of its cells show it.
        warnings: In words.
    """

    clones: tuple[tuple[Karyotype, int], ...]
    text: str
    certainty: float
    cells: int
    provisional: bool
    warnings: tuple[str, ...]

    @property
    def karyotypes(self) -> frozenset[Karyotype]:
        """Its clones without their numbers of cells."""
        return frozenset(clone for clone, _ in self.clones)


def call_cell(
    karyotype: Karyotype,
    certainty: float = 1.0,
    type_certainty: np.ndarray | None = None,
    unplaced: int = 0,
) -> CellCall:
    """Call a cell by its counts.

    Args:
        karyotype: Its counts.
        certainty: Of all of them, 0..1.
        type_certainty: Of each (24,); None takes `certainty`.
        unplaced: Crops that are none of the types.
    """
    warnings = []
    lost = karyotype.lost_autosomes
    if unplaced:
        warnings.append(f"{counted(unplaced, 'crop', 'is')} none of the 24 types")
    if lost > MOST_LOST:
        warnings.append(f"incomplete: {counted(lost, 'autosome', 'is')} missing")
    if not karyotype.sex:
        warnings.append("no sex chromosome")
    elif "X" not in karyotype.sex:
        warnings.append("no X")
    if certainty < UNSURE:
        warnings.append(f"counts are unsure ({certainty:.2f})")
    return CellCall(
        karyotype,
        certainty,
        np.full(K, certainty) if type_certainty is None else type_certainty,
        complete=lost <= MOST_LOST and bool(karyotype.sex),
        warnings=tuple(warnings),
    )


def call_reading(reading: CellReading) -> CellCall:
    """Call a cell by its reading."""
    return call_cell(
        reading.karyotype,
        reading.counts_certainty,
        reading.type_certainty,
        reading.unplaced,
    )


def call_case(cells: Sequence[CellCall]) -> CaseCall:
    """Call a case by the vote of its cells.

    1. Complete cells vote; if there are none, all do, and a warning says so.
    2. Counts are compared with 46,XX, or with 46,XY if a Y is clonal or shown by at
       least half of the votes, give or take `EVEN`.
    3. A cell votes for a change with its certainty of that type's count, and not at
       all below one half. A change is clonal if its votes sum to the number of cells
       that the rule asks for, less one half.
    4. Where a case has fewer cells than the rule asks for, a change that all of them
       show and vote for is named, and the call is provisional.
    5. Each cell goes to the clone that its clonal changes make. Other changes are
       left out of the text and told in a warning.

    Args:
        cells: Of one case, one or more.

    Raises:
        ValueError: No cells.
    """
    if not cells:
        raise ValueError("cells: expected one or more, got none.")
    voters = [cell for cell in cells if cell.complete] or list(cells)
    counts = np.array([cell.karyotype.counts for cell in voters])
    certainty = np.array([cell.type_certainty for cell in voters])
    votes = np.where(certainty >= 0.5, certainty, 0.0)
    normal = Karyotype.of("XY" if _has_y(counts, votes) else "XX").counts
    clonal, provisional = _clonal_part(counts - normal, votes)
    kept = normal + clonal
    clones = Counter(Karyotype(tuple(row)) for row in kept.tolist())
    warnings = [STRUCTURE]
    if not any(cell.complete for cell in cells):
        warnings.append("no cell is complete")
    elif len(voters) < len(cells):
        silent = counted(len(cells) - len(voters), "incomplete cell")
        warnings.append(f"{silent} did not vote")
    if provisional:
        few = counted(len(voters), "cell", "is")
        warnings.append(f"provisional: {few} too few to call a change")
    warnings += _left_out(counts - kept)
    sure = _certainty(counts == kept, certainty)
    if sure < UNSURE:
        warnings.append(f"counts are unsure ({sure:.2f})")
    found = tuple(clones.most_common())
    text = mosaic_text(found)
    return CaseCall(found, text, sure, len(voters), provisional, tuple(warnings))


def _has_y(counts: np.ndarray, votes: np.ndarray) -> bool:
    with_y, without = (
        float(votes[shown, Y].sum()) for shown in (counts[:, Y] > 0, counts[:, Y] == 0)
    )
    if not with_y + without:
        return bool((counts[:, Y] > 0).mean() >= 0.5)
    return with_y >= without - EVEN or with_y >= GAIN_CELLS - 0.5


def _clonal_part(changes: np.ndarray, votes: np.ndarray) -> tuple[np.ndarray, bool]:
    """Each cell's changes (m, 24), less what is not clonal; and is it provisional?"""
    result, provisional = np.zeros_like(changes), False
    for sign, needed in ((1, GAIN_CELLS), (-1, LOSS_CELLS)):
        own = np.maximum(sign * changes, 0)
        for copies in range(1, int(own.max(initial=0)) + 1):
            shown = own >= copies
            firm = np.where(shown, votes, 0.0).sum(axis=0) >= needed - 0.5
            believed = (shown & (votes > 0)).all(axis=0)
            few = believed & (len(changes) < needed)
            result += sign * (shown & (firm | few))
            provisional |= bool((few & ~firm).any())
    return result, provisional


def _left_out(rest: np.ndarray) -> list[str]:
    """Changes (m, 24) that are in no clone, in words."""
    found = []
    for kind in np.flatnonzero(rest.any(axis=0)):
        for sign, mark in ((1, "+"), (-1, "-")):
            cells = int((sign * rest[:, kind] > 0).sum())
            if cells:
                found.append(
                    f"{mark}{TYPES[kind]} in {cells} of {counted(len(rest), 'cell')}: "
                    "not clonal, not called"
                )
    return found


def _certainty(agrees: np.ndarray, certainty: np.ndarray) -> float:
    """Of the least supported type, from cells (m, 24) that agree with the call or not.

    The share of the certainty that agrees, times the probability that not all of those
    that agree are wrong, cells taken as independent.
    """
    total = np.maximum(certainty.sum(axis=0), 1e-12)
    support = np.where(agrees, certainty, 0.0).sum(axis=0) / total
    wrong = np.where(agrees, 1 - certainty, 1.0).prod(axis=0)
    return float((support * (1 - wrong)).min())
