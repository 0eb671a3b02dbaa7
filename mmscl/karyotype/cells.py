"""The cells of a prediction table, and the checks that their probabilities pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.predictions import Predictions, PredictionTableError

#: By how much the probabilities of a crop may miss a sum of one: float32 of 24 values.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Cell:
    """Where one cell stands in a prediction table.

    Attributes:
        case: Its case; '' where the table names none.
        cell: Its name in the table.
        rows: Rows of its crops in the table, int64 (n,).
    """

    case: str
    cell: str
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def split_cells(table: Predictions, one_cell: bool = False) -> list[Cell]:
    """The cells of a table, in the order in which they first appear.

    Crops belong together if they share both `case` and `cell`. The probabilities of
    the whole table are checked on the way.

    Args:
        table: B >= 1 crops over the 24 types.
        one_cell: All crops are of one cell, whatever the columns say.

    Raises:
        PredictionTableError: There are no crops; the types are not the 24; a crop has
            no cell; case is given for some crops only; the probabilities of a crop are
            none (:func:`check_probabilities`).
    """
    if table.types != TYPES:
        missing = [name for name in TYPES if name not in table.types]
        raise PredictionTableError(
            "a karyotype needs scores of the 24 types in the order 1 .. 22, X, Y, but "
            f"the table has {len(table.types)}"
            + (f" without {', '.join(missing)}." if missing else " in another order.")
        )
    check_probabilities(table.scores, table.path)
    if one_cell:
        return [Cell(str(table.case[0]), str(table.cell[0]), np.arange(len(table)))]
    _check_names(table)
    return [
        Cell(str(table.case[rows[0]]), str(table.cell[rows[0]]), rows)
        for rows in rows_by_cell(table.case, table.cell)
    ]


def check_probabilities(
    probabilities: np.ndarray, names: Sequence[str] | np.ndarray | None = None
) -> np.ndarray:
    """The same as float64, each row summing to one exactly.

    Args:
        probabilities: (n, 24), n >= 1, in 0..1; rows sum to one within
            `SUM_TOLERANCE`.
        names: Of the crops (n,), for messages; None counts them.

    Raises:
        PredictionTableError: Another shape, no rows, or a row that is no distribution.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(TYPES) or not len(values):
        raise PredictionTableError(
            f"expected the probabilities of one crop or more, shape (n, {len(TYPES)}), "
            f"got {values.shape}."
        )
    sums = values.sum(axis=1)
    with np.errstate(invalid="ignore"):
        good = (values >= 0).all(axis=1) & (abs(sums - 1) <= SUM_TOLERANCE)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        name = f"crop {row}" if names is None else str(names[row])
        found = (
            "a value that is not a number"
            if not np.isfinite(values[row]).all()
            else f"a value of {values[row].min():.3g}"
            if values[row].min() < 0
            else f"a sum of {sums[row]:.4g}"
        )
        raise PredictionTableError(
            f"{name}: its scores are no probabilities (>= 0, summing to one) but have "
            f"{found} ({int((~good).sum())} of {len(good)} crops). The karyotype needs "
            "the softmax scores of a model that has not diverged."
        )
    return values / sums[:, None]


def _check_names(table: Predictions) -> None:
    empty = table.cell == ""
    if empty.any():
        raise PredictionTableError(
            f"{table.path[empty][0]}: its cell is not known ({empty.sum()} of "
            f"{len(empty)} crops). A karyotype is of one cell: fill in the column cell "
            "of the manifest and predict again; if all crops are of one cell, say so "
            "(one_cell=True)."
        )
    unknown = table.case == ""
    if unknown.any() and not unknown.all():
        raise PredictionTableError(
            f"{table.path[unknown][0]}: its case is not known, while "
            f"{int((~unknown).sum())} of {len(unknown)} crops have one. Give all crops "
            "their case, or none."
        )
