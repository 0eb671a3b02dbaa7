"""Labels that their cell as a whole contradicts.

Whoever labels a karyotype exchanges two chromosomes of like bands now and then, and one
that is put in the wrong place moves all the labels behind it by one. A cell that is
read as a whole tells both from the errors of the classifier more often than not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmscl.karyotype.assignment import NONE
from mmscl.karyotype.cells import Cell
from mmscl.karyotype.model import CellReading

#: Confidence within the cell from which a label is doubted.
SURE = 0.99
#: Labels of one cell, all one place beside what is read, that make a shift.
SHIFT_LENGTH = 4
SHIFTED, EXCHANGED, SINGLE = "shifted", "exchanged", "single"


class LabelDoubt(NamedTuple):
    """A crop whose label should be looked at.

    Attributes:
        row: Of the crop in the table.
        cell: Number of its cell.
        label: Class index that the table gives.
        read: Class index that is read, 0..23.
        confidence: How sure that is within the cell, 0..1.
        kind: 'shifted': one of at least `SHIFT_LENGTH` labels of the cell that are the
            same one place beside what is read, in the order 1..22, X, Y; 'exchanged':
            another crop of the cell has the label that this one is read as, and the
            other way round; else 'single'.
    """

    row: int
    cell: int
    label: int
    read: int
    confidence: float
    kind: str


def find_label_doubts(
    cells: Sequence[Cell],
    readings: Sequence[CellReading],
    labels: np.ndarray,
    sure: float = SURE,
) -> list[LabelDoubt]:
    """The labels that are contradicted with confidence, cell by cell.

    Args:
        cells: Of a table.
        readings: Of each.
        labels: Class indices of the table (B,).
        sure: Confidence from which on a label is doubted, 0..1.
    """
    found = []
    for number, (cell, reading) in enumerate(zip(cells, readings, strict=True)):
        given, read = labels[cell.rows], reading.types
        doubted = (given != read) & (read != NONE) & (reading.confidence >= sure)
        steps = np.where(doubted, given - read, 0)
        shifts = [step for step in (-1, 1) if (steps == step).sum() >= SHIFT_LENGTH]
        pairs = set(zip(given[doubted].tolist(), read[doubted].tolist(), strict=True))
        for place in np.flatnonzero(doubted).tolist():
            label, kind = int(given[place]), int(read[place])
            found.append(
                LabelDoubt(
                    int(cell.rows[place]),
                    number,
                    label,
                    kind,
                    float(reading.confidence[place]),
                    SHIFTED
                    if steps[place] in shifts
                    else EXCHANGED
                    if (kind, label) in pairs
                    else SINGLE,
                )
            )
    return found
