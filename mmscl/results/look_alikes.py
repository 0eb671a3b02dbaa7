"""What a crop looks like: nearest prototypes of the training, nearest sure crops."""

from __future__ import annotations

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.predictions import unit

#: Prototypes that are told of a crop, and sure crops of each of its two likely types.
NEAREST, EACH = 3, 3
#: Confidence from which a crop is shown as an example of its type.
SURE = 0.99
_AT_ONCE = 1024


def nearest_prototypes(embeddings: np.ndarray, prototypes: np.ndarray) -> list[str]:
    """The nearest types of each crop, '4 0.91, 5 0.85, X 0.71'.

    Args:
        embeddings: (n, D).
        prototypes: Mean embedding of each type (24, D), of length one; rows of NaN
            where the training had no crop of the type.
    """
    cosines = np.nan_to_num(unit(embeddings) @ prototypes.T, nan=-1.0)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
    return [
        ", ".join(f"{TYPES[kind]} {row[kind]:.2f}" for kind in kinds)
        for row, kinds in zip(cosines, order, strict=True)
    ]


def find_look_alikes(
    embeddings: np.ndarray,
    asked: np.ndarray,
    candidates: np.ndarray,
    types: np.ndarray,
    sure: np.ndarray,
) -> list[list[int]]:
    """For some crops the surely read ones that look most like them.

    Args:
        embeddings: Of all crops (n, D).
        asked: Rows to find them for (m,).
        candidates: Types that are likely for each of them (m, c); outside 0..23 there
            are none.
        types: Assigned type of all crops (n,).
        sure: Which of them are examples of their type, bool (n,).

    Returns:
        For each asked row: rows of up to three examples of each candidate, the most
        alike first.
    """
    units = unit(embeddings)
    pools = [np.flatnonzero(sure & (types == kind)) for kind in range(len(TYPES))]
    found: list[list[int]] = [[] for _ in range(len(asked))]
    for column in range(candidates.shape[1]):
        for kind, pool in enumerate(pools):
            places = np.flatnonzero(candidates[:, column] == kind)
            for part in np.split(places, range(_AT_ONCE, len(places), _AT_ONCE)):
                rows = asked[part]
                cosines = units[rows] @ units[pool].T
                cosines[rows[:, None] == pool[None]] = -np.inf
                for place, row in zip(part, cosines, strict=True):
                    best = np.argsort(-row)[:EACH]
                    best = best[np.isfinite(row[best])]
                    found[place] += pool[best].tolist()
    return found
