"""The image files of corrected crops, as a manifest to train on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from mmscl.datasets.manifest import SPLITS, Manifest, split_by_case
from mmscl.datasets.sources.splits import RATIOS, fill_splits
from mmscl.results import CropRow, KaryotypeResults
from mmscl.results.karyotype_results import CROPS
from mmscl.review.errors import ReviewError
from mmscl.wording import counted

#: Folder of copied image files.
SOURCES = "images"


class Sources:
    """The image files of the crops that have a type.

    Args:
        rows: Corrected; those without a type are left out.
        root: Folder that their paths start from.
        cases_known: Whether their cases are those of the input; made-up ones would put
            the cells of a patient into several splits.

    Attributes:
        split: Split by case of each row; None where it would be wrong or a part of it
            empty.
        why_no_split: In words; '' if there is one.
        refilled: Cases -> split, of those that moved so that no part is empty.

    Raises:
        ReviewError: A file is not there.
    """

    def __init__(
        self, rows: Iterable[CropRow], root: Path, cases_known: bool = True
    ) -> None:
        self.rows = [row for row in rows if row.assigned]
        self.root, self.cases_known = root, cases_known
        self.refilled: dict[str, str] = {}
        self.split, self.why_no_split = self._make_split()
        for row in self.rows:
            if not (root / row.path).is_file():
                raise ReviewError(
                    f"{root / row.path}: no such image file, which {CROPS} names; say "
                    "with --root which folder its paths start from"
                )

    def manifest(self, folder: Path, copied: bool = False) -> Manifest:
        """The manifest; the cases if they are known, and the split if there is one.

        Args:
            folder: That it will be in; its paths start from there.
            copied: The paths are those that :meth:`copy` makes.
        """
        rows = self.rows
        columns = dict(
            path=[
                _copied(row) if copied else _relative(self.root / row.path, folder)
                for row in rows
            ],
            type=[row.assigned for row in rows],
            **(dict(case=[row.case for row in rows]) if self.cases_known else {}),
            cell=[row.cell for row in rows],
            polarity=[row.polarity for row in rows],
            site=[row.site for row in rows],
        )
        if self.split is not None:
            columns["split"] = self.split
        return Manifest(columns, folder / "manifest.csv")

    def copy(self, folder: Path) -> None:
        """Put the image files into a folder."""
        (folder / SOURCES).mkdir()
        for row in self.rows:
            shutil.copyfile(self.root / row.path, folder / _copied(row))

    def _make_split(self) -> tuple[list[str] | None, str]:
        if not self.cases_known:
            return None, "the input does not name the cases"
        cases = [row.case for row in self.rows]
        chosen = dict(zip(cases, split_by_case(cases).tolist(), strict=True))
        moves = fill_splits(chosen, RATIOS)
        chosen.update(moves)
        empty = [name for name in SPLITS if name not in chosen.values()]
        if empty:
            of = counted(len(chosen), "case")
            return None, f"of {of} none would be in {' or '.join(empty)}"
        self.refilled = moves
        return [chosen[case] for case in cases], ""


def cases_known(results: KaryotypeResults) -> bool:
    """Whether the input of results named the cases.

    Results without that record are taken as if it did not where each case has the name
    of its cell, as made-up ones have.
    """
    told = results.run.get("cases_known")
    if isinstance(told, bool):
        return told
    return any(cell.case != cell.cell for cell in results.cells)


def source_root(results: KaryotypeResults) -> Path:
    """The folder that the paths of results start from.

    Raises:
        ReviewError: They do not tell.
    """
    told = results.run.get("root")
    if not told:
        raise ReviewError(
            f"{results.folder}: does not tell which folder the paths of its crops "
            "start from; say so with --root"
        )
    return Path(str(told))


def _copied(row: CropRow) -> str:
    return f"{SOURCES}/{row.crop:06d}{Path(row.path).suffix.lower()}"


def _relative(path: Path, folder: Path) -> str:
    path, folder = path.resolve(), folder.resolve()
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()
