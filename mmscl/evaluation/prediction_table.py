"""The metric that writes the prediction table while a model is tested."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpretrain.registry import METRICS

from mmscl.evaluation.predictions import (
    Predictions,
    write_embeddings,
    write_prediction_table,
)
from mmscl.evaluation.samples import (
    class_index,
    not_empty,
    predicted_index,
    required,
    type_names,
    vector,
)
from mmscl.registry import register

_META = ("case", "cell", "site")


@register(METRICS)
class PredictionTable(BaseMetric):
    """Writes one CSV row for each tested image, and its embedding when asked.

    Columns: path, case, cell, site, type, pred_type, polarity (where the model predicts
    it), score_<type> for each type (:mod:`mmscl.evaluation.predictions` reads it back).
    Everything after testing reads this table, never a model. It gives no value. The
    files appear whole or not at all; rank 0 writes them, rows in dataset order.

    ``path`` is `img_path` of the data sample; case, cell and site come from
    ``PackInputs(meta_keys=('img_path', 'case', 'cell', 'site', ...))``. Where samples
    carry none of one of them, its column stays empty and a warning says so. Without a
    true label (new images) `type` is empty.

    Args:
        out_file: The CSV; its folder is made.
        embeddings: True also writes an npz beside it (same name, .npz) with
            `embedding` float32 (B, D), `path` and `type`; a path writes it there.
        collect_device: 'cpu' or 'gpu', how ranks exchange results.
        collect_dir: Shared folder for the exchange, with 'cpu'.

    Raises:
        ValueError: `out_file` does not end in .csv, or the embeddings' in .npz.
        KeyError: A data sample lacks img_path, pred_score or (if asked) embedding.
    """

    default_prefix = ""

    def __init__(
        self,
        out_file: str,
        embeddings: bool | str = False,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, None, collect_dir)
        if not str(out_file).endswith(".csv"):
            raise ValueError(
                f"PredictionTable.out_file: expected a name ending in .csv, got "
                f"{str(out_file)!r}."
            )
        self.out_file = Path(out_file)
        self.embeddings_file = (
            self.out_file.with_suffix(".npz")
            if embeddings is True
            else Path(embeddings)
            if embeddings
            else None
        )
        if self.embeddings_file and self.embeddings_file.suffix != ".npz":
            raise ValueError(
                f"PredictionTable.embeddings: expected True, False or a name ending "
                f"in .npz, got {embeddings!r}."
            )

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the table needs of each sample."""
        name = type(self).__name__
        for sample in data_samples:
            known = sample.get("gt_label") is not None
            row = dict(
                path=str(required(sample, "img_path", name)),
                label=class_index(sample, "gt_label", name) if known else -1,
                predicted=predicted_index(sample, name),
                scores=vector(sample, "pred_score", name),
                polarity=_polarity(sample, name),
                **{key: sample.get(key) for key in _META},
            )
            if self.embeddings_file:
                row["embedding"] = vector(sample, "embedding", name)
            self.results.append(row)

    def compute_metrics(self, results: list[dict]) -> dict:
        """Write the files; on rank 0 only."""
        not_empty(results, type(self).__name__)
        table = self._table(results)
        write_prediction_table(self.out_file, table)
        written = str(self.out_file)
        if self.embeddings_file:
            names = (*table.types, "")
            write_embeddings(
                self.embeddings_file,
                np.stack([row["embedding"] for row in results]),
                table.path.tolist(),
                [names[label] for label in table.labels],
            )
            written += f" and {self.embeddings_file}"
        print_log(f"{len(table)} predictions written to {written}", logger="current")
        return {}

    def _table(self, results: list[dict]) -> Predictions:
        scores = np.stack([row["scores"] for row in results])
        unset = [key for key in _META if all(row[key] is None for row in results)]
        if unset:
            print_log(
                f"PredictionTable: the columns {', '.join(unset)} stay empty, because "
                "the data samples do not carry them. If the manifest has them, add "
                "them to `meta_keys` of PackInputs in the test pipeline.",
                logger="current",
                level=logging.WARNING,
            )
        texts = {
            key: np.array(
                ["" if row[key] is None else str(row[key]) for row in results]
            )
            for key in ("path", *_META)
        }
        polarity = [row["polarity"] for row in results]
        return Predictions(
            types=type_names(self.dataset_meta, scores.shape[1]),
            labels=np.array([row["label"] for row in results], np.int64),
            predicted=np.array([row["predicted"] for row in results], np.int64),
            scores=scores,
            polarity=None if None in polarity else np.array(polarity, np.float32),
            **texts,
        )


def _polarity(sample: dict, metric: str) -> float | None:
    """Score of the p arm being up, where the model predicts it."""
    if sample.get("pred_polarity") is None:
        return None
    return float(vector(sample, "pred_polarity", metric)[1])
