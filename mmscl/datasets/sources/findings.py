"""What is worth knowing about a prepared data set, on one screen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmscl.datasets.manifest import SPLITS, TYPES, Manifest
from mmscl.datasets.sources.decode import ImageFacts
from mmscl.datasets.sources.layouts import Layout
from mmscl.datasets.sources.listing import Listing
from mmscl.wording import counted

CHROMOSOMES_IN_A_CELL = 46
MID_GREY = 128


@dataclass
class Findings:
    """Counts and findings; rows of ``manifest`` and ``facts`` correspond.

    Attributes:
        split_note: The sentence that says how the splits came about.
    """

    layout: Layout
    source: Path
    listing: Listing
    manifest: Manifest
    facts: Sequence[ImageFacts]
    split_note: str

    @property
    def summary(self) -> list[str]:
        """The figures that fit on a screen, one sentence a line."""
        lines = [counted(len(self.manifest), "image") + self._in_cases()]
        if "split" in self.manifest:
            lines.append(self._split_sizes())
        lines.append(self._left_out_sizes())
        lines.append(self._duplicate_sizes())
        if "cell" in self.manifest:
            lines.append(
                f"{len(self.odd_cells)} of {counted(len(self.cells), 'cell')} do not "
                f"hold {CHROMOSOMES_IN_A_CELL} chromosomes."
            )
        return lines + self._warnings()

    @cached_property
    def cells(self) -> dict[str, list[int]]:
        """Cell -> its rows; rows without a cell are not in it."""
        return self.rows_by("cell")

    @cached_property
    def odd_cells(self) -> dict[str, list[int]]:
        """The cells that do not hold 46 chromosomes."""
        return {
            cell: rows
            for cell, rows in self.cells.items()
            if len(rows) != CHROMOSOMES_IN_A_CELL
        }

    @cached_property
    def duplicates(self) -> list[list[int]]:
        """Groups of rows whose decoded pixels are the same, two or more each."""
        groups: dict[str, list[int]] = defaultdict(list)
        for row, fact in enumerate(self.facts):
            groups[fact.digest].append(row)
        return [rows for rows in groups.values() if len(rows) > 1]

    def differing(self, column: str) -> list[list[int]]:
        """Groups of duplicates whose rows differ in a column."""
        if column not in self.manifest:
            return []
        values = self.manifest[column]
        return [rows for rows in self.duplicates if len(set(values[rows])) > 1]

    def rows_by(self, column: str) -> dict[str, list[int]]:
        """Value of a column -> its rows, sorted by value, empty values left out."""
        if column not in self.manifest:
            return {}
        groups: dict[str, list[int]] = defaultdict(list)
        for row, value in enumerate(self.manifest[column].tolist()):
            if value:
                groups[value].append(row)
        return dict(sorted(groups.items()))

    def _in_cases(self) -> str:
        cases = self.rows_by("case")
        known = [counted(len(cases), "case")] if cases else []
        known += [counted(len(self.cells), "cell")] if self.cells else []
        return f", {', '.join(known)}." if known else "; cases and cells are not known."

    def _split_sizes(self) -> str:
        images = Counter(self.manifest["split"].tolist())
        cases = defaultdict(set)
        if "case" in self.manifest:
            for split, case in zip(
                self.manifest["split"], self.manifest["case"], strict=True
            ):
                cases[split].add(case)
        sizes = [
            counted(images[name], "image")
            + (f" of {counted(len(cases[name]), 'case')}" if cases else "")
            for name in SPLITS
        ]
        return "; ".join(f"{s}: {n}" for s, n in zip(SPLITS, sizes, strict=True)) + "."

    def _left_out_sizes(self) -> str:
        left_out = self.listing.left_out
        if not left_out:
            return "No file was left out."
        first = f" ({left_out[0].path}: {left_out[0].reason})"
        named = first if len(left_out) == 1 else ""
        found = len(self.manifest) + len(left_out)
        return f"{len(left_out):,} of {counted(found, 'file')} left out{named}."

    def _duplicate_sizes(self) -> str:
        copies = sum(len(rows) - 1 for rows in self.duplicates)
        across = len(self.differing("split"))
        return (
            f"{counted(copies, 'image')} repeat another one pixel for pixel; "
            f"{counted(across, 'picture')} would sit in two splits."
        )

    def _warnings(self) -> list[str]:
        found = []
        missing = [kind for kind in TYPES if not (self.manifest["type"] == kind).any()]
        if missing:
            found.append(f"Warning: no image of type {', '.join(missing)}.")
        if "split" in self.manifest:
            for split in SPLITS:
                if not (self.manifest["split"] == split).any():
                    found.append(
                        f"Warning: no image in the split {split}. Training needs all "
                        "three: add cases, or write the column split by hand."
                    )
        if self.differing("type"):
            found.append(
                "Warning: two different types are given to "
                f"{counted(len(self.differing('type')), 'picture')}."
            )
        light = sum(fact.background >= MID_GREY for fact in self.facts)
        if 0 < light < len(self.facts):
            found.append(
                f"Warning: {light} images have a light background and "
                f"{len(self.facts) - light} a dark one."
            )
        off = [fact for fact in self.facts if fact.size != self.layout.canvas]
        if self.layout.canvas and off:
            high, wide = self.layout.canvas
            found.append(
                f"Warning: {counted(len(off), 'image')} of {len(self.facts)} are not "
                f"{high} x {wide} pixels, as the layout {self.layout.name} has them."
            )
        return found

    def values(self, column: str, rows: Sequence[int]) -> list[str]:
        """A column's values in some rows; empty texts if there is no such column."""
        if column not in self.manifest:
            return [""] * len(rows)
        return self.manifest[column][rows].tolist()
