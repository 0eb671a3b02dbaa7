"""Results -> karyograms of their cells."""

from __future__ import annotations

import math

from mmscl.karyotype.calls import STRUCTURE
from mmscl.results.karyotype_results import KaryotypeResults
from mmscl.results.names import case_and_cell
from mmscl.results.rows import CellRow, CropRow
from mmscl.visualization.karyogram import Karyogram, KaryogramCrop


def karyogram_of(
    results: KaryotypeResults,
    cell: CellRow,
    types: dict[int, str] | None = None,
    iscn: str | None = None,
) -> Karyogram:
    """The karyogram of a cell: homologues in the order of their confidence.

    Args:
        results: That the cell is of.
        cell: One of its cells.
        types: Number of a crop -> type, where it is to be drawn as another than
            assigned ('' is the tray); such a crop is not marked for review.
        iscn: Text in the place of the cell's karyotype.
    """
    corrected = types or {}
    crops = sorted(results.crops_of(cell), key=lambda crop: -crop.confidence)
    notes = [text for text in (cell.warnings, STRUCTURE) if text]
    notes.append(f"certainty of the counts: {cell.certainty:.2f}")
    return Karyogram(
        title=case_and_cell(cell.case, cell.cell),
        iscn=cell.karyotype if iscn is None else iscn,
        crops=[
            _drawn(results, crop, corrected.get(crop.crop, crop.assigned), corrected)
            for crop in crops
        ],
        notes=notes,
    )


def _drawn(
    results: KaryotypeResults, crop: CropRow, type: str, corrected: dict[int, str]
) -> KaryogramCrop:
    by_hand = crop.crop in corrected
    return KaryogramCrop(
        image=results.picture(crop),
        type=type,
        confidence=math.nan if by_hand else min(max(crop.confidence, 0.0), 1.0),
        review=crop.needs_review and not by_hand,
        label=str(crop.crop),
        centromere=crop.centromere_row,
        length=crop.length_px or 0.0,
    )
