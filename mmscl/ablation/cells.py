"""What whole cells make of the predictions of an ablation: the paper's Table 2."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation import Predictions
from mmscl.evaluation.intervals import case_shares
from mmscl.karyotype import assign, dispatch, split_cells

#: In the order shown.
CELL_MEASURES = (
    "accuracy per case",
    "per image, dispatch",
    "per case, dispatch",
    "per image, assignment",
    "per case, assignment",
)


def measure_cells(table: Predictions) -> dict[str, float]:
    """Accuracy in % per case, and after dispatch and assignment over each cell.

    The assignment has the default prior and takes the scores as they are: nothing is
    fitted, so that all arms are treated alike. Per case: mean over the cases of the
    share of a case's images that are right.

    Args:
        table: Of the 24 types, with true types.

    Returns:
        The values of `CELL_MEASURES`; {} of a table that does not tell its cells.
    """
    known = (table.case != "").all() and (table.cell != "").all()
    if table.types != TYPES or not known or not len(table):
        return {}
    ways = [table.predicted, _of_cells(table, lambda p: dispatch(p).types)]
    ways.append(_of_cells(table, lambda p: assign(p).types))
    each, dispatched, assigned = (types == table.labels for types in ways)
    values = (
        case_shares(each, table.case).mean(),
        dispatched.mean(),
        case_shares(dispatched, table.case).mean(),
        assigned.mean(),
        case_shares(assigned, table.case).mean(),
    )
    return {n: 100 * float(v) for n, v in zip(CELL_MEASURES, values, strict=True)}


def cell_values(tables: Iterable[Predictions]) -> dict[str, list[float]]:
    """Measure -> one value a seed, of the tables of one config, arm and set."""
    found = [measure_cells(table) for table in tables]
    return {m: [one[m] for one in found if one] for m in CELL_MEASURES}


def _of_cells(
    table: Predictions, types_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    types = np.empty(len(table), np.int64)
    for cell in split_cells(table):
        types[cell.rows] = types_of(table.scores[cell.rows])
    return types
