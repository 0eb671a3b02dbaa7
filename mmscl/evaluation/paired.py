"""The difference of two classifiers on the same images, with its interval over cases.

Images of one case (patient) resemble each other, so chance is that of cases: the
bootstrap draws whole cases, with replacement (Efron 1979,
doi:10.1214/aos/1176344552; percentile interval). B images, G cases, K types, S seeds,
R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import stats

from mmscl.evaluation.alignment import align
from mmscl.evaluation.predictions import Predictions, PredictionTableError

#: Seeds below which no interval over seeds is given.
LEAST_SEEDS = 3
#: Groups that images without a case are dealt into.
_GROUPS = 200
#: Resamples held in memory at once.
_BLOCK = 1000


class Difference(NamedTuple):
    """Of one measure, in percentage points: the first classifier less the second.

    Attributes:
        value: Mean over the seeds.
        low, high: Interval of `value` over cases; NaN with a single case.
        seeds_low, seeds_high: Student's t interval over seeds; NaN below three.
        cases: Cases that were drawn from; of images without a case, groups of them.
        unit: 'case', or 'image' where the tables name no cases.
    """

    value: float
    low: float
    high: float
    seeds_low: float
    seeds_high: float
    cases: int
    unit: str


def paired_differences(
    ours: Sequence[Predictions],
    theirs: Sequence[Predictions],
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    measures: Sequence[str] = ("accuracy", "recall", "auc"),
) -> dict[str, Difference]:
    """Compare two classifiers, image by image, over one or several training seeds.

    A case counts with all of its images under all seeds: what the seeds say of a case
    is averaged before cases are drawn, so the interval is of the mean over these
    seeds. Accuracy is over images, recall and AUC are macro means over the types that
    a resample has (AUC: those that have other types beside them). Percentile
    intervals are too narrow with few cases (below about 20).

    Where the tables name no cases, the images are dealt at random into 200 groups (as
    many as there are, if fewer), which take the place of cases. The interval is then
    too narrow by all that images of one patient have in common.

    Args:
        ours: S tables of the first classifier, one a seed.
        theirs: S tables of the second, of the same seeds in the same order.
        resamples: R, >= 1.
        confidence: Of both intervals, between 0 and 1.
        seed: Of the resampling.
        measures: Those to compare, of 'accuracy', 'recall' and 'auc'.

    Returns:
        Measure -> difference.

    Raises:
        ValueError: An argument out of range; not equally many tables.
        PredictionTableError: The tables hold different images, types or cases, an
            image twice, an image of unknown type, or cases for some images only.
    """
    if not ours or len(ours) != len(theirs):
        raise ValueError(
            "ours and theirs: expected equally many tables, one a seed, got "
            f"{len(ours)} and {len(theirs)}."
        )
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            "expected resamples >= 1 and 0 < confidence < 1, got "
            f"{resamples} and {confidence}."
        )
    unknown = [name for name in measures if name not in _MEASURES]
    if unknown:
        raise ValueError(f"measures: expected some of {[*_MEASURES]}, got {unknown}.")
    tables = align([*ours, *theirs])
    groups, unit = _groups_of(tables[0], seed)
    number = int(groups.max()) + 1
    pairs = list(zip(tables[: len(ours)], tables[len(ours) :], strict=True))
    result = {}
    for name in measures:
        seeds = [_MEASURES[name](first, second, groups) for first, second in pairs]
        by_seed = np.array([float(one(np.ones((1, number)))[0]) for one in seeds])
        drawn = _draw_cases(seeds, number, resamples, seed)
        result[name] = Difference(
            100 * float(by_seed.mean()),
            *_percentiles(100 * drawn, confidence),
            *_over_seeds(100 * by_seed, confidence),
            number,
            unit,
        )
    return result


def _groups_of(table: Predictions, seed: int) -> tuple[np.ndarray, str]:
    """Number of its case, from 0, for each image (B,), and the unit."""
    known = table.case != ""
    if known.all():
        return np.unique(table.case, return_inverse=True)[1], "case"
    if known.any():
        raise PredictionTableError(
            f"{table.path[~known][0]}: no case, while {known.sum()} of {len(known)} "
            "images have one. Give all of them their case in the manifest, or none."
        )
    dealt = np.arange(len(table)) % _GROUPS
    return np.random.default_rng(seed).permutation(dealt), "image"


#: Weights (R, G), how often each case is taken -> difference (R,) as a fraction.
_Weighted = Callable[[np.ndarray], np.ndarray]


def _accuracy(ours: Predictions, theirs: Predictions, groups: np.ndarray) -> _Weighted:
    hits, support = _hits_by_case(ours, theirs, groups)
    return partial(_macro_ratio, hits.sum(1, keepdims=True), support.sum(1)[:, None])


def _recall(ours: Predictions, theirs: Predictions, groups: np.ndarray) -> _Weighted:
    return partial(_macro_ratio, *_hits_by_case(ours, theirs, groups))


def _macro_ratio(
    hits: np.ndarray, support: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean over K of weighted hits (G, K) by weighted support (G, K): (R,)."""
    return _mean_where(weights @ hits, weights @ support)


def _auc(ours: Predictions, theirs: Predictions, groups: np.ndarray) -> _Weighted:
    """Mann and Whitney's pairs, counted for each two cases (G, G) and type.

    With them the AUC of any resample is a product of matrices, exact with ties, and
    no score is sorted again.
    """
    number = int(groups.max()) + 1
    won, own_counts = [], []
    for type_ in np.unique(ours.labels):
        own = ours.labels == type_
        pairs = (_pairs_won(t.scores[:, type_], own, groups) for t in (ours, theirs))
        won.append(np.subtract(*pairs))
        own_counts.append(np.bincount(groups[own], minlength=number))
    return partial(_macro_auc, won, np.stack(own_counts, axis=1), np.bincount(groups))


def _macro_auc(
    won: list[np.ndarray], own: np.ndarray, images: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean over K types of weighted pairs won (G, G) by weighted pairs: (R,)."""
    gained = np.stack([((weights @ w) * weights).sum(1) for w in won], axis=1)
    positives = weights @ own
    return _mean_where(gained, positives * ((weights @ images)[:, None] - positives))


def _pairs_won(scores: np.ndarray, own: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Pairs (own image of case g, other of case h) that the own wins: (G, G).

    Args:
        scores: (B,) of one type; equal scores count half a pair.
        own: (B,) whether the image is of the type.
        groups: (B,) case of each image.
    """
    number = int(groups.max()) + 1
    result = np.zeros((number, number))
    for case in range(number):
        others = np.sort(scores[~own & (groups == case)])
        below = others.searchsorted(scores[own], "left").astype(float)
        below += others.searchsorted(scores[own], "right")
        result[:, case] = np.bincount(groups[own], below / 2, minlength=number)
    return result


_MEASURES = dict(accuracy=_accuracy, recall=_recall, auc=_auc)


def _hits_by_case(
    ours: Predictions, theirs: Predictions, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right answers of the first less those of the second, and images: two (G, K)."""
    shape = int(groups.max()) + 1, len(ours.types)
    places = groups * shape[1] + ours.labels
    gained = (ours.predicted == ours.labels) * 1.0 - (theirs.predicted == ours.labels)
    size = shape[0] * shape[1]
    hits = np.bincount(places, gained, minlength=size).reshape(shape)
    return hits, np.bincount(places, minlength=size).reshape(shape)


def _mean_where(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Mean over K of above / below (R, K), where below is not 0; else NaN: (R,)."""
    defined = below > 0
    shares = np.divide(above, below, out=np.zeros(above.shape), where=defined)
    number = defined.sum(axis=1)
    return np.where(number > 0, shares.sum(axis=1) / np.maximum(number, 1), np.nan)


def _draw_cases(
    seeds: Sequence[_Weighted], number: int, resamples: int, seed: int
) -> np.ndarray:
    """The mean difference over the seeds in each resample (R,); NaN with one case."""
    if number < 2:
        return np.full(resamples, np.nan)
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        weights = rng.multinomial(number, np.full(number, 1 / number), size=size)
        parts.append(np.mean([one(weights.astype(float)) for one in seeds], axis=0))
    return np.concatenate(parts)


def _percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def _over_seeds(by_seed: np.ndarray, confidence: float) -> tuple[float, float]:
    if len(by_seed) < LEAST_SEEDS:
        return np.nan, np.nan
    half = stats.t.ppf((1 + confidence) / 2, len(by_seed) - 1) * stats.sem(by_seed)
    return float(by_seed.mean() - half), float(by_seed.mean() + half)
