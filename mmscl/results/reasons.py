"""What is told of a crop, a cell and a case beside their types: reasons, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mmscl.karyotype.calls import LOSS_CELLS, CaseCall, CellCall
from mmscl.karyotype.model import CellReading
from mmscl.karyotype.prior import K
from mmscl.results.names import TYPE_NAMES
from mmscl.results.rows import CellRow
from mmscl.wording import counted

#: Chromosomes of a cell; crops beside it that are no reason for a word.
USUAL, LEEWAY = 46, 4
#: Crops below which the counts of a cell say little.
FEW_CROPS = 10
#: Crops above which a folder is hardly one cell.
MANY_CROPS = 60
#: Share of crops for review above which the reading as a whole is doubtful.
MANY_TO_REVIEW = 0.2
#: A crop this many times as long as its cell's median one: chromosome 1 has about 2.
MUCH_LONGER = 4.0


def why_review(
    reading: CellReading, below: float, lengths: np.ndarray
) -> list[list[str]]:
    """Reasons to look at each crop of a cell twice; [] where there is none.

    Args:
        reading: Of the cell.
        below: Confidence under which the model asks for a review.
        lengths: Of the crops in pixels (n,); 0 where not known.
    """
    longest = MUCH_LONGER * np.median(lengths)
    found = []
    for row, kind in enumerate(reading.types.tolist()):
        best, second = int(reading.single[row].argmax()), int(reading.second[row])
        reasons = []
        if lengths[row] > longest > 0:
            reasons.append("far longer than the others of its cell: one chromosome?")
        if kind == K:
            reasons.append("none of the 24 types")
        elif reading.confidence[row] < below:
            other = TYPE_NAMES[second] or "none of the types"
            reasons.append(f"unsure between {TYPE_NAMES[kind]} and {other}")
        if (reasons or reading.review[row]) and best != kind:
            score = reading.single[row, best]
            reasons.append(f"by itself it looks like {TYPE_NAMES[best]} ({score:.2f})")
        found.append(reasons)
    return found


def cell_warnings(call: CellCall, crops: int, review: int, left_out: int) -> list[str]:
    """Warnings of a cell.

    Args:
        call: Its counts.
        crops: How many were read.
        review: How many of them are for review.
        left_out: Its files that could not be read.
    """
    warnings = []
    if crops < FEW_CROPS:
        warnings.append(
            f"{counted(crops, 'crop')}: too few for the cell to say much of each "
            "chromosome"
        )
    elif crops > MANY_CROPS:
        warnings.append(f"{crops} crops: more than one cell, or pieces?")
    elif abs(crops - USUAL) > LEEWAY:
        warnings.append(f"{crops} crops: far from {USUAL}")
    if left_out:
        warnings.append(f"{counted(left_out, 'file')} of it left out")
    if review > MANY_TO_REVIEW * crops:
        warnings.append(f"to look at twice: {review} of {counted(crops, 'crop')}")
    return warnings + list(call.warnings)


def case_warnings(call: CaseCall, cells: Sequence[CellRow]) -> list[str]:
    """Warnings of a case, beside those of its call.

    Args:
        call: Of the case.
        cells: Its cells.
    """
    warnings = []
    if len(cells) < LOSS_CELLS:
        warnings.append(
            f"{counted(len(cells), 'cell')} read: a gain needs two cells that show "
            f"it, a loss {LOSS_CELLS}; a laboratory counts 20"
        )
    shown = {cell.karyotype for cell in cells}
    if len(shown) > 1:
        warnings.append(f"the cells disagree: {len(shown)} karyotypes among them")
    odd = sum(abs(cell.crops - USUAL) > LEEWAY for cell in cells)
    if odd:
        warnings.append(
            f"far from {USUAL} crops: {odd} of {counted(len(cells), 'cell')}"
        )
    crops, review = (
        sum(values)
        for values in zip(*((c.crops, c.needs_review) for c in cells), strict=True)
    )
    if review > MANY_TO_REVIEW * crops:
        warnings.append(f"to look at twice: {review} of {counted(crops, 'crop')}")
    return warnings + list(call.warnings)


def votes_of(cells: Sequence[CellRow]) -> str:
    """What the cells of a case are, the commonest first: '46,XX: 3 | 45,X: 1'."""
    counted = Counter(cell.karyotype for cell in cells).most_common()
    return " | ".join(f"{text}: {number}" for text, number in counted)
