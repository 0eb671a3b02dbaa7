"""table.md and the figure of an ablation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmscl.ablation.cells import CELL_MEASURES
from mmscl.ablation.results import Row, disagreements
from mmscl.ablation.summary import PAPER_MEASURES, Summary, mean_and_spread
from mmscl.engine.settings import list_changes
from mmscl.evaluation import Difference
from mmscl.evaluation.paired import LEAST_SEEDS
from mmscl.files import replaced
from mmscl.visualization import ArmsPanel, plot_arms

#: Cases below which the interval is called too narrow.
FEW_CASES = 20
_NAMES = dict(accuracy="accuracy", recall="recall", auc="AUC")
#: Settings that differ between arms, named one by one.
_SHOWN = 12


def write_report(out: Path, summary: Summary, command: str = "") -> list[Path]:
    """Write table.md and, of two arms or more, ablation.png and ablation.svg.

    Args:
        out: Folder of the ablation.
        summary: What to show.
        command: How it was called, for the table.

    Returns:
        The files.
    """
    files = [out / "table.md", out / "ablation.png", out / "ablation.svg"]
    text = "\n\n".join(
        [
            "# Ablation",
            _main_table(summary),
            "\n".join(_legend(summary)),
            "## Paired differences",
            _difference_table(summary),
            _difference_notes(summary),
            *_cell_part(summary),
            "## How it was made",
            "\n".join(_provenance(out, summary, command)),
        ]
    )
    with replaced(files[0]) as part:
        part.write_text(text + "\n", encoding="utf-8")
    if len(summary.arms) < 2:  # of one arm there is nothing to compare yet
        return files[:1]
    figure = plot_arms(_panels(summary), summary.configs, summary.arms)
    for file in files[1:]:
        with replaced(file) as part:
            figure.savefig(part, dpi=150, format=file.suffix[1:])
    return files


def _main_table(summary: Summary) -> str:
    """The paper's Table 1: a line for each config and arm, three measures a set."""
    heads = [f"{s} {_NAMES[m]}" for s in summary.sets for m in PAPER_MEASURES]
    lines = []
    for config in summary.configs:
        for arm in summary.arms:
            cells = [
                _cell(summary, config, arm, name, measure)
                for name in summary.sets
                for measure in PAPER_MEASURES
            ]
            if any(cells):
                lines.append([config, arm, _seeds(summary, config, arm), *cells])
    return _markdown(["config", "arm", "seeds", *heads], lines)


def _cell(summary: Summary, config: str, arm: str, name: str, measure: str) -> str:
    """Such as '94.56 ± 0.24 (+0.31)'."""
    values = summary.values(config, arm, name, measure)
    if not values:
        return ""
    mean, spread = mean_and_spread(values)
    text = f"{mean:.2f}" + ("" if math.isnan(spread) else f" ± {spread:.2f}")
    difference = summary.difference(config, arm, name).get(measure)
    return text + (f" ({difference.value:+.2f})" if difference else "")


def _seeds(summary: Summary, config: str, arm: str) -> str:
    rows = summary.rows.get((config, arm, summary.sets[0]), [])
    return ", ".join(row["seed"] for row in rows)


def _legend(summary: Summary) -> list[str]:
    return [
        "All in %. Mean over the seeds ± standard deviation over the seeds; in "
        f"brackets the difference from {summary.arms[0]} in points, over the seeds "
        "that both have. Recall and AUC are macro means over the types.",
    ]


def _difference_table(summary: Summary) -> str:
    lines = []
    for config in summary.configs:
        for arm in summary.arms[1:]:
            for name in summary.sets:
                found = summary.difference(config, arm, name)
                for measure, difference in found.items():
                    lines.append(
                        [
                            config,
                            f"{arm} less {summary.arms[0]}",
                            name,
                            _NAMES[measure],
                            f"{difference.value:+.2f}",
                            _interval(difference.low, difference.high),
                            f"{difference.cases} {_unit(difference)}",
                            _interval(difference.seeds_low, difference.seeds_high),
                            str(len(summary.paired_seeds[config, arm, name])),
                        ]
                    )
    if not lines:
        return f"None yet: no seed has both {' and '.join(summary.arms[:2])}."
    heads = "config|arms|set|measure|difference|95 % over cases|drawn|95 % over seeds"
    return _markdown([*heads.split("|"), "seeds"], lines)


def _difference_notes(summary: Summary) -> str:
    every = [d for found in summary.differences.values() for d in found.values()]
    notes = [
        "Points of percent, paired by image. 95 % over cases: bootstrap of whole cases "
        "(percentiles), what the seeds say of a case being averaged first; chance of "
        "the patients, for these seeds. 95 % over seeds: Student's t; chance of the "
        f"training, for these patients, from {LEAST_SEEDS} seeds on."
    ]
    few = sorted({d.cases for d in every if d.unit == "case" and d.cases < FEW_CASES})
    if few:
        notes.append(
            f"With {', '.join(map(str, few))} cases the interval over cases is "
            "probably too narrow."
        )
    if any(d.unit == "image" for d in every):
        notes.append(
            "A set without cases is drawn by image, in random groups; its interval is "
            "too narrow by all that images of one patient have in common."
        )
    return " ".join(notes)


def _cell_part(summary: Summary) -> list[str]:
    """What whole cells make of it; [] where no predictions tell their cells."""
    lines = []
    for (config, arm, name), found in summary.cells.items():
        means = [f"{np.mean(found[m]):.2f}" for m in CELL_MEASURES if found[m]]
        if means:
            lines.append([config, arm, name, *means])
    if not lines:
        return []
    return [
        "## Whole cells",
        _markdown(["config", "arm", "set", *CELL_MEASURES], _in_order(summary, lines)),
        "Accuracy in %, mean over the seeds. Dispatch: Varifocal-Net's, over each "
        "cell. Assignment: ours, with the default prior on scores as they are, so that "
        "nothing is fitted for any arm. Per case: mean over the cases.",
    ]


def _in_order(summary: Summary, lines: list[list[str]]) -> list[list[str]]:
    names = (summary.configs, summary.arms, summary.sets)
    return sorted(
        lines,
        key=lambda line: [n.index(x) for n, x in zip(names, line[:3], strict=True)],
    )


def _provenance(out: Path, summary: Summary, command: str) -> list[str]:
    rows = [row for group in summary.rows.values() for row in group]
    lines = [f"- Command: `{command}`"] if command else []
    lines += [
        f"- Steps of each run: {_values(rows, 'steps')}; the {_values(rows, 'tested')} "
        "checkpoint of each run is tested.",
        f"- Code: mmscl {_values(rows, 'code')}, commit {_values(rows, 'commit')}; "
        f"{_values(rows, 'stack')}; threads of a run: {_values(rows, 'threads')}.",
    ]
    for config in summary.configs:
        own = [row for row in rows if row["config"] == config]
        data, pace = _values(own, "train_data"), _pace(own, summary.arms)
        lines.append(f"- {config}: train + val {data}; {pace}")
        for name in summary.sets:
            tested = [row for row in own if row["set"] == name]
            if tested:
                lines.append(f"  - {name}: {_values(tested, 'test_data')}")
        lines += [f"  - {line}" for line in _arms_differ(out, summary, config)]
    mixed = dict.fromkeys(name for *_, names in disagreements(rows) for name in names)
    if mixed:
        lines.append(
            f"- **Mixed results**: rows that are compared or averaged here differ in "
            f"{', '.join(mixed)}. What differs may be that, and not the arm."
        )
    return lines


def _pace(rows: Sequence[Row], arms: Sequence[str]) -> str:
    """Minutes of training by arm."""
    told = []
    for arm in arms:
        by_seed = {r["seed"]: float(r["seconds"]) for r in rows if r["arm"] == arm}
        if by_seed:
            told.append(f"{arm} {sum(by_seed.values()) / len(by_seed) / 60:.1f}")
    return f"minutes of a training: {', '.join(told)}"


def _arms_differ(out: Path, summary: Summary, config: str) -> list[str]:
    """Settings in which the arms differ, from what the jobs noted."""
    lines = []
    settings = {arm: _settings(out, summary, config, arm) for arm in summary.arms}
    first = settings[summary.arms[0]]
    for arm in summary.arms[1:]:
        if not first or not settings[arm]:
            continue
        changes = list_changes(first, settings[arm])
        told = "; ".join(f"`{change}`" for change in changes[:_SHOWN])
        more = len(changes) - _SHOWN
        told += f" and {more} more" if more > 0 else ""
        lines.append(f"{summary.arms[0]} -> {arm}: {told or 'nothing differs'}")
    return lines


def _settings(out: Path, summary: Summary, config: str, arm: str) -> dict[str, str]:
    rows = summary.rows.get((config, arm, summary.sets[0]), [])
    if not rows:
        return {}
    file = out / Path(rows[0]["checkpoint"]).parents[1] / "job.json"
    if not file.is_file():
        return {}
    return json.loads(file.read_text("utf-8"))["settings"][summary.sets[0]]


def _panels(summary: Summary) -> dict[str, ArmsPanel]:
    panels = {}
    for name in summary.sets:
        keys = [(c, a) for c, a, s in summary.rows if s == name]
        found = {
            (config, arm): summary.difference(config, arm, name)["accuracy"]
            for config, arm in keys
            if summary.difference(config, arm, name)
        }
        drawn = sorted({f"{d.cases} {_unit(d)}" for d in found.values()})
        panels[name] = ArmsPanel(
            {(c, a): summary.values(c, a, name, "accuracy") for c, a in keys},
            {key: (d.value, d.low, d.high) for key, d in found.items()},
            "95 % interval over " + ", ".join(drawn) if drawn else "",
        )
    return panels


def _unit(difference: Difference) -> str:
    return "cases" if difference.unit == "case" else "groups of images"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{low:+.2f} to {high:+.2f}"


def _values(rows: Sequence[Row], name: str) -> str:
    return " / ".join(dict.fromkeys(row[name] for row in rows)) or "none"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table whose columns are aligned in the text, too."""
    columns = zip(head, *lines, strict=True)
    widths = [max(3, *map(len, column)) for column in columns]
    rows = [head, ["-" * width for width in widths], *lines]
    return "\n".join(
        f"| {' | '.join(c.ljust(w) for c, w in zip(row, widths, strict=True))} |"
        for row in rows
    )
