"""Varifocal-Net's dispatch: the reference that the assignment is compared with.

Qin et al., "Varifocal-Net: A Chromosome Classification Approach Using Deep
Convolutional Networks", IEEE TMI 38(11):2569-2581, 2019, doi:10.1109/TMI.2019.2905841.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.karyotype.cells import check_probabilities

#: Above it a crop may be one of a third copy. The paper's value.
THRESHOLD = 0.9
_X, _Y = TYPES.index("X"), TYPES.index("Y")


@dataclass(frozen=True)
class Dispatched:
    """What the dispatch makes of one cell.

    Attributes:
        types: Class index of each crop, int64 (n,).
        warnings: Autosomes that have not two copies, and X + Y if it is not two.
    """

    types: np.ndarray
    warnings: tuple[str, ...]


def dispatch(probabilities: np.ndarray, threshold: float = THRESHOLD) -> Dispatched:
    """Send the crops that a type has too many of to their second-best type.

    T_k are the crops whose best type is k; S = 1 for Y and 2 for all others. If
    |T_k| > S, the S + 1 crops with the highest probability of k stay if each of these
    exceeds the threshold, else the first S do; every other crop of T_k goes to its
    second-best type, which is not looked at again. Equal probabilities keep the order
    of the crops (the paper does not say).

    Args:
        probabilities: (n, 24), rows summing to one.
        threshold: 0..1.

    Raises:
        PredictionTableError: Values that are no probabilities.
    """
    values = check_probabilities(probabilities)
    ranked = np.argsort(-values, axis=1, kind="stable")
    types = ranked[:, 0].copy()
    for kind in range(len(TYPES)):
        crops = np.flatnonzero(ranked[:, 0] == kind)
        usual = 1 if kind == _Y else 2
        if len(crops) <= usual:
            continue
        crops = crops[np.argsort(-values[crops, kind], kind="stable")]
        sure = bool((values[crops[: usual + 1], kind] > threshold).all())
        sent = crops[usual + sure :]
        types[sent] = ranked[sent, 1]
    return Dispatched(types, _warnings(np.bincount(types, minlength=len(TYPES))))


def _warnings(counts: np.ndarray) -> tuple[str, ...]:
    found = [
        f"type {name} has {count} chromosomes, expected 2"
        for name, count in zip(TYPES[:_X], counts.tolist(), strict=False)
        if count != 2
    ]
    sex = int(counts[_X] + counts[_Y])
    if sex != 2:
        found.append(f"X and Y have {sex} chromosomes together, expected 2")
    return tuple(found)
