"""Prediction tables and embeddings that are to be compared: are they of one set?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmscl.config import ConfigError
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.predictions import (
    Predictions,
    PredictionTableError,
    read_embeddings,
    read_prediction_table,
)


def read_labelled_table(path: str | Path) -> Predictions:
    """A prediction table over the 24 types, its images of unknown type left out.

    Raises:
        FileNotFoundError, PredictionTableError: As `read_prediction_table`; other types
            or another order of them, or no image with a known type.
    """
    table = read_prediction_table(path)
    if table.types != TYPES:
        missing = [name for name in TYPES if name not in table.types]
        raise PredictionTableError(
            f"{path}: expected score columns of the 24 types, score_1 .. score_22, "
            f"score_X, score_Y, got {len(table.types)} ("
            + (f"{', '.join(missing)} missing" if missing else "in another order")
            + "): a table of another task?"
        )
    known = table.labels >= 0
    if not known.any():
        raise PredictionTableError(
            f"{path}: the column type is empty in all {len(table)} rows; a figure "
            "needs the true types, so test on a set whose manifest has them."
        )
    return table.take(known)


def read_labelled_embeddings(path: str | Path) -> tuple[np.ndarray, ...]:
    """Embeddings of a prediction table, its images of unknown type left out.

    Args:
        path: The npz, or the prediction table (csv) that it lies beside: then both must
            hold the same images.

    Returns:
        embedding float32 (B, D), path and type, strings (B,).

    Raises:
        FileNotFoundError, PredictionTableError: No such file; the npz is another
            table's; types that are none; values that are not finite.
    """
    path = Path(path)
    npz = path.with_suffix(".npz")
    if path.suffix == ".csv" and path.is_file() and not npz.is_file():
        raise FileNotFoundError(
            f"{npz}: no such file of embeddings beside {path.name}; "
            "tools/test.py --embeddings writes it."
        )
    embedding, images, types = read_embeddings(npz)
    if embedding.ndim != 2 or not len(embedding) == len(images) == len(types):
        raise PredictionTableError(
            f"{npz}: expected embedding (B, D), path (B,) and type (B,), got shapes "
            f"{embedding.shape}, {images.shape} and {types.shape}."
        )
    if path.suffix == ".csv":
        table = read_prediction_table(path)
        names = np.array([*table.types, ""])
        require_same_images([path, npz], [table.path, images])
        require_same_types([path, npz], images, [names[table.labels], types])
    known = types != ""
    unknown = sorted(set(types[known]) - set(TYPES))
    if unknown or not known.any():
        raise PredictionTableError(
            f"{npz}: expected the types 1 .. 22, X, Y, got "
            f"{', '.join(unknown[:5]) or 'none at all'}."
        )
    bad = np.flatnonzero(~np.isfinite(embedding).all(axis=1))
    if len(bad):
        raise PredictionTableError(
            f"{npz}: the embedding of {images[bad[0]]} is not finite, and those of "
            f"{len(bad) - 1} more: the model has diverged."
        )
    return embedding[known], images[known], types[known]


def draw_per_type(types: np.ndarray, number: int | None, seed: int = 0) -> np.ndarray:
    """Rows of at most so many images of each type, drawn at random, in their order.

    Args:
        types: Type of each image (B,).
        number: >= 1; None takes all.
        seed: Of the draw.

    Raises:
        ConfigError: A number below 1.
    """
    if number is None:
        return np.arange(len(types))
    if number < 1:
        raise ConfigError(f"--per-type: expected a number >= 1, got {number}")
    rng = np.random.default_rng(seed)
    rows = [
        rng.permutation(np.flatnonzero(types == name))[:number]
        for name in np.unique(types)
    ]
    return np.sort(np.concatenate(rows))


def name_by_path(paths: Sequence[str]) -> list[str]:
    """Short names for files: the first part that differs in all of their paths.

    'work_dirs/scl/x/p.csv' and 'work_dirs/baseline/x/p.csv' are 'scl' and 'baseline'; a
    file by itself is named after its folder.
    """
    parts = [Path(path).resolve().parts for path in paths]
    if len(parts) == 1:
        path = Path(paths[0]).resolve()
        return [path.parent.name if path.suffix else path.name]
    for column in zip(*parts, strict=False):
        if len(set(column)) == len(column):
            return list(column)
    return list(paths)


def require_same_images(
    files: Sequence[str | Path], images: Sequence[np.ndarray]
) -> None:
    """Check that files hold the same images in the same order.

    Args:
        files: Their names, for the message.
        images: Paths (B,) of the images of each.

    Raises:
        PredictionTableError: Names the first image that differs.
    """
    for file, paths in zip(files[1:], images[1:], strict=True):
        if np.array_equal(paths, images[0]):
            continue
        alone = sorted(set(paths.tolist()) ^ set(images[0].tolist()))
        detail = (
            f"{len(alone)} images are in one of them only, first {alone[0]}"
            if alone
            else "the same images in another order, or some of them twice"
        )
        raise PredictionTableError(
            f"{file} ({len(paths)} images) is not of the same test set as {files[0]} "
            f"({len(images[0])} images): {detail}. Test both models on one set."
        )


def require_same_types(
    files: Sequence[str | Path], images: np.ndarray, types: Sequence[np.ndarray]
) -> None:
    """Check that files agree on the true type of each image.

    Args:
        files: Their names, for the message.
        images: Paths (B,) of the images.
        types: True types (B,) of each file.

    Raises:
        PredictionTableError: Names the first image that they disagree on.
    """
    for file, values in zip(files[1:], types[1:], strict=True):
        wrong = np.flatnonzero(values != types[0])
        if len(wrong):
            row = wrong[0]
            first, other = str(types[0][row]), str(values[row])
            raise PredictionTableError(
                f"{file}: the type of {images[row]} is {other!r}, in {files[0]} it is "
                f"{first!r} ({len(wrong)} images differ): the manifest "
                "was changed between the tests. Test both again."
            )
