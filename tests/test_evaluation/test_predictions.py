"""The prediction table is read back as written; bad tables are named."""

from dataclasses import replace

import numpy as np
import pytest

from mmscl.evaluation import (
    Predictions,
    PredictionTableError,
    read_embeddings,
    read_prediction_table,
    write_embeddings,
    write_prediction_table,
)

TYPES = ("1", "2", "X")


def table(n=4):
    rng = np.random.default_rng(0)
    return Predictions(
        types=TYPES,
        path=np.array([f'a, "b"/{i}.png' for i in range(n)]),
        case=np.array(["ä1", "", "2", "2"])[:n],
        cell=np.array(["c"] * n),
        site=np.array([""] * n),
        labels=np.array([0, 2, -1, 1])[:n],
        predicted=np.array([0, 2, 1, 0])[:n],
        scores=rng.dirichlet(np.ones(3), n).astype(np.float32),
    )


@pytest.fixture
def written(tmp_path):
    write_prediction_table(tmp_path / "new" / "p.csv", table())
    return tmp_path / "new" / "p.csv"


def test_table_reads_back_exactly(written):
    found, want = read_prediction_table(written), table()
    assert len(found) == 4 and found.types == TYPES
    assert found.scores.dtype == np.float32 and found.labels.dtype == np.int64
    for name in ("path", "case", "cell", "site", "labels", "predicted", "scores"):
        np.testing.assert_array_equal(getattr(found, name), getattr(want, name))


def test_columns(written):
    header, first = written.read_text(encoding="utf-8").splitlines()[:2]
    assert header == "path,case,cell,site,type,pred_type,score_1,score_2,score_X"
    assert first.startswith('"a, ""b""/0.png",ä1,c,,1,1,')


def test_a_failure_leaves_the_old_table_and_no_debris(written):
    before = written.read_bytes()
    broken = table()
    broken.predicted[3] = 9
    with pytest.raises(IndexError):
        write_prediction_table(written, broken)
    assert written.read_bytes() == before
    assert [path.name for path in written.parent.iterdir()] == ["p.csv"]


@pytest.fixture
def with_polarity(tmp_path):
    told = replace(table(), polarity=np.array([0.1, 1, 0, 1 / 3], np.float32))
    write_prediction_table(tmp_path / "polarity.csv", told)
    return tmp_path / "polarity.csv", told


def test_the_polarity_is_a_column_where_it_is_told(written, with_polarity):
    assert read_prediction_table(written).polarity is None
    path, told = with_polarity
    header = path.read_text(encoding="utf-8").splitlines()[0]
    assert (
        header == "path,case,cell,site,type,pred_type,polarity,score_1,score_2,score_X"
    )
    found = read_prediction_table(path)
    assert found.polarity is not None and found.polarity.dtype == np.float32
    np.testing.assert_array_equal(found.polarity, told.polarity)
    np.testing.assert_array_equal(found.scores, table().scores)


def test_taking_rows_takes_their_polarity(with_polarity):
    told = with_polarity[1].take(np.array([3, 0]))
    assert told.polarity is not None
    np.testing.assert_array_equal(told.polarity, np.float32([1 / 3, 0.1]))
    assert table().take(np.array([1])).polarity is None


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "up", ""])
def test_a_polarity_that_is_no_probability_is_named(value, with_polarity):
    path, _ = with_polarity
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",0.1,", f",{value},"), encoding="utf-8")
    with pytest.raises(
        PredictionTableError, match=f"line 2: polarity is '{value}', ex"
    ):
        read_prediction_table(path)


@pytest.mark.parametrize(
    "old, new, text",
    [
        (
            "case,cell",
            "Case,cell",
            r"p\.csv: .*columns case are missing, there are path",
        ),
        ("score_", "p_", "columns score_<type> are missing"),
        ("case,cell", "case,case", "columns cell are missing"),
        ("score_2", "score_1", "columns score_1 are there twice"),
        (",1,1,", ",7,1,", "line 2: type '7' has no column score_7"),
        (",1,1,", ",1,,", "line 2: pred_type '' has no column"),
        (",1,1,", ",1,1,x", "line 2: score_1 is 'x.*', expected a number"),
        (",1,1,", ",1,", "line 2: expected 9 values, got 8"),
    ],
)
def test_bad_tables_are_named(written, old, new, text):
    content = written.read_text(encoding="utf-8")
    assert old in content
    written.write_text(content.replace(old, new), encoding="utf-8")
    with pytest.raises(PredictionTableError, match=text):
        read_prediction_table(written)


def test_missing_and_empty_files(written):
    with pytest.raises(FileNotFoundError, match="no such prediction table.*Prediction"):
        read_prediction_table("nowhere.csv")
    written.write_text(written.read_text(encoding="utf-8").splitlines()[0] + "\n")
    with pytest.raises(PredictionTableError, match="no rows"):
        read_prediction_table(written)
    written.write_text("")
    with pytest.raises(PredictionTableError, match="path, case.*there are none"):
        read_prediction_table(written)


def test_embeddings_read_back(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 5))
    write_embeddings(tmp_path / "e.npz", values, ["a", "b", "c"], ["1", "X", ""])
    embedding, path, kind = read_embeddings(tmp_path / "e.npz")
    np.testing.assert_array_equal(embedding, values.astype(np.float32))
    assert path.tolist() == ["a", "b", "c"] and kind.tolist() == ["1", "X", ""]


def test_what_is_no_file_of_embeddings(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file.*embeddings=True"):
        read_embeddings(tmp_path / "e.npz")
    np.savez(tmp_path / "e.npz", other=np.zeros(2))
    with pytest.raises(PredictionTableError, match="arrays embedding, path and type"):
        read_embeddings(tmp_path / "e.npz")
    np.savez(tmp_path / "e.npz", embedding=np.array([{}], dtype=object))
    with pytest.raises(PredictionTableError, match="e.npz: expected an npz"):
        read_embeddings(tmp_path / "e.npz")
    (tmp_path / "e.npz").write_text("text")
    with pytest.raises(PredictionTableError, match="e.npz: expected an npz"):
        read_embeddings(tmp_path / "e.npz")
    np.save(tmp_path / "plain.npy", np.zeros(2))
    (tmp_path / "plain.npy").rename(tmp_path / "e.npz")
    with pytest.raises(PredictionTableError, match="e.npz: expected an npz"):
        read_embeddings(tmp_path / "e.npz")
