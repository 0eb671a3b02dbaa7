"""Labels that are shifted or exchanged in cells whose pictures are clear."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from drawn_cells import draw_table

from mmscl.karyotype import Karyotype, KaryotypeModel
from mmscl.karyotype.evaluation import evaluate
from mmscl.karyotype.evaluation_tables import evaluation_page, write_evaluation

MALE = Karyotype.of("XY")


@pytest.fixture(scope="module")
def clear():
    """Four cells that are read without an error."""
    table = draw_table([[MALE, MALE], [MALE, MALE]], seed=0, signal=14.0)
    found = evaluate(table, KaryotypeModel(), resamples=20)
    assert found.type_measures["assignment"].per_image.value == 1
    return table


def doubts_of(table, labels):
    found = evaluate(replace(table, labels=labels), KaryotypeModel(), resamples=20)
    return found, {doubt.row: doubt for doubt in found.label_doubts}


def test_right_labels_are_not_doubted(clear):
    found, doubts = doubts_of(clear, clear.labels)
    assert not doubts and not found.unshifted_measures
    assert "Labels to look at" not in evaluation_page(found, "x")


def test_a_shift_is_told_from_an_exchange_and_from_a_single_label(clear):
    """One cell is labelled one place too far from type 19 on, X and Y included."""
    labels, cells = clear.labels.copy(), clear.cell
    first, second, third = dict.fromkeys(cells.tolist()).keys() - {cells[-1]}
    shifted = np.flatnonzero((cells == first) & (labels >= 18) & (labels < 23))
    labels[shifted] += 1
    four, five = (np.flatnonzero((cells == second) & (labels == k))[0] for k in (3, 4))
    labels[[four, five]] = 4, 3
    alone = np.flatnonzero((cells == third) & (labels == 8))[0]
    labels[alone] = 11
    found, doubts = doubts_of(clear, labels)
    assert {row: doubt.kind for row, doubt in doubts.items()} == {
        **dict.fromkeys(shifted.tolist(), "shifted"),
        four: "exchanged",
        five: "exchanged",
        alone: "single",
    }
    assert doubts[four].label == 4 and doubts[four].read == 3
    assert all(doubt.confidence >= 0.99 for doubt in doubts.values())
    assert found.type_measures["assignment"].perfect == (1, 4)
    assert found.unshifted_measures["assignment"].perfect == (1, 3)


def test_three_labels_make_no_shift(clear):
    labels = clear.labels.copy()
    three = np.flatnonzero((clear.cell == clear.cell[0]) & (labels == 5)).tolist()
    three += np.flatnonzero((clear.cell == clear.cell[0]) & (labels == 7))[:1].tolist()
    labels[three] += 1
    _, doubts = doubts_of(clear, labels)
    assert len(three) == 3
    assert {doubts[row].kind for row in three} == {"single"}


def test_doubts_are_listed_with_file_and_types(clear, tmp_path):
    labels = clear.labels.copy()
    shifted = np.flatnonzero((clear.cell == clear.cell[0]) & (labels >= 18))
    shifted = shifted[labels[shifted] < 23]
    labels[shifted] += 1
    found, _ = doubts_of(clear, labels)
    write_evaluation(tmp_path, found, replace(clear, labels=labels))
    with (tmp_path / "label_doubts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["path"] for row in rows) == sorted(clear.path[shifted])
    assert {row["kind"] for row in rows} == {"shifted"}
    assert ("20", "19") in {(row["label"], row["read"]) for row in rows}
    page = evaluation_page(found, "x")
    line = next(x for x in page.splitlines() if x.startswith(f"| {clear.cell[0]} | sh"))
    assert line.count("20, read 19") == 2
    assert "| accuracy per cell, no shifted labels | 100.00 | 100.00 | 100.00 |" in page
