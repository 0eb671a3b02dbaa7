"""What tools/test.py measured, as numbers for a record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmscl.evaluation.intervals import case_shares, mean_interval, wilson_interval
from mmscl.evaluation.measures import confusion_matrix, precision_recall_f1
from mmscl.evaluation.predictions import Predictions, PredictionTableError
from mmscl.evaluation.tables import read_labelled_table
from mmscl.testing import MEASURES

#: The set of held-out cases, as tools/test.py names it.
INTERNAL = "internal"
#: Pairs of types that a record lists for each set.
_CONFUSIONS = 12


class Tested(NamedTuple):
    """One test set.

    Attributes:
        file: Its prediction table.
        table: The images whose type is known.
        measures: Of `MEASURES`, in %, as measured.
    """

    file: Path
    table: Predictions
    measures: dict[str, float]


def read_results(folder: str | Path) -> dict[str, Tested]:
    """The sets that tools/test.py wrote to a folder, the internal one first.

    Args:
        folder: With metrics.json and <set>/predictions.csv.

    Raises:
        FileNotFoundError: There is no such folder, metrics.json or table.
        PredictionTableError: No set is called internal; metrics.json is no such file;
            a table and metrics.json are of different tests.
    """
    metrics = Path(folder) / "metrics.json"
    if not metrics.is_file():
        raise FileNotFoundError(
            f"{metrics}: no such file; give the folder of tools/test.py --external, "
            "such as work_dirs/scl/resnet10t_pki3/test"
        )
    try:
        found = json.loads(metrics.read_text("utf-8"))
        sets = {
            name: {key: float(row[key]) for key in MEASURES if key in row}
            for name, row in found.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise PredictionTableError(
            f"{metrics}: expected set -> measure -> number, as tools/test.py writes "
            f"it; {error}"
        ) from error
    if INTERNAL not in sets:
        raise PredictionTableError(
            f"{metrics}: no set is called {INTERNAL!r} (there are: {', '.join(sets)}); "
            "test on the config's own test split"
        )
    names = sorted(sets, key=lambda name: name != INTERNAL)
    return {name: _read_set(metrics.parent, name, sets[name]) for name in names}


def describe_set(name: str, tested: Tested) -> dict[str, Any]:
    """Counts, measures, recall by type and confusions of one set, for JSON.

    Shares are in %, rounded to two decimals. Intervals are of 95 %: of a type's recall
    Wilson's, which takes its images for independent; of the accuracy Student's over
    cases, of the mean of the cases' accuracies.
    """
    table = tested.table
    confusion = confusion_matrix(table.labels, table.predicted, len(table.types))
    return dict(
        images=len(table),
        cases=count_named(table.case),
        cells=count_named(table.cell, table.case),
        sites=sorted(set(table.site.tolist()) - {""}) or [name] * (name != INTERNAL),
        measures={
            name: round(value, 2)
            for name, value in tested.measures.items()
            if np.isfinite(value)
        },
        case_accuracy=_case_accuracy(table),
        types=_recall_by_type(table.types, confusion),
        confusions=_confusions(table.types, confusion),
    )


def absolute(paths: np.ndarray) -> list[str]:
    """Paths of images, comparable whatever folder they start from."""
    return [os.path.abspath(path) for path in paths]


def count_named(names: np.ndarray, within: np.ndarray | None = None) -> int:
    """Distinct names that are not empty.

    Args:
        names: One an image (B,).
        within: What a name is unique in, one an image (B,); cells of two cases may
            share theirs.
    """
    outer = names if within is None else within
    known = names != ""
    return len(set(zip(outer[known].tolist(), names[known].tolist(), strict=True)))


def _read_set(folder: Path, name: str, measures: dict[str, float]) -> Tested:
    file = folder / name / "predictions.csv"
    table = read_labelled_table(file)
    confusion = confusion_matrix(table.labels, table.predicted, len(table.types))
    own = dict(
        accuracy=100 * float((table.labels == table.predicted).mean()),
        recall=100 * float(np.nanmean(precision_recall_f1(confusion)[1])),
    )
    for key, value in own.items():
        if abs(value - measures.get(key, np.nan)) > 0.005 or key not in measures:
            raise PredictionTableError(
                f"{file}: its {key} is {value:.2f} %, but metrics.json beside it says "
                f"{measures.get(key, 'nothing')}: they are of different tests. Test "
                "again, all sets in one call"
            )
    return Tested(file, table, measures)


def _case_accuracy(table: Predictions) -> dict[str, float] | None:
    """Mean over cases with its interval; None where fewer than two are known."""
    values = 100 * case_shares(table.labels == table.predicted, table.case)
    if len(values) < 2:
        return None
    mean, low, high = mean_interval(values)
    return dict(mean=round(mean, 2), low=round(low, 2), high=round(min(high, 100), 2))


def _recall_by_type(
    types: tuple[str, ...], confusion: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Type -> images, recall, low and high; types without images are left out."""
    hits, images = np.diag(confusion), confusion.sum(axis=1)
    low, high = wilson_interval(hits, images)
    return {
        name: dict(
            images=int(images[n]),
            recall=round(100 * float(hits[n] / images[n]), 2),
            low=round(100 * float(low[n]), 2),
            high=round(100 * float(high[n]), 2),
        )
        for n, name in enumerate(types)
        if images[n]
    }


def _confusions(types: tuple[str, ...], confusion: np.ndarray) -> list[dict[str, Any]]:
    """The pairs of types with the most images that were called wrongly."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    cells = [divmod(int(cell), len(types)) for cell in order]
    return [
        dict(
            true=types[t],
            called=types[c],
            images=int(wrong[t, c]),
            of=int(confusion[t].sum()),
        )
        for t, c in cells
        if wrong[t, c]
    ]
