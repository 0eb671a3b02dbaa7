"""Accuracy, recall, AUC and F1 of chromosome types."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpretrain.registry import METRICS

from mmscl.evaluation.measures import (
    auc_one_vs_rest,
    confusion_matrix,
    precision_recall_f1,
)
from mmscl.evaluation.samples import (
    class_index,
    not_empty,
    predicted_index,
    type_names,
    vector,
)
from mmscl.files import replaced
from mmscl.registry import register


@register(METRICS)
class ChromosomeMetric(BaseMetric):
    """The paper's measures (arXiv 2312.07623, Table 1), and F1, in percent.

    Gives ``accuracy``, ``recall`` (macro), ``auc`` (macro, one type against the rest)
    and ``f1`` (macro) as floats 0..100, not rounded. The keys have no prefix, so that
    ``default_hooks.checkpoint.save_best='accuracy'`` works ('recall' and 'f1' need
    ``rule='greater'`` beside it: mmengine does not know them).

    Macro means run over the types that have test images; a missing type is reported
    once by a warning. A type that has all images has no AUC.

    Args:
        per_type: Log a table with precision, recall, F1, AUC (%) and the number of
            test images of each type.
        out_dir: Folder for ``per_type.csv`` (that table) and ``confusion_matrix.csv``
            (counts; row = true type, column = predicted). None writes nothing.
        collect_device: 'cpu' or 'gpu', how ranks exchange results.
        prefix: Put before the keys, as ``prefix/accuracy``.
        collect_dir: Shared folder for the exchange, with 'cpu'.

    Raises:
        KeyError: A data sample lacks pred_score or gt_label.
        ValueError: No predictions, or a score that is not a number.

    Example:
        >>> import torch
        >>> from mmpretrain.structures import DataSample
        >>> metric = ChromosomeMetric()
        >>> samples = [DataSample().set_gt_label(g).set_pred_score(torch.eye(2)[p])
        ...            for g, p in ((0, 0), (1, 1), (1, 0), (1, 1))]
        >>> metric.process(None, [s.to_dict() for s in samples])
        >>> metric.evaluate(4)['accuracy']
        75.0
    """

    # Not None: mmengine warns of None, and adds '' to no key.
    default_prefix = ""

    def __init__(
        self,
        per_type: bool = False,
        out_dir: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.per_type = per_type
        self.out_dir = out_dir
        self._told_absent = False

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep scores, predicted and true class of each sample."""
        name = type(self).__name__
        for sample in data_samples:
            self.results.append(
                (
                    vector(sample, "pred_score", name),
                    predicted_index(sample, name),
                    class_index(sample, "gt_label", name),
                )
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Measures over all samples of all ranks, in percent."""
        not_empty(results, type(self).__name__)
        scores = np.stack([result[0] for result in results])
        predicted, labels = np.array([result[1:] for result in results]).T
        names = type_names(self.dataset_meta, scores.shape[1])
        confusion = confusion_matrix(labels, predicted, len(names))
        precision, recall, f1 = precision_recall_f1(confusion)
        columns = dict(
            precision=precision,
            recall=recall,
            f1=f1,
            auc=auc_one_vs_rest(labels, scores),
        )
        self._tell_absent(names, confusion.sum(axis=1))
        header, rows = _type_table(names, columns, confusion.sum(axis=1))
        if self.per_type:
            print_log(_as_text(header, rows), logger="current")
        if self.out_dir is not None:
            out = Path(self.out_dir)
            _write_csv(out / "per_type.csv", header, rows)
            _write_csv(
                out / "confusion_matrix.csv",
                ["true type", *names],
                [[name, *row] for name, row in zip(names, confusion, strict=True)],
            )
        return dict(
            accuracy=100.0 * float(np.mean(predicted == labels)),
            **{key: _macro(columns[key]) for key in ("recall", "auc", "f1")},
        )

    def _tell_absent(self, names: Sequence[str], support: np.ndarray) -> None:
        absent = [name for name, n in zip(names, support, strict=True) if n == 0]
        if absent and not self._told_absent:
            self._told_absent = True
            print_log(
                f"{type(self).__name__}: no test images of the types "
                f"{', '.join(absent)}; the macro means run over the other "
                f"{len(names) - len(absent)}.",
                logger="current",
                level=logging.WARNING,
            )


def _macro(values: np.ndarray) -> float:
    """Mean over the classes for which it is defined, in percent; else NaN."""
    defined = values[~np.isnan(values)]
    return 100.0 * float(defined.mean()) if len(defined) else float("nan")


def _type_table(
    names: Sequence[str], columns: dict[str, np.ndarray], support: np.ndarray
) -> tuple[list[str], list[list[str]]]:
    """Header and one row a type; percent with two decimals, '' where undefined."""
    rows = []
    for index, name in enumerate(names):
        shares = [100.0 * values[index] for values in columns.values()]
        texts = ["" if np.isnan(share) else f"{share:.2f}" for share in shares]
        rows.append([name, *texts, str(support[index])])
    return ["type", *columns, "support"], rows


def _as_text(header: list[str], rows: list[list[str]]) -> str:
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in table
    ]
    return "\n".join(["Per type, in %:", *lines])


def _write_csv(path: Path, header: list[str], rows: list[list]) -> None:
    with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
