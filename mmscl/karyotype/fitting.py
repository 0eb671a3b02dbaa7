"""Fit a karyotype model: prior on training cells, calibration on left-out cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.manifest import Manifest
from mmscl.evaluation.predictions import Predictions, PredictionTableError
from mmscl.karyotype.calibration import fit_calibration
from mmscl.karyotype.cells import Cell, split_cells
from mmscl.karyotype.model import CellReading, KaryotypeModel
from mmscl.karyotype.prior import CountPrior, K, learn_prior
from mmscl.karyotype.review import review_threshold
from mmscl.karyotype.sizes import SizeModel

#: Factors on the margins that a fit may give.
_SHARPNESS = (0.05, 2.0)


def prior_of_manifest(manifest: Manifest, split: str | None = "train") -> CountPrior:
    """The prior learned from the cells of a manifest (:func:`learn_prior`).

    Args:
        manifest: With types, cases and cells.
        split: Its rows; None takes all.

    Raises:
        ManifestError: A column or the split is missing.
    """
    chosen = manifest if split is None else manifest.select(split=split)
    chosen.require("a prior on the counts", "case", "cell")
    cells = rows_by_cell(chosen["case"], chosen["cell"])
    labels = chosen.labels
    counts = np.array([np.bincount(labels[rows], minlength=K) for rows in cells])
    return learn_prior(counts, chosen["case"][[rows[0] for rows in cells]])


def fit_model(
    table: Predictions,
    prior: CountPrior | None = None,
    size_model: SizeModel | None = None,
    sizes: np.ndarray | None = None,
    catch: float = 0.95,
) -> KaryotypeModel:
    """Fit calibration, sharpness and the review threshold.

    Args:
        table: Predictions of cases that the classifier was not trained on and that no
            result will be measured on: the validation split.
        prior: Of the counts; None takes the defaults.
        size_model: Of the sizes; None does without.
        sizes: Of the crops of the table (B, 2); with `size_model`.
        catch: Share of the foreseen errors that the review is to find, 0..1
            (:func:`mmscl.karyotype.review_threshold`).

    Raises:
        PredictionTableError: The table is no table of cells, or has crops of unknown
            type.
        ValueError: `size_model` without `sizes`, or lengths that differ.
    """
    cells = split_cells(table)
    require_types(table)
    ratios = None
    if size_model is not None:
        if sizes is None or len(sizes) != len(table):
            raise ValueError(
                f"sizes: size_model needs a row for each of {len(table)} crops, got "
                f"{None if sizes is None else len(sizes)}."
            )
        ratios = np.zeros((len(table), K + 1))
        for cell in cells:
            ratios[cell.rows] = size_model.log_ratios(
                sizes[cell.rows], table.scores[cell.rows].astype(np.float64)
            )
    calibration = fit_calibration(table.scores, table.labels, ratios)
    model = KaryotypeModel(prior or CountPrior(), calibration, size_model)
    readings = read_cells(table, cells, model, sizes)
    labels = np.concatenate([table.labels[cell.rows] for cell in cells])
    margins = np.concatenate([one.margins for one in readings])
    sharpness = _fit_sharpness(margins, labels)
    confidence = 1 / np.exp(-sharpness * margins).sum(axis=1)
    threshold = review_threshold(confidence, catch)
    return replace(model, sharpness=sharpness, review_below=max(threshold, 0.0))


def read_cells(
    table: Predictions,
    cells: list[Cell],
    model: KaryotypeModel,
    sizes: np.ndarray | None = None,
) -> list[CellReading]:
    """Read each cell of a table.

    Args:
        table: B crops.
        cells: As :func:`split_cells` gives them.
        model: Of the classifier that made the table.
        sizes: Of the crops (B, 2); needed if the model uses size.
    """
    return [
        model.read(table.scores[cell.rows], None if sizes is None else sizes[cell.rows])
        for cell in cells
    ]


def require_types(table: Predictions) -> None:
    """Stop unless the true type of every crop is known.

    Raises:
        PredictionTableError: Names the first crop whose type is not.
    """
    unknown = table.labels < 0
    if unknown.any():
        raise PredictionTableError(
            f"{table.path[unknown][0]}: its true type is not known ({unknown.sum()} of "
            f"{len(unknown)} crops); a karyotype can be judged only where all types of "
            "its cell are known."
        )


def _fit_sharpness(margins: np.ndarray, labels: np.ndarray) -> float:
    """The factor on the margins (n, 25) that makes the true types likeliest."""
    rows = np.arange(len(labels))

    def loss(factor: float) -> float:
        return float(-log_softmax(-factor * margins, axis=1)[rows, labels].mean())

    return float(minimize_scalar(loss, bounds=_SHARPNESS, method="bounded").x)
