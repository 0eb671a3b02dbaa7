"""The corrected tables of a folder of results, and a manifest to train on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from mmscl.files import (
    OutputError,
    check_all_ours,
    check_not_here,
    replaced_folder,
    writing,
)
from mmscl.results import CaseRow, CellRow, CropRow, KaryotypeResults
from mmscl.results.karyotype_results import CASES, CELLS, CROPS
from mmscl.results.tables import write_rows
from mmscl.review.corrected import corrected_case, corrected_cell, corrected_crop
from mmscl.review.errors import ReviewError
from mmscl.review.log import LOG, read_log
from mmscl.review.sources import SOURCES, Sources, cases_known, source_root
from mmscl.review.state import CellState, ReviewState
from mmscl.review.steps import REJECTED, Step
from mmscl.version import __version__
from mmscl.wording import counted

FORMAT = "mmscl karyotype corrections 1"
MANIFEST, RECORD = "manifest.csv", "export.json"
#: What we write into the folder.
_FILES = (CROPS, CELLS, CASES, MANIFEST, RECORD, SOURCES)
_IMAGE = re.compile(rf"{SOURCES}/\d{{6,}}(\.\w+)?")


@dataclass(frozen=True)
class ExportCounts:
    """How much an export holds, and what it leaves out.

    Attributes:
        cells: Cells in it.
        cells_left_out: Cells that nobody marked as done.
        chromosomes: Rows of the manifest.
        moved, flipped: Crops of its cells that were corrected.
        rejected, unplaced: Crops of its cells that the manifest leaves out.
        steps: Lines of the log.
        torn: Bytes of an incomplete last line of the log, which was not read.
        why_no_split: Why the manifest has no split; '' if it has one.
        refilled: Case -> split, of cases that moved so that no part is empty.
    """

    cells: int
    cells_left_out: int
    chromosomes: int
    moved: int
    flipped: int
    rejected: int
    unplaced: int
    steps: int
    torn: int
    why_no_split: str
    refilled: dict[str, str]


def export_corrections(
    folder: str | Path,
    out: str | Path,
    all_cells: bool = False,
    root: str | Path | None = None,
    copy: bool = False,
    overwrite: bool = False,
) -> ExportCounts:
    """Write what a review made of a folder of results, whole or not at all.

    Args:
        folder: DIR of ``mmscl-karyotype INPUT --out DIR``; a review may be going on.
        out: Folder for predictions.csv, cells.csv, cases.csv, manifest.csv and
            export.json; or a file .csv for the manifest alone.
        all_cells: Take cells that nobody marked as done, too.
        root: Folder that the paths of the crops start from; None takes the input that
            the results name.
        copy: Put the image files into the folder, so that it needs no other.
        overwrite: Replace an export that is there.

    Raises:
        FileNotFoundError, ResultsError: As :meth:`KaryotypeResults.open`.
        CorrectionLogError: The log is damaged or of other results.
        ReviewError: No cell is done, or an image file is not there.
        OutputError: It cannot be written, or something else is in its place.
    """
    folder, out = Path(folder), Path(out)
    alone = out.suffix == ".csv"
    if copy and alone:
        raise ReviewError(
            f"{out}: image files can be put into a folder, not beside a manifest; "
            "give --out a folder, or leave out --copy"
        )
    _check_free(out, alone, overwrite)
    results = KaryotypeResults.open(folder)
    steps, torn = read_log(folder / LOG)
    state = ReviewState(results, steps)
    cells = _chosen(state, folder, all_cells)
    rows = _crop_rows(cells)
    root = source_root(results) if root is None else Path(root)
    sources = Sources(rows, root, cases_known(results))
    manifest = sources.manifest(out.parent if alone else out, copy)
    counts = _counted(state, cells, sources, steps, torn)
    with writing(out):
        if alone:
            manifest.write(out)
            return counts
        with replaced_folder(out) as part:
            if copy:
                sources.copy(part)
            manifest.write(part / MANIFEST)
            write_rows(part / CROPS, CropRow, rows)
            write_rows(part / CELLS, CellRow, [corrected_cell(c) for c in cells])
            write_rows(part / CASES, CaseRow, _case_rows(cells, results, all_cells))
            record = _record(folder, steps, counts, all_cells)
            (part / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return counts


def told(counts: ExportCounts) -> str:
    """The counts in words, for the command line."""
    lines = [
        f"{counted(counts.cells, 'cell')}; left out: {counts.cells_left_out} that "
        "nobody marked as done",
        f"{counted(counts.chromosomes, 'chromosome')} in the manifest; left out: "
        f"{counts.rejected} rejected, {counts.unplaced} not placed",
        f"corrected by hand: {counts.moved} moved, {counts.flipped} flipped",
    ]
    if counts.why_no_split:
        lines.append(
            f"note: the manifest has no split: {counts.why_no_split}; train on it with "
            "split=None, or add the column split"
        )
    elif counts.refilled:
        moves = ", ".join(f"{case} to {part}" for case, part in counts.refilled.items())
        lines.append(f"note: so that no part of the split is empty: {moves}")
    if counts.torn:
        lines.append(
            f"note: the last line of {LOG} is incomplete ({counts.torn} bytes) and was "
            "not read; if no review is going on, the next one sets it aside"
        )
    return "\n".join(lines)


def _check_free(out: Path, alone: bool, overwrite: bool) -> None:
    """Stop before something else is replaced."""
    if alone:
        if out.is_dir() or (out.exists() and not overwrite):
            raise OutputError(
                f"{out}: is there already; choose another --out, or --overwrite"
            )
        return
    check_not_here(out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        ours = json.loads((out / RECORD).read_text("utf-8"))["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputError(
            f"{out}: is there already and is no export; choose another --out"
        )
    if not overwrite:
        raise OutputError(
            f"{out}: holds an export already; choose another --out, or --overwrite"
        )
    check_all_ours(out, lambda name: name in _FILES or bool(_IMAGE.fullmatch(name)))


def _chosen(state: ReviewState, folder: Path, all_cells: bool) -> list[CellState]:
    cells = [c for c in state.cells.values() if all_cells or c.done == "1"]
    if not cells:
        raise ReviewError(
            f"{folder}: none of its {counted(len(state.cells), 'cell')} is marked as "
            "done; mark them with mmscl-karyotype review, or take all of them with "
            "--all-cells"
        )
    return cells


def _crop_rows(cells: Sequence[CellState]) -> list[CropRow]:
    rows = [
        corrected_crop(crop, cell.done == "1")
        for cell in cells
        for crop in cell.crops.values()
    ]
    return sorted(rows, key=lambda row: row.crop)


def _case_rows(
    cells: Sequence[CellState], results: KaryotypeResults, all_cells: bool
) -> list[CaseRow]:
    by_case: dict[str, list[CellState]] = {}
    for cell in cells:
        by_case.setdefault(cell.row.case, []).append(cell)
    known = {row.case: row for row in results.cases}
    return [
        corrected_case(own, known.get(case) if all_cells else None)
        for case, own in by_case.items()
    ]


def _counted(
    state: ReviewState,
    cells: Sequence[CellState],
    sources: Sources,
    steps: Sequence[Step],
    torn: bytes,
) -> ExportCounts:
    crops = [crop for cell in cells for crop in cell.crops.values()]
    places = Counter(crop.place for crop in crops)
    return ExportCounts(
        cells=len(cells),
        cells_left_out=len(state.cells) - len(cells),
        chromosomes=len(sources.rows),
        moved=sum(crop.place not in (crop.row.assigned, REJECTED) for crop in crops),
        flipped=sum(crop.flip == "1" for crop in crops),
        rejected=places[REJECTED],
        unplaced=places[""],
        steps=len(steps),
        torn=len(torn),
        why_no_split=sources.why_no_split,
        refilled=sources.refilled,
    )


def _record(
    folder: Path, steps: Sequence[Step], counts: ExportCounts, all_cells: bool
) -> dict:
    """export.json: where the tables come from."""
    return dict(
        format=FORMAT,
        version=__version__,
        results=str(folder),
        all_cells=all_cells,
        reviewers=sorted({step.reviewer for step in steps if step.reviewer}),
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **asdict(counts),
    )
