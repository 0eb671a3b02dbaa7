"""The prediction table: what testing leaves for assignment, figures and reports.

A CSV with one row an image: path, case, cell, site, type (true; empty if unknown),
pred_type, polarity (where the model tells it), and a score for each type (score_1 ..
score_22, score_X, score_Y).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from mmscl.files import replaced

TEXT_COLUMNS = ("path", "case", "cell", "site", "type", "pred_type")
POLARITY = "polarity"
SCORE_PREFIX = "score_"


class PredictionTableError(ValueError):
    """A prediction table that cannot be read; the message has file, row, way out."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of B images over K types.

    Attributes:
        types: Names of the types, in the order of the class index: K strings.
        path, case, cell, site: Strings (B,), '' where not known.
        labels: True class index, int64 (B,); -1 where not known.
        predicted: Predicted class index, int64 (B,).
        scores: float32 (B, K).
        polarity: Probability that the short (p) arm is up in the file as it is,
            float32 (B,), 0..1; None where the model does not tell it.
    """

    types: tuple[str, ...]
    path: np.ndarray
    case: np.ndarray
    cell: np.ndarray
    site: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    polarity: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.path)

    def take(self, rows: np.ndarray) -> Predictions:
        """The images of some rows: a bool mask (B,) or indices."""
        columns = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "types"
        }
        chosen = {k: v[rows] for k, v in columns.items() if v is not None}
        return replace(self, **chosen)


def write_prediction_table(path: str | Path, predictions: Predictions) -> None:
    """Write the CSV; scores in the shortest form that reads back as the same float32.

    Args:
        path: The file; its folder is made. A table that is there is replaced whole.
    """
    names = (*predictions.types, "")  # place -1: unknown
    polarity = predictions.polarity
    optional = [] if polarity is None else [POLARITY]
    texts = [getattr(predictions, name) for name in ("path", "case", "cell", "site")]
    with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        scored = (SCORE_PREFIX + name for name in predictions.types)
        writer.writerow([*TEXT_COLUMNS, *optional, *scored])
        for row, scores in enumerate(predictions.scores.astype(np.float32)):
            writer.writerow(
                [
                    *(text[row] for text in texts),
                    names[predictions.labels[row]],
                    names[predictions.predicted[row]],
                    *([] if polarity is None else [str(np.float32(polarity[row]))]),
                    *map(str, scores),
                ]
            )


def read_prediction_table(path: str | Path) -> Predictions:
    """Read a table written by :func:`write_prediction_table`.

    Args:
        path: CSV; columns in any order, further ones are ignored. The types are
            those of the score columns, in their order.

    Raises:
        FileNotFoundError: There is no such file.
        PredictionTableError: A column is missing, a type has no score column, a score
            is not a number, a polarity not within 0..1, or there are no rows.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path}: no such prediction table. Testing writes it when "
            "`test_evaluator` has dict(type='PredictionTable', out_file=...)."
        )
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        types = _types_of(header, path)
        rows = list(reader)
    if not rows:
        raise PredictionTableError(f"{path}: the table has no rows.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise PredictionTableError(
                f"{path}, line {number}: expected {len(header)} values, got "
                f"{len(row)}: the file is cut off or was edited."
            )
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    index = {name: number for number, name in enumerate(types)}
    texts = {name: np.array(columns[name], dtype=str) for name in TEXT_COLUMNS[:4]}
    return Predictions(
        types,
        **texts,
        labels=_indices(columns["type"], {**index, "": -1}, "type", path),
        predicted=_indices(columns["pred_type"], index, "pred_type", path),
        scores=np.stack(
            [
                _numbers(columns[SCORE_PREFIX + t], SCORE_PREFIX + t, path)
                for t in types
            ],
            axis=1,
        ),
        polarity=_polarity(columns.get(POLARITY), path),
    )


def write_embeddings(
    path: str | Path,
    embeddings: np.ndarray,
    paths: Sequence[str],
    types: Sequence[str],
) -> None:
    """Write an npz with `embedding` float32 (B, D), `path` and `type` (B,)."""
    with replaced(path) as part, part.open("wb") as file:
        np.savez(
            file,
            embedding=np.asarray(embeddings, np.float32),
            path=np.asarray(paths, dtype=str),
            type=np.asarray(types, dtype=str),
        )


def read_embeddings(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read what :func:`write_embeddings` wrote: embedding (B, D), path, type (B,).

    Raises:
        FileNotFoundError: There is no such file.
        PredictionTableError: It is not an npz with these three arrays.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path}: no such file of embeddings. Testing writes it when "
            "`test_evaluator` has dict(type='PredictionTable', embeddings=True)."
        )
    try:
        with np.load(path, allow_pickle=False) as data:
            return data["embedding"], data["path"], data["type"]
    except (KeyError, ValueError, OSError, TypeError, AttributeError) as error:
        raise PredictionTableError(
            f"{path}: expected an npz with the arrays embedding, path and type, as "
            f"PredictionTable(embeddings=True) writes it; {error}"
        ) from error


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (n, D) scaled to length one; a zero stays zero."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)


def _types_of(header: list[str], path: str | Path) -> tuple[str, ...]:
    types = tuple(
        name[len(SCORE_PREFIX) :] for name in header if name.startswith(SCORE_PREFIX)
    )
    missing = [name for name in TEXT_COLUMNS if name not in header]
    if not types:
        missing.append(f"{SCORE_PREFIX}<type>")
    if missing:
        raise PredictionTableError(
            f"{path}: not a prediction table: the columns {', '.join(missing)} are "
            f"missing, there are {', '.join(header) or 'none'}."
        )
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise PredictionTableError(
            f"{path}: the columns {', '.join(sorted(repeated))} are there twice."
        )
    return types


def _indices(
    values: Sequence[str], index: dict[str, int], column: str, path: str | Path
) -> np.ndarray:
    for number, value in enumerate(values, 2):
        if value not in index:
            raise PredictionTableError(
                f"{path}, line {number}: {column} {value!r} has no column "
                f"{SCORE_PREFIX}{value}."
            )
    return np.array([index[value] for value in values], np.int64)


def _polarity(values: Sequence[str] | None, path: str | Path) -> np.ndarray | None:
    if values is None:
        return None
    found = _numbers(values, POLARITY, path)
    wrong = np.flatnonzero(~((found >= 0) & (found <= 1)))  # NaN too
    if len(wrong):
        raise PredictionTableError(
            f"{path}, line {wrong[0] + 2}: {POLARITY} is {values[wrong[0]]!r}, "
            "expected the probability 0..1 that the short arm is up."
        )
    return found


def _numbers(values: Sequence[str], column: str, path: str | Path) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float32)
    except ValueError:
        for number, value in enumerate(values, 2):
            try:
                float(value)
            except ValueError as error:
                raise PredictionTableError(
                    f"{path}, line {number}: {column} is {value!r}, expected a number."
                ) from error
        raise
