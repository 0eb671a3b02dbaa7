"""Measures of a classifier and of its embeddings: numpy in, numpy out.

B images, K classes, D embedding size. Shares are given as fractions, 0..1, and are NaN
where they are not defined (a class without images).
"""

from __future__ import annotations

import numpy as np

#: Cosines held in memory at once by `knn_hits`: 2^24 floats are 64 MB.
_BLOCK = 2**24


def confusion_matrix(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> np.ndarray:
    """Counts, int64 (K, K): row = true class, column = predicted class.

    Args:
        labels: True class indices (B,), 0 <= label < K.
        predicted: Predicted class indices (B,), in the same range.
        num_classes: K.

    Raises:
        ValueError: An index out of range, or different lengths.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(
            "labels and predicted: expected two arrays of one length, got shapes "
            f"{labels.shape} and {predicted.shape}."
        )
    for name, values in (("labels", labels), ("predicted", predicted)):
        bad = values[(values < 0) | (values >= num_classes)]
        if len(bad):
            raise ValueError(
                f"{name}: expected class indices 0..{num_classes - 1}, got {bad[0]}."
            )
    cells = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(
        num_classes, num_classes
    )


def precision_recall_f1(
    confusion: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each class: three arrays (K,).

    A class that has images but is never predicted has precision 0 (scikit-learn's
    convention, ``zero_division=0``). A class without images is NaN in all three.

    Args:
        confusion: Counts (K, K), row = true class.
    """
    hits = np.diag(confusion).astype(float)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    absent = support == 0
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    # F1 = 2 TP / (2 TP + FP + FN), defined whenever the class has images.
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    for values in (precision, recall, f1):
        values[absent] = np.nan
    return precision, recall, f1


def auc_one_vs_rest(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each class against all others: (K,).

    The share of (image of the class, other image) pairs in which the former scores
    higher, ties counting half (Mann and Whitney 1947, doi:10.1214/aoms/1177730491).
    NaN for a class that has no images or all of them.

    Args:
        labels: True class indices (B,).
        scores: Scores (B, K), any monotone scale.

    Raises:
        ValueError: A score is not a number.
    """
    scores = np.asarray(scores)
    bad = np.flatnonzero(np.isnan(scores).any(axis=1))
    if len(bad):
        raise ValueError(
            f"scores: {len(bad)} of {len(scores)} images have a score that is not a "
            f"number (NaN), the first is image {bad[0]}: the model has diverged."
        )
    result = np.full(scores.shape[1], np.nan)
    for number in np.unique(labels):
        own = np.asarray(labels) == number
        positives, negatives = int(own.sum()), int((~own).sum())
        if negatives:
            ranks = _mean_ranks(scores[:, number])
            pairs_won = ranks[own].sum() - positives * (positives + 1) / 2
            result[number] = pairs_won / (positives * negatives)
    return result


def prototype_hits(
    embeddings: np.ndarray,
    labels: np.ndarray,
    reference: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Is the nearest prototype that of the own class? Float (B,): 1, 0 or NaN.

    The prototype of a class is the sum of its normalised embeddings; nearness is the
    cosine. Without `reference` each image is left out of its own prototype.

    Args:
        embeddings: (B, D), any length; a zero vector has cosine 0 with everything.
        labels: Class indices (B,), >= 0.
        reference: (embeddings (R, D), labels (R,)) to make the prototypes of.

    Returns:
        NaN where the own class has no (other) image to make a prototype of.
    """
    # Sums of many unit vectors: in double precision, as leaving out subtracts.
    unit, labels = _unit(embeddings, np.float64), np.asarray(labels)
    known, known_labels = (
        (unit, labels)
        if reference is None
        else (_unit(reference[0], np.float64), np.asarray(reference[1]))
    )
    classes = int(max(labels.max(initial=0), known_labels.max(initial=0))) + 1
    sums = np.zeros((classes, unit.shape[1]))
    np.add.at(sums, known_labels, known)
    counts = np.bincount(known_labels, minlength=classes)
    cosines = unit @ _unit(sums, np.float64).T
    cosines[:, counts == 0] = -np.inf
    others = counts[labels]
    if reference is None:
        rows = np.arange(len(labels))
        rest = _unit(sums[labels] - unit, np.float64)
        cosines[rows, labels] = (unit * rest).sum(axis=1)
        others = others - 1
        cosines[rows[others == 0], labels[others == 0]] = -np.inf
    hits = (cosines.argmax(axis=1) == labels).astype(float)
    hits[others == 0] = np.nan
    return hits


def knn_hits(
    embeddings: np.ndarray,
    labels: np.ndarray,
    k: int = 5,
    reference: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Do the k nearest images vote for the own class? Float (B,): 1, 0 or NaN.

    Exact search by cosine, in float32, by blocks of rows. One vote an image; of
    classes with equal votes the one with the larger sum of cosines wins. Costs
    B R D multiplications: 12,000 images of 1,024 about 5 s on a core.

    Args:
        embeddings: (B, D).
        labels: Class indices (B,), >= 0.
        k: Neighbours, >= 1; all of them where there are fewer.
        reference: (embeddings (R, D), labels (R,)) to look for neighbours in; None
            looks in the set itself, without the image.

    Returns:
        NaN where the own class has no (other) image.
    """
    if k < 1:
        raise ValueError(f"k: expected an int >= 1, got {k}.")
    unit, labels = _unit(embeddings, np.float32), np.asarray(labels)
    known, known_labels = (
        (unit, labels)
        if reference is None
        else (_unit(reference[0], np.float32), np.asarray(reference[1]))
    )
    alone = reference is None
    classes = int(max(labels.max(initial=0), known_labels.max(initial=0))) + 1
    k = min(k, len(known) - alone)
    hits = np.zeros(len(unit))
    rows = max(1, _BLOCK // max(1, len(known)))
    for start in range(0, len(unit) if k else 0, rows):
        cosines = unit[start : start + rows] @ known.T
        if alone:
            here = np.arange(len(cosines))
            cosines[here, here + start] = -np.inf
        votes = _votes(cosines, known_labels, k, classes)
        hits[start : start + rows] = votes == labels[start : start + rows]
    others = np.bincount(known_labels, minlength=classes)[labels] - alone
    hits[others == 0] = np.nan
    return hits


def _votes(cosines: np.ndarray, labels: np.ndarray, k: int, classes: int) -> np.ndarray:
    """Class voted for by the k largest `cosines` (b, R) of each row: (b,)."""
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    # One vote is worth more than any sum of k cosines, which only breaks ties.
    worth = 2.0 * k + 1 + np.take_along_axis(cosines, nearest, axis=1)
    places = np.arange(len(cosines))[:, None] * classes + labels[nearest]
    sums = np.bincount(places.ravel(), worth.ravel(), len(cosines) * classes)
    return sums.reshape(-1, classes).argmax(axis=1)


def _unit(vectors: np.ndarray, dtype: type) -> np.ndarray:
    """Rows (n, D) of length 1; zero rows stay zero.

    Raises:
        ValueError: A value is not finite.
    """
    vectors = np.asarray(vectors, dtype=dtype)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(
            f"embeddings: {len(bad)} of {len(vectors)} images have an embedding that "
            f"is not finite, the first is image {bad[0]}: the model has diverged."
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 1..n (n,), equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]
