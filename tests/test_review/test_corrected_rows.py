"""Counts, ISCN text and rows follow the corrections."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawn_review import make_results
from steps_by_hand import correct_all, make

from mmscl.karyotype import Karyotype
from mmscl.review import ReviewState
from mmscl.review.corrected import (
    call_of,
    corrected_case,
    corrected_cell,
    corrected_crop,
    karyotype_of,
)

RESULTS = make_results(cases=1, cells_per_case=3)
CASE = RESULTS.cases[0]


def state_with(*changes) -> ReviewState:
    state = ReviewState(RESULTS)
    for change in changes:
        make(state, *change)
    return state


def first(state: ReviewState, place: str, polarity: str | None = None) -> int:
    return next(
        n
        for n, crop in state.cells["P000_0"].crops.items()
        if crop.place == place and polarity in (None, crop.row.polarity)
    )


def first_open(state: ReviewState, place: str) -> int:
    return next(
        n
        for n, crop in state.cells["P000_0"].crops.items()
        if crop.place == place and crop.open
    )


def test_without_corrections_the_rows_are_those_that_were_read():
    state = state_with()
    cells = [*state.cells.values()]
    assert [corrected_cell(cell) for cell in cells] == [*RESULTS.cells]
    assert corrected_case(cells, CASE) == CASE
    rows = [corrected_crop(c) for cell in cells for c in cell.crops.values()]
    assert rows == [*RESULTS.crops]


def test_every_crop_put_right_gives_the_karyotype_of_the_drawn_cell():
    state = state_with()
    cell = state.cells["P000_0"]
    assert karyotype_of(cell).text == RESULTS.cells[0].karyotype
    correct_all(state, "P000_0")
    true = [crop.row.type for crop in cell.crops.values()]
    sex = "X" * true.count("X") + "Y" * true.count("Y")
    row = corrected_cell(cell)
    assert row.karyotype == karyotype_of(cell).text == Karyotype.of(sex).text
    assert (row.placed, row.unplaced) == (46, 0)


def test_a_moved_crop_is_certain_and_says_where_it_was():
    state = state_with()
    number = first(state, "5")
    make(state, "place", number, "4")
    row = corrected_crop(state.cells["P000_0"].crops[number])
    assert (row.assigned, row.confidence, row.needs_review) == ("4", 1.0, False)
    assert row.why == "placed by hand (was 5)"


def test_a_confirmed_crop_is_certain_and_says_so():
    state = state_with()
    crops = state.cells["P000_0"].crops
    number = first_open(state, "9")
    make(state, "check", number, "1")
    row = corrected_crop(crops[number])
    assert (row.assigned, row.confidence, row.needs_review) == ("9", 1.0, False)
    assert row.why == "confirmed by hand"
    unplaced = first_open(state, "")
    make(state, "check", unplaced, "1")
    row = corrected_crop(crops[unplaced])
    assert (row.assigned, row.confidence, row.why) == ("", 1.0, "confirmed by hand")
    make(state, "place", number, "10")
    assert corrected_crop(crops[number]).why == "placed by hand (was 9)"


def test_a_crop_that_nobody_confirmed_says_so_in_a_cell_that_is_done():
    state = state_with()
    crop = state.cells["P000_0"].crops[first_open(state, "9")]
    row = corrected_crop(crop, done=True)
    assert (row.confidence, row.needs_review) == (crop.row.confidence, False)
    told = "not confirmed, but its cell is marked as done"
    assert row.why == f"{told}; {crop.row.why}"
    sure = state.cells["P000_0"].crops[first(state, "1")]
    assert corrected_crop(sure, done=True) == sure.row


def test_a_crop_that_was_only_turned_is_still_to_look_at():
    state = state_with()
    crop = state.cells["P000_0"].crops[first_open(state, "9")]
    make(state, "flip", crop.row.crop, "1")
    row = corrected_crop(crop)
    assert row.needs_review and row.confidence == crop.row.confidence
    assert row.why == f"turned by hand; {crop.row.why}"


@pytest.mark.parametrize(
    "polarity, after", [("up", "down"), ("down", "up"), ("", "down")]
)
def test_a_flip_turns_the_polarity_of_the_file(polarity, after):
    state = state_with()
    number = first(state, "1", polarity) if polarity else first(state, "2", "")
    make(state, "flip", number, "1")
    row = corrected_crop(state.cells["P000_0"].crops[number])
    assert (row.polarity, row.polarity_score) == (after, 1.0)
    assert row.why == "turned by hand" and row.assigned in ("1", "2")


def test_a_rejected_crop_is_counted_nowhere():
    state = state_with()
    cell = state.cells["P000_0"]
    before = karyotype_of(cell).number
    number = first(state, "1")
    make(state, "place", number, "rejected")
    row = corrected_cell(cell)
    assert karyotype_of(cell).number == before - 1
    assert row.placed + row.unplaced == row.crops - 1
    assert "rejected by hand: 1" in row.warnings
    assert corrected_crop(cell.crops[number]).why == "rejected by hand (was 1)"
    assert corrected_crop(cell.crops[number]).assigned == ""


def test_certainty_is_that_of_the_crops_nobody_touched():
    state = state_with()
    cell = state.cells["P000_0"]
    number = next(n for n, c in cell.crops.items() if c.open and c.place == "5")
    make(state, "place", number, "4")
    rows = [c.row for n, c in cell.crops.items() if n != number]
    product = 1.0
    for row in rows:
        product *= row.confidence
    assert corrected_cell(cell).certainty == pytest.approx(product)
    # Types 4 and 5: three surely read crops, each 5 the next best of 4 and back.
    surely = [r for r in rows if {r.assigned, r.second} & {"4"}]
    expected = 1.0
    for row in surely:
        expected *= row.confidence
    assert call_of(cell).type_certainty[3] == pytest.approx(expected)
    make(state, "done", None, "1")
    assert (
        corrected_cell(cell).certainty == 1
        and (call_of(cell).type_certainty == 1).all()
    )


def test_the_cells_of_a_case_vote_as_they_stand():
    state = state_with()
    cells = [*state.cells.values()]
    for cell in cells:
        correct_all(state, cell.row.karyogram)
        make(state, "done", None, "1", cell=cell.row.karyogram)
    normal = corrected_case(cells, CASE)
    assert normal.karyotype == karyotype_of(cells[0]).text
    assert normal.votes == f"{normal.karyotype}: 3" and normal.certainty == 1
    # Two cells with the same further chromosome make a clone (ISCN 2020).
    for cell in cells[:2]:
        name = cell.row.karyogram
        make(state, "done", None, "0", cell=name)
        make(state, "place", next(iter(cell.crops)), "", cell=name)
        other = next(n for n, c in cell.crops.items() if c.place == "8")
        make(state, "place", other, "21", cell=name)
    changed = corrected_case(cells, CASE)
    assert "+21[2]" in changed.karyotype
    assert "the cells disagree" in changed.warnings


def test_files_that_were_left_out_stay_so():
    state = state_with()
    cell = state.cells["P000_0"]
    cell.row = replace(cell.row, left_out=1234)
    make(state, "place", first(state, "1"), "rejected")
    row = corrected_cell(cell)
    assert row.left_out == 1234 and "1,234 files of it left out" in row.warnings


def test_nothing_left_out_is_no_warning_of_it():
    state = state_with(("place", 0, "rejected"))
    assert "left out" not in corrected_cell(state.cells["P000_0"]).warnings
