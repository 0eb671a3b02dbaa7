"""The types of new crops: one class for the commands and for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from mmengine.config import Config
from mmpretrain.models.classifiers import BaseClassifier
from torch import Tensor

from mmscl.config import ConfigError
from mmscl.datasets.ahead import made_ahead
from mmscl.datasets.crops import Crops, Inputs, find_crops
from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import TYPES
from mmscl.datasets.prediction_batches import CropReader, TestPipeline
from mmscl.datasets.sources.listing import LeftOut
from mmscl.evaluation.predictions import (
    Predictions,
    write_embeddings,
    write_prediction_table,
)
from mmscl.files import writing
from mmscl.models.folding import fold_batch_norms
from mmscl.models.polarity import set_orient
from mmscl.models.scoring import BatchScorer
from mmscl.models.trained import class_names, load_trained
from mmscl.progress import tracked

#: Above, a CPU's caches no longer hold the maps: resnet10t at 96 x 48 px takes 8 % more
#: time an image in batches of 128, and 16 % more in batches of 16 (one thread, AVX2,
#: processor time).
BATCH_ON_CPU = 32


@dataclass(frozen=True)
class Inference:
    """What came of one call.

    Attributes:
        predictions: One row a crop, in the order of the inputs.
        embeddings: float32 (B, D), before normalisation; None if not asked for.
        left_out: Crops that could not be read, and why.
        other_files: Files of an input folder that are no images.
    """

    predictions: Predictions
    embeddings: np.ndarray | None
    left_out: tuple[LeftOut, ...]
    other_files: int

    def write(self, out: str | Path) -> list[Path]:
        """Write the prediction table, and beside it the embeddings if there are any.

        Args:
            out: The table, .csv; the embeddings' name ends in .npz instead. Files that
                are there are replaced whole.

        Returns:
            The files.

        Raises:
            OutputError: A file cannot be written.
        """
        table, out = self.predictions, Path(out)
        files = [out]
        with writing(out):
            if self.embeddings is not None:
                names = (*table.types, "")  # place -1: unknown
                types = [names[label] for label in table.labels]
                files.append(out.with_suffix(".npz"))
                write_embeddings(files[1], self.embeddings, table.path.tolist(), types)
            write_prediction_table(out, table)
        return files


class ChromosomeInferencer:
    """Predicts the type of chromosome crops, each by itself.

    Crops pass the checks of :func:`mmscl.datasets.images.read_crop` and the test
    pipeline of the config; if that brings every cell to one size, the cells are
    measured. Decoding runs in a thread beside the network, and batch norms are folded
    into convolutions where the result stays the same.

    Args:
        model: The name of a model that comes with its weights (docs/models.md) or that
            mmpretrain's `get_model` knows, a config (path or `Config`), or a built
            classifier.
        weights: .pth or .safetensors. May be left out with a built classifier, and with
            a name whose weights are known.
        config: With a built classifier: its config, for the test pipeline.
        device: 'cpu', 'cuda', 'cuda:1', ...; None takes the first GPU if there is one.
        amp: Compute with automatic mixed precision (float16 on a GPU).
        batch_size: Images a batch; None takes that of the config's `test_dataloader`,
            on a CPU not more than 32, which its caches like better.
        orient: Classify crops that are seen to be upside down as if they were turned
            over (`SCLClassifier.orient`); None takes the config's setting. Needs a
            model with a polarity head. The polarity in the predictions is always that
            of the crop as it is.

    Raises:
        ConfigError: No such config or name, no weights, a model that is no
            classifier of chromosome types, or `orient` without a polarity head.
        CheckpointError: The weights are damaged, unsafe or another model's.
        FileNotFoundError: There is no such file of weights.

    Example:
        >>> infer = ChromosomeInferencer('configs/scl/resnet10t_pki3.py',
        ...                              'best.pth')  # doctest: +SKIP
        >>> infer('crops/', one_cell=True).predictions.predicted  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path | Config | BaseClassifier,
        weights: str | Path | None = None,
        config: str | Path | Config | None = None,
        device: str | torch.device | None = None,
        amp: bool = False,
        batch_size: int | None = None,
        orient: bool | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size: expected >= 1, got {batch_size}")
        classifier, self.config, meta = load_trained(model, weights, config)
        self.device = _device(device)
        self.amp = amp
        self.types = class_names(classifier, meta)
        if orient is not None:
            set_orient(classifier, orient)
        loader = _test_dataloader(self.config)
        self.pipeline = TestPipeline(loader["dataset"]["pipeline"])
        usual = loader.get("batch_size", BATCH_ON_CPU)
        if self.device.type == "cpu":
            usual = min(usual, BATCH_ON_CPU)
        self.batch_size = batch_size or usual
        self._preprocess = classifier.data_preprocessor.to(self.device)
        self._scorer = BatchScorer(classifier.to(self.device))
        self._network: BatchScorer | None = None  # folded, once it has seen images

    def __call__(
        self,
        inputs: Inputs | Crops,
        split: str | None = None,
        embeddings: bool = False,
        one_cell: bool = False,
        skip_unreadable: bool = False,
        progress: bool = False,
    ) -> Inference:
        """Predict.

        Args:
            inputs: A folder of crops or with a manifest.csv, a manifest, an image file,
                an array (H x W uint8, or BGR), a list of paths and arrays, or a
                ChromosomeDataset (:func:`mmscl.datasets.crops.find_crops`).
            split: Rows of a manifest to take; None takes all.
            embeddings: Also give the embeddings.
            one_cell: All crops are of one cell. A config that brings cells to one size
                needs it where no columns tell which crops are of one cell.
            skip_unreadable: Leave out crops that cannot be read, instead of stopping.
            progress: Show how far it is, on standard error.

        Raises:
            ImageError: A crop cannot be read; with `skip_unreadable`: none can.
            FileNotFoundError, ManifestError, TypeError, ValueError: As `find_crops`.
            ManifestError: The cells are needed and not known.
        """
        crops = find_crops(inputs, split)
        reader = CropReader(crops, self._cells(crops, one_cell), skip_unreadable)
        batches = made_ahead(reader.batches(self.batch_size, self.pipeline))
        total = ceil(len(crops) / self.batch_size)
        shown = tracked(batches, "Predicting", total, progress)
        rows, scores, polarity, found = self._run(shown, embeddings)
        if not len(rows):
            raise ImageError(_why_none(crops, reader.left_out[min(reader.left_out)]))
        return Inference(
            _table(crops, rows, scores, polarity, self.types),
            found,
            tuple(reader.left_out[row] for row in sorted(reader.left_out)),
            crops.other_files,
        )

    def _cells(self, crops: Crops, one_cell: bool) -> list[np.ndarray] | None:
        """Rows of each cell, if their size has to be measured."""
        size = self.pipeline.cell_size
        if size is None or crops.cells_measured:
            return None
        feature = f"This config brings every cell to one size (cell_size={size:g}) and"
        return crops.group_by_cell(one_cell, feature)

    def _run(
        self, batches: Iterable[tuple[np.ndarray, Tensor]], embeddings: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Rows in order, scores (B, K), and polarity (B,), embeddings (B, D) or None.

        The polarity where the model tells it, embeddings if asked for.
        """
        parts = []
        autocast = torch.autocast(self.device.type, enabled=self.amp)
        with torch.inference_mode(), autocast:
            for rows, images in batches:
                outputs = self._score(images, embeddings)
                parts.append((rows, *(part.float().cpu().numpy() for part in outputs)))
        if not parts:
            return np.empty(0, int), np.empty((0, len(self.types))), None, None
        rows, scores, *found = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(rows)
        polarity = found.pop(0)[order] if self._scorer.polarity else None
        return rows[order], scores[order], polarity, found[0][order] if found else None

    def _score(self, images: Tensor, embeddings: bool) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) as the pipeline gives them -> as `BatchScorer`."""
        if self.device.type == "cuda":
            images = images.pin_memory().to(self.device, non_blocking=True)
        images = self._preprocess(dict(inputs=images))["inputs"]
        if self._network is None:
            self._network = cast(
                BatchScorer, fold_batch_norms(self._scorer, images[:2])
            )
        self._network.embeddings = embeddings
        return self._network(images)


def _why_none(crops: Crops, first: LeftOut) -> str:
    """Message where no crop can be read, with what is wrong with the first."""
    if crops.source == first.path:
        return f"{first.path}: cannot be read: {first.reason}"
    if len(crops) == 1:
        told = "its only crop cannot be read, "
    else:
        told = f"none of its {len(crops)} crops can be read; the first is "
    return f"{crops.source}: {told}{first.path}: {first.reason}"


def _device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(
            f"device: expected cpu, cuda or cuda:N, got {device!r}"
        ) from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {device}: torch finds no GPU here; use cpu")
    return found


def _test_dataloader(cfg: Config) -> Mapping[str, Any]:
    loader = cfg.get("test_dataloader") or {}
    if loader.get("dataset", {}).get("pipeline") is None:
        raise ConfigError(
            f"{cfg.filename or 'config'}: expected test_dataloader.dataset.pipeline, "
            "which tells how crops are prepared for the network"
        )
    return loader


def _table(
    crops: Crops,
    rows: np.ndarray,
    scores: np.ndarray,
    polarity: np.ndarray | None,
    types: tuple[str, ...],
) -> Predictions:
    """The prediction table of some rows, from their scores (B, K)."""
    place = {name: index for index, name in enumerate(types)}
    of_label = np.array([*(place.get(name, -1) for name in TYPES), -1])
    return Predictions(
        types=types,
        path=crops.path[rows],
        case=crops.case[rows],
        cell=crops.cell[rows],
        site=crops.site[rows],
        labels=of_label[crops.labels[rows]],
        predicted=scores.argmax(axis=1),
        scores=scores,
        polarity=polarity,
    )
