"""What an evaluation leaves: tables of measures, crops, cells, cases, and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.intervals import wilson_interval
from mmscl.evaluation.predictions import Predictions
from mmscl.files import replaced, writing
from mmscl.karyotype.evaluation import WAYS, Calls, Evaluation
from mmscl.karyotype.label_doubts import SURE
from mmscl.karyotype.measures import Share
from mmscl.wording import counted

#: Names of the class indices 0..24.
NAMES = (*TYPES, "none")
_Rows = list[list[str]]
_KEPT = "no shifted labels"


def write_evaluation(
    folder: str | Path, evaluation: Evaluation, table: Predictions
) -> list[Path]:
    """Write crops, cells, cases, measures, risk_coverage and label_doubts, as .csv.

    Each is replaced whole; cases.csv only where the table names cases.

    Args:
        folder: Is made.
        evaluation: Of the table.
        table: The predictions.

    Raises:
        OutputError: A file cannot be written.
    """
    contents = {
        "crops.csv": _crops(evaluation, table),
        "cells.csv": _calls(evaluation.cell_calls, "cell"),
        "measures.csv": [
            ["measure", "way", "value", "low", "high", "hits", "total"],
            *(_as_text(row) for row in measure_rows(evaluation)),
        ],
        "risk_coverage.csv": _curve(evaluation),
        "label_doubts.csv": _doubts(evaluation, table),
    }
    if evaluation.case_calls is not None:
        contents["cases.csv"] = _calls(evaluation.case_calls, "case")
    files = []
    for name, rows in contents.items():
        path = Path(folder) / name
        with writing(path), replaced(path) as part:
            part.write_text(_csv(rows), "utf-8")
        files.append(path)
    return files


def measure_rows(evaluation: Evaluation) -> Iterator[tuple]:
    """(measure, way, value, low, high, hits, total); shares in %, None where not known.

    The interval is Wilson's for shares, and that of the bootstrap over cases for
    differences.
    """
    for way, found in evaluation.type_measures.items():
        yield _share("accuracy per image", way, found.per_image)
        yield "accuracy per cell", way, 100 * found.per_cell, None, None, None, None
        yield _share("perfect karyograms", way, found.perfect)
        yield _share("PWCK", way, found.well)
    for way, found in evaluation.unshifted_measures.items():
        yield _share(f"accuracy per image, {_KEPT}", way, found.per_image)
        name = f"accuracy per cell, {_KEPT}"
        yield name, way, 100 * found.per_cell, None, None, None, None
        yield _share(f"perfect karyograms, {_KEPT}", way, found.perfect)
    for (ours, theirs), gain in evaluation.differences.items():
        name = f"accuracy per image, less {theirs}"
        yield name, ours, gain.value, gain.low, gain.high, None, None
    for unit, calls in (
        ("cell", evaluation.cell_calls),
        ("case", evaluation.case_calls),
    ):
        if calls is None:
            continue
        for what, by_way in (
            ("all changes", calls.measures),
            ("gains and sex", calls.gains),
        ):
            for way, measured in by_way.items():
                for name, share in measured._asdict().items():
                    yield _share(f"calls per {unit}, {what}: {name}", way, share)
    review = evaluation.review
    yield _share("crops reviewed", "assignment", review.reviewed)
    yield _share("errors caught by the review", "assignment", review.caught)
    area = 100 * review.curve.area()
    yield "area under risk-coverage", "assignment", area, None, None, None, None
    for name, error in review.calibration_errors.items():
        way = "assignment" if name == "cell" else "single"
        label = f"calibration error ({name})"
        yield label, way, 100 * error, None, None, None, None


def evaluation_page(evaluation: Evaluation, title: str) -> str:
    """The measures in Markdown, and every abnormal or wrongly called cell and case.

    Args:
        evaluation: Of a table.
        title: Its heading.
    """
    values: dict[str, dict[str, str]] = {}
    for name, way, value, low, high, hits, total in measure_rows(evaluation):
        values.setdefault(name, {})[way] = _shown(value, low, high, hits, total)
    lines = [
        f"# {title}",
        "",
        "In %. In brackets: of how many; for differences the 95 % interval by "
        "bootstrap over cases.",
        "",
    ]
    lines += _markdown(
        ["measure", *WAYS],
        [
            [name, *(found.get(way, "") for way in WAYS)]
            for name, found in values.items()
        ],
    )
    for unit, calls in (
        ("cell", evaluation.cell_calls),
        ("case", evaluation.case_calls),
    ):
        if calls is not None:
            lines += ["", f"## Each {unit} that is abnormal, or called so", ""]
            lines += _markdown([unit, "truth", *WAYS], list(_abnormal(calls)))
    if evaluation.label_doubts:
        lines += [
            "",
            "## Labels to look at",
            "",
            f"{counted(len(evaluation.label_doubts), 'label', 'is')} contradicted by "
            f"their cell as a whole with a confidence of {SURE:g} or more, and counted "
            "among the errors above.",
            "",
        ]
        lines += _markdown(
            ["cell", "kind", "label, and what is read"], list(_doubted(evaluation))
        )
    return "\n".join(lines) + "\n"


def _doubted(evaluation: Evaluation) -> Iterator[list[str]]:
    grouped: dict[tuple[int, str], list[str]] = {}
    for doubt in evaluation.label_doubts:
        text = f"{NAMES[doubt.label]}, read {NAMES[doubt.read]}"
        grouped.setdefault((doubt.cell, doubt.kind), []).append(text)
    for (number, kind), texts in grouped.items():
        yield [evaluation.cells[number].cell, kind, "; ".join(texts)]


def _abnormal(calls: Calls) -> Iterator[list[str]]:
    for number, (name, truth) in enumerate(zip(calls.names, calls.truth, strict=True)):
        texts = [_text(calls.called[way][number]) for way in WAYS]
        if not _is_normal(truth) or texts[-1] != _text(truth):
            yield [name, _text(truth), *texts]


def _text(call) -> str:
    return call.text if hasattr(call, "text") else call.karyotype.text


def _is_normal(call) -> bool:
    clones = call.karyotypes if hasattr(call, "clones") else {call.karyotype}
    return all(clone.is_normal for clone in clones)


def _calls(calls: Calls, unit: str) -> _Rows:
    rows = [[unit, "truth", *WAYS, "right", "certainty", "warnings"]]
    for number, (name, truth) in enumerate(zip(calls.names, calls.truth, strict=True)):
        ours = calls.called["assignment"][number]
        rows.append(
            [
                name,
                _text(truth),
                *(_text(calls.called[way][number]) for way in WAYS),
                str(int(_text(ours) == _text(truth))),
                f"{ours.certainty:.4f}",
                "; ".join(ours.warnings),
            ]
        )
    return rows


def _crops(evaluation: Evaluation, table: Predictions) -> _Rows:
    rows = [
        ["path", "case", "cell", "type", *WAYS, "second", "confidence", "needs_review"]
    ]
    for number, cell in enumerate(evaluation.cells):
        reading = evaluation.readings[number]
        for place, row in enumerate(cell.rows.tolist()):
            rows.append(
                [
                    str(table.path[row]),
                    cell.case,
                    cell.cell,
                    NAMES[table.labels[row]],
                    *(NAMES[evaluation.types[way][number][place]] for way in WAYS),
                    NAMES[reading.second[place]],
                    f"{reading.confidence[place]:.4f}",
                    str(int(reading.review[place])),
                ]
            )
    return rows


def _doubts(evaluation: Evaluation, table: Predictions) -> _Rows:
    rows = [["path", "case", "cell", "label", "read", "confidence", "kind"]]
    for doubt in evaluation.label_doubts:
        cell = evaluation.cells[doubt.cell]
        rows.append(
            [
                str(table.path[doubt.row]),
                cell.case,
                cell.cell,
                NAMES[doubt.label],
                NAMES[doubt.read],
                f"{doubt.confidence:.4f}",
                doubt.kind,
            ]
        )
    return rows


def _curve(evaluation: Evaluation) -> _Rows:
    curve = evaluation.review.curve
    points = np.stack(curve, axis=1)
    return [list(curve._fields), *([f"{v:.6g}" for v in point] for point in points)]


def _share(name: str, way: str, share: Share) -> tuple:
    low, high = wilson_interval(np.array([share.hits]), np.array([share.total]))
    ends = (100 * float(low[0]), 100 * float(high[0])) if share.total else (None, None)
    return name, way, 100 * share.value, *ends, share.hits, share.total


def _as_text(row: tuple) -> list[str]:
    return [
        ""
        if value is None
        else f"{value:.4f}"
        if isinstance(value, float)
        else str(value)
        for value in row
    ]


def _shown(
    value: float,
    low: float | None,
    high: float | None,
    hits: int | None,
    total: int | None,
) -> str:
    if total is not None:
        return f"{value:.2f} ({hits}/{total})" if total else "none (0/0)"
    if low is not None and high is not None:
        return f"{value:+.2f} ({low:+.2f} to {high:+.2f})"
    return f"{value:.2f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _csv(rows: _Rows) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
