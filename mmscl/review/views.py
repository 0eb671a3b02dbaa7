"""What the page shows, as JSON: the folder, one cell with its crops, news."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmscl.datasets.manifest import TYPES
from mmscl.results import CropRow
from mmscl.review.corrected import corrected_case, corrected_cell, karyotype_of
from mmscl.review.session import ReviewSession
from mmscl.review.state import CellState, CropState
from mmscl.review.steps import Step
from mmscl.visualization.karyogram_rows import ROWS

Json = dict[str, Any]
_PNG = b"\x89PNG\r\n\x1a\n"


def folder_view(session: ReviewSession) -> Json:
    """The list of cells, and what the page needs once."""
    with session.lock:
        run = session.results.run
        return dict(
            name=Path(session.results.folder or "").resolve().name,
            model=run["model"]["name"],
            types=TYPES,
            rows=ROWS,
            seq=session.seq,
            notes=[s.after for s in session.log.steps if s.action == "note"],
            cells=[summary(cell) for cell in session.state.cells.values()],
        )


def cell_view(session: ReviewSession, name: str) -> Json:
    """One cell with its crops, and its case.

    Raises:
        StepError: There is no such cell.
        ResultsError: A picture is missing.
    """
    with session.lock:
        cell = session.state.cell(name)
        row = corrected_cell(cell)
        return summary(cell) | dict(
            seq=session.seq,
            as_read=cell.row.karyotype,
            certainty=row.certainty,
            warnings=row.warnings,
            placed=row.placed,
            unplaced=row.unplaced,
            rejected=row.crops - row.placed - row.unplaced,
            crops=[_crop_view(session, crop) for crop in cell.crops.values()],
            undo=_last(cell.undoable),
            redo=_last(cell.redoable),
            case_view=case_view(session, cell.row.case),
        )


def case_view(session: ReviewSession, case: str) -> Json:
    """The call of a case as its cells stand."""
    rows = {row.case: row for row in session.results.cases}
    cells = session.of_case[case]
    row = corrected_case(cells, rows.get(case))
    return dict(
        case=case,
        cells=len(cells),
        done=sum(cell.done == "1" for cell in cells),
        karyotype=row.karyotype,
        votes=row.votes,
        certainty=row.certainty,
        warnings=row.warnings,
    )


def news_view(session: ReviewSession, seq: int) -> Json:
    """What was done after step `seq`: the cells that changed, as in the list."""
    with session.lock:
        steps = session.steps_after(seq)
        names = dict.fromkeys(s.karyogram for s in steps if s.karyogram)
        return dict(
            seq=session.seq,
            cells=[summary(session.state.cells[name]) for name in names],
        )


def summary(cell: CellState) -> Json:
    """A cell as a line of the list."""
    return dict(
        name=cell.row.karyogram,
        last=cell.last,
        case=cell.row.case,
        cell=cell.row.cell,
        karyotype=karyotype_of(cell).text,
        count=karyotype_of(cell).number,
        crops=len(cell.crops),
        flagged=cell.row.needs_review,
        open=cell.open,
        corrected=cell.corrected,
        done=cell.done == "1",
    )


def _crop_view(session: ReviewSession, crop: CropState) -> Json:
    row = crop.row
    alike = [int(number) for number in row.look_alikes.split()]
    picture = _picture_view(session, row)
    centromere = row.centromere_index
    if row.centromere_row is not None and picture["height"]:
        centromere = row.centromere_row / picture["height"]
    return dict(
        **picture,
        centromere=centromere,
        place=crop.place,
        flip=crop.flip == "1",
        check=crop.check == "1",
        open=crop.open,
        corrected=crop.corrected,
        look_alikes=[
            _picture_view(session, other) | dict(place=session.place_of(other))
            for other in (session.results.crops[number] for number in alike)
        ],
        **_as_read(row),
    )


def _picture_view(session: ReviewSession, row: CropRow) -> Json:
    width, height = png_size(session.results.picture_file(row))
    return dict(crop=row.crop, width=width, height=height)


def _as_read(row: CropRow) -> Json:
    return dict(
        path=row.path,
        assigned=row.assigned,
        second=row.second,
        best=row.best,
        best_score=row.best_score,
        confidence=row.confidence,
        type=row.type,
        polarity=row.polarity,
        polarity_score=row.polarity_score,
        needs_review=row.needs_review,
        why=row.why,
        length=row.length,
        prototypes=row.prototypes,
    )


def _last(steps: Sequence[Step]) -> Json | None:
    """The step that undo or redo would take."""
    if not steps:
        return None
    step = steps[-1]
    return dict(
        step=step.seq,
        action=step.action,
        crop=step.crop,
        before=step.before,
        after=step.after,
    )


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its first bytes; (0, 0) if it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return 0, 0
    if len(head) < 24 or not head.startswith(_PNG):
        return 0, 0
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
