"""Images of each class and cell, as plain loops and numpy's own sort give them."""

import numpy as np
import pytest

from mmscl.datasets import columns


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
@pytest.mark.parametrize("images", [0, 1, 6, 7, 8, 200])
def test_images_by_class_are_those_of_a_stable_sort(images, dtype, monkeypatch):
    """In blocks of seven labels, the last of them not full; class 3 has no images."""
    monkeypatch.setattr(columns, "_BLOCK", 7)
    labels = np.random.default_rng(0).choice([0, 1, 2, 4], images).astype(dtype)
    found = columns.images_by_class(labels, np.bincount(labels, minlength=6))
    assert len(found) == 6 and all(part.dtype == np.int32 for part in found)
    for number, part in enumerate(found):
        assert part.tolist() == np.flatnonzero(labels == number).tolist()


def test_images_by_class_of_more_classes_than_16_bits():
    """More than a block has labels, too."""
    labels = np.random.default_rng(0).integers(0, 70_000, 100_000)
    found = columns.images_by_class(labels, np.bincount(labels))
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(np.concatenate(found), order)
    assert [len(part) for part in found] == np.bincount(labels).tolist()


@pytest.mark.parametrize("images", [0, 1, 50])
def test_rows_by_cell_are_those_of_equal_names_in_order_of_their_first(images):
    rng = np.random.default_rng(images)
    cases, cells = rng.choice(["a", "b", "aa", ""], (2, images))
    expected: dict[tuple[str, str], list[int]] = {}
    for row, names in enumerate(zip(cases.tolist(), cells.tolist(), strict=True)):
        expected.setdefault(names, []).append(row)
    found = columns.rows_by_cell(cases, cells)
    assert [rows.tolist() for rows in found] == list(expected.values())
