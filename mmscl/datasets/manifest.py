"""The manifest: one table of chromosome images, the only thing datasets read.

A CSV file with one row an image. Two columns are required (``path``, ``type``), six are
optional (``case, cell, homolog, polarity, site, split``); further columns are carried
along untouched. A feature that needs an optional column asks for it with
:meth:`Manifest.require` and so fails in the user's words.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmscl.datasets.manifest_file import ManifestError, read_table, shown
from mmscl.datasets.text_columns import first_repeat, text_groups
from mmscl.files import replaced

#: The 24 chromosome types, in the order of the class index 0..23.
TYPES = (*(str(number) for number in range(1, 23)), "X", "Y")
COLUMNS = ("path", "type", "case", "cell", "homolog", "polarity", "site", "split")
SPLITS = ("train", "val", "test")
REQUIRED = ("path", "type")
_NO_SPLIT = "; add cases, or write it in the column split beside whole cases"


class Manifest:
    """Rows of a manifest as columns of strings, checked once when built.

    Args:
        columns: Column name -> values, one a row, all of the same length n.
        source: File name used in messages.
        typed: Whether every row must have its type. False for new crops: the column
            may be missing, or empty where the type is not known.

    Raises:
        ManifestError: A required column is missing or empty in a row, a type is not
            one of the 24, a split is not train, val or test, a path occurs twice, or
            one case is in two splits.

    Example:
        >>> m = Manifest({'path': ['a.png', 'b.png'], 'type': ['1', 'X']})
        >>> len(m), m.labels.tolist()
        (2, [0, 22])
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str] | np.ndarray],
        source: str | Path = "manifest",
        typed: bool = True,
    ) -> None:
        self.source = str(source)
        self.typed = typed
        self._columns = {
            name: np.asarray(values, dtype=str)
            if name in COLUMNS
            # As one array of text, a long remark would take its length in every row.
            else np.array([str(value) for value in values], dtype=object)
            for name, values in columns.items()
        }
        lengths = {name: len(column) for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ManifestError(
                f"{self.source}: expected columns of one length but got {lengths}"
            )
        self._check()

    @classmethod
    def read(cls, path: str | Path, typed: bool = True) -> Manifest:
        """Reads and checks a CSV file (UTF-8, comma separated, first line names).

        Raises:
            ManifestError: As the class, or the file is missing or no such CSV.
        """
        return cls(read_table(Path(path), known=COLUMNS), path, typed)

    def write(self, path: str | Path) -> None:
        """Writes the table as CSV, beside the file first and then in its place."""
        with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as f:
            plain = csv.writer(f, lineterminator="\n")
            # Before Python 3.13 a carriage return alone is not quoted.
            quoted = csv.writer(f, lineterminator="\n", quoting=csv.QUOTE_ALL)
            for row in (self.columns, *zip(*self._columns.values(), strict=True)):
                (quoted if "\r" in "".join(row) else plain).writerow(row)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def __getitem__(self, column: str) -> np.ndarray:
        """Values of one column, shape ``(n,)``, str."""
        if column not in self._columns:
            raise KeyError(
                f"{self.source}: no column {column!r}; it has {', '.join(self.columns)}"
            )
        return self._columns[column]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the file's order."""
        return tuple(self._columns)

    @property
    def labels(self) -> np.ndarray:
        """Class index of each row's type, 0..23, shape ``(n,)``, int64; -1: unknown."""
        if "type" not in self:
            return np.full(len(self), -1)
        index = {name: label for label, name in enumerate(TYPES)} | {"": -1}
        names, inverse = text_groups(self["type"])
        return np.array([index[name] for name in names], np.int64)[inverse]

    def require(self, feature: str, *columns: str) -> None:
        """Stops unless every one of ``columns`` is there and filled in every row.

        Args:
            feature: What needs them, in the user's words: 'a split by case'.
            columns: Names out of ``COLUMNS``.

        Raises:
            ManifestError: Names feature, column, file and, if empty, the first row.
        """
        for column in columns:
            if column not in self:
                raise ManifestError(
                    f"{feature} needs the column {column!r}, which {self.source} does "
                    f"not have (it has {', '.join(self.columns)}); add the column, or "
                    f"prepare the data set from a layout that knows the {column}"
                )
            empty = np.flatnonzero(self[column] == "")
            if empty.size:
                raise ManifestError(
                    f"{feature} needs the column {column!r} in every row, but "
                    f"{self.source} leaves it empty in {empty.size} of {len(self)} "
                    f"rows, first in {self._row(empty[0])}; fill it in, or leave those "
                    "rows out"
                )

    def select(
        self,
        split: str | None = None,
        sites: Iterable[str] | None = None,
        cases: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Manifest:
        """Rows that meet all conditions, in order; None sets no condition.

        Raises:
            ManifestError: A value occurs nowhere in its column (the message lists what
                does), the column is missing, or no row meets all conditions together.
        """
        splits = None if split is None else [split]
        keep = np.ones(len(self), bool)
        wanted = {"split": splits, "site": sites, "case": cases, "type": types}
        for column, values in wanted.items():
            if values is not None:
                known = self._known_values(column, values)
                keep &= np.isin(self[column], known)
        if not keep.any():
            chosen = {name: v for name, v in wanted.items() if v is not None}
            raise ManifestError(f"{self.source}: no row meets {chosen} together")
        kept = {name: column[keep] for name, column in self._columns.items()}
        return Manifest(kept, self.source, self.typed)

    def _known_values(self, column: str, values: Iterable[str]) -> list[str]:
        if isinstance(values, str):
            raise ManifestError(
                f"selecting by {column}: expected a list but got the text {values!r}; "
                f"write [{values!r}]"
            )
        values = [str(value) for value in values]
        if column not in self:
            self.require(f"selecting {column} {values}", column)
        known = np.unique(self[column]).tolist()
        for value in values:
            if value not in known:
                shown = ", ".join(repr(name) for name in known[:30])
                more = f", ... ({len(known)} in all)" if len(known) > 30 else ""
                hint = _NO_SPLIT if column == "split" else ""
                raise ManifestError(
                    f"{self.source}: no row has {column} {value!r}; there are "
                    f"{shown}{more}{hint}"
                )
        return values

    def _row(self, index: int) -> str:
        path = str(self["path"][index]) if "path" in self else ""
        return f"row {index + 1} ({path!r})"

    def _check(self) -> None:
        for column in REQUIRED if self.typed else ("path",):
            if column not in self:
                raise ManifestError(
                    f"{self.source}: the column {column!r} is required, but the "
                    f"columns are {shown(map(repr, self.columns))}; the first line of "
                    "the file names them, separated by commas"
                )
            empty = np.flatnonzero(self[column] == "")
            if empty.size:
                raise ManifestError(
                    f"{self.source}: {self._row(empty[0])} has an empty {column!r}"
                )
        if "type" in self:
            self._check_values("type", TYPES if self.typed else (*TYPES, ""))
        if "split" in self:
            self._check_values("split", (*SPLITS, ""))
        self._check_paths()
        if "split" in self and "case" in self:
            self._check_cases()

    def _check_values(self, column: str, allowed: Sequence[str]) -> None:
        wrong = np.flatnonzero(~np.isin(self[column], allowed))
        if wrong.size:
            raise ManifestError(
                f"{self.source}: {self._row(wrong[0])} has {column} "
                f"{str(self[column][wrong[0]])!r}; expected one of "
                f"{', '.join(name or '(empty)' for name in allowed)}"
            )

    def _check_paths(self) -> None:
        repeat = first_repeat(self["path"])
        if repeat is not None:
            path, rows = self["path"][repeat[0]], [row + 1 for row in repeat]
            raise ManifestError(
                f"{self.source}: the path {str(path)!r} is in two rows, {rows[0]} and "
                f"{rows[1]}; keep one"
            )

    def _check_cases(self) -> None:
        (cases, case), (splits, split) = (
            text_groups(self[column]) for column in ("case", "split")
        )
        pairs = np.unique(case * len(splits) + split)
        names, chosen = cases[pairs // len(splits)], splits[pairs % len(splits)]
        named = (names != "") & (chosen != "")
        names, chosen = names[named], chosen[named]
        found, counts = np.unique(names, return_counts=True)
        if (counts > 1).any():
            name = found[counts > 1][0]
            both = " and ".join(sorted(chosen[names == name]))
            raise ManifestError(
                f"{self.source}: case {str(name)!r} is in two splits, {both}; images "
                "of one case belong to one split"
            )


def split_by_case(
    cases: Sequence[str], ratios: Sequence[float] = (0.7, 0.1, 0.2)
) -> np.ndarray:
    """Splits that follow from each case's name alone: adding data moves nobody.

    A case's BLAKE2 hash is read as a number in [0, 1) and compared with the running
    sums of the ratios. With few cases the shares are therefore only near the ratios,
    and a split can be empty.

    Args:
        cases: Case of each image, shape ``(n,)``, none empty.
        ratios: Shares of train, val and test, each >= 0, summing to 1.

    Returns:
        'train', 'val' or 'test' of each image, shape ``(n,)``.

    Raises:
        ValueError: Ratios that are no shares.
        ManifestError: An empty case.
    """
    check_ratios(ratios)
    names, inverse = np.unique(np.asarray(cases, dtype=str), return_inverse=True)
    if "" in names:
        raise ManifestError("a split by case needs the case of every image")
    position = np.array([case_position(name) for name in names], np.float64)
    bounds = np.cumsum(ratios[:2])
    # A share of zero must stay empty whatever the rounding of the sums.
    last = max(index for index, share in enumerate(ratios) if share > 0)
    chosen = np.minimum(np.searchsorted(bounds, position, side="right"), last)
    return np.array(SPLITS)[chosen][inverse]


def check_ratios(ratios: Sequence[float]) -> None:
    """Stops unless ``ratios`` are shares of train, val and test."""
    if len(ratios) != 3 or min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
        raise ValueError(
            "ratios: expected three shares (train, val, test) >= 0 that sum to 1 but "
            f"got {tuple(ratios)}"
        )


def case_position(case: str) -> float:
    """A case's place among the shares: the BLAKE2 hash of its name, in [0, 1)."""
    digest = hashlib.blake2b(case.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
