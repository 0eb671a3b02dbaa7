"""Predictions of drawn cells: a classifier that confuses neighbours, made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation import Predictions
from mmscl.karyotype import Karyotype

K = len(TYPES)


def labels_of(karyotype: Karyotype) -> np.ndarray:
    """Class index of each chromosome."""
    return np.repeat(np.arange(K), karyotype.counts)


def probabilities(
    labels: np.ndarray, rng: np.random.Generator, signal: float = 3.5
) -> np.ndarray:
    """Posterior of each crop under a model of signal in noise: calibrated exactly.

    Each crop shows a vector x = signal * e(label) + N(0, 1); with equal shares the
    posterior is softmax(signal * x).
    """
    shown = signal * np.eye(K)[labels] + rng.normal(size=(len(labels), K))
    logits = signal * shown
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def draw_table(
    cases: Sequence[Sequence[Karyotype]], seed: int = 0, signal: float = 3.5
) -> Predictions:
    """A table of the cells of each case, in shuffled order within the cell."""
    rng = np.random.default_rng(seed)
    parts, case_names, cell_names = [], [], []
    for case, cells in enumerate(cases):
        for cell, karyotype in enumerate(cells):
            parts.append(rng.permutation(labels_of(karyotype)))
            case_names += [f"case{case}"] * len(parts[-1])
            cell_names += [f"case{case}/{cell}"] * len(parts[-1])
    labels = np.concatenate(parts)
    scores = probabilities(labels, rng, signal).astype(np.float32)
    return Predictions(
        TYPES,
        np.array([f"img/{row}.png" for row in range(len(labels))]),
        np.array(case_names),
        np.array(cell_names),
        np.full(len(labels), ""),
        labels,
        scores.argmax(axis=1),
        scores,
    )


#: (log area, log length) of each type: long and wide chromosomes first.
SIZES = np.stack([np.linspace(7, 5, K), np.linspace(4, 3, K)], axis=1)


def draw_sizes(
    cells: int, seed: int = 0, spread: float = 0.05
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Sizes (n, 2), labels (n,) and rows of cells whose scales differ."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.arange(K), 2), cells)
    cell = np.repeat(np.arange(cells), 2 * K)
    scales = rng.normal(0, 0.5, size=(cells, 2))
    sizes = SIZES[labels] + scales[cell] + rng.normal(0, spread, (len(labels), 2))
    return sizes, labels, np.split(np.arange(len(labels)), cells)
