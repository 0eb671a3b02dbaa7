"""Crops -> karyotypes and karyograms: one class for the command and for notebooks."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpretrain.models.classifiers import BaseClassifier

from mmscl.ablation.fingerprint import stack_state
from mmscl.checkpoint import CheckpointError
from mmscl.committee import members_of, open_inferencer
from mmscl.config import ConfigError
from mmscl.datasets.cell_folders import CellCrops, find_cells
from mmscl.datasets.crop_check import why_no_chromosome
from mmscl.datasets.crops import Crops, Inputs
from mmscl.datasets.images import ImageError, read_crop
from mmscl.datasets.sources.listing import NOT_UTF8
from mmscl.inference import Inference
from mmscl.karyotype.model import KaryotypeModel
from mmscl.results.karyotype_results import FORMAT, KaryotypeResults
from mmscl.results.reading import Predicted, read_results
from mmscl.shipped.companions import shipped_karyotype, shipped_prototypes
from mmscl.shipped.store import (
    KARYOTYPE,
    Shipped,
    ShippedModel,
    committee_names,
    default_model,
    find_committee,
    find_shipped,
    sha256_of,
    shipped_names,
)
from mmscl.version import __version__

#: Share of crops seen upside down above which it is said. Of upright ones 1 to 2 % are.
MANY_DOWN = 0.1
NOT_CALIBRATED = (
    "no karyotype model was fitted for this classifier: confidence and review flags "
    "are not calibrated, and sizes are not used (tools/evaluate_karyotypes.py --fit "
    "makes one)"
)


class KaryotypeInferencer:
    """Reads the karyotypes of whole cells from crops of their chromosomes.

    The classifier, or the mean of several, predicts each crop; the karyotype model
    reads each cell as a whole; and the cells of a case vote.

    Args:
        model: As of :func:`mmscl.committee.open_inferencer`: one model, or several
            that answer together; None takes those that come with mmscl.
        weights, config, device, amp, batch_size, orient: As in
            `ChromosomeInferencer`.
        karyotype_model: A fitted one, or its file; None takes the one that comes with
            `model`. Where there is none, the defaults are taken, and the results warn
            that nothing is calibrated.

    Raises:
        ConfigError: No model comes with mmscl and none is named; else as
            `ChromosomeInferencer`.
        CheckpointError, FileNotFoundError: As `ChromosomeInferencer`.
        KaryotypeModelError: The file is no karyotype model.

    Example:
        >>> read = KaryotypeInferencer()  # doctest: +SKIP
        >>> results = read('cells/')  # doctest: +SKIP
        >>> results.cells[0].karyotype  # doctest: +SKIP
        '47,XY,+21'
    """

    def __init__(
        self,
        model: str | Path | Config | BaseClassifier | Sequence[Any] | None = None,
        weights: str | Path | None = None,
        config: str | Path | Config | None = None,
        karyotype_model: str | Path | KaryotypeModel | None = None,
        device: str | None = None,
        amp: bool = False,
        batch_size: int | None = None,
        orient: bool | None = None,
    ) -> None:
        if model is None:
            model = default_model()
        if model is None:
            raise ConfigError("model: no model comes with this mmscl; name a config")
        shipped = _shipped(model, weights)
        self.warnings: list[str] = []
        self.karyotype_model = self._karyotype_model(karyotype_model, shipped)
        self.prototypes = None if shipped is None else shipped_prototypes(shipped)
        self.classifier = open_inferencer(
            model,
            weights,
            config=config,
            device=device,
            amp=amp,
            batch_size=batch_size,
            orient=orient,
        )
        self._orient = bool(orient)
        self._model = _describe(model, weights, shipped)

    @staticmethod
    def list_models() -> list[str]:
        """Names of the models that come with their weights, alone and together."""
        return sorted([*shipped_names(), *committee_names()])

    def __call__(
        self,
        inputs: Inputs,
        split: str | None = None,
        one_cell: bool = False,
        progress: bool = False,
    ) -> KaryotypeResults:
        """Read cells.

        Files that cannot be read, and pictures that are no crop of a chromosome, are
        left out; ``results.run['left_out']`` names them with their reasons.

        Args:
            inputs: A folder of crops (one cell), of cells, or of cases with cells; a
                manifest; a list of paths and arrays (one cell); a ChromosomeDataset
                (:func:`mmscl.datasets.cell_folders.find_cells`).
            split: Rows of a manifest to take; None takes all.
            one_cell: All crops of a manifest without the column cell are of one cell.
            progress: Show how far it is, on standard error.

        Returns:
            In memory; :func:`mmscl.results.writing.write_karyotypes` writes the folder.

        Raises:
            FileNotFoundError: No such input, or a folder without images.
            ImageError: None of the crops can be read.
            ManifestError: The cells of the crops are not told.
            PredictionTableError: The classifier has other types than the 24, or gives
                no probabilities.
        """
        start = time.monotonic()
        found = find_cells(inputs, split, one_cell)
        crops, images = _checked(found.crops)
        inference = self.classifier(
            crops, embeddings=True, skip_unreadable=True, progress=progress
        )
        predicted = _join(found, inference, images, self.prototypes)
        run = self._run(inputs, found, inference, split)
        results = read_results(predicted, self.karyotype_model, run, progress)
        run["seconds"] = round(time.monotonic() - start, 1)
        return results

    def _karyotype_model(
        self,
        given: str | Path | KaryotypeModel | None,
        shipped: Shipped | None,
    ) -> KaryotypeModel:
        self._karyotype: dict[str, Any] = dict(file="given as an object")
        if isinstance(given, KaryotypeModel):
            return given
        if given is not None:
            model = KaryotypeModel.load(given)
            self._karyotype = dict(file=str(given), sha256=sha256_of(Path(given)))
            return model
        own = None if shipped is None else shipped_karyotype(shipped)
        if shipped is not None and own is not None:
            file = shipped.file(KARYOTYPE)
            self._karyotype = dict(
                file=f"{shipped.name}/{KARYOTYPE}", sha256=sha256_of(file)
            )
            return own
        self._karyotype = dict(file="none: the defaults")
        self.warnings.append(NOT_CALIBRATED)
        return KaryotypeModel()

    def _run(
        self, inputs: Inputs, found: CellCrops, inference: Inference, split: str | None
    ) -> dict[str, Any]:
        """What run.json tells."""
        crops = found.crops
        names = dict(zip(crops.path.tolist(), found.names, strict=True))
        left_out = [
            dict(path=names[one.path], reason=one.reason) for one in inference.left_out
        ]
        unnamed = [one for one in found.left_out if one.reason == NOT_UTF8]
        left_out += [asdict(one) for one in unnamed]
        others = [one for one in found.left_out if one.reason != NOT_UTF8]
        up = None if self._orient else inference.predictions.polarity
        turned = warn_if_turned(up)
        where = str(inputs) if isinstance(inputs, (str, Path)) else crops.source
        return dict(
            format=FORMAT,
            version=__version__,
            written=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            input=where,
            root=None if found.root is None else str(found.root.resolve()),
            understood=found.understood,
            cases_known=found.cases_known,
            split=split,
            model=self._model,
            karyotype_model=dict(
                self._karyotype, review_below=self.karyotype_model.review_below
            ),
            settings=dict(
                device=str(self.classifier.device),
                amp=self.classifier.amp,
                batch_size=self.classifier.batch_size,
                orient=self._orient,
            ),
            stack=stack_state(),
            counts=dict(
                crops=len(inference.predictions),
                left_out=len(left_out),
                other_files=len(others),
            ),
            left_out=left_out,
            other_files=[f"{one.path}: {one.reason}" for one in others],
            warnings=[*self.warnings, *turned],
        )


def warn_if_turned(up: np.ndarray | None) -> list[str]:
    """A warning if many crops lie upside down and are classified as they lie.

    Args:
        up: Probability that the short arm of each crop is up (n,); None: not known.
    """
    if up is None or not len(up):
        return []
    down = int((up < 0.5).sum())
    if down <= MANY_DOWN * len(up):
        return []
    return [
        f"{down} of {len(up)} crops are seen with the short arm down, and types are "
        "learned from upright crops: read again with --orient (orient=True)"
    ]


def _shipped(model: Any, weights: Any) -> Shipped | None:
    """What comes with mmscl, if `model` names it and its own weights are taken."""
    if weights is not None:
        return None
    if isinstance(model, (list, tuple)):
        known = (find_committee(name) for name in committee_names())
        same = (one for one in known if one and list(one.members) == list(model))
        return next(same, None)
    if not isinstance(model, (str, Path)) or Path(model).suffix == ".py":
        return None
    return find_committee(str(model)) or find_shipped(str(model))


def _describe(
    model: Any,
    weights: str | Path | None,
    shipped: Shipped | None,
) -> dict[str, Any]:
    """Name, weights and their digest, for run.json."""
    members = members_of(model)
    if members is not None:
        described = [_describe(*one, _shipped(*one)) for one in members]
        together = " + ".join(one["name"] for one in described)
        return dict(name=shipped.name if shipped else together, members=described)
    if isinstance(shipped, ShippedModel):
        digest = shipped.record()["weights"]["sha256"]
        return dict(name=shipped.name, weights=shipped.address, sha256=digest)
    name = str(model) if isinstance(model, (str, Path)) else type(model).__name__
    if isinstance(model, Config):
        name = str(model.filename or "a config")
    known = weights is not None and Path(weights).is_file()
    return dict(
        name=name,
        weights="in memory" if weights is None else str(weights),
        sha256=sha256_of(Path(str(weights))) if known else None,
    )


def _checked(crops: Crops) -> tuple[Crops, dict[int, np.ndarray]]:
    """The same, which refuse what is no chromosome, and a dict that they fill.

    Each file is read once: what the classifier sees is kept for sizes and pictures.
    """
    images: dict[int, np.ndarray] = {}

    def sample(row: int) -> dict[str, Any]:
        info = crops.sample(row)
        if row in images:  # of several models the first one has read it
            return {**info, "img": images[row]}
        image = info.get("img")
        if image is None:
            image = read_crop(info["img_path"])
        why = why_no_chromosome(image)
        if why:
            raise ImageError(f"{crops.path[row]}: {why}")
        images[row] = image
        return {**info, "img": image}

    return replace(crops, sample=sample), images


def _join(
    found: CellCrops,
    inference: Inference,
    images: Mapping[int, np.ndarray],
    prototypes: np.ndarray | None,
) -> Predicted:
    """Predictions beside the crops that they are of."""
    crops, lost = found.crops, {one.path for one in inference.left_out}
    kept = [row for row, path in enumerate(crops.path.tolist()) if path not in lost]
    if inference.embeddings is None:
        raise CheckpointError("the classifier gives no embeddings")
    return Predicted(
        inference.predictions,
        [found.names[row] for row in kept],
        [images[row] for row in kept],
        inference.embeddings,
        prototypes,
        [
            (str(crops.case[row]), str(crops.cell[row]))
            for row, path in enumerate(crops.path.tolist())
            if path in lost
        ],
    )
