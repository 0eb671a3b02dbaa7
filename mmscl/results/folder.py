"""Results -> the folder DIR, whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from mmscl.files import (
    OutputError,
    check_all_ours,
    check_not_here,
    replaced_folder,
    writing,
)
from mmscl.results.karyotype_results import (
    CASES,
    CELLS,
    CROPS,
    KARYOGRAMS,
    PICTURES,
    REPORT,
    RUN,
    KaryotypeResults,
    read_run,
)
from mmscl.results.pictures import picture_path, write_picture
from mmscl.results.rows import CaseRow, CellRow, CropRow
from mmscl.results.tables import ResultsError, read_rows, write_rows

#: What people have corrected in a folder of results (mmscl.review).
CORRECTIONS = "corrections.csv"
#: Who corrects them at this moment (mmscl.review); may be left behind.
LOCK, OWNER = ".review.lock", ".review.owner"
#: What the folder may hold; all else is somebody's own.
_OURS = (CASES, CELLS, CROPS, RUN, REPORT, PICTURES, KARYOGRAMS, LOCK, OWNER)
_PICTURE = re.compile(rf"{PICTURES}/\d{{6,}}\.png")


def write_results(
    results: KaryotypeResults,
    out: str | Path,
    overwrite: bool = False,
    draw: Callable[[KaryotypeResults, Path], None] | None = None,
) -> KaryotypeResults:
    """Write the folder: tables, pictures, run.json and what `draw` makes.

    It is made beside its place and renamed, so that it is there whole or not at all.

    Args:
        results: What was read.
        out: The folder.
        overwrite: Replace results that are there.
        draw: Gets the results and the folder in the making, for karyograms and the
            report; None writes neither.

    Returns:
        The same, opened from the folder.

    Raises:
        OutputError: It cannot be written, or is not free (:func:`check_free`).
    """
    out = Path(out)
    check_free(out, overwrite)
    with writing(out), replaced_folder(out) as part:
        (part / PICTURES).mkdir()
        (part / KARYOGRAMS).mkdir()
        for number, image in enumerate(results.pictures):
            write_picture(picture_path(part / PICTURES, number), image)
        write_rows(part / CROPS, CropRow, results.crops)
        write_rows(part / CELLS, CellRow, results.cells)
        write_rows(part / CASES, CaseRow, results.cases)
        text = json.dumps(dict(results.run), indent=1, ensure_ascii=False)
        (part / RUN).write_text(text + "\n", "utf-8")
        if draw is not None:
            draw(results, part)
    return KaryotypeResults.open(out)


def check_free(out: str | Path, overwrite: bool = False) -> None:
    """Find out before the work whether DIR may be written; leaves nothing behind.

    An empty folder is free. With `overwrite`, results are replaced, but not if somebody
    has corrected them or put something else into their folder.

    Raises:
        OutputError: It may not, with the way out.
    """
    out = Path(out)
    check_not_here(out)
    with writing(out):
        _probe(out)
        free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if free:
        return
    if not out.is_dir():
        raise OutputError(f"{out}: is a file; --out names a folder to be made")
    try:
        read_run(out)
    except ResultsError as error:
        raise OutputError(
            f"{out}: is there already and holds other files than results of "
            "mmscl-karyotype; choose another --out"
        ) from error
    if not overwrite:
        raise OutputError(
            f"{out}: holds results already; choose another --out, or replace them with "
            "--overwrite"
        )
    if (out / CORRECTIONS).exists():
        raise OutputError(
            f"{out}: holds corrections made by hand ({CORRECTIONS}), which --overwrite "
            "does not throw away; choose another --out, or move the folder"
        )
    known = {*_OURS, *_karyograms(out)}
    check_all_ours(out, lambda name: name in known or bool(_PICTURE.fullmatch(name)))


def _karyograms(out: Path) -> list[str]:
    """Paths of the karyograms that the results name."""
    try:
        cells = read_rows(out / CELLS, CellRow)
    except ValueError:  # a damaged table names none
        return []
    names = [f"{KARYOGRAMS}/{cell.karyogram}" for cell in cells]
    return [name + ending for name in names for ending in (".png", ".pdf")]


def _probe(out: Path) -> None:
    """Make and remove a folder where the writing will make its first one."""
    above = next((one for one in out.parents if one.exists()), out.parent)
    part = above / f".{out.name}.probe"
    part.mkdir(exist_ok=True)
    part.rmdir()
