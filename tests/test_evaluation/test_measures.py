"""Measures against scikit-learn and plain loops."""

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.neighbors import KNeighborsClassifier

from mmscl.evaluation import measures


@pytest.fixture
def case():
    """300 images, 6 classes, scores in steps of 0.05 so that there are ties."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 300)
    scores = rng.dirichlet(np.ones(6), 300) + 0.3 * np.eye(6)[labels]
    scores = np.round(scores / scores.sum(1, keepdims=True) * 20) / 20
    return labels, scores, scores.argmax(axis=1)


def clusters(n=90, classes=5, size=7, spread=2.0):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, classes, n)
    centres = rng.normal(size=(classes, size))
    return (centres[labels] + spread * rng.normal(size=(n, size))), labels


def test_confusion_precision_recall_f1_equal_sklearn(case):
    labels, _, predicted = case
    confusion = measures.confusion_matrix(labels, predicted, 6)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(labels, predicted))
    expected = sk.precision_recall_fscore_support(labels, predicted)
    for found, want in zip(
        measures.precision_recall_f1(confusion), expected, strict=False
    ):
        np.testing.assert_allclose(found, want, rtol=1e-12)


def test_never_predicted_is_zero_and_absent_is_nan():
    confusion = measures.confusion_matrix(np.array([0, 1]), np.array([0, 0]), 3)
    precision, recall, f1 = measures.precision_recall_f1(confusion)
    np.testing.assert_array_equal(precision, [0.5, 0, np.nan])
    np.testing.assert_array_equal(recall, [1, 0, np.nan])
    np.testing.assert_allclose(f1, [2 / 3, 0, np.nan])


def test_auc_equals_sklearn_also_with_ties(case):
    labels, scores, _ = case
    found = measures.auc_one_vs_rest(labels, scores)
    want = [sk.roc_auc_score(labels == k, scores[:, k]) for k in range(6)]
    np.testing.assert_allclose(found, want, rtol=1e-12)
    scores = scores / scores.sum(1, keepdims=True)
    assert measures.auc_one_vs_rest(labels, scores).mean() == pytest.approx(
        sk.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    )


def test_auc_is_not_defined_without_either_side():
    scores = np.array([[0.7, 0.3], [0.6, 0.4]])
    assert np.isnan(measures.auc_one_vs_rest(np.array([0, 0]), scores)).all()


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"predicted: .*indices 0\.\.1, got 2"):
        measures.confusion_matrix(np.array([0]), np.array([2]), 2)
    with pytest.raises(ValueError, match=r"one length, got shapes \(1,\) and \(2,\)"):
        measures.confusion_matrix(np.array([0]), np.array([1, 1]), 2)
    with pytest.raises(ValueError, match="1 of 2 images.*NaN.*first is image 1"):
        measures.auc_one_vs_rest(np.array([0, 1]), np.array([[1, 0], [np.nan, 1]]))
    bad = np.array([[1.0, 0], [np.inf, 0]])
    for hits in (measures.prototype_hits, measures.knn_hits):
        with pytest.raises(ValueError, match="embeddings: 1 of 2.*first is image 1"):
            hits(bad, np.array([0, 0]))
    with pytest.raises(ValueError, match="k: expected an int >= 1, got 0"):
        measures.knn_hits(bad, np.array([0, 0]), k=0)


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def naive_prototype(embeddings, labels, known, known_labels, alone):
    hits = []
    for i, own in enumerate(labels):
        cosines = {}
        for c in set(known_labels):
            rows = [
                known[j] / np.linalg.norm(known[j])
                for j in range(len(known))
                if known_labels[j] == c and not (alone and i == j)
            ]
            if rows:
                cosines[c] = cosine(embeddings[i], np.mean(rows, axis=0))
        hits.append(max(cosines, key=cosines.get) == own)
    return hits


def naive_knn(embeddings, labels, known, known_labels, k, alone):
    hits = []
    for i, own in enumerate(labels):
        near = sorted(
            (
                (cosine(embeddings[i], known[j]), known_labels[j])
                for j in range(len(known))
                if not (alone and i == j)
            ),
            reverse=True,
        )[:k]
        votes = {
            c: (sum(x == c for _, x in near), sum(s for s, x in near if x == c))
            for _, c in near
        }
        hits.append(max(votes, key=votes.get) == own)
    return hits


@pytest.mark.parametrize("alone", [True, False])
def test_prototype_hits_equal_plain_loops(alone):
    embeddings, labels = clusters()
    known, known_labels = (embeddings, labels) if alone else clusters(60)
    found = measures.prototype_hits(
        embeddings, labels, None if alone else (known, known_labels)
    )
    want = naive_prototype(embeddings, labels, known, known_labels, alone)
    assert 0.2 < np.mean(want) < 0.95
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("k", [1, 2, 5, 500])
def test_knn_hits_equal_plain_loops_in_blocks(monkeypatch, alone, k):
    monkeypatch.setattr(measures, "_BLOCK", 700)  # several blocks of rows
    embeddings, labels = clusters()
    known, known_labels = (embeddings, labels) if alone else clusters(60)
    found = measures.knn_hits(
        embeddings, labels, k, None if alone else (known, known_labels)
    )
    want = naive_knn(embeddings, labels, known, known_labels, k, alone)
    np.testing.assert_array_equal(found, want)


def test_knn_equals_sklearn_on_a_reference():
    embeddings, labels = clusters()
    known, known_labels = clusters(200, spread=1.0)
    model = KNeighborsClassifier(1, metric="cosine").fit(known, known_labels)
    np.testing.assert_array_equal(
        measures.knn_hits(embeddings, labels, 1, (known, known_labels)),
        model.predict(embeddings) == labels,
    )


def test_images_whose_type_has_no_other_are_not_judged():
    embeddings = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    labels = np.array([0, 0, 1])
    for hits in (measures.prototype_hits, measures.knn_hits):
        np.testing.assert_array_equal(hits(embeddings, labels), [1, 1, np.nan])
        np.testing.assert_array_equal(hits(embeddings[:1], labels[:1]), [np.nan])
        found = hits(embeddings, labels, reference=(embeddings[:2], labels[:2]))
        np.testing.assert_array_equal(found, [1, 1, np.nan])


def test_length_does_not_matter_and_zero_vectors_are_finite():
    embeddings, labels = clusters()
    scaled = embeddings * np.random.default_rng(0).uniform(0.1, 9, (len(labels), 1))
    for hits in (measures.prototype_hits, measures.knn_hits):
        np.testing.assert_array_equal(hits(embeddings, labels), hits(scaled, labels))
        assert np.isfinite(hits(np.zeros((4, 3)), np.array([0, 0, 1, 1]))).all()
