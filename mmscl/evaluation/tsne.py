"""Maps of embeddings in the plane, and what they are to be read with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.metrics import silhouette_score

from mmscl.config import ConfigError
from mmscl.evaluation.measures import knn_hits

#: Images that a silhouette is computed over at most: its cost grows with the square.
SILHOUETTE_IMAGES = 10_000


@dataclass(frozen=True)
class Separation:
    """How well types lie apart in the embedding itself, which a map only hints at.

    Attributes:
        images: Number of images B.
        size: Size D of the embedding.
        silhouette: Mean silhouette by cosine distance, -1..1 (Rousseeuw 1987,
            doi:10.1016/0377-0427(87)90125-7).
        silhouette_images: How many images it was computed over.
        knn_accuracy: Share 0..1 whose k nearest neighbours, the image itself left out,
            vote for its own type.
        k: That k.
    """

    images: int
    size: int
    silhouette: float
    silhouette_images: int
    knn_accuracy: float
    k: int

    def __str__(self) -> str:
        """Two lines for below a map."""
        over = ""
        if self.silhouette_images < self.images:
            over = f", over {self.silhouette_images:,} of them"
        return (
            f"{self.images:,} images, embedding of {self.size:,} values\n"
            f"silhouette {self.silhouette:.3f} (cosine{over}), "
            f"{self.k}-NN accuracy {100 * self.knn_accuracy:.1f} %"
        )


def measure_separation(
    embeddings: np.ndarray, types: np.ndarray, k: int = 5, seed: int = 0
) -> Separation:
    """Silhouette and nearest-neighbour accuracy of embeddings, by cosine.

    Args:
        embeddings: (B, D).
        types: Type of each, strings (B,).
        k: Neighbours that vote.
        seed: Draws the images of the silhouette where there are more than
            `SILHOUETTE_IMAGES`.

    Raises:
        ValueError: Fewer than two types, or no type with two images.
    """
    names, labels = np.unique(types, return_inverse=True)
    if not 2 <= len(names) < len(labels):
        raise ValueError(
            f"embeddings: expected two types or more, and more images than types, got "
            f"{len(labels)} images of {len(names)} types."
        )
    hits = knn_hits(embeddings, labels, k)
    used = min(len(labels), SILHOUETTE_IMAGES)
    silhouette = silhouette_score(
        embeddings,
        labels,
        metric="cosine",
        sample_size=used if used < len(labels) else None,
        random_state=seed,
    )
    return Separation(
        images=len(embeddings),
        size=embeddings.shape[1],
        silhouette=float(silhouette),
        silhouette_images=used,
        knn_accuracy=float(np.nanmean(hits)),
        k=k,
    )


def tsne_map(
    embeddings: np.ndarray,
    perplexity: float = 30.0,
    exaggeration: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """t-SNE by openTSNE with cosine distances, from the first two principal components.

    Starting from the principal components keeps what global order there is and makes
    the map the same each time (Kobak and Berens 2019, doi:10.1038/s41467-019-13056-x).

    Args:
        embeddings: (B, D), D >= 2.
        perplexity: About how many neighbours count; below a third of B.
        exaggeration: Of the attraction after the early phase; above 1 draws clusters
            together, which helps with many thousand images.
        seed: Of everything random.

    Returns:
        Places float64 (B, 2), their mean at 0 and their root mean square radius 1.

    Raises:
        ConfigError: openTSNE is not installed, or too few images for the perplexity.
    """
    if len(embeddings) <= 3 * perplexity:
        raise ConfigError(
            f"--perplexity {perplexity:g}: expected less than a third of the "
            f"{len(embeddings)} images; a typical value is 30, a small set takes 5"
        )
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise ConfigError(
            "t-SNE needs openTSNE, which is not installed: "
            'pip install -e ".[figures]" (docs/figures.md)'
        ) from error
    places = np.asarray(
        TSNE(
            perplexity=perplexity,
            exaggeration=exaggeration,
            metric="cosine",
            initialization="pca",
            random_state=seed,
        ).fit(np.asarray(embeddings, np.float64))
    )
    places = places - places.mean(axis=0)
    return places / np.sqrt((places**2).sum(axis=1).mean())


def turn_like(places: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Rotate or mirror a map so that it lies like another map of the same images.

    A t-SNE map has no up and no left; distances within it stay as they are.

    Args:
        places: (B, 2), its mean at 0.
        model: (B, 2), row by row the same images.
    """
    rotation, _ = orthogonal_procrustes(places, model)
    return places @ rotation
