"""Predictions and crops -> results: cells read, pictures made, cases called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmscl.evaluation.predictions import Predictions
from mmscl.karyotype import (
    NONE,
    Cell,
    CellCall,
    CellReading,
    KaryotypeModel,
    call_case,
    call_reading,
    measure_sizes,
    split_cells,
)
from mmscl.progress import tracked
from mmscl.results.karyotype_results import KaryotypeResults
from mmscl.results.look_alikes import SURE, find_look_alikes, nearest_prototypes
from mmscl.results.names import TYPE_NAMES, file_names
from mmscl.results.reasons import case_warnings, cell_warnings, votes_of, why_review
from mmscl.results.rows import CaseRow, CellRow, CropRow
from mmscl.visualization.display_crop import DisplayCrop, display_crop


@dataclass(frozen=True)
class Predicted:
    """B crops that were predicted, and what is needed to show them.

    Attributes:
        table: Their predictions, each with its case and cell.
        names: Their paths as they are told (B,).
        images: Their grey levels, H x W uint8 each (B,).
        embeddings: (B, D).
        prototypes: Mean embedding of each type in the training (24, D), unit length;
            None where they are not known.
        left_out: (case, cell) of each crop that could not be read.
    """

    table: Predictions
    names: Sequence[str]
    images: Sequence[np.ndarray]
    embeddings: np.ndarray
    prototypes: np.ndarray | None = None
    left_out: Sequence[tuple[str, str]] = ()


def read_results(
    predicted: Predicted,
    model: KaryotypeModel,
    run: Mapping[str, Any],
    progress: bool = False,
) -> KaryotypeResults:
    """Read each cell as a whole, call its case, and make the pictures.

    Args:
        predicted: The crops. Their order stays; those of a cell need not be together.
        model: Of the karyotype.
        run: What is known of the run, for run.json.
        progress: Show how far it is.

    Raises:
        PredictionTableError: As :func:`mmscl.karyotype.split_cells`.
    """
    cells = split_cells(predicted.table)
    names = file_names((cell.case, cell.cell) for cell in cells)
    lost = Counter(predicted.left_out)
    crops: list[CropRow | None] = [None] * len(predicted.table)
    pictures: list[Any] = [None] * len(crops)
    rows, calls = [], []
    for cell, name in zip(
        tracked(cells, "Reading cells", len(cells), progress), names, strict=True
    ):
        reading = _read(cell, predicted, model)
        shown = _show(cell, reading, predicted)
        made = _crop_rows(cell, reading, shown, predicted, model)
        for row, crop, picture in zip(cell.rows.tolist(), made, shown, strict=True):
            crops[row], pictures[row] = crop, picture.image
        calls.append(call_reading(reading))
        left_out = lost[cell.case, cell.cell]
        rows.append(_cell_row(cell, reading, calls[-1], made, name, left_out))
    done = tuple(crop for crop in crops if crop is not None)
    return KaryotypeResults(
        _with_look_alikes(done, predicted),
        tuple(rows),
        tuple(_case_rows(rows, calls)),
        run,
        pictures,
    )


def _read(cell: Cell, predicted: Predicted, model: KaryotypeModel) -> CellReading:
    sizes = None
    if model.uses_sizes:
        sizes = measure_sizes(predicted.images[row] for row in cell.rows.tolist())
    return model.read(predicted.table.scores[cell.rows], sizes)


def _polarities(predicted: Predicted, rows: np.ndarray) -> list[tuple[str, Any]]:
    """('up' or 'down', how sure) of some crops; ('', None) where it is not known."""
    up = predicted.table.polarity
    if up is None:
        return [("", None)] * len(rows)
    values = [float(value) for value in up[rows]]
    return [
        ("", None) if np.isnan(p) else ("up" if p >= 0.5 else "down", max(p, 1 - p))
        for p in values
    ]


def _show(cell: Cell, reading: CellReading, predicted: Predicted) -> list[DisplayCrop]:
    polarities = _polarities(predicted, cell.rows)
    return [
        display_crop(predicted.images[row], TYPE_NAMES[kind], polarity)
        for row, kind, (polarity, _) in zip(
            cell.rows.tolist(), reading.types.tolist(), polarities, strict=True
        )
    ]


def _crop_rows(
    cell: Cell,
    reading: CellReading,
    shown: list[DisplayCrop],
    predicted: Predicted,
    model: KaryotypeModel,
) -> list[CropRow]:
    table = predicted.table
    lengths = np.array([one.length for one in shown])
    total = lengths.sum()
    reasons = why_review(reading, model.review_below, lengths)
    polarities = _polarities(predicted, cell.rows)
    made = []
    for place, row in enumerate(cell.rows.tolist()):
        best = int(reading.single[place].argmax())
        one, length = shown[place], float(lengths[place])
        made.append(
            CropRow(
                crop=row,
                path=predicted.names[row],
                case=cell.case,
                cell=cell.cell,
                site=str(table.site[row]),
                type=TYPE_NAMES[table.labels[row]],
                best=TYPE_NAMES[best],
                best_score=float(reading.single[place, best]),
                assigned=TYPE_NAMES[reading.types[place]],
                second=TYPE_NAMES[reading.second[place]],
                confidence=float(reading.confidence[place]),
                polarity=polarities[place][0],
                polarity_score=polarities[place][1],
                needs_review=bool(reading.review[place] or reasons[place]),
                why="; ".join(reasons[place]),
                length=length / float(total) if length else None,
                centromere_index=one.centromere_index,
                length_px=length or None,
                centromere_row=one.centromere,
            )
        )
    return made


def _cell_row(
    cell: Cell,
    reading: CellReading,
    call: CellCall,
    crops: list[CropRow],
    name: str,
    left_out: int,
) -> CellRow:
    review = sum(crop.needs_review for crop in crops)
    return CellRow(
        case=cell.case,
        cell=cell.cell,
        crops=len(crops),
        left_out=left_out,
        placed=len(crops) - reading.unplaced,
        unplaced=reading.unplaced,
        karyotype=call.karyotype.text,
        certainty=float(call.certainty),
        needs_review=review,
        warnings="; ".join(cell_warnings(call, len(crops), review, left_out)),
        karyogram=name,
    )


def _case_rows(cells: list[CellRow], calls: list[CellCall]) -> list[CaseRow]:
    rows = []
    for case in dict.fromkeys(cell.case for cell in cells):
        own = [place for place, cell in enumerate(cells) if cell.case == case]
        call, of_case = call_case([calls[p] for p in own]), [cells[p] for p in own]
        rows.append(
            CaseRow(
                case=case,
                cells=len(own),
                karyotype=call.text,
                votes=votes_of(of_case),
                certainty=float(call.certainty),
                warnings="; ".join(case_warnings(call, of_case)),
            )
        )
    return rows


def _with_look_alikes(
    crops: tuple[CropRow, ...], predicted: Predicted
) -> tuple[CropRow, ...]:
    """The same with their nearest prototypes and, for review, their look-alikes."""
    index = {name: kind for kind, name in enumerate(TYPE_NAMES)}
    types = np.array([index[crop.assigned] for crop in crops])
    asked = np.flatnonzero([crop.needs_review for crop in crops])
    candidates = np.array(
        [
            [index[crops[row].assigned or crops[row].best], index[crops[row].second]]
            for row in asked
        ]
    ).reshape(-1, 2)
    # A crop that is none of the types has its best one for second, as often as not.
    candidates[candidates[:, 0] == candidates[:, 1], 1] = NONE
    sure = np.array([c.confidence >= SURE and not c.needs_review for c in crops])
    alike = find_look_alikes(predicted.embeddings, asked, candidates, types, sure)
    found = dict(zip(asked.tolist(), alike, strict=True))
    nearest = [""] * len(crops)
    if predicted.prototypes is not None:
        nearest = nearest_prototypes(predicted.embeddings, predicted.prototypes)
    return tuple(
        replace(
            crop,
            prototypes=nearest[row],
            look_alikes=" ".join(map(str, found.get(row, ()))),
        )
        for row, crop in enumerate(crops)
    )
