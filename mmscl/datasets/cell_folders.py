"""A folder of cells -> crops of which each has its case and its cell.

| where the images are | what is read |
|---|---|
| DIR/a.png | one cell, and its case: both named DIR |
| DIR/c1/a.png | cells c1, ... of one case, named DIR |
| DIR/p1/c1/a.png | cells c1, ... of the cases p1, ... |

Everything else is told by a manifest, in which case and cell are columns.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from mmscl.datasets.crops import Crops, Inputs, find_crops, manifest_of
from mmscl.datasets.manifest import ManifestError
from mmscl.datasets.sources.listing import LeftOut, Listing

#: A folder's name as class folders have it: clase1, chr X, 24.
_CLASS = re.compile(r"[A-Za-z]*[ _-]?(\d{1,2}|[XYxy])")


@dataclass(frozen=True)
class CellCrops:
    """Crops of known cells.

    Attributes:
        crops: `case` and `cell` are filled in for each.
        root: Folder that `names` start from; None where the crops are no files.
        names: Paths as they are told, relative to `root` where they lie below it.
        left_out: Files of the folder that are no images, and why.
        understood: In words, how cases and cells were told apart.
        cases_known: Whether the input names the cases; if not, `case` is made up.
    """

    crops: Crops
    root: Path | None
    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    understood: str
    cases_known: bool


def find_cells(
    inputs: Inputs, split: str | None = None, one_cell: bool = False
) -> CellCrops:
    """The crops that are meant, with the case and the cell of each.

    Args:
        inputs: As in :func:`mmscl.datasets.crops.find_crops`; a folder as above.
        split: Rows of a manifest to take; None takes all.
        one_cell: All crops of a manifest without the column cell are of one cell.

    Raises:
        ManifestError: Images at several depths, folders named after types, or a
            manifest that does not tell the cells.
        FileNotFoundError, ImageError, TypeError, ValueError: As `find_crops`.
    """
    crops = find_crops(inputs, split)
    table = manifest_of(inputs)
    if table is not None:
        return _of_table(crops, table, one_cell)
    if isinstance(inputs, (str, Path)) and Path(inputs).is_dir():
        return _of_folder(crops, Path(inputs))
    if (crops.cell != "").all() and (crops.case != "").all():
        return _told(crops, None, "cases and cells as the data set names them", True)
    root = Path(inputs).parent if isinstance(inputs, (str, Path)) else None
    known = bool(_only_case(crops))
    return _told(_named(crops, "cell"), root, "one cell", known)


def _of_folder(crops: Crops, folder: Path) -> CellCrops:
    listing = Listing(folder)
    images = [PurePosixPath(path) for path in listing.image_paths()]
    first = {len(path.parts): path for path in reversed(images)}
    if len(first) > 1 or max(first) > 3:
        shown = " and ".join(repr(str(first[depth])) for depth in sorted(first))
        raise ManifestError(
            f"{folder}: expected all crops in it (one cell), in its folders (cells of "
            f"one case), or in folders of its folders (case/cell), got {shown}. Sort "
            "them, or give a table (CSV) with the columns path, case and cell"
        )
    _refuse_class_folders(folder, {path.parent.name for path in images})
    own = folder.resolve().name or "cell"
    parents = [(own, own, *path.parts[:-1])[-2:] for path in images]
    if max(first) == 2:
        parents = [(own, cell) for _, cell in parents]
    case, cell = (np.array(names) for names in zip(*parents, strict=True))
    understood = {
        1: "the folder is one cell",
        2: "each folder in it is a cell of one case",
        3: "each folder in it is a case, with a folder for each cell",
    }[max(first)]
    # A folder of crops alone may have the name of its cell as well as of its case.
    known = max(first) > 1
    found = _told(replace(crops, case=case, cell=cell), folder, understood, known)
    return replace(found, left_out=tuple(listing.left_out))


def _refuse_class_folders(folder: Path, names: set[str]) -> None:
    """Stop where folders are types: each would be taken for a cell."""
    classes = {m[1].upper() for name in names if (m := _CLASS.fullmatch(name))}
    letters = {"X", "Y"} & classes
    if len(classes) >= 24 or (letters and len(classes) >= 10):
        raise ManifestError(
            f"{folder}: its crops are sorted into folders named after types (such as "
            f"{sorted(names)[0]!r}), so cells cannot be told apart. Make a table with "
            "tools/prepare_dataset.py and give its manifest.csv; if these are cells, "
            "name them otherwise"
        )


def _of_table(crops: Crops, table: Path, one_cell: bool) -> CellCrops:
    words = "cases and cells as the table names them"
    own = table.resolve().parent.name or "cell"
    unknown = np.flatnonzero(crops.cell == "")
    known = bool((crops.case != "").any())
    if one_cell and unknown.size == len(crops):
        known, words = bool(_only_case(crops)), "all crops of the table are one cell"
        crops = _named(crops, own)
    elif unknown.size or one_cell:
        crops.group_by_cell(one_cell, "A karyotype is of one cell, and its reading")
    no_case = crops.case == ""
    if no_case.all():
        crops = replace(crops, case=crops.cell)
        words = "the table names no cases, so each cell is a case of its own"
    elif no_case.any():
        raise ManifestError(
            f"{table}: the case of {no_case.sum()} of {len(crops)} crops is not known, "
            f"first of {crops.path[no_case][0]}; fill in the column case for all, or "
            "leave it out, and each cell is a case of its own"
        )
    return _told(crops, table.parent, words, known)


def _named(crops: Crops, name: str) -> Crops:
    """The same as one cell of that name, of the case that is known if there is one."""
    case = _only_case(crops) or name
    return replace(
        crops, case=np.full(len(crops), case), cell=np.full(len(crops), name)
    )


def _only_case(crops: Crops) -> str:
    """The case that is known if there is one; else ''."""
    known = set(crops.case.tolist()) - {""}
    return known.pop() if len(known) == 1 else ""


def _told(
    crops: Crops, root: Path | None, understood: str, cases_known: bool
) -> CellCrops:
    names = tuple(_relative(path, root) for path in crops.path.tolist())
    return CellCrops(crops, root, names, (), understood, cases_known)


def _relative(path: str, root: Path | None) -> str:
    if root is None:
        return path
    full, top = os.path.abspath(path), os.path.abspath(root)
    inside = os.path.commonpath([full, top]) == top if full[:1] == top[:1] else False
    return Path(os.path.relpath(full, top)).as_posix() if inside else path
