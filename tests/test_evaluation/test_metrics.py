"""The mmengine metrics on data samples, in one process and in two."""

import json
import logging
import os

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook
from mmengine.logging import MMLogger
from mmpretrain.registry import METRICS
from mmpretrain.structures import DataSample
from sklearn import metrics as sk
from torch.multiprocessing import spawn

from mmscl.evaluation import (
    ChromosomeMetric,
    EmbeddingMetric,
    PredictionTable,
    PredictionTableError,
    read_embeddings,
    read_prediction_table,
)

TYPES = tuple("1234") + ("X",)
IMAGES = 37  # odd: two ranks are padded to 38


def sample(index):
    """Image `index` with its own generator: the same on every rank."""
    rng = np.random.default_rng(index)
    label = index % 5
    result = DataSample(
        metainfo=dict(
            img_path=f"{index}.png", case=str(index // 10), cell="a", site="here"
        )
    )
    scores = torch.from_numpy(rng.dirichlet(np.ones(5)) + 0.4 * np.eye(5)[label])
    result.set_gt_label(label).set_pred_score(scores / scores.sum())
    result.set_pred_label(scores.argmax())
    up = torch.tensor(rng.random(), dtype=torch.float32)
    result.pred_polarity = torch.stack([1 - up, up])
    result.embedding = torch.from_numpy(rng.normal(size=6) + 1.5 * np.eye(6)[label])
    return result


def run(folder, indices, size, **kwargs):
    metrics = [
        ChromosomeMetric(per_type=True, out_dir=str(folder), **kwargs),
        EmbeddingMetric(k=3, **kwargs),
        PredictionTable(str(folder / "p.csv"), embeddings=True, **kwargs),
    ]
    evaluator = Evaluator(metrics)
    evaluator.dataset_meta = dict(classes=TYPES)
    for start in range(0, len(indices), 4):
        evaluator.process([sample(i) for i in indices[start : start + 4]])
    return evaluator.evaluate(size)


@pytest.fixture
def log():
    """Messages of mmengine's logger, which does not propagate."""
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    handler, logger = Keep(), MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def evaluate(metric, samples, classes=TYPES):
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=classes) if classes else None
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_values_equal_sklearn_in_percent(tmp_path):
    found = run(tmp_path, range(IMAGES), IMAGES)
    samples = [sample(i) for i in range(IMAGES)]
    labels = np.array([int(s.gt_label) for s in samples])
    scores = torch.stack([s.pred_score for s in samples]).float().numpy()
    predicted = scores.argmax(axis=1)
    scores = scores.astype(float) / scores.astype(float).sum(axis=1, keepdims=True)
    want = dict(
        accuracy=sk.accuracy_score(labels, predicted),
        recall=sk.recall_score(labels, predicted, average="macro"),
        f1=sk.f1_score(labels, predicted, average="macro"),
        auc=sk.roc_auc_score(labels, scores, multi_class="ovr", average="macro"),
    )
    assert set(found) == {*want, "prototype_accuracy", "knn_accuracy"}
    for key, value in want.items():
        assert found[key] == pytest.approx(100 * value), key
    assert 20 < found["knn_accuracy"] < 100


def test_files_hold_the_table_the_confusions_and_the_embeddings(tmp_path):
    found = run(tmp_path, range(IMAGES), IMAGES)
    table = read_prediction_table(tmp_path / "p.csv")
    assert table.types == TYPES
    assert table.path.tolist() == [f"{i}.png" for i in range(IMAGES)]
    assert table.case.tolist() == [str(i // 10) for i in range(IMAGES)]
    assert set(table.site) == {"here"} and set(table.cell) == {"a"}
    np.testing.assert_array_equal(
        table.polarity, [sample(i).pred_polarity[1].item() for i in range(IMAGES)]
    )
    assert 100 * np.mean(table.labels == table.predicted) == found["accuracy"]
    embedding, path, kind = read_embeddings(tmp_path / "p.npz")
    np.testing.assert_array_equal(embedding[5], sample(5).embedding.float())
    assert path.tolist() == table.path.tolist() and kind[4] == "X"
    confusion = (tmp_path / "confusion_matrix.csv").read_text().splitlines()
    assert confusion[0] == "true type,1,2,3,4,X"
    counts = np.array([row.split(",")[1:] for row in confusion[1:]], int)
    np.testing.assert_array_equal(
        counts, sk.confusion_matrix(table.labels, table.predicted)
    )
    rows = (tmp_path / "per_type.csv").read_text().splitlines()
    assert rows[0] == "type,precision,recall,f1,auc,support"
    assert rows[5].startswith("X,") and rows[5].endswith(",7")
    recalls = [float(row.split(",")[2]) for row in rows[1:]]
    assert np.mean(recalls) == pytest.approx(found["recall"], abs=0.01)


def _rank(rank, folder, store):
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = str(rank)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    try:
        # As DefaultSampler does: padded from the start, dealt out in turn.
        padded = [*range(IMAGES), 0]
        found = run(folder, padded[rank::2], IMAGES, collect_dir=str(folder / "tmp"))
        (folder / f"{rank}.json").write_text(json.dumps(found))
    finally:
        dist.destroy_process_group()


def test_two_processes_give_the_same_values_and_files(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    spawn(_rank, (two, tmp_path / "store"), nprocs=2)
    want = run(one, range(IMAGES), IMAGES)
    for rank in range(2):
        assert json.loads((two / f"{rank}.json").read_text()) == want
    for name in ("p.csv", "per_type.csv", "confusion_matrix.csv"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    for first, second in zip(
        read_embeddings(one / "p.npz"), read_embeddings(two / "p.npz"), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_keys_have_no_prefix_and_save_best_knows_accuracy(log):
    metric = METRICS.build(dict(type="ChromosomeMetric"))
    assert "accuracy" in evaluate(metric, [sample(0), sample(1)])
    assert not [line for line in log if "prefix" in line]
    CheckpointHook(save_best="accuracy")
    CheckpointHook(save_best="recall", rule="greater")
    prefixed = evaluate(ChromosomeMetric(prefix="external"), [sample(0), sample(1)])
    assert "external/accuracy" in prefixed
    for name in ("EmbeddingMetric", "PredictionTable"):
        assert METRICS.get(f"mmscl.{name}") is METRICS.get(name)


def test_absent_types_are_left_out_of_the_means_and_told_once(log):
    metric = ChromosomeMetric()
    samples = [sample(i) for i in range(IMAGES) if i % 5 not in (1, 4)]
    found = evaluate(metric, samples)
    labels = [int(s.gt_label) for s in samples]
    predicted = [int(s.pred_label) for s in samples]
    recall = sk.recall_score(labels, predicted, labels=[0, 2, 3], average="macro")
    assert found["recall"] == pytest.approx(100 * recall)
    evaluate(metric, samples)
    told = [line for line in log if "no test images" in line]
    assert len(told) == 1
    assert "types 2, X; the macro means run over the other 3" in told[0]


def test_pred_label_wins_over_the_highest_score():
    moved = sample(0).set_pred_label(3)
    assert evaluate(ChromosomeMetric(), [moved])["accuracy"] == 0
    del moved.pred_label
    moved.pred_score = torch.eye(5)[0]
    assert evaluate(ChromosomeMetric(), [moved])["accuracy"] == 100


def test_per_type_table_is_logged_when_asked(log):
    samples = [sample(i) for i in range(IMAGES)]
    evaluate(ChromosomeMetric(), samples)
    assert not [line for line in log if "Per type" in line]
    evaluate(ChromosomeMetric(per_type=True), samples)
    text = next(line for line in log if "Per type" in line)
    assert text.splitlines()[1].split() == [
        "type",
        "precision",
        "recall",
        "f1",
        "auc",
        "support",
    ]
    assert text.splitlines()[-1].split()[0] == "X"


def test_embedding_reference_is_another_tables_npz(tmp_path):
    run(tmp_path, range(IMAGES), IMAGES)
    file = str(tmp_path / "p.npz")
    samples = [sample(i) for i in range(IMAGES)]
    found = evaluate(EmbeddingMetric(k=1, reference=file), samples)
    assert found["knn_accuracy"] == 100  # finds itself
    with pytest.raises(PredictionTableError, match=r"unknown types \['X'\]"):
        evaluate(EmbeddingMetric(reference=file), samples, classes=tuple("12345"))
    with pytest.raises(PredictionTableError, match="no `classes`"):
        evaluate(EmbeddingMetric(reference=file), samples, classes=None)
    short = sample(0)
    short.embedding = torch.ones(3)
    with pytest.raises(PredictionTableError, match=r"shape \(n, 3\).*got \(37, 6\)"):
        evaluate(EmbeddingMetric(reference=file), [short])


def test_images_without_another_of_their_type_are_told_once(log):
    metric = EmbeddingMetric()
    for _ in range(2):
        evaluate(metric, [sample(0), sample(5), sample(1)])
    assert [line for line in log if "left out" in line] == [
        "EmbeddingMetric: 1 images left out, because there is no (other) reference "
        "image of their type."
    ]


def test_table_without_case_or_truth(tmp_path, log):
    bare = DataSample(metainfo=dict(img_path="a.png", cell=None))
    bare.set_pred_score(torch.tensor([0.1, 0.9]))
    file = tmp_path / "p.csv"
    assert evaluate(PredictionTable(str(file)), [bare], classes=None) == {}
    table = read_prediction_table(file)
    assert table.labels.tolist() == [-1] and table.predicted.tolist() == [1]
    assert table.types == ("0", "1") and table.case.tolist() == [""]
    assert table.polarity is None
    assert not (tmp_path / "p.npz").exists()
    assert any("columns case, cell, site stay empty" in line for line in log)


def test_embeddings_go_where_told(tmp_path):
    file = tmp_path / "deep" / "e.npz"
    evaluate(PredictionTable(str(tmp_path / "p.csv"), str(file)), [sample(0)])
    assert read_embeddings(file)[0].shape == (1, 6)


@pytest.mark.parametrize(
    "metric, field, text",
    [
        (lambda: ChromosomeMetric(), "pred_score", "single-label classifier"),
        (lambda: ChromosomeMetric(), "gt_label", "PackInputs"),
        (lambda: EmbeddingMetric(), "embedding", "predict_embedding=True"),
        (lambda: PredictionTable("p.csv", True), "embedding", "predict_embedding=True"),
        (lambda: PredictionTable("p.csv"), "img_path", "meta_keys"),
    ],
)
def test_a_missing_field_says_what_gives_it(metric, field, text):
    data = sample(0).to_dict()
    del data[field]
    with pytest.raises(KeyError, match=f"needs the field '{field}'.*{text}"):
        metric().process(None, [data])


def test_wrong_arguments_and_data():
    with pytest.raises(ValueError, match="out_file: expected a name ending in .csv"):
        PredictionTable("p.txt")
    with pytest.raises(ValueError, match=r"embeddings: .*ending in .npz, got 'e.npy'"):
        PredictionTable("p.csv", "e.npy")
    with pytest.raises(ValueError, match="EmbeddingMetric.k: expected an int >= 1"):
        EmbeddingMetric(k=0)
    with pytest.raises(ValueError, match="5 scores, but the dataset has 2 classes"):
        evaluate(ChromosomeMetric(), [sample(0)], classes=("a", "b"))
    with pytest.raises(ValueError, match="there are no predictions"):
        evaluate(ChromosomeMetric(), [])
    many = sample(0)
    many.set_gt_label([0, 1])
    with pytest.raises(ValueError, match=r"gt_label must be one class index, got \[0"):
        ChromosomeMetric().process(None, [many.to_dict()])
