"""Groups and repeats of texts agree with numpy's sort."""

import numpy as np
import pytest

from mmscl.datasets import text_columns
from mmscl.datasets.text_columns import first_repeat, text_groups, text_hash


def texts(rows: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array(["", "a", "é" * 9, "aa", *map(str, rng.integers(0, 500, rows))])


@pytest.mark.parametrize("clash", [False, True], ids=["hash", "all hashes equal"])
def test_groups_and_repeats_are_those_of_a_sort(clash, monkeypatch):
    if clash:
        monkeypatch.setattr(
            text_columns, "text_hash", lambda values: np.zeros(len(values), np.uint64)
        )
    monkeypatch.setattr(text_columns, "_BLOCK", 64)
    values = texts()
    names, inverse = text_groups(values)
    assert sorted(names) == np.unique(values).tolist()
    np.testing.assert_array_equal(names[inverse], values)
    one, other = first_repeat(values)
    assert one < other and values[one] == values[other]
    assert first_repeat(np.unique(values)) is None


def test_hashes_tell_texts_apart_and_do_not_depend_on_their_neighbours():
    names = np.array([f"images/{n:07d}.png" for n in range(20000)])
    hashes = text_hash(names)
    assert len(set(hashes.tolist())) == len(names)
    np.testing.assert_array_equal(hashes[::7], text_hash(names[::7]))
