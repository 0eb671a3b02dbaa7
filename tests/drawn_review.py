"""A folder of results to review: drawn chromosomes, some of them read wrongly."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from mmscl.datasets import SyntheticKaryotypes
from mmscl.datasets.manifest import TYPES
from mmscl.karyotype import Karyotype
from mmscl.results import CaseRow, CellRow, CropRow, KaryotypeResults, write_results
from mmscl.results.karyotype_results import FORMAT
from mmscl.visualization.display_crop import DisplayCrop, display_crop

#: Type that a crop was read as in place of its own, in every cell: (type, which).
WRONG = {("4", 1): "5", ("21", 0): "22", ("X", 0): "7", ("16", 1): ""}
NEXT = {"4": "5", "5": "4", "21": "22", "22": "21", "X": "7", "7": "X"}


@cache
def drawn_crops(cases: int) -> tuple[list[dict[str, str]], list[DisplayCrop]]:
    """Rows of the manifest and crops of one cell of each case, as they are shown."""
    drawn = SyntheticKaryotypes(
        cases=cases, cells_per_case=1, seed=3, abnormal_rate=0.0
    )
    drawn.full_init()
    table = drawn.manifest
    rows = [
        {name: str(table[name][i]) for name in ("type", "case")}
        for i in range(len(table))
    ]
    return rows, [
        display_crop(drawn.load_crop(i), row["type"], "up")
        for i, row in enumerate(rows)
    ]


def make_results(cases: int = 2, cells_per_case: int = 2, drawn: int = 2):
    """Results in memory.

    Args:
        cases, cells_per_case: How many.
        drawn: Cells that are drawn; the others repeat them.
    """
    rows, images = drawn_crops(drawn)
    names = sorted({row["case"] for row in rows})
    crops: list[CropRow] = []
    cells: list[CellRow] = []
    pictures: list[np.ndarray] = []
    for number in range(cases * cells_per_case):
        case, cell = f"P{number // cells_per_case:03d}", str(number % cells_per_case)
        chosen = [
            i for i, row in enumerate(rows) if row["case"] == names[number % drawn]
        ]
        own = [
            _crop(len(crops) + place, case, cell, rows[i]["type"], which, images[i])
            for place, i in enumerate(chosen)
            for which in [
                sum(rows[j]["type"] == rows[i]["type"] for j in chosen[:place])
            ]
        ]
        # In the folder of results the crops of a cell lie in no order of types.
        order = np.random.default_rng(number).permutation(len(own))
        own = [replace(own[i], crop=len(crops) + n) for n, i in enumerate(order)]
        pictures += [images[chosen[i]].image for i in order]
        crops += own
        cells.append(_cell(own, f"{case}_{cell}"))
    return KaryotypeResults(
        tuple(crops),
        tuple(cells),
        tuple(_case(name, cells) for name in dict.fromkeys(c.case for c in cells)),
        dict(format=FORMAT, model=dict(name="drawn"), input="."),
        pictures,
    )


def write_folder(folder: Path, **settings: int) -> Path:
    """Results on disk, as mmscl-karyotype writes them, beside the crops they are of."""
    results = make_results(**settings)
    for crop, image in zip(results.crops, results.pictures, strict=True):
        file = folder / "input" / crop.path
        file.parent.mkdir(parents=True, exist_ok=True)
        turned = image[::-1, ::-1] if crop.polarity == "down" else image
        assert cv2.imwrite(str(file), turned)
    run = dict(results.run, input="input", root=str(folder / "input"))
    with patch("mmscl.files.sync"):  # of thousands of files it takes minutes
        write_results(replace(results, run=run), folder / "results")
    return folder / "results"


def _crop(
    number: int, case: str, cell: str, true: str, which: int, shown: DisplayCrop
) -> CropRow:
    read = WRONG.get((true, which), true)
    sure = read == true and not (true == "9" and which)
    return CropRow(
        crop=number,
        path=f"{case}/{cell}/{true}_{which}.png",
        case=case,
        cell=cell,
        site="A",
        type=true,
        best=read or "15",
        best_score=0.99 if sure else 0.5,
        assigned=read,
        second=true if not sure and read != true else NEXT.get(true, "12"),
        confidence=0.998 if sure else 0.625,
        polarity=("up", "down", "")[number % 3],
        polarity_score=0.75 if number % 3 < 2 else None,
        needs_review=not sure,
        why=""
        if sure
        else f"unsure between {read} and {true}"
        if read
        else "none of the types",
        length=0.02,
        centromere_index=shown.centromere_index,
        length_px=shown.length,
        centromere_row=shown.centromere,
        prototypes="4 0.91, 5 0.85" if not sure else "",
        look_alikes="" if sure else "0 1",
    )


def _cell(crops: list[CropRow], name: str) -> CellRow:
    types = [crop.assigned for crop in crops]
    counts = Karyotype(tuple(types.count(kind) for kind in TYPES))
    unplaced = types.count("")
    return CellRow(
        case=crops[0].case,
        cell=crops[0].cell,
        crops=len(crops),
        left_out=0,
        placed=len(crops) - unplaced,
        unplaced=unplaced,
        karyotype=counts.text,
        certainty=0.5,
        needs_review=sum(crop.needs_review for crop in crops),
        warnings=f"{unplaced} crops are none of the 24 types; counts are unsure (0.50)",
        karyogram=name,
    )


def _case(name: str, cells: list[CellRow]) -> CaseRow:
    own = [cell for cell in cells if cell.case == name]
    return CaseRow(name, len(own), "46,XX", f"46,XX: {len(own)}", 0.5, "as read")
