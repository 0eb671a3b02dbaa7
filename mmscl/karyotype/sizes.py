"""The size of a chromosome within its cell: evidence that a single crop lacks.

Magnification and condensation differ from cell to cell, but chromosome 1 is the longest
of its cell in all of them. Sizes are therefore taken relative to the cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmscl.datasets.images import foreground_mask, read_crop
from mmscl.karyotype.prior import K

#: Cells of fewer crops say too little of their own scale: no evidence from size.
LEAST_CROPS = 10
#: What is none of the types - debris, overlaps, pieces - may have any size: its spread
#: is that of all chromosomes, times this in the covariance.
_BROAD = 4.0
#: Crops of a type from which its own spread is believed as much as that of all types.
_POOLED = 30
_ROUNDS = 5


def measure_sizes(images: Iterable[np.ndarray]) -> np.ndarray:
    """Natural logarithms of area and length of the chromosomes of crops: (n, 2).

    Area is that of the foreground (`mmscl.datasets.images.foreground_mask`) in pixels;
    length is the long side of its smallest enclosing rectangle, in pixels.

    Args:
        images: H x W uint8 each.

    Returns:
        float64 (n, 2); NaN where a crop has no foreground.
    """
    return np.array([_measure(image) for image in images]).reshape(-1, 2)


def measure_files(
    paths: Sequence[str] | np.ndarray, root: str | Path = "."
) -> np.ndarray:
    """:func:`measure_sizes` of image files: float64 (n, 2).

    Args:
        paths: Of the crops, absolute or below `root`.
        root: A folder.

    Raises:
        ImageError: A crop cannot be read.
    """
    return measure_sizes(read_crop(Path(root) / str(path)) for path in paths)


def _measure(image: np.ndarray) -> tuple[float, float]:
    mask = foreground_mask(image)
    points = cv2.findNonZero(mask.view(np.uint8))
    if points is None:
        return np.nan, np.nan
    sides = cv2.minAreaRect(points)[1]
    # A rectangle around pixel centres is a pixel short.
    return float(np.log(len(points))), float(np.log(max(sides) + 1))


@dataclass(frozen=True)
class SizeModel:
    """A Gaussian of (log area, log length) within the cell, one for each type.

    Attributes:
        means: (24, 2).
        covariances: (24, 2, 2).
    """

    means: np.ndarray
    covariances: np.ndarray

    def log_ratios(self, sizes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """How much likelier each crop's size is under each type than on average.

        The last column is for crops that are none of the types, which may have any
        size: what no chromosome of the cell can be is likelier there.

        The scale of the cell is the median, over its crops, of what a size exceeds the
        one expected from the probabilities: so it does not depend on which
        chromosomes a cell lacks.

        Args:
            sizes: Of one cell, as measured, (n, 2); NaN where not known.
            probabilities: Of the classifier (n, 24).

        Returns:
            Natural logarithms (n, 25); 0 where the size is not known, and in cells of
            fewer than `LEAST_CROPS` known sizes.

        Raises:
            ValueError: Shapes that do not match.
        """
        sizes = np.asarray(sizes, np.float64)
        if sizes.shape != (len(probabilities), 2):
            raise ValueError(
                f"sizes: expected shape ({len(probabilities)}, 2), a row for each crop "
                f"of the cell, got {sizes.shape}."
            )
        known = np.isfinite(sizes).all(axis=1)
        result = np.zeros((len(sizes), K + 1))
        if known.sum() < LEAST_CROPS:
            return result
        excess = sizes[known] - probabilities[known] @ self.means
        relative = sizes[known] - np.median(excess, axis=0)
        densities = self._log_densities(relative)
        of_types = np.logaddexp.reduce(densities[:, :K], axis=1, keepdims=True)
        result[known] = densities - (of_types - np.log(K))
        return result

    def _log_densities(self, relative: np.ndarray) -> np.ndarray:
        """(n, 25) of sizes relative to the cell (n, 2), up to a constant."""
        middle = self.means.mean(axis=0)
        spread = np.cov(self.means.T) + self.covariances.mean(axis=0)
        means = np.vstack([self.means, middle])
        covariances = np.concatenate([self.covariances, _BROAD * spread[None]])
        away = relative[:, None] - means[None]
        inverse = np.linalg.inv(covariances)
        distance = np.einsum("nki,kij,nkj->nk", away, inverse, away)
        return -0.5 * (distance + np.linalg.slogdet(covariances)[1])


def learn_sizes(
    sizes: np.ndarray, labels: np.ndarray, cells: Sequence[np.ndarray]
) -> SizeModel:
    """Means and spreads of the types, from cells whose types are known.

    The scales of the cells and the means of the types are estimated in turn. The
    covariance of a type is drawn to that of all types with the weight of 30 crops.

    Args:
        sizes: (n, 2), as measured; rows with NaN are left out.
        labels: Class index of each crop (n,).
        cells: Rows of the crops of each cell.

    Raises:
        ValueError: A type has no crop, or there is no cell of `LEAST_CROPS`.
    """
    sizes, labels = np.asarray(sizes, np.float64), np.asarray(labels)
    known = np.isfinite(sizes).all(axis=1)
    used = [rows[known[rows]] for rows in cells]
    used = [rows for rows in used if len(rows) >= LEAST_CROPS]
    if not used:
        raise ValueError(
            f"cells: expected some with {LEAST_CROPS} crops or more of known size, got "
            f"none among {len(cells)} cells."
        )
    rows = np.concatenate(used)
    cell = np.repeat(np.arange(len(used)), [len(one) for one in used])
    sizes, labels = sizes[rows], labels[rows]
    missing = np.setdiff1d(np.arange(K), labels)
    if len(missing):
        raise ValueError(
            f"labels: the cells hold no chromosome of class {missing[0]}; each of the "
            f"{K} types is needed."
        )
    scales = np.zeros((len(used), 2))
    for _ in range(_ROUNDS):
        relative = sizes - scales[cell]
        means = np.array([relative[labels == k].mean(axis=0) for k in range(K)])
        excess = sizes - means[labels]
        scales = np.array(
            [np.median(excess[cell == one], axis=0) for one in range(len(used))]
        )
    return SizeModel(means, _covariances(sizes - scales[cell] - means[labels], labels))


def _covariances(rest: np.ndarray, labels: np.ndarray) -> np.ndarray:
    pooled = np.cov(rest.T) + 1e-6 * np.eye(2)
    result = []
    for kind in range(K):
        own = rest[labels == kind]
        spread = own.T @ own + _POOLED * pooled
        result.append(spread / (len(own) + _POOLED))
    return np.array(result)
