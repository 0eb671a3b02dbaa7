"""Steps make states: undo takes back, replays agree, stale steps are conflicts."""

from __future__ import annotations

import copy

import pytest
from drawn_review import make_results
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscl.review import (
    ConflictError,
    CorrectionLogError,
    ReviewState,
    Step,
    StepError,
)
from mmscl.review.state import PLACES

RESULTS = make_results(cases=1, cells_per_case=2)
CELL = "P000_0"


def step(seq, action, crop=None, before="", after="", of=None, cell=CELL) -> Step:
    return Step(seq, "", "", action, cell, crop, before, after, of)


def made(state: ReviewState, *steps: Step) -> ReviewState:
    for one in steps:
        state.check(one)
        state.apply(one)
    return state


def shown(state: ReviewState) -> list:
    """All that a person sees of the state."""
    return [
        (cell.done, [(c.place, c.flip, c.check) for c in cell.crops.values()])
        for cell in state.cells.values()
    ]


def crop_at(place: str) -> int:
    cell = ReviewState(RESULTS).cells[CELL]
    return next(n for n, crop in cell.crops.items() if crop.place == place)


def test_a_state_without_steps_is_what_was_read():
    state = ReviewState(RESULTS)
    assert [*state.cells] == ["P000_0", "P000_1"]
    for cell in state.cells.values():
        assert cell.open == 5 and cell.corrected == 0 and cell.done == "0"
        for crop in cell.crops.values():
            assert crop.place == crop.row.assigned and not crop.corrected


def test_moving_or_confirming_a_crop_takes_it_off_the_list():
    five = next(
        n
        for n, crop in ReviewState(RESULTS).cells[CELL].crops.items()
        if crop.place == "5" and crop.open
    )
    moved = made(ReviewState(RESULTS), step(1, "place", five, "5", "4"))
    assert moved.cells[CELL].open == 4 and moved.cells[CELL].crops[five].corrected
    confirmed = made(ReviewState(RESULTS), step(1, "check", five, "0", "1"))
    assert confirmed.cells[CELL].open == 4 and not confirmed.cells[CELL].corrected
    done = made(ReviewState(RESULTS), step(1, "done", None, "0", "1"))
    assert done.cells[CELL].open == 0 and done.cells["P000_1"].open == 5


changes = st.lists(
    st.tuples(
        st.sampled_from(["place", "flip", "check", "done", "undo", "undo", "redo"]),
        st.integers(0, 4),
        st.sampled_from(PLACES),
        st.sampled_from(["P000_0", "P000_1"]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(changes)
def test_undo_and_redo_go_through_the_same_states_and_a_replay_agrees(wanted):
    state, log = ReviewState(RESULTS), []
    past: dict[str, list] = {name: [] for name in state.cells}
    future: dict[str, list] = {name: [] for name in state.cells}

    def look(name):
        cell = state.cells[name]
        return copy.deepcopy((cell.done, cell.crops))

    for action, which, place, name in wanted:
        cell = state.cells[name]
        crop = [*cell.crops][which]
        steps = {"undo": cell.undoable, "redo": cell.redoable}.get(action)
        if steps is not None:
            if not steps:
                continue
            one = step(len(log) + 1, action, of=steps[-1].seq, cell=name)
        else:
            owner = cell if action == "done" else cell.crops[crop]
            before = getattr(owner, action)
            after = place if action == "place" else str(1 - int(before))
            number = None if action == "done" else crop
            one = step(len(log) + 1, action, number, before, after, cell=name)
            if before == after or (cell.done == "1" and action != "done"):
                with pytest.raises(StepError):
                    state.check(one)
                continue
        here = look(name)
        made(state, one)
        log.append(one)
        if action == "undo":
            future[name].append(here)
            assert look(name) == past[name].pop()
        elif action == "redo":
            past[name].append(here)
            assert look(name) == future[name].pop()
        else:
            past[name].append(here)
            future[name].clear()
        assert len(past[name]) == len(state.cells[name].undoable)
        assert state.cells[name].last == one.seq
    assert shown(ReviewState(RESULTS, log)) == shown(state)


@pytest.mark.parametrize(
    "one, told",
    [
        (step(1, "place", 0, "4", "99"), "no '99': expected one of 1, 2"),
        (step(1, "flip", 0, "0", "2"), "no '2': expected one of 0, 1"),
        (step(1, "place", 46, "4", "5"), "no chromosome 46 in this cell"),
        (step(1, "place", None, "4", "5"), "a chromosome placed"),
        (step(1, "done", 0, "0", "1"), "A cell is done"),
        (step(1, "done", None, "0", "1", cell="../P"), "no cell '../P'"),
        (step(1, "flip", 0, "0", "0"), "so already: flip off"),
    ],
)
def test_steps_that_make_no_sense_are_refused(one, told):
    with pytest.raises(StepError, match=told) as caught:
        ReviewState(RESULTS).check(one)
    assert not isinstance(caught.value, ConflictError)


def test_steps_for_another_state_are_conflicts():
    crop = crop_at("1")
    state = made(ReviewState(RESULTS), step(1, "place", crop, "1", "rejected"))
    with pytest.raises(ConflictError, match="changed elsewhere meanwhile: rejected"):
        state.check(step(2, "place", crop, "1", "3"))
    with pytest.raises(ConflictError, match="not the last one any more"):
        state.check(step(2, "undo", of=7))
    with pytest.raises(ConflictError, match="nothing to redo"):
        state.check(step(2, "redo", of=1))
    made(state, step(2, "done", None, "0", "1"))
    with pytest.raises(ConflictError, match="marked as done"):
        state.check(step(3, "flip", crop, "0", "1"))
    assert shown(state) == shown(made(state, step(3, "note")))


def test_a_log_of_other_results_is_refused_with_its_step():
    wrong = [step(1, "flip", 0, "0", "1"), step(2, "flip", 0, "0", "1")]
    with pytest.raises(CorrectionLogError, match="step 2 .* does not fit: It was"):
        ReviewState(RESULTS, wrong)
