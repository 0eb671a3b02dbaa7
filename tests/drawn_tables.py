"""Drawn predictions, and what a figure says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation import Predictions, write_embeddings, write_prediction_table

K = len(TYPES)


def predictions(each: int = 6, wrong: float = 0.2, seed: int = 0) -> Predictions:
    """`each` images of every type, a share of them called the next type."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(K), each)
    predicted = np.where(rng.random(len(labels)) < wrong, (labels + 1) % K, labels)
    scores = np.full((len(labels), K), 0.01, np.float32)
    scores[np.arange(len(labels)), predicted] = 1 - 0.01 * (K - 1)
    names = np.array([f"img/{i}.png" for i in range(len(labels))])
    empty = np.full(len(labels), "")
    return Predictions(TYPES, names, empty, empty, empty, labels, predicted, scores)


def write_tables(folder: Path, seed: int = 0, spread: float = 0.3, **kwargs) -> Path:
    """A prediction table with embeddings beside it."""
    table = predictions(seed=seed, **kwargs)
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(K, 16))
    noise = spread * rng.normal(size=(len(table), 16))
    write_prediction_table(folder / "predictions.csv", table)
    write_embeddings(
        folder / "predictions.npz",
        centres[table.labels] + noise,
        table.path.tolist(),
        [TYPES[label] for label in table.labels],
    )
    return folder / "predictions.csv"


def texts(figure: Figure) -> list[str]:
    """All that is written in a figure."""
    return [
        text.get_text()
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text()
    ]


def smallest_letter(figure: Figure) -> float:
    """Size in points of the smallest letters of a figure."""
    return min(
        text.get_fontsize()
        for text in figure.findobj(Text)
        if text.get_visible() and re.search(r"\S", text.get_text())
    )
