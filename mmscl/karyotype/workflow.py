"""From prediction tables and manifests on disk to a fitted model and its measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.manifest import Manifest
from mmscl.evaluation.predictions import PredictionTableError, read_prediction_table
from mmscl.karyotype.evaluation import evaluate
from mmscl.karyotype.evaluation_tables import evaluation_page, write_evaluation
from mmscl.karyotype.fitting import fit_model, prior_of_manifest
from mmscl.karyotype.model import KaryotypeModel
from mmscl.karyotype.sizes import SizeModel, learn_sizes, measure_files


def fit_from_files(
    table: str | Path,
    manifest: str | Path | None = None,
    sizes: bool = False,
    root: str | Path = ".",
    catch: float = 0.95,
) -> KaryotypeModel:
    """Fit a karyotype model for one classifier.

    Args:
        table: Its predictions of the validation split.
        manifest: Its rows of the split train give the prior, and the sizes; None takes
            the defaults of `CountPrior`.
        sizes: Use sizes; reads the images of the manifest's training rows and those of
            the table.
        root: Folder that the table's paths start from.
        catch: As :func:`mmscl.karyotype.fit_model`.

    Raises:
        FileNotFoundError, PredictionTableError, ManifestError, ImageError: As the
            reading of these files.
        ValueError: Sizes without a manifest.
    """
    predictions = read_prediction_table(table)
    prior = size_model = measured = None
    if manifest is not None:
        known = Manifest.read(manifest)
        prior = prior_of_manifest(known)
    if sizes:
        if manifest is None:
            raise ValueError("sizes: expected a manifest to learn them from, got none.")
        size_model = sizes_of_manifest(known, Path(manifest).parent)
        measured = measure_files(predictions.path, root)
    try:
        return fit_model(predictions, prior, size_model, measured, catch)
    except PredictionTableError as error:
        raise PredictionTableError(f"{table}: {error}") from error


def sizes_of_manifest(
    manifest: Manifest, root: str | Path, split: str | None = "train"
) -> SizeModel:
    """The sizes of the types, learned from the images of a manifest.

    Args:
        manifest: With types, cases and cells.
        root: Its folder.
        split: Its rows; None takes all.

    Raises:
        ManifestError: A column or the split is missing.
        ImageError: A crop cannot be read.
    """
    chosen = manifest if split is None else manifest.select(split=split)
    chosen.require("sizes within the cell", "case", "cell")
    cells = rows_by_cell(chosen["case"], chosen["cell"])
    return learn_sizes(measure_files(chosen["path"], root), chosen.labels, cells)


def measure_table(
    table: str | Path,
    model: KaryotypeModel,
    out: str | Path,
    root: str | Path = ".",
) -> tuple[str, list[Path]]:
    """Evaluate a prediction table and write the tables of the result.

    Args:
        table: Predictions of cells of known types.
        model: Fitted on other cases of the same classifier.
        out: Folder of the tables.
        root: Folder that the table's paths start from, if the model uses size.

    Returns:
        The page (Markdown) and the files written.

    Raises:
        FileNotFoundError, PredictionTableError, ImageError: As the reading of these.
        OutputError: A file cannot be written.
    """
    predictions = read_prediction_table(table)
    sizes: np.ndarray | None = None
    if model.uses_sizes:
        sizes = measure_files(predictions.path, root)
    try:
        found = evaluate(predictions, model, sizes)
    except PredictionTableError as error:
        raise PredictionTableError(f"{table}: {error}") from error
    title = f"Karyotypes of {Path(table).name}"
    return evaluation_page(found, title), write_evaluation(out, found, predictions)
