from __future__ import annotations

import numpy as np
import pytest
from drawn_cells import K

from mmscl.karyotype import Karyotype, call_case, call_cell

FEMALE, MALE, TURNER = Karyotype.of("XX"), Karyotype.of("XY"), Karyotype.of("X")
DOWN = Karyotype.of("XX", {"21": 1})
LOST = Karyotype.of("XY", {"16": -1})


def case(*cells: tuple[Karyotype, int], certainty: float = 1.0):
    return call_case([call_cell(k, certainty) for k, n in cells for _ in range(n)])


def has(call, text: str) -> bool:
    return any(text in warning for warning in call.warnings)


@pytest.mark.parametrize(
    "cells, text, provisional",
    [
        ([(FEMALE, 20)], "46,XX", False),
        ([(MALE, 1)], "46,XY", False),
        ([(DOWN, 2)], "47,XX,+21", False),
        ([(DOWN, 1)], "47,XX,+21", True),
        ([(DOWN, 1), (FEMALE, 1)], "46,XX", False),
        ([(DOWN, 2), (FEMALE, 18)], "mos 47,XX,+21[2]/46,XX[18]", False),
        ([(DOWN, 1), (FEMALE, 19)], "46,XX", False),
        ([(TURNER, 3)], "45,X", False),
        ([(TURNER, 2)], "45,X", True),
        ([(TURNER, 10), (FEMALE, 20)], "mos 45,X[10]/46,XX[20]", False),
        ([(TURNER, 2), (FEMALE, 18)], "46,XX", False),
        ([(TURNER, 10), (MALE, 10)], "mos 45,X[10]/46,XY[10]", False),
        ([(LOST, 2), (MALE, 3)], "46,XY", False),
        ([(LOST, 3), (MALE, 3)], "mos 45,XY,-16[3]/46,XY[3]", False),
        ([(Karyotype.of("XXY"), 2)], "47,XXY", False),
        ([(Karyotype.of("XYY"), 2)], "47,XYY", False),
        ([(Karyotype.of("XXX"), 2)], "47,XXX", False),
        (
            [(Karyotype.of("XX", {"21": 2}), 2), (DOWN, 1)],
            "mos 48,XX,+21,+21[2]/47,XX,+21[1]",
            False,
        ),
        ([(Karyotype.of("XX", {"21": 1, "4": -1}), 1), (DOWN, 1)], "47,XX,+21", False),
    ],
)
def test_cells_vote_by_the_rules(cells, text, provisional):
    call = case(*cells)
    assert (call.text, call.provisional) == (text, provisional)
    assert call.cells == sum(n for _, n in cells)
    assert sum(n for _, n in call.clones) == call.cells
    assert has(call, "too few to call a change") == provisional


def test_the_order_of_the_cells_does_not_matter():
    calls = [call_cell(k) for k in (TURNER, FEMALE, DOWN, FEMALE, TURNER, DOWN)]
    assert (
        call_case(calls).text
        == call_case(calls[::-1]).text
        == ("mos 47,XX,+21[2]/46,XX[4]")
    )


def test_changes_that_are_not_clonal_are_told():
    call = case((LOST, 2), (MALE, 3))
    assert has(call, "-16 in 2 of 5 cells: not clonal, not called")
    assert call.certainty < 1


def test_structural_change_is_always_said_to_be_out_of_reach():
    assert has(case((FEMALE, 20)), "numerical changes only")


def test_unsure_cells_do_not_make_a_change():
    sure = [call_cell(FEMALE, 0.9)] * 3
    assert call_case([*sure, *[call_cell(DOWN, 0.4)] * 2]).text == "46,XX"
    assert "+21" in call_case([*sure, *[call_cell(DOWN, 0.8)] * 2]).text
    # a single cell too: 47,XX,+21 needs at least an even chance
    assert call_case([call_cell(DOWN, 0.4)]).text == "46,XX"


def test_only_the_doubt_of_its_own_type_weakens_a_vote():
    doubt = np.ones(K)
    doubt[12:14] = 0.3
    cells = [call_cell(DOWN, 0.3, doubt)] * 2
    assert call_case(cells).text == "47,XX,+21"


def test_the_sex_of_two_cells_that_disagree_is_that_of_the_surer_one():
    one, other = call_cell(FEMALE, 0.95), call_cell(MALE, 0.6)
    assert call_case([one, other]).text == "46,XX"
    one, other = call_cell(FEMALE, 0.6), call_cell(MALE, 0.95)
    assert call_case([one, other]).text == "46,XY"


def test_a_y_in_one_of_two_cells_does_not_hang_on_the_last_decimal():
    for certainty in (0.9998, 1.0):
        call = call_case([call_cell(TURNER, 0.9999), call_cell(MALE, certainty)])
        assert call.text == "46,XY"
        assert has(call, "-Y in 1 of 2 cells: not clonal, not called")


def test_incomplete_cells_do_not_vote_beside_complete_ones():
    torn = Karyotype.of("", {"13": -2, "20": -2})
    call = case((torn, 1), (FEMALE, 1))
    assert (call.text, call.cells) == ("46,XX", 1)
    assert has(call, "1 incomplete cell did not vote")
    call = case((Karyotype.of("XX", {"13": -2, "20": -2}), 1))
    assert call.provisional and has(call, "no cell is complete")


def test_certainty_grows_with_cells_that_agree():
    values = [case((FEMALE, n), certainty=0.7).certainty for n in (1, 2, 5)]
    assert values[0] == pytest.approx(0.7)
    assert values[1] == pytest.approx(1 - 0.3**2)
    assert values[0] < values[1] < values[2]
    assert has(case((FEMALE, 1), certainty=0.7), r"counts are unsure (0.70)")


@pytest.mark.parametrize(
    "karyotype, unplaced, warning",
    [
        (FEMALE, 2, "2 crops are none of the 24 types"),
        (Karyotype.of("XX", {"13": -2, "20": -2}), 0, "4 autosomes are missing"),
        (Karyotype.of(""), 0, "no sex chromosome"),
        (Karyotype.of("YY"), 0, "no X"),
    ],
)
def test_cells_warn(karyotype, unplaced, warning):
    assert has(call_cell(karyotype, unplaced=unplaced), warning)
    assert call_cell(FEMALE).warnings == ()


def test_a_case_without_cells_is_refused():
    with pytest.raises(ValueError, match="one or more, got none"):
        call_case([])
