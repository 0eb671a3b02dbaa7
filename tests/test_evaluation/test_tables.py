"""Tables that are compared must be of one set; what differs is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_tables import predictions, write_tables

from mmscl.config import ConfigError
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation import PredictionTableError, write_embeddings
from mmscl.evaluation.predictions import write_prediction_table
from mmscl.evaluation.tables import (
    draw_per_type,
    name_by_path,
    read_labelled_embeddings,
    read_labelled_table,
    require_same_images,
    require_same_types,
)


def test_images_of_unknown_type_are_left_out(tmp_path):
    table = predictions(each=2)
    table.labels[[0, 5]] = -1
    write_prediction_table(tmp_path / "p.csv", table)
    found = read_labelled_table(tmp_path / "p.csv")
    keep = np.setdiff1d(np.arange(48), [0, 5])
    np.testing.assert_array_equal(found.path, table.path[keep])
    np.testing.assert_array_equal(found.scores, table.scores[keep])
    table.labels[:] = -1
    write_prediction_table(tmp_path / "p.csv", table)
    with pytest.raises(PredictionTableError, match="type is empty in all 48 rows"):
        read_labelled_table(tmp_path / "p.csv")


def test_other_types_are_refused(tmp_path):
    path = tmp_path / "p.csv"
    renamed = replace(predictions(), types=(*TYPES[:21], "23", "X", "Y"))
    write_prediction_table(path, renamed)
    with pytest.raises(PredictionTableError, match=r"got 24 \(22 missing\)"):
        read_labelled_table(path)
    write_prediction_table(path, replace(predictions(), types=TYPES[::-1]))
    with pytest.raises(PredictionTableError, match="in another order"):
        read_labelled_table(path)


def test_embeddings_lie_beside_their_table(tmp_path):
    path = write_tables(tmp_path)
    embedding, images, types = read_labelled_embeddings(path)
    again = read_labelled_embeddings(path.with_suffix(".npz"))
    for one, other in zip((embedding, images, types), again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert embedding.shape == (144, 16) and set(types) == set(TYPES)
    path.with_suffix(".npz").unlink()
    with pytest.raises(FileNotFoundError, match="beside predictions.csv.*--embeddings"):
        read_labelled_embeddings(path)


def change_npz(file, **changes):
    file = file.with_suffix(".npz")
    with np.load(file) as data:
        embedding, images, types = data["embedding"], data["path"], data["type"]
    values = dict(embedding=embedding, path=images, type=types) | changes
    write_embeddings(file, values["embedding"], values["path"], values["type"])


def test_embeddings_of_another_table_are_refused(tmp_path):
    path = write_tables(tmp_path)
    change_npz(path, path=[f"other/{i}.png" for i in range(144)])
    with pytest.raises(PredictionTableError, match="not of the same test set.*288 im"):
        read_labelled_embeddings(path)
    write_tables(tmp_path)
    change_npz(path, type=np.repeat(TYPES[::-1], 6))
    with pytest.raises(PredictionTableError, match="of img/0.png is 'Y', in .*'1'"):
        read_labelled_embeddings(path)


def test_broken_embeddings_are_named(tmp_path):
    path = write_tables(tmp_path).with_suffix(".npz")
    embedding = np.zeros((144, 16))
    embedding[7, 3] = np.nan
    change_npz(path, embedding=embedding)
    with pytest.raises(PredictionTableError, match="of img/7.png is not finite"):
        read_labelled_embeddings(path)
    change_npz(path, embedding=np.zeros((3, 16)))
    with pytest.raises(PredictionTableError, match=r"got shapes \(3, 16\), \(144,\)"):
        read_labelled_embeddings(path)
    write_embeddings(path, np.zeros((2, 4)), ["a", "b"], ["1", "dog"])
    with pytest.raises(PredictionTableError, match="expected the types.*got dog"):
        read_labelled_embeddings(path)
    write_embeddings(path, np.zeros((2, 4)), ["a", "b"], ["", ""])
    with pytest.raises(PredictionTableError, match="got none at all"):
        read_labelled_embeddings(path)


def test_the_first_difference_is_named():
    a = np.array(["x", "y", "z"])
    require_same_images(["a", "b"], [a, a.copy()])
    with pytest.raises(PredictionTableError, match="2 images are in one.*first w"):
        require_same_images(["a", "b"], [a, np.array(["x", "y", "w"])])
    with pytest.raises(PredictionTableError, match="same images in another order"):
        require_same_images(["a", "b"], [a, a[::-1]])
    types = np.array(["1", "2", "3"])
    require_same_types(["a", "b"], a, [types, types])
    with pytest.raises(PredictionTableError, match="b: the type of y is '9', in a it"):
        require_same_types(["a", "b"], a, [types, np.array(["1", "9", "3"])])


def test_drawing_per_type_is_even_and_repeatable():
    types = np.array(["1"] * 10 + ["X"] * 3)
    rows = draw_per_type(types, 4, seed=1)
    assert sorted(types[rows]) == ["1"] * 4 + ["X"] * 3
    np.testing.assert_array_equal(rows, draw_per_type(types, 4, seed=1))
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, draw_per_type(types, 4, seed=2))
    np.testing.assert_array_equal(draw_per_type(types, None), np.arange(13))
    with pytest.raises(ConfigError, match="--per-type: expected a number >= 1, got 0"):
        draw_per_type(types, 0)


def test_names_are_what_differs_in_the_paths():
    table = "x/test/internal/predictions.csv"
    assert name_by_path([f"scl/{table}", f"baseline/{table}"]) == ["scl", "baseline"]
    assert name_by_path([f"scl/{table}"]) == ["internal"]
    assert name_by_path(["work_dirs/scl/run"]) == ["run"]
    assert name_by_path(["a/b.csv", "a/b.csv"]) == ["a/b.csv", "a/b.csv"]
