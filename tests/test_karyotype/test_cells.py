from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_cells import K, draw_table

from mmscl.evaluation import PredictionTableError
from mmscl.karyotype import Karyotype, check_probabilities, split_cells

FEMALE = Karyotype.of("XX")


@pytest.fixture
def table():
    return draw_table([[FEMALE, FEMALE], [FEMALE]])


def test_cells_come_in_their_order_with_all_their_rows(table):
    order = np.random.default_rng(0).permutation(len(table))
    mixed = table.take(order)
    cells = split_cells(mixed)
    assert [len(cell) for cell in cells] == [46, 46, 46]
    first = [cell.rows[0] for cell in cells]
    assert first == sorted(first)
    for cell in cells:
        assert set(mixed.cell[cell.rows]) == {cell.cell}
        assert set(mixed.case[cell.rows]) == {cell.case}
    rows = np.concatenate([cell.rows for cell in cells])
    assert sorted(rows.tolist()) == list(range(138))


def test_cells_of_one_name_in_two_cases_are_two(table):
    rows = np.arange(4)
    small = replace(
        table.take(rows),
        case=np.array(["a", "ab", "a", "b"]),
        cell=np.array(["bc", "c", "bc", "bc"]),
    )
    assert [one.rows.tolist() for one in split_cells(small)] == [[0, 2], [1], [3]]


def test_one_cell_takes_all_crops(table):
    unnamed = replace(table, cell=np.full(len(table), ""))
    assert [len(cell) for cell in split_cells(unnamed, one_cell=True)] == [138]


def test_a_row_that_sums_to_nearly_one_is_brought_to_one():
    values = np.full((2, K), (1 + 5e-4) / K, np.float32)
    np.testing.assert_allclose(check_probabilities(values).sum(axis=1), 1, rtol=1e-12)


def test_tables_that_hold_no_cells_are_refused(table):
    none = np.full(len(table), "")
    few = table.case.copy()
    few[3] = ""
    nan, logits = table.scores.copy(), table.scores * 10
    nan[5, 2] = np.nan
    for broken, message in (
        (replace(table, cell=none), "img/0.png: its cell is not known .138 of 138"),
        (replace(table, case=few), "img/3.png: its case is not known, while 137"),
        (replace(table, scores=nan), "img/5.png: .* not a number .1 of 138"),
        (replace(table, scores=logits), "img/0.png: .* a sum of 10"),
        (
            replace(table, types=table.types[:-1], scores=table.scores[:, :-1]),
            "the table has 23 without Y",
        ),
        (replace(table, types=table.types[::-1]), "24 in another order"),
        (table.take(np.arange(0)), r"one crop or more, .* got \(0, 24\)"),
    ):
        with pytest.raises(PredictionTableError, match=message):
            split_cells(broken)
