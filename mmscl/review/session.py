"""A folder under review: its results, its log, the lock on it; for several threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmscl.results import CropRow, KaryotypeResults
from mmscl.review.errors import StepError
from mmscl.review.lock import FolderLock
from mmscl.review.log import CorrectionLog
from mmscl.review.state import CellState, CropState, ReviewState
from mmscl.review.steps import Step

#: What a request for a step may hold, and of which kind each value is.
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "action": (str,),
    "karyogram": (str,),
    "crop": (int, type(None)),
    "before": (str,),
    "after": (str,),
    "step": (int, type(None)),
}
_ACTIONS = ("place", "flip", "check", "done", "undo", "redo")


class ReviewSession:
    """Takes steps one after the other: checked, then on the disk, then made.

    Attributes:
        results: As they were read.
        state: As they stand. To read it, hold `lock`.
        log: Of the steps.
        lock: For threads.
    """

    def __init__(
        self, results: KaryotypeResults, state: ReviewState, log: CorrectionLog
    ) -> None:
        self.results, self.state, self.log = results, state, log
        self.lock = threading.RLock()
        self.of_case: dict[str, list[CellState]] = {}
        self._crops: dict[int, CropState] = {}
        for cell in state.cells.values():
            self.of_case.setdefault(cell.row.case, []).append(cell)
            self._crops.update(cell.crops)

    @classmethod
    @contextmanager
    def open(cls, folder: str | Path, reviewer: str = "") -> Iterator[ReviewSession]:
        """Lock a folder, read it and its log.

        Args:
            folder: DIR of ``mmscl-karyotype INPUT --out DIR``.
            reviewer: Who corrects, for the log.

        Raises:
            FileNotFoundError, ResultsError: As :meth:`KaryotypeResults.open`.
            FolderLockedError: It is under review already.
            CorrectionLogError: Its log is damaged or of other results.
            OutputError: It cannot be written.
        """
        results = KaryotypeResults.open(folder)
        with FolderLock(folder):
            log = CorrectionLog(folder, reviewer)
            try:
                yield cls(results, ReviewState(results, log.steps), log)
            finally:
                log.close()

    @property
    def seq(self) -> int:
        """Number of the last step."""
        return len(self.log.steps)

    def take(self, request: Mapping[str, Any]) -> Step:
        """Make the step that a window asks for.

        Args:
            request: Values of :class:`Step`: action, karyogram, crop, before, after;
                for undo and redo: action, karyogram, step. `before` and `step` are what
                the window shows: if that is not so any more, nothing is done.

        Raises:
            StepError: It cannot be made; `ConflictError`: not any more.
            OutputError: It cannot be saved; it was not made.
        """
        values = _checked(request)
        with self.lock:
            self.state.check(Step(0, "", "", **values))
            step = self.log.append(**values)
            self.state.apply(step)
            return step

    def place_of(self, crop: CropRow) -> str:
        """Where a crop is now."""
        return self._crops[crop.crop].place

    def steps_after(self, seq: int) -> list[Step]:
        """What was done since."""
        with self.lock:
            return self.log.steps[max(seq, 0) :]


def _checked(request: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a request, each of its kind.

    Raises:
        StepError: A value that is none.
    """
    if not isinstance(request, Mapping):
        raise StepError(f"Expected an object, got {type(request).__name__}.")
    for name, value in request.items():
        kinds = _FIELDS.get(name)
        if kinds is None:
            raise StepError(f"There is no value {name[:40]!r}.")
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise StepError(f"Expected a {kinds[0].__name__} as {name}.")
    if request.get("action") not in _ACTIONS:
        raise StepError(f"Expected an action out of {', '.join(_ACTIONS)}.")
    return dict(request)
