"""docs/benchmarks.md from the results that the scripts left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

#: Scripts in the order of the report.
PARTS = (
    "loss",
    "step",
    "loop",
    "data_path",
    "device_path",
    "sampler",
    "prediction",
    "startup",
    "growth",
    "cpu",
)
SECTIONS = {
    "profile": "## Where the time goes",
    "growth": "## How cost grows",
    "cpu": "## Options on a CPU",
}
HEAD = """\
# Speed and memory

Measured by `make bench`, which writes this page; do not edit it.
`make bench PARTS="loss step"` measures some parts again and keeps the others. No data
is needed: the crops are drawn ([the embedded data set](data.md)).

Both sides of a line are measured in one process, in turn (A, B, A, B, ...), at least
five times, on the same images, in float32, with the same threads. The ratio is that of
the medians, with the least and the greatest of the rounds. Where the goal is "at
least", it says how many times as fast as the other side ours is; where it is "at
most", how many times as much ours costs. Absolute times are shown for orientation,
ours first; they are no goal.
"""
CPU_NOTE = """\
Defaults: as many threads as cores, channels_last where the encoder is a ResNet,
float32, nothing compiled. bfloat16 is never a default, and tools/train.py refuses
`--amp` without a GPU: a CPU without it in hardware is many times slower with it.
`compile = True` in a config, mmengine's way, compiles the whole training step with its
bookkeeping, which compiles anew in the first steps; the table compiles the encoder
alone.
"""
MISSING = "Not measured yet."


def render(folder: Path) -> str:
    """The page in Markdown.

    Args:
        folder: Of the results, one NAME.json a script; those that are not there are
            named as not measured.
    """
    parts = {
        name: json.loads((folder / f"{name}.json").read_text("utf-8"))
        for name in PARTS
        if (folder / f"{name}.json").is_file()
    }
    missing = [name for name in PARTS if name not in parts]
    pieces = [HEAD, "## Against peers\n", _lines(parts)]
    pieces += [f"{note}\n" for part in parts.values() for note in part["notes"]]
    if missing:
        pieces.append(f"Not measured yet: {', '.join(missing)}.\n")
    pieces += ["## Machine\n", _machines(parts)]
    for section, heading in SECTIONS.items():
        pieces += [f"{heading}\n", *([CPU_NOTE] if section == "cpu" else [])]
        pieces += _tables(parts, section) or [f"{MISSING}\n"]
    return "\n".join(pieces)


def _lines(parts: dict[str, dict]) -> str:
    rows = [
        [
            line["what"],
            line["against"],
            f"{line['ratio']:.3g} ({line['low']:.3g}..{line['high']:.3g})",
            line["measured"],
            line["goal"] or "none",
            {True: "yes", False: "**no**", None: ""}[line["met"]],
        ]
        for part in parts.values()
        for line in part["lines"]
    ]
    if not rows:
        return f"{MISSING}\n"
    lines = [line for part in parts.values() for line in part["lines"]]
    judged = [line["met"] for line in lines if line["met"] is not None]
    header = ["what", "against", "ratio (spread)", "ours : theirs", "goal", "met"]
    return f"{sum(judged)} of {len(judged)} goals are met.\n\n{_table(header, rows)}"


def _tables(parts: dict[str, dict], section: str) -> list[str]:
    return [
        f"### {table['title']}\n\n{table['note']}\n\n"
        + _table(table["header"], table["rows"])
        for part in parts.values()
        for table in part["tables"]
        if table["section"] == section
    ]


def _machines(parts: dict[str, dict]) -> str:
    """One table for each machine that the parts were measured on."""
    groups: dict[str, list[str]] = {}
    for name, part in parts.items():
        groups.setdefault(json.dumps(part["machine"]), []).append(name)
    pieces = []
    for machine, names in groups.items():
        if len(groups) > 1:
            pieces.append(f"{', '.join(names)}:\n")
        rows = [[name, value] for name, value in json.loads(machine).items()]
        pieces.append(_table(["", ""], rows))
    seconds = sum(part["seconds"] for part in parts.values())
    pieces.append(f"Command: `make bench`; it took {seconds / 60:.0f} minutes.\n")
    return "\n".join(pieces) if parts else f"{MISSING}\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    bar = ["---"] * len(header)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, bar, *rows))
