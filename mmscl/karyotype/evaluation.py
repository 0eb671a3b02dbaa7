"""Predictions of whole cells against the truth, read in three ways.

Each crop by itself, after Varifocal-Net's dispatch, and by the assignment of this
package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmscl.evaluation.paired import Difference, paired_differences
from mmscl.evaluation.predictions import Predictions
from mmscl.karyotype.calibration import calibration_error
from mmscl.karyotype.calls import (
    CaseCall,
    CellCall,
    call_case,
    call_cell,
    call_reading,
)
from mmscl.karyotype.cells import Cell, split_cells
from mmscl.karyotype.dispatch import dispatch
from mmscl.karyotype.fitting import read_cells, require_types
from mmscl.karyotype.iscn import Karyotype
from mmscl.karyotype.label_doubts import SHIFTED, LabelDoubt, find_label_doubts
from mmscl.karyotype.measures import (
    CallMeasures,
    Share,
    TypeMeasures,
    measure_calls,
    measure_types,
    without_losses,
)
from mmscl.karyotype.model import CellReading, KaryotypeModel
from mmscl.karyotype.review import RiskCoverage, risk_coverage

#: Ways to give types to the crops of a cell.
WAYS = ("single", "dispatch", "assignment")
_PAIRS = (("dispatch", "single"), ("assignment", "single"), ("assignment", "dispatch"))


@dataclass(frozen=True)
class Review:
    """What the review flag finds.

    Attributes:
        reviewed: Crops that are flagged.
        caught: Errors of the assignment that are among them, of all its errors.
        curve: Risk against coverage of the assigned types.
        calibration_errors: Expected calibration error (0..1) of the scores as they are
            ('scores'), calibrated ('calibrated'), and of the assigned types ('cell').
    """

    reviewed: Share
    caught: Share
    curve: RiskCoverage
    calibration_errors: dict[str, float]


@dataclass(frozen=True)
class Calls:
    """Called karyotypes of cells, or of cases, beside the true ones.

    Attributes:
        names: Of the cells or cases.
        truth: Of each; of a case by the same rules from its true cells.
        called: Way -> of each.
        measures: Way -> measures; cells whose truth is incomplete are left out.
        gains: The same for gains and sex chromosomes alone (`without_losses`).
    """

    names: list[str]
    truth: list
    called: dict[str, list]
    measures: dict[str, CallMeasures]
    gains: dict[str, CallMeasures]


@dataclass(frozen=True)
class Evaluation:
    """All that is measured on a table of cells of known types.

    Attributes:
        cells: The cells.
        readings: Of each cell.
        types: Way -> class indices (n,) of the crops of each cell.
        type_measures: Way -> measures.
        unshifted_measures: The same without cells whose labels are shifted; empty if
            there are none.
        cell_calls: Of each cell (`CellCall`).
        case_calls: Of each case (`CaseCall`); None where the table names no cases.
        review: Of the assignment.
        differences: (way, other way) -> difference in accuracy over images.
        label_doubts: Labels that their cell contradicts.
    """

    cells: list[Cell]
    readings: list[CellReading]
    types: dict[str, list[np.ndarray]]
    type_measures: dict[str, TypeMeasures]
    unshifted_measures: dict[str, TypeMeasures]
    cell_calls: Calls
    case_calls: Calls | None
    review: Review
    differences: dict[tuple[str, str], Difference]
    label_doubts: list[LabelDoubt]


def evaluate(
    table: Predictions,
    model: KaryotypeModel,
    sizes: np.ndarray | None = None,
    resamples: int = 10_000,
) -> Evaluation:
    """Read all cells of a table and compare with the truth.

    Args:
        table: B crops of cells of known types; the case may be empty in all rows, which
            leaves out what is of cases.
        model: Fitted on other cases.
        sizes: Of the crops (B, 2); needed if the model uses size.
        resamples: Of the bootstrap over cases.

    Raises:
        PredictionTableError: The table is no table of cells, or has crops of unknown
            type.
        ValueError: Sizes are needed and not given.
    """
    cells = split_cells(table)
    require_types(table)
    readings = read_cells(table, cells, model, sizes)
    scores = [table.scores[cell.rows] for cell in cells]
    labels = [table.labels[cell.rows] for cell in cells]
    types = dict(
        single=[one.argmax(axis=1) for one in scores],
        dispatch=[dispatch(one).types for one in scores],
        assignment=[one.types for one in readings],
    )
    right = {way: _right(types[way], labels) for way in WAYS}
    doubts = find_label_doubts(cells, readings, table.labels)
    found = _call_cells(cells, labels, types, readings)
    return Evaluation(
        cells,
        readings,
        types,
        {way: measure_types(right[way]) for way in WAYS},
        _unshifted(right, doubts),
        found,
        _call_cases(cells, found),
        _review(scores, labels, readings),
        _differences(table, cells, types, resamples),
        doubts,
    )


def _unshifted(
    right: dict[str, list[np.ndarray]], doubts: list[LabelDoubt]
) -> dict[str, TypeMeasures]:
    shifted = {doubt.cell for doubt in doubts if doubt.kind == SHIFTED}
    kept = [i for i in range(len(right["single"])) if i not in shifted]
    if not shifted or not kept:
        return {}
    return {way: measure_types([right[way][i] for i in kept]) for way in WAYS}


def _right(types: list[np.ndarray], labels: list[np.ndarray]) -> list[np.ndarray]:
    return [a == b for a, b in zip(types, labels, strict=True)]


def _call_cells(
    cells: list[Cell],
    labels: list[np.ndarray],
    types: dict[str, list[np.ndarray]],
    readings: list[CellReading],
) -> Calls:
    truth = [call_cell(Karyotype.of_types(one)) for one in labels]
    called = {
        way: [call_cell(Karyotype.of_types(one)) for one in types[way]] for way in WAYS
    }
    called["assignment"] = [call_reading(one) for one in readings]
    whole = [number for number, one in enumerate(truth) if one.complete]
    return Calls(
        [cell.cell for cell in cells],
        truth,
        called,
        *_measure(
            [{truth[i].karyotype} for i in whole],
            {way: [{called[way][i].karyotype} for i in whole] for way in WAYS},
        ),
    )


def _call_cases(cells: list[Cell], found: Calls) -> Calls | None:
    grouped: dict[str, list[int]] = {}
    for number, cell in enumerate(cells):
        grouped.setdefault(cell.case, []).append(number)
    if "" in grouped:
        return None

    def vote(calls: list[CellCall]) -> list[CaseCall]:
        return [call_case([calls[i] for i in rows]) for rows in grouped.values()]

    truth = vote(found.truth)
    called = {way: vote(found.called[way]) for way in WAYS}
    return Calls(
        list(grouped),
        truth,
        called,
        *_measure(
            [one.karyotypes for one in truth],
            {way: [one.karyotypes for one in called[way]] for way in WAYS},
        ),
    )


_Sets = Sequence[set[Karyotype] | frozenset[Karyotype]]


def _measure(
    truth: _Sets, called: dict[str, _Sets]
) -> tuple[dict[str, CallMeasures], dict[str, CallMeasures]]:
    """Measures of all changes, and of those but lost autosomes, by way."""

    def kept(sets: _Sets) -> _Sets:
        return [set(map(without_losses, one)) for one in sets]

    return (
        {way: measure_calls(truth, called[way]) for way in WAYS},
        {way: measure_calls(kept(truth), kept(called[way])) for way in WAYS},
    )


def _review(
    scores: list[np.ndarray], labels: list[np.ndarray], readings: list[CellReading]
) -> Review:
    truth = np.concatenate(labels)
    confidence = np.concatenate([one.confidence for one in readings])
    flagged = np.concatenate([one.review for one in readings])
    right = np.concatenate([one.types for one in readings]) == truth
    errors = {}
    for name, parts in (
        ("scores", scores),
        ("calibrated", [one.single for one in readings]),
    ):
        values = np.concatenate(parts)
        hits = values.argmax(axis=1) == truth
        errors[name] = calibration_error(values.max(axis=1), hits)
    errors["cell"] = calibration_error(confidence, right)
    return Review(
        Share.of(flagged),
        Share.of(flagged[~right]),
        risk_coverage(confidence, right),
        errors,
    )


def _differences(
    table: Predictions,
    cells: list[Cell],
    types: dict[str, list[np.ndarray]],
    resamples: int,
) -> dict[tuple[str, str], Difference]:
    ordered = table.take(np.concatenate([cell.rows for cell in cells]))
    tables = {
        way: [replace(ordered, predicted=np.concatenate(types[way]))] for way in WAYS
    }
    return {
        (ours, theirs): paired_differences(
            tables[ours], tables[theirs], resamples, measures=["accuracy"]
        )["accuracy"]
        for ours, theirs in _PAIRS
    }
