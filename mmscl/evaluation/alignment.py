"""Prediction tables of the same images, brought into one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmscl.evaluation.predictions import Predictions, PredictionTableError


def align(tables: Sequence[Predictions]) -> list[Predictions]:
    """The same tables with their rows in one order, that of the paths.

    Raises:
        PredictionTableError: They hold different images, types or cases, an image
            twice, or an image of unknown type.
    """
    ordered = [_sort_rows(table) for table in tables]
    first = ordered[0]
    if (first.labels < 0).any():
        path = first.path[first.labels < 0][0]
        raise PredictionTableError(
            f"{path}: its true type is not known; predictions can be compared only "
            "where it is."
        )
    for other in ordered[1:]:
        _check_images(first.path, other.path)
        if first.types != other.types:
            raise PredictionTableError(
                f"the tables are of different types: {first.types} and {other.types}."
            )
        for name in ("labels", "case"):
            differ = getattr(first, name) != getattr(other, name)
            if differ.any():
                raise PredictionTableError(
                    f"{first.path[differ][0]}: the tables give it different "
                    f"{'types' if name == 'labels' else 'cases'}: the data changed "
                    "between the tests; test both again."
                )
    return ordered


def _sort_rows(table: Predictions) -> Predictions:
    order = np.argsort(table.path, kind="stable")
    path = table.path[order]
    twice = path[1:][path[1:] == path[:-1]]
    if len(twice):
        raise PredictionTableError(f"{twice[0]}: twice in one prediction table.")
    return table.take(order)


def _check_images(first: np.ndarray, second: np.ndarray) -> None:
    """Two sorted arrays of paths must be equal."""
    only = [np.setdiff1d(first, second), np.setdiff1d(second, first)]
    if len(only[0]) or len(only[1]):
        told = "; ".join(
            f"{len(paths)} in the {which} alone, such as {paths[0]}"
            for paths, which in zip(only, ("first", "second"), strict=True)
            if len(paths)
        )
        raise PredictionTableError(
            f"the prediction tables hold different images: {told}. Only tests of the "
            "same images can be paired."
        )
