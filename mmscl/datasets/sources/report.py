"""The report: what a data set holds, what was left out, which files are alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmscl.datasets.manifest import SPLITS, TYPES
from mmscl.datasets.sources.findings import (
    CHROMOSOMES_IN_A_CELL,
    MID_GREY,
    Findings,
)


class Report(Findings):
    """:class:`Findings` written out as Markdown."""

    def markdown(self) -> str:
        """The whole report."""
        parts = [
            f"# Data set report: {self.layout.name}",
            f"Source `{self.source}`, layout `{self.layout.files}`.",
            *self._paths_note(),
            "\n".join(f"- {line}" for line in [*self.summary, *self.listing.notes]),
            f"## Splits\n\n{self.split_note}",
            f"## Images by type\n\n{self._by_type()}",
            f"## Sizes and backgrounds\n\n{self._image_facts()}",
            *self._cases(),
            *self._cells_not_46(),
            "## Files left out",
            *self._left_out(),
            "## Exact duplicates",
            *self._duplicates(),
        ]
        return "\n\n".join(parts) + "\n"

    def _paths_note(self) -> list[str]:
        folder = Path(self.manifest.source).parent
        if self.listing.root == folder or folder in self.listing.root.parents:
            how = "Paths in the manifest are relative to the folder of the manifest."
        else:
            how = (
                "Paths in the manifest are absolute, because the images do not lie "
                "below it: prepare again if they move."
            )
        return [f"{how} In a config: `data_root` is that folder."]

    def _by_type(self) -> str:
        types = self.manifest["type"]
        header = ["type", "images"]
        columns = [types]
        if "split" in self.manifest:
            header += SPLITS
            columns += [types[self.manifest["split"] == name] for name in SPLITS]
        counts = [Counter(column.tolist()) for column in columns]
        rows = [[kind, *(count[kind] for count in counts)] for kind in TYPES]
        return _table(header, [*rows, ["all", *(len(column) for column in columns)]])

    def _image_facts(self) -> str:
        sizes = np.array([fact.size for fact in self.facts])
        light = sum(fact.background >= MID_GREY for fact in self.facts)
        low, middle, high = np.percentile(sizes, (0, 50, 100), axis=0).astype(int)
        return (
            "Height x width in pixels: smallest "
            f"{low[0]} x {low[1]}, median {middle[0]} x {middle[1]}, largest "
            f"{high[0]} x {high[1]}. Background: light in {light}, dark in "
            f"{len(self.facts) - light}, median grey level "
            f"{int(np.median([fact.background for fact in self.facts]))}."
        )

    def _cases(self) -> list[str]:
        cases = self.rows_by("case")
        if not cases:
            return []
        rows = []
        for case, members in cases.items():
            cells = Counter(self.values("cell", members))
            held = ", ".join(f"{c or '?'} ({n})" for c, n in sorted(cells.items()))
            split = " ".join(sorted(set(self.values("split", members))))
            rows.append([case, split, len(members), held])
        header = ["case", "split", "images", "cells (images)"]
        return ["## Images by case and cell", _table(header, rows)]

    def _cells_not_46(self) -> list[str]:
        if not self.cells:
            return []
        title = f"## Cells that do not hold {CHROMOSOMES_IN_A_CELL} chromosomes"
        rows = [
            [cell, len(members), self._departures(members)]
            for cell, members in self.odd_cells.items()
        ]
        if not rows:
            return [title, "None."]
        header = ["cell", "chromosomes", "departs from two of each autosome, XX or XY"]
        return [title, _table(header, rows)]

    def _departures(self, rows: Sequence[int]) -> str:
        """Such as ``21: 3`` or ``sex: X``, for what is unusual in a cell."""
        held = Counter(self.values("type", rows))
        found = [f"{kind}: {held[kind]}" for kind in TYPES[:22] if held[kind] != 2]
        sex = "X" * held["X"] + "Y" * held["Y"]
        if sex not in ("XX", "XY"):
            found.append(f"sex: {sex or 'none'}")
        return ", ".join(found)

    def _left_out(self) -> Iterable[str]:
        if not self.listing.left_out:
            yield "None."
        reasons: dict[str, list[str]] = defaultdict(list)
        for item in self.listing.left_out:
            reasons[item.reason].append(item.path)
        for reason, paths in reasons.items():
            lines = "\n".join(f"- `{path}`" for path in paths)
            yield f"{reason} ({len(paths)}):\n\n{lines}"

    def _duplicates(self) -> Iterable[str]:
        yield (
            "Images whose decoded grey levels are the same, whatever the file holds "
            "around them. All of them are in the manifest."
        )
        two_splits, two_types = self.differing("split"), self.differing("type")
        for title, groups in (
            ("In two splits", two_splits),
            ("With two types", two_types),
            (
                "All others",
                [g for g in self.duplicates if g not in two_splits + two_types],
            ),
        ):
            lines = "\n".join(f"- {self._members(rows)}" for rows in groups)
            yield f"### {title} ({len(groups)})\n\n{lines or 'None.'}"

    def _members(self, rows: Sequence[int]) -> str:
        members = zip(
            self.values("path", rows),
            self.values("type", rows),
            self.values("split", rows),
            strict=True,
        )
        return " = ".join(
            f"`{path}` (type {kind}{', ' + split if split else ''})"
            for path, kind, split in members
        )


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(value).replace("|", "\\|") for value in line) + " |"
        for line in lines
    )
