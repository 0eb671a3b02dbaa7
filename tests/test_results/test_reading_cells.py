"""Predictions of drawn cells -> rows, warnings, look-alikes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_cells import draw_table

from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.manifest import TYPES
from mmscl.karyotype import Karyotype, KaryotypeModel, call_case, call_cell
from mmscl.karyotype_inference import warn_if_turned
from mmscl.results import KaryotypeResults
from mmscl.results.look_alikes import find_look_alikes, nearest_prototypes
from mmscl.results.names import file_names
from mmscl.results.reading import Predicted, read_results
from mmscl.results.reasons import case_warnings, cell_warnings
from mmscl.results.rows import CellRow

XX, DOWN = Karyotype.of("XX"), Karyotype.of("XY", {"21": 1})


def draw_crop(length: int, centromere: float = 0.4) -> np.ndarray:
    """A chromosome of that length with a waist, a share of it from the upper end."""
    image = np.full((length + 10, 30), 255, np.uint8)
    cv2.rectangle(image, (9, 5), (20, length + 4), 90, -1)
    waist = 5 + round(length * centromere)
    image[waist - 1 : waist + 2, 9:12] = image[waist - 1 : waist + 2, 18:21] = 255
    return image


def draw_predicted(cases, signal: float = 6.0, **changes) -> Predicted:
    """Cells whose crops are as long as their types are large; an embedding a type."""
    table = replace(draw_table(cases, signal=signal), **changes)
    rng = np.random.default_rng(1)
    embeddings = np.eye(24)[table.labels] + 0.05 * rng.normal(size=(len(table), 24))
    return Predicted(
        table,
        [f"{row}.png" for row in range(len(table))],
        [
            draw_crop(80 - 2 * label, ideogram(TYPES[label]).centromere)
            for label in table.labels.tolist()
        ],
        embeddings.astype(np.float32),
        np.eye(24, dtype=np.float32),
        [("case0", "case0/1")] * 2,
    )


@pytest.fixture(scope="module")
def predicted() -> Predicted:
    """A case of two cells 47,XY,+21, one of three cells of which one lacks a 5."""
    lost = Karyotype.of("XX", {"5": -1})
    return draw_predicted([[DOWN, DOWN], [XX, lost, XX]])


@pytest.fixture(scope="module")
def results(predicted) -> KaryotypeResults:
    return read_results(predicted, KaryotypeModel(), dict(format="x"))


def test_each_crop_has_its_row_and_its_picture(predicted, results):
    table = predicted.table
    assert [crop.crop for crop in results.crops] == list(range(len(table)))
    assert len(results.pictures) == len(table)
    for row, crop in enumerate(results.crops):
        assert crop.path == f"{row}.png"
        assert (crop.case, crop.cell) == (table.case[row], table.cell[row])
        assert crop.assigned == crop.type == TYPES[table.labels[row]]
        assert crop.length_px == pytest.approx(80 - 2 * table.labels[row], abs=3)
        place = ideogram(crop.type).centromere
        if place > 0.25:  # farther from the tip than the chromosome is wide
            assert crop.centromere_index == pytest.approx(place, abs=0.06)
        if crop.centromere_row is None:
            continue
        found = results.picture(crop)[round(crop.centromere_row)]
        widths = (results.picture(crop) < 200).sum(axis=1)
        assert (found < 200).sum() == widths[5:-5].min()


def test_lengths_are_shares_of_the_cell(results):
    for cell in results.cells:
        assert sum(crop.length for crop in results.crops_of(cell)) == pytest.approx(1)


def test_cells_and_cases_are_called(results):
    assert [cell.karyotype for cell in results.cells] == [
        *("47,XY,+21", "47,XY,+21", "46,XX", "45,XX,-5", "46,XX")
    ]
    first, second = results.cases
    assert (first.case, first.cells, first.karyotype) == ("case0", 2, "47,XY,+21")
    assert first.votes == "47,XY,+21: 2"
    assert second.karyotype == "46,XX" and second.votes == "46,XX: 2 | 45,XX,-5: 1"
    assert "the cells disagree: 2 karyotypes among them" in second.warnings
    assert "2 cells read: a gain needs two cells" in first.warnings
    for case in results.cases:
        assert "translocations" in case.warnings


def test_files_that_were_left_out_are_told_with_their_cell(results):
    assert "2 files of it left out" in results.cells[1].warnings
    assert "left out" not in results.cells[0].warnings
    assert [cell.left_out for cell in results.cells[:2]] == [0, 2]


def test_a_polarity_turns_the_picture(predicted, results):
    up = np.full(len(predicted.table), 0.9)
    up[0], up[1] = 0.2, np.nan
    table = replace(predicted.table, polarity=up)
    turned = read_results(replace(predicted, table=table), KaryotypeModel(), {})
    assert [crop.polarity for crop in turned.crops[:3]] == ["down", "", "up"]
    assert turned.crops[0].polarity_score == pytest.approx(0.8)
    assert turned.crops[1].polarity_score is None
    np.testing.assert_array_equal(turned.pictures[0], results.pictures[0][::-1, ::-1])
    np.testing.assert_array_equal(turned.pictures[2], results.pictures[2])
    assert {crop.polarity for crop in results.crops} == {""}


def test_unsure_crops_say_why_and_have_look_alikes():
    predicted = draw_predicted([[XX, XX, XX]], signal=2.6)
    found = read_results(predicted, KaryotypeModel(), {})
    asked = [crop for crop in found.crops if crop.needs_review]
    assert 5 < len(asked) < len(found.crops)
    for crop in found.crops:
        assert bool(crop.why) == crop.needs_review
        assert bool(crop.look_alikes) <= crop.needs_review
    unsure = next(crop for crop in asked if crop.assigned)
    assert f"unsure between {unsure.assigned} and" in unsure.why
    moved = next(crop for crop in asked if crop.best != crop.assigned)
    assert f"by itself it looks like {moved.best} (" in moved.why
    with_examples = [crop for crop in asked if crop.look_alikes]
    assert with_examples
    for crop in with_examples:
        examples = [found.crops[int(n)] for n in crop.look_alikes.split()]
        assert {e.assigned for e in examples} <= {
            crop.assigned or crop.best,
            crop.second,
        }
        assert all(e.confidence >= 0.99 and not e.needs_review for e in examples)
        assert crop.crop not in [e.crop for e in examples]


def test_a_crop_far_longer_than_its_cell_is_for_review(predicted):
    images = list(predicted.images)
    images[7] = draw_crop(600)
    found = read_results(replace(predicted, images=images), KaryotypeModel(), {})
    assert found.crops[7].why.startswith("far longer than the others of its cell")
    assert found.crops[7].needs_review


def test_look_alikes_are_the_nearest_of_each_candidate():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(60, 5))
    types, sure = np.arange(60) % 3, np.arange(60) % 4 > 0
    asked, candidates = np.array([0, 5, 8]), np.array([[0, 1], [2, 24], [7, 2]])
    found = find_look_alikes(embeddings, asked, candidates, types, sure)
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for row, kinds, got in zip(asked, candidates, found, strict=True):
        expected = []
        for kind in kinds:
            pool = [r for r in range(60) if sure[r] and types[r] == kind and r != row]
            pool.sort(key=lambda r: -(units[r] @ units[row]))  # noqa: B023
            expected += pool[:3]
        assert got == expected


def test_nearest_prototypes():
    prototypes = np.eye(24)
    prototypes[2] = np.nan  # the training had no 3
    embedding = np.zeros((1, 24))
    embedding[0, [0, 2, 22]] = 3, 5, 4
    # Of length sqrt(9 + 25 + 16): 4 / 7.07 and 3 / 7.07.
    assert nearest_prototypes(embedding, prototypes) == ["X 0.57, 1 0.42, 2 0.00"]


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        (3, "3 crops: too few for the cell to say much of each chromosome"),
        (41, "41 crops: far from 46"),
        (300, "300 crops: more than one cell, or pieces?"),
    ],
)
def test_cells_of_odd_numbers_are_warned_of(crops, words):
    assert cell_warnings(call_cell(XX), crops, 0, 0) == [words]
    for usual in (42, 46, 50):
        assert cell_warnings(call_cell(XX), usual, 9 * usual // 46, 0) == []


def test_many_crops_for_review_are_warned_of():
    words = "to look at twice: 10 of 46 crops"
    assert cell_warnings(call_cell(XX), 46, 10, 0) == [words]
    cell = CellRow("a", "b", 46, 0, 46, 0, "46,XX", 1.0, 10, "", "b")
    odd = replace(cell, crops=30, needs_review=0)
    found = case_warnings(call_case([call_cell(XX)] * 3), [cell] * 3)
    assert found[0] == "to look at twice: 30 of 138 crops"
    found = case_warnings(call_case([call_cell(XX)] * 3), [cell, odd, cell])
    assert found[0] == "far from 46 crops: 1 of 3 cells"


def test_file_names_are_readable_safe_and_unique():
    found = file_names(
        [
            *(("P1", "P1/07"), ("Fall 3", "ä*"), ("fall_3", "Ä?")),
            *(("..", "../../etc"), ("", "///"), ("細胞", "<1>"), ("x", "y" * 300)),
            ("1", "12"),
        ]
    )
    assert found[:3] == ["P1_07", "Fall_3_ä", "fall_3_Ä_2"]
    assert found[3:6] == ["etc", "cell", "細胞_1"]
    assert len(found[6].encode()) < 100
    assert found[7] == "1_12"  # not '12' of another case
    assert not any(set('/\\:*?"<>|') & set(name) for name in found)


def test_cells_of_few_and_many_crops_are_read():
    rng = np.random.default_rng(0)
    for crops in (1, 3, 300):
        predicted = draw_predicted([[XX] * 7])
        rows = rng.permutation(len(predicted.table))[:crops]
        table = predicted.table.take(rows)
        table = replace(table, cell=np.full(crops, "one"))
        small = replace(
            predicted,
            table=table,
            names=[predicted.names[row] for row in rows],
            images=[predicted.images[row] for row in rows],
            embeddings=predicted.embeddings[rows],
        )
        found = read_results(small, KaryotypeModel(), {})
        assert found.cells[0].crops == crops == len(found.crops)
        assert f"{crops} crop" in found.cells[0].warnings


def test_many_crops_upside_down_are_said():
    up = np.full(46, 0.9)
    up[:4] = 0.1  # as many as a head takes for upside down by mistake
    assert warn_if_turned(None) == warn_if_turned(up) == []
    up[:5] = 0.1
    (warning,) = warn_if_turned(up)
    assert "5 of 46 crops are seen with the short arm down" in warning
    assert "--orient" in warning
