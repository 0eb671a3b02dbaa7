"""Results and the steps made on them -> how every crop and cell stands now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmscl.datasets.manifest import TYPES
from mmscl.results import CellRow, CropRow, KaryotypeResults
from mmscl.review.errors import ConflictError, CorrectionLogError, StepError
from mmscl.review.steps import CHANGES, REJECTED, Step

#: Where a crop can be: a type, not placed (none of the types), or rejected.
PLACES = (*TYPES, "", REJECTED)
_FLAGS = ("0", "1")


@dataclass
class CropState:
    """One crop as it stands.

    Attributes:
        row: As it was read.
        place: One of `PLACES`.
        flip: '1': turned against how the results show it.
        check: '1': a person ticked it off.
    """

    row: CropRow
    place: str
    flip: str = "0"
    check: str = "0"

    @property
    def corrected(self) -> bool:
        """Whether it differs from how it was read."""
        return self.place != self.row.assigned or self.flip == "1"

    @property
    def open(self) -> bool:
        """Whether it is still to be looked at."""
        moved = self.place != self.row.assigned
        return self.row.needs_review and not moved and self.check == "0"


@dataclass
class CellState:
    """One cell as it stands.

    Attributes:
        row: As it was read.
        crops: By number.
        done: '1': a person is done with it.
        undoable: Its steps that hold, in their order.
        redoable: Its steps that were undone, the last undone at the end.
        last: Number of its last step; 0: none.
    """

    row: CellRow
    crops: dict[int, CropState]
    done: str = "0"
    undoable: list[Step] = field(default_factory=list)
    redoable: list[Step] = field(default_factory=list)
    last: int = 0

    @property
    def open(self) -> int:
        """Crops that are still to be looked at; none once it is done."""
        return 0 if self.done == "1" else sum(c.open for c in self.crops.values())

    @property
    def corrected(self) -> int:
        """Crops that differ from how they were read."""
        return sum(crop.corrected for crop in self.crops.values())

    @property
    def replaced(self) -> int:
        """Crops whose place differs: the counts rest on them."""
        return sum(crop.place != crop.row.assigned for crop in self.crops.values())


class ReviewState:
    """Every cell of a folder of results as it stands.

    The same results and steps give the same state. Each cell has its own steps to undo
    and redo; a new step forgets those that were undone.

    Args:
        results: As they were read.
        steps: Of the log, in their order.

    Attributes:
        cells: By the name of their karyogram, in the order of the results.

    Raises:
        CorrectionLogError: A step does not fit these results.
    """

    def __init__(self, results: KaryotypeResults, steps: Iterable[Step] = ()) -> None:
        self.results = results
        self.cells: Mapping[str, CellState] = {
            row.karyogram: CellState(
                row,
                {c.crop: CropState(c, c.assigned) for c in results.crops_of(row)},
            )
            for row in results.cells
        }
        for step in steps:
            try:
                self.check(step)
            except StepError as error:
                raise CorrectionLogError(
                    f"{results.folder}: step {step.seq} of its corrections does not "
                    f"fit: {error} Is the log of other results? Put the right one back"
                ) from error
            self.apply(step)

    def cell(self, name: str) -> CellState:
        """A cell by the name of its karyogram.

        Raises:
            StepError: There is none.
        """
        if name not in self.cells:
            raise StepError(f"There is no cell {name!r} in these results.")
        return self.cells[name]

    def check(self, step: Step) -> None:
        """Whether a step can be made now.

        Raises:
            StepError: It is of what is not there, or changes a cell that is done.
            ConflictError: It was meant for another state.
        """
        if step.action == "note":
            return
        cell = self.cell(step.karyogram)
        if step.action in CHANGES:
            self._check_change(cell, step)
            return
        steps = cell.undoable if step.action == "undo" else cell.redoable
        if not steps:
            raise ConflictError(f"There is nothing to {step.action} in this cell.")
        if steps[-1].seq != step.step:
            raise ConflictError(
                f"The step to {step.action} is not the last one any more."
            )

    def apply(self, step: Step) -> None:
        """Make a step that was checked."""
        if step.action == "note":
            return
        cell = self.cells[step.karyogram]
        cell.last = step.seq
        if step.action == "undo":
            made = cell.undoable.pop()
            cell.redoable.append(made)
            _set(cell, made, made.before)
        elif step.action == "redo":
            made = cell.redoable.pop()
            cell.undoable.append(made)
            _set(cell, made, made.after)
        else:
            cell.undoable.append(step)
            cell.redoable.clear()
            _set(cell, step, step.after)

    def _check_change(self, cell: CellState, step: Step) -> None:
        if (step.crop is None) != (step.action == "done"):
            raise StepError("A cell is done, a chromosome placed, flipped or checked.")
        if step.crop is not None and step.crop not in cell.crops:
            raise StepError(f"There is no chromosome {step.crop} in this cell.")
        allowed = PLACES if step.action == "place" else _FLAGS
        if step.after not in allowed:
            raise StepError(
                f"There is no {step.after!r}: expected one of "
                f"{', '.join(name or '(not placed)' for name in allowed)}."
            )
        if step.crop is not None and cell.done == "1":
            raise ConflictError(
                "This cell is marked as done: take the mark away to change it."
            )
        now = _get(cell, step)
        if now != step.before:
            raise ConflictError(
                f"It was changed elsewhere meanwhile: {_told(step.action, now)}."
            )
        if now == step.after:
            raise StepError(f"It is so already: {_told(step.action, now)}.")


def _get(cell: CellState, step: Step) -> str:
    owner = cell if step.crop is None else cell.crops[step.crop]
    return getattr(owner, step.action)


def _set(cell: CellState, step: Step, value: str) -> None:
    setattr(cell if step.crop is None else cell.crops[step.crop], step.action, value)


def _told(action: str, value: str) -> str:
    """A value in words."""
    if action == "place":
        return f"placed at {value}" if value in TYPES else value or "not placed"
    return f"{action} {'on' if value == '1' else 'off'}"
