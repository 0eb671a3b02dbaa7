"""report.html: the crops to look at twice, cases, cells, karyograms.

The page is one file: style and pictures are in it, and it has no script. It is written
from the results alone, cell by cell, so that its length does not fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmscl.karyotype.calls import STRUCTURE
from mmscl.results.karyotype_results import KaryotypeResults
from mmscl.results.names import case_and_cell
from mmscl.results.report.first_looks import embed_file, first_looks
from mmscl.results.rows import CaseRow, CellRow, CropRow
from mmscl.wording import counted

#: Crops that are shown with their look-alikes; the others stand in the tables.
MOST_LOOKS = 200


@dataclass(frozen=True)
class _Cell:
    """A cell in the page."""

    row: CellRow
    title: str
    anchor: str
    review: list[CropRow]


def write_report(
    path: str | Path,
    results: KaryotypeResults,
    draw: Callable[[CellRow], bytes],
    title: str = "Karyotypes",
) -> None:
    """Write the page.

    Args:
        path: The file; one that is there is replaced.
        results: What it tells.
        draw: Gives the karyogram of a cell as the bytes of a WebP.
        title: Its heading.
    """
    anchors = {
        (cell.case, cell.cell): f"cell{number}"
        for number, cell in enumerate(results.cells)
    }
    asked = sum(crop.needs_review for crop in results.crops)
    page = _environment().get_template("report.html")
    parts = page.generate(
        title=title,
        run=results.run,
        results=results,
        structure=STRUCTURE,
        looks=first_looks(results, anchors, MOST_LOOKS),
        asked=asked,
        cases=_cases(results, anchors),
        picture=lambda cell: embed_file(draw(cell), "webp"),
    )
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(parts)


def _cases(
    results: KaryotypeResults, anchors: dict[tuple[str, str], str]
) -> Iterator[tuple[CaseRow, list[_Cell]]]:
    for case in results.cases:
        cells = []
        for row in results.cells_of(case):
            crops = [crop for crop in results.crops_of(row) if crop.needs_review]
            crops.sort(key=lambda crop: crop.confidence)
            anchor = anchors[row.case, row.cell]
            title = case_and_cell(row.case, row.cell)
            cells.append(_Cell(row, title, anchor, crops))
        yield case, cells


def _breakable(iscn: str) -> Markup:
    """ISCN text that may go on in the next line behind its commas, and there alone."""
    return escape(iscn).replace(",", Markup(",<wbr>"))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mmscl.results.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    environment.filters["iscn"] = _breakable
    environment.filters["percent"] = lambda value: f"{100 * value:.0f} %"
    return environment
