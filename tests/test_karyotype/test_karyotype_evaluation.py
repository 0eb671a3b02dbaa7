from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from drawn_cells import draw_table

from mmscl.evaluation import PredictionTableError
from mmscl.karyotype import Karyotype, KaryotypeModel
from mmscl.karyotype.evaluation import WAYS, evaluate
from mmscl.karyotype.evaluation_tables import evaluation_page, write_evaluation
from mmscl.karyotype.measures import (
    Share,
    measure_calls,
    measure_types,
    without_losses,
)

FEMALE, MALE = Karyotype.of("XX"), Karyotype.of("XY")
DOWN, KLINEFELTER = Karyotype.of("XX", {"21": 1}), Karyotype.of("XXY")
LOST = Karyotype.of("XY", {"16": -1})


@pytest.fixture(scope="module")
def table():
    cases = [[DOWN, DOWN], [FEMALE], [LOST, MALE], [MALE, MALE], [KLINEFELTER]]
    return draw_table(cases, seed=1, signal=4.0)


@pytest.fixture(scope="module")
def found(table):
    return evaluate(table, KaryotypeModel(), resamples=50)


def test_measures_of_types_by_hand():
    """Cells of 5 and 10 crops with 4 and 10 right: PWCK asks for more than 80 %."""
    right = [np.arange(5) < 4, np.ones(10, bool)]
    measures = measure_types(right)
    assert measures.per_image == Share(14, 15)
    assert measures.per_cell == pytest.approx(0.9)
    assert measures.perfect == measures.well == Share(1, 2)
    with pytest.raises(ValueError, match="each with crops"):
        measure_types([])
    with pytest.raises(ValueError, match="each with crops"):
        measure_types([np.zeros(0, bool)])


def test_measures_of_calls_by_hand():
    """Two normal, of which one is called otherwise; three changed: right, other, no."""
    truth = [{FEMALE}, {MALE}, {DOWN}, {KLINEFELTER}, {FEMALE, DOWN}]
    called = [{FEMALE}, {DOWN}, {DOWN}, {DOWN}, {FEMALE}]
    measures = measure_calls(truth, called)
    assert measures.exact == Share(2, 5)
    assert measures.sensitivity == Share(2, 3)
    assert measures.named == Share(1, 3)
    assert measures.specificity == Share(1, 2)
    assert np.isnan(measure_calls([], []).exact.value)


def test_the_wrong_sex_is_not_specific():
    assert measure_calls([{FEMALE}], [{MALE}]).specificity == Share(0, 1)


def test_lost_autosomes_are_put_back_and_nothing_else():
    assert without_losses(LOST) == MALE
    mixed = Karyotype.of("X", {"21": 1, "4": -2})
    assert without_losses(mixed).text == "46,X,+21"


def test_every_way_is_measured_on_the_same_crops(found, table):
    for way in WAYS:
        types = np.concatenate(found.types[way])
        measures = found.type_measures[way]
        assert measures.per_image == Share.of(types == table.labels)
        assert measures.perfect.total == 8
    single, ours = (
        found.type_measures[w].per_image.value for w in ("single", "assignment")
    )
    assert ours > single
    gain = found.differences["assignment", "single"]
    assert gain.value == pytest.approx(100 * (ours - single)) and gain.cases == 5


def test_true_cases_follow_the_rules(found):
    texts = [call.text for call in found.case_calls.truth]
    assert texts == ["47,XX,+21", "46,XX", "46,XY", "46,XY", "47,XXY"]
    assert found.case_calls.measures["assignment"].exact.total == 5
    assert found.cell_calls.measures["assignment"].sensitivity.total == 4
    assert found.cell_calls.gains["assignment"].sensitivity.total == 3


def test_review_counts_what_is_flagged(found, table):
    flagged = np.concatenate([one.review for one in found.readings])
    wrong = np.concatenate(found.types["assignment"]) != table.labels
    assert found.review.reviewed == Share.of(flagged)
    assert found.review.caught == Share(int((flagged & wrong).sum()), int(wrong.sum()))
    assert set(found.review.calibration_errors) == {"scores", "calibrated", "cell"}


def test_tables_are_written_and_read_back(found, table, tmp_path):
    files = write_evaluation(tmp_path, found, table)
    assert sorted(file.name for file in files) == [
        "cases.csv",
        "cells.csv",
        "crops.csv",
        "label_doubts.csv",
        "measures.csv",
        "risk_coverage.csv",
    ]
    rows = {}
    for file in files:
        with file.open(newline="") as opened:
            rows[file.name] = list(csv.DictReader(opened))
    assert len(rows["crops.csv"]) == len(table)
    assert [row["assignment"] == row["type"] for row in rows["crops.csv"]] == list(
        np.concatenate(found.types["assignment"]) == table.labels
    )
    assert [row["truth"] for row in rows["cells.csv"]][:3] == ["47,XX,+21"] * 2 + [
        "46,XX"
    ]
    assert "numerical changes only" in rows["cases.csv"][0]["warnings"]
    measured = {(row["measure"], row["way"]): row for row in rows["measures.csv"]}
    per_image = measured["accuracy per image", "assignment"]
    value = 100 * found.type_measures["assignment"].per_image.value
    assert float(per_image["value"]) == pytest.approx(value, abs=1e-4)
    assert float(per_image["low"]) < value < float(per_image["high"])
    curve = rows["risk_coverage.csv"]
    assert float(curve[-1]["coverage"]) == 1


def test_the_page_names_each_abnormal_case(found):
    page = evaluation_page(found, "Drawn cells")
    assert page.startswith("# Drawn cells\n")
    assert "| case0 | 47,XX,+21 |" in page and "| case4 | 47,XXY |" in page
    assert "| case1 | 46,XX |" not in page
    widths = {
        line.count("|") for line in page.splitlines() if line.startswith("| accuracy")
    }
    assert widths == {5}


def test_a_table_without_cases_is_measured_by_cell_alone(table, tmp_path):
    unnamed = replace(table, case=np.full(len(table), ""))
    found = evaluate(unnamed, KaryotypeModel(), resamples=20)
    assert found.case_calls is None
    names = [file.name for file in write_evaluation(tmp_path, found, unnamed)]
    assert "cases.csv" not in names
    assert "Each case" not in evaluation_page(found, "x")


def test_cells_of_unknown_types_cannot_be_measured(table):
    labels = table.labels.copy()
    labels[3] = -1
    with pytest.raises(PredictionTableError, match="img/3.png: its true type is not"):
        evaluate(replace(table, labels=labels), KaryotypeModel())
