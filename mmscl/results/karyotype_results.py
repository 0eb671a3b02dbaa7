"""Cells that were read, with their cases and crops: in memory, and back from a folder.

results = KaryotypeResults.open('DIR')
for cell in results.cells:
    for crop in results.crops_of(cell):
        crop.assigned, crop.confidence, crop.needs_review
        results.picture(crop)        # H x W uint8, white ground, short arm up
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmscl.results.pictures import PictureFolder, picture_path
from mmscl.results.rows import CaseRow, CellRow, CropRow
from mmscl.results.tables import ResultsError, read_rows

FORMAT = "mmscl karyotype results 2"
RUN, REPORT = "run.json", "report.html"
CROPS, CELLS, CASES = "predictions.csv", "cells.csv", "cases.csv"
PICTURES, KARYOGRAMS = "crops", "karyograms"


@dataclass(frozen=True)
class KaryotypeResults:
    """What came of reading cells.

    Attributes:
        crops: By number, those of a cell in the order of the input.
        cells: In the order of the input.
        cases: In the order of their first cells.
        run: Of model, input and settings, for JSON; see docs/karyotyping.md.
        pictures: Of the crops as shown, by number: H x W uint8 each, on white, straight
            where they have an axis, the short arm up where that is known.
        folder: Where they were read from; None if they were not written yet.
    """

    crops: tuple[CropRow, ...]
    cells: tuple[CellRow, ...]
    cases: tuple[CaseRow, ...]
    run: Mapping[str, Any]
    pictures: Sequence[np.ndarray]
    folder: Path | None = None
    _of_cell: dict[tuple[str, str], list[CropRow]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        grouped = defaultdict(list)
        for crop in self.crops:
            grouped[crop.case, crop.cell].append(crop)
        self._of_cell.update(grouped)

    @classmethod
    def open(cls, folder: str | Path) -> KaryotypeResults:
        """Read a folder that mmscl-karyotype wrote; pictures are read when asked for.

        Args:
            folder: DIR of ``mmscl-karyotype INPUT --out DIR``.

        Raises:
            FileNotFoundError: There is no such folder.
            ResultsError: It is another folder, or incomplete.
        """
        folder = Path(folder)
        run = read_run(folder)
        crops = read_rows(folder / CROPS, CropRow)
        if [crop.crop for crop in crops] != list(range(len(crops))):
            raise ResultsError(
                f"{folder / CROPS}: expected the rows 0 .. {len(crops) - 1} in the "
                "column crop, in their order; was the table sorted or cut? Make the "
                "results again"
            )
        cells = read_rows(folder / CELLS, CellRow)
        known = {(cell.case, cell.cell) for cell in cells}
        for crop in crops:
            if (crop.case, crop.cell) not in known:
                raise ResultsError(
                    f"{folder / CROPS}: crop {crop.crop} is of cell {crop.cell!r} of "
                    f"case {crop.case!r}, which {CELLS} does not name"
                )
        return cls(
            crops,
            cells,
            read_rows(folder / CASES, CaseRow),
            run,
            PictureFolder(folder / PICTURES, len(crops)),
            folder,
        )

    def crops_of(self, cell: CellRow) -> list[CropRow]:
        """The crops of a cell, in the order of the input."""
        return self._of_cell.get((cell.case, cell.cell), [])

    def cells_of(self, case: CaseRow) -> list[CellRow]:
        """The cells of a case, in the order of the input."""
        return [cell for cell in self.cells if cell.case == case.case]

    def picture(self, crop: CropRow) -> np.ndarray:
        """The crop as shown, H x W uint8.

        Raises:
            ResultsError: Its file is missing or damaged.
        """
        return self.pictures[crop.crop]

    def picture_file(self, crop: CropRow) -> Path:
        """The PNG of the crop as shown.

        Raises:
            ResultsError: The results were not written yet.
        """
        return picture_path(self._written() / PICTURES, crop.crop)

    def karyogram_file(self, cell: CellRow, ending: str = ".png") -> Path:
        """The karyogram of a cell, .png or .pdf.

        Raises:
            ResultsError: The results were not written yet.
        """
        return self._written() / KARYOGRAMS / (cell.karyogram + ending)

    def _written(self) -> Path:
        if self.folder is None:
            raise ResultsError(
                "these results are in memory alone: write them (write_results), and "
                "open the folder (KaryotypeResults.open)"
            )
        return self.folder


def read_run(folder: str | Path) -> dict[str, Any]:
    """run.json of a folder of results.

    Raises:
        FileNotFoundError: There is no such folder.
        ResultsError: It holds no results, or those of another version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder of results; mmscl-karyotype INPUT --out DIR "
            "writes one"
        )
    path = folder / RUN
    try:
        run = json.loads(path.read_text("utf-8"))
        found = run["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(
            f"{folder}: no results of mmscl-karyotype ({RUN} is missing or damaged: "
            f"{type(error).__name__}); give the folder that --out named"
        ) from error
    if found != FORMAT:
        raise ResultsError(
            f"{path}: expected the format {FORMAT!r}, got {found!r}; it was written by "
            "another version of mmscl. Make the results again"
        )
    return run
