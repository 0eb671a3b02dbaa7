"""Results of drawn cells, made up: for what reads or draws them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.karyotype import Karyotype
from mmscl.results import CaseRow, CellRow, CropRow, KaryotypeResults
from mmscl.results.karyotype_results import FORMAT

CASE = "Fall <b>7</b> Ärztin 細胞"


def draw_results(cells: int = 2, case: str = CASE) -> KaryotypeResults:
    """Cells of one case, 47 crops each: 46,XX, and one that is none of the types."""
    rng = np.random.default_rng(0)
    names = [*(TYPES[n] for n in range(23) for _ in range(2)), ""]
    crops: list[CropRow] = []
    pictures: list[np.ndarray] = []
    for cell in range(cells):
        for name in names:
            image = np.full((rng.integers(20, 60), 15), 255, np.uint8)
            image[3:-3, 4:-4] = rng.integers(0, 200, (len(image) - 6, 7))
            pictures.append(image)
            crops.append(draw_crop(len(crops), case, f"{cell}/a b", name))
    rows = [
        CellRow(
            case=case,
            cell=f"{cell}/a b",
            crops=47,
            left_out=0,
            placed=46,
            unplaced=1,
            karyotype=Karyotype.of("XX").text,
            certainty=0.75,
            needs_review=1,
            warnings="1 crop is none of the 24 types",
            karyogram=f"cell_{cell}",
        )
        for cell in range(cells)
    ]
    called = CaseRow(case, cells, "46,XX", f"46,XX: {cells}", 0.9375, "few cells")
    run: dict[str, Any] = dict(format=FORMAT, input="drawn")
    return KaryotypeResults(tuple(crops), tuple(rows), (called,), run, pictures)


def draw_crop(number: int, case: str, cell: str, name: str) -> CropRow:
    """A crop that was read as `name`; '' is for review."""
    return CropRow(
        crop=number,
        path=f'mit "Komma", {number}.png',
        case=case,
        cell=cell,
        site="",
        type="",
        best=name or "21",
        best_score=0.5,
        assigned=name,
        second="22",
        confidence=0.25,
        polarity="" if number else "down",
        polarity_score=None if number else 0.875,
        needs_review=not name,
        why="" if name else "none of the 24 types",
        length=None if not name else 0.03125,
        centromere_index=0.5,
        look_alikes="0 1",
    )
