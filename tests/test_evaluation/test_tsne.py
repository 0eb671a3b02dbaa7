"""Maps keep neighbours, are the same each time, and come with measures of the truth."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from mmscl.config import ConfigError
from mmscl.evaluation import tsne
from mmscl.evaluation.measures import knn_hits
from mmscl.evaluation.tsne import measure_separation, tsne_map, turn_like

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(4, 8))
LABELS = np.repeat(np.arange(4), 25)
TYPES = np.array(["1", "2", "X", "Y"])[LABELS]
EMBEDDINGS = CENTRES[LABELS] + 0.1 * RNG.normal(size=(100, 8))


def test_map_keeps_clusters_and_is_the_same_each_time():
    pytest.importorskip("openTSNE")
    places = tsne_map(EMBEDDINGS, perplexity=10, seed=3)
    np.testing.assert_array_equal(places, tsne_map(EMBEDDINGS, perplexity=10, seed=3))
    assert places.shape == (100, 2)
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-9)
    assert (places**2).sum(axis=1).mean() == pytest.approx(1)
    nearest = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(nearest, np.inf)
    assert (LABELS[nearest.argmin(axis=1)] == LABELS).all()


def test_too_few_images_for_the_perplexity_are_refused():
    with pytest.raises(ConfigError, match="--perplexity 40: expected less than a"):
        tsne_map(EMBEDDINGS, perplexity=40)


def test_without_open_tsne_the_way_out_is_named(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "openTSNE":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r'openTSNE.*pip install -e "\.\[figures\]"'):
        tsne_map(EMBEDDINGS, perplexity=10)


def test_turning_undoes_a_rotation_and_a_mirror_and_keeps_distances():
    model = RNG.normal(size=(30, 2))
    model -= model.mean(axis=0)
    angle = 2.0
    turn = [[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]]
    np.testing.assert_allclose(turn_like(model @ turn, model), model, atol=1e-12)
    other = RNG.normal(size=(30, 2))
    lengths = np.linalg.norm(turn_like(other, model), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(other, axis=1))


def test_separation_is_that_of_scikit_learn(monkeypatch):
    found = measure_separation(EMBEDDINGS, TYPES, k=3)
    samples = silhouette_samples(EMBEDDINGS, LABELS, metric="cosine")
    assert found.silhouette == pytest.approx(samples.mean())
    assert found.knn_accuracy == knn_hits(EMBEDDINGS, LABELS, 3).mean()
    assert (found.images, found.size, found.silhouette_images) == (100, 8, 100)
    assert str(found).startswith("100 images, embedding of 8 values\nsilhouette 0.")
    assert "3-NN accuracy 100.0 %" in str(found) and "over" not in str(found)
    monkeypatch.setattr(tsne, "SILHOUETTE_IMAGES", 40)
    drawn = measure_separation(EMBEDDINGS, TYPES)
    assert drawn.silhouette == pytest.approx(found.silhouette, abs=0.1)
    assert "(cosine, over 40 of them)" in str(drawn)


@pytest.mark.parametrize("types", [["1"] * 100, [str(i) for i in range(100)]])
def test_one_type_or_one_image_a_type_has_no_separation(types):
    with pytest.raises(ValueError, match="expected two types or more, and more images"):
        measure_separation(EMBEDDINGS, np.array(types))
