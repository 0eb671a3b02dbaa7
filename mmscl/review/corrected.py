"""Rows of results as they are after the review: crops, cells and cases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.karyotype import CellCall, Karyotype, call_case, call_cell
from mmscl.results import CaseRow, CellRow, CropRow
from mmscl.results.reasons import case_warnings, cell_warnings, votes_of
from mmscl.review.state import CellState, CropState
from mmscl.review.steps import REJECTED

_OTHER = {"up": "down", "down": "up", "": "down"}


def corrected_crop(crop: CropState, done: bool = False) -> CropRow:
    """The row of a crop as it stands.

    What a person placed or confirmed is certain (confidence 1). Where the polarity was
    not known the crop is shown as its file is, so one that a person turned is 'down'.

    Args:
        crop: As it stands.
        done: Its cell is done: nothing is left to review. One that nobody placed or
            confirmed keeps its confidence.
    """
    row, moved = crop.row, crop.place != crop.row.assigned
    row = replace(row, needs_review=crop.open and not done, why=_why(crop, done))
    if moved:
        row = replace(row, assigned="" if crop.place == REJECTED else crop.place)
    if moved or crop.check == "1":
        row = replace(row, confidence=1.0)
    if crop.flip == "1":
        row = replace(row, polarity=_OTHER[row.polarity], polarity_score=1.0)
    return row


def _why(crop: CropState, done: bool) -> str:
    """What a person did with a crop, and why to look at it if that is still open."""
    was = crop.row.assigned or "not placed"
    reasons = []
    if crop.place == REJECTED:
        reasons.append(f"rejected by hand (was {was})")
    elif crop.place != crop.row.assigned:
        reasons.append(f"placed by hand (was {was})")
    elif crop.check == "1":
        reasons.append("confirmed by hand")
    elif crop.open and done:
        reasons.append("not confirmed, but its cell is marked as done")
    if crop.flip == "1":
        reasons.append("turned by hand")
    if crop.open or not reasons:
        reasons.append(crop.row.why)
    return "; ".join(filter(None, reasons))


def karyotype_of(cell: CellState) -> Karyotype:
    """Its counts as they stand."""
    placed = Counter(crop.place for crop in cell.crops.values())
    return Karyotype(tuple(placed[name] for name in TYPES))


def call_of(cell: CellState) -> CellCall:
    """What a cell is called as it stands.

    All counts of a cell that is done are certain. Otherwise a count is as certain as
    the crops that are of its type, or have it as the next best, are together; crops
    that a person placed or ticked off are certain.
    """
    unplaced = sum(crop.place == "" for crop in cell.crops.values())
    if cell.done == "1":
        return call_cell(karyotype_of(cell), unplaced=unplaced)
    as_read = [
        crop.row
        for crop in cell.crops.values()
        if crop.place == crop.row.assigned and crop.check == "0"
    ]
    certainty = np.ones(len(TYPES))
    for row in as_read:
        for name in {row.assigned, row.second} & set(TYPES):
            certainty[TYPES.index(name)] *= row.confidence
    whole = math.prod(row.confidence for row in as_read)
    if not cell.replaced:
        whole = max(whole, cell.row.certainty)
    return call_cell(karyotype_of(cell), whole, certainty, unplaced)


def corrected_cell(cell: CellState) -> CellRow:
    """The row of a cell as it stands; as it was read if nobody changed its counts."""
    places = [crop.place for crop in cell.crops.values()]
    rejected = places.count(REJECTED)
    row = replace(cell.row, needs_review=cell.open)
    if not cell.replaced and cell.done == "0":
        return row
    call = call_of(cell)
    warnings = cell_warnings(call, len(places) - rejected, cell.open, row.left_out)
    if rejected:
        warnings.append(f"rejected by hand: {rejected}")
    return replace(
        row,
        placed=len(places) - places.count("") - rejected,
        unplaced=places.count(""),
        karyotype=call.karyotype.text,
        certainty=call.certainty,
        warnings="; ".join(warnings),
    )


def corrected_case(cells: Sequence[CellState], row: CaseRow | None = None) -> CaseRow:
    """The row of a case, by the vote of its cells as they stand.

    Args:
        cells: One or more, of one case.
        row: As it was read; kept if nobody changed the counts of a cell or is done
            with one.
    """
    if row is not None and not any(c.replaced or c.done == "1" for c in cells):
        return row
    call = call_case([call_of(cell) for cell in cells])
    rows = [corrected_cell(cell) for cell in cells]
    return CaseRow(
        case=cells[0].row.case,
        cells=len(cells),
        karyotype=call.text,
        votes=votes_of(rows),
        certainty=call.certainty,
        warnings="; ".join(case_warnings(call, rows)),
    )
