"""Whole cells of an ablation's prediction tables, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmscl.ablation.cells import CELL_MEASURES, cell_values, measure_cells
from mmscl.ablation.report import write_report
from mmscl.ablation.results import COLUMNS
from mmscl.ablation.summary import summarise
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation import Predictions, write_prediction_table


def two_cases(wrong: int) -> Predictions:
    """A cell of 46,XX each; `wrong` crops of the first look like their neighbour."""
    labels = np.tile(np.repeat(np.arange(23), 2), 2)
    scores = np.full((92, 24), 0.001)
    scores[np.arange(92), labels] = 0.977
    for row in 4 * np.arange(wrong):  # one homologue of type k looks like k + 1
        scores[row, labels[row] + 1] = 0.6
        scores[row, labels[row]] = 0.378
    case = np.repeat(["a", "b"], 46)
    return Predictions(
        TYPES,
        np.array([f"{n}.png" for n in range(92)]),
        case,
        np.full(92, "1"),
        np.full(92, "A"),
        labels,
        scores.argmax(axis=1),
        scores.astype(np.float32),
    )


def test_measures_of_cells_by_hand():
    found = measure_cells(two_cases(wrong=4))
    assert tuple(found) == CELL_MEASURES
    # four of 46 of the first case are wrong, the second case is right
    assert found["accuracy per case"] == pytest.approx(100 - 100 * 4 / 46 / 2)
    # three copies of a type: the unsure one is sent to its second best, which is right
    assert found["per image, dispatch"] == 100
    assert found["per case, assignment"] == found["per image, assignment"] == 100


def test_a_table_without_cells_has_no_such_measures():
    table = two_cases(0)
    table.cell[3] = ""
    assert measure_cells(table) == {}
    assert cell_values([table]) == {name: [] for name in CELL_MEASURES}


def test_the_report_has_a_line_for_each_arm_and_set(tmp_path):
    rows = []
    for arm, wrong in (("baseline", 4), ("scl", 2)):
        write_prediction_table(tmp_path / f"{arm}.csv", two_cases(wrong))
        row = dict.fromkeys(COLUMNS, "")
        row.update(config="net", arm=arm, seed="0", set="internal", seconds="1")
        row.update(accuracy="95", recall="95", auc="99", predictions=f"{arm}.csv")
        row.update(checkpoint="runs/net/work_dir/epoch_1.pth")
        rows.append(row)
    text = write_report(tmp_path, summarise(rows, tmp_path))[0].read_text()
    lines = text.split("## Whole cells")[1].splitlines()
    table = [[c.strip() for c in x.split("|")[1:-1]] for x in lines if x[:2] == "| "]
    assert table[0] == ["config", "arm", "set", *CELL_MEASURES]
    assert table[2][:4] == ["net", "baseline", "internal", "95.65"]
    assert table[3][:4] == ["net", "scl", "internal", "97.83"]
