"""Table and figure from rows and prediction tables that are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmscl.ablation import report_ablation
from mmscl.ablation.report import write_report
from mmscl.ablation.results import COLUMNS, write_results
from mmscl.ablation.summary import summarise
from mmscl.config import ConfigError
from mmscl.evaluation import Predictions, write_prediction_table
from mmscl.visualization import ArmsPanel, plot_arms

TYPES = ("1", "2")
PERCENT = {("baseline", 0): 50, ("baseline", 1): 60, ("scl", 0): 70, ("scl", 1): 90}


def write_run(out, arm: str, seed: int, name: str = "internal", cases: int = 5) -> dict:
    """A row, and predictions of which PERCENT of ten images a case are right."""
    labels = np.tile([0, 1], 5 * cases)
    places = np.arange(len(labels)) % 10
    right = places < PERCENT[arm, seed] / 10
    predicted = np.where(right, labels, 1 - labels)
    scores = np.full((len(labels), 2), 0.2, np.float32)
    scores[np.arange(len(labels)), predicted] = 0.8
    case = np.array([f"c{n // 10}" if cases > 1 else "" for n in range(len(labels))])
    file = f"{arm}/{seed}/{name}/predictions.csv"
    table = Predictions(
        TYPES,
        np.array([f"{n}.png" for n in range(len(labels))]),
        case,
        case,
        np.full(len(labels), "A"),
        labels,
        predicted,
        scores,
    )
    write_prediction_table(out / file, table)
    values = dict.fromkeys(COLUMNS, "")
    values.update(
        config="net",
        arm=arm,
        seed=str(seed),
        set=name,
        accuracy=str(PERCENT[arm, seed]),
        recall=str(PERCENT[arm, seed]),
        auc=str(PERCENT[arm, seed] + 5),
        steps="2",
        seconds="90",
        threads="1",
        tested="last",
        checkpoint=f"runs/net/{arm}/seed_{seed}/work_dir/epoch_1.pth",
        predictions=file,
        code="abc",
        stack="torch",
        train_data="t",
        test_data=name,
    )
    return values


@pytest.fixture
def rows(tmp_path):
    return [write_run(tmp_path, arm, seed) for arm, seed in reversed(PERCENT)]


def test_of_one_arm_there_is_a_table_and_no_figure(tmp_path):
    """A study that was stopped behind its first arm can be looked at."""
    rows = [write_run(tmp_path, "scl", seed) for seed in (0, 1)]
    files = write_report(tmp_path, summarise(rows, tmp_path))
    assert [file.name for file in files] == ["table.md"]
    assert "| net " in files[0].read_text()


def test_the_table_has_mean_spread_and_difference(rows, tmp_path):
    text = write_report(tmp_path, summarise(rows, tmp_path, arms=["baseline"]))[0]
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.read_text().splitlines()
        if line.startswith("| ")
    ]
    # means of 50, 60 and of 70, 90; deviations of 10 / sqrt 2 and 20 / sqrt 2
    head, _, baseline, scl = lines[:4]
    assert head == [
        "config",
        "arm",
        "seeds",
        *(f"internal {m}" for m in ("accuracy", "recall", "AUC")),
    ]
    assert baseline[:4] == ["net", "baseline", "0, 1", "55.00 ± 7.07"]
    assert scl[:4] == ["net", "scl", "0, 1", "80.00 ± 14.14 (+25.00)"]
    # every case has the same gain: nothing for the bootstrap to spread
    difference = next(line for line in lines if line[1] == "scl less baseline")
    assert difference[2:] == [
        "internal",
        "accuracy",
        "+25.00",
        "+25.00 to +25.00",
        "5 cases",
        "",
        "2",
    ]


def test_the_table_tells_what_it_is_of(rows, tmp_path):
    summary = summarise(rows, tmp_path, arms=["baseline"])
    text = write_report(tmp_path, summary, "python tools/ablation.py")[0].read_text()
    assert "- Command: `python tools/ablation.py`" in text
    assert "With 5 cases the interval over cases is probably too narrow" in text
    assert "minutes of a training: baseline 1.5, scl 1.5" in text
    assert "Mixed results" not in text


def test_only_seeds_of_both_arms_are_paired(rows, tmp_path):
    left = [r for r in rows if (r["arm"], r["seed"]) != ("baseline", "1")]
    summary = summarise(left, tmp_path, arms=["baseline"])
    assert summary.paired_seeds["net", "scl", "internal"] == ["0"]
    assert summary.difference("net", "scl", "internal")["accuracy"].value == 20
    none = [r for r in rows if (r["arm"] == "scl") == (r["seed"] == "1")]
    text = write_report(tmp_path, summarise(none, tmp_path, arms=["baseline"]))[0]
    assert "None yet: no seed has both baseline and scl." in text.read_text()


def test_a_set_without_cases_says_so(tmp_path):
    rows = [
        write_run(tmp_path, arm, 0, "other_lab", cases=1) for arm in ("baseline", "scl")
    ]
    text = write_report(tmp_path, summarise(rows, tmp_path))[0].read_text()
    assert "10 groups of images" in text
    assert "A set without cases is drawn by image" in text


def test_figures_are_written_and_hold_every_mean(rows, tmp_path, monkeypatch):
    drawn: list[Figure] = []
    monkeypatch.setattr(
        "mmscl.ablation.report.plot_arms",
        lambda *args: drawn.append(plot_arms(*args)) or drawn[-1],
    )
    _, png, svg = write_report(tmp_path, summarise(rows, tmp_path, arms=["baseline"]))
    assert png.read_bytes()[:4] == b"\x89PNG" and "<svg" in svg.read_text()
    left, right = drawn[0].axes
    values = [x for line in left.lines for x in np.atleast_1d(line.get_xdata())]
    assert {50, 60, 55, 70, 90, 80} <= set(values)
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == ["baseline", "scl"]
    assert 25 in [x for line in right.lines for x in np.atleast_1d(line.get_xdata())]


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no results yet"):
        report_ablation(tmp_path)


def test_rows_of_other_data_are_not_compared(rows, tmp_path):
    rows[1]["test_data"] = "other"
    write_results(tmp_path / "results.csv", rows)
    with pytest.raises(ConfigError, match="test_data internal -> other"):
        report_ablation(tmp_path)


def test_seeds_of_other_settings_are_not_averaged(rows, tmp_path):
    rows[0]["settings"] = "other"
    write_results(tmp_path / "results.csv", rows)
    with pytest.raises(ConfigError, match=r"net / scl / 0 / internal: settings other"):
        report_ablation(tmp_path)
    text = report_ablation(tmp_path, allow_mixed=True)[0].read_text()
    assert "**Mixed results**: rows that are compared" in text
    assert "differ in settings." in text


def test_a_figure_needs_arms_and_sets():
    panel = {"internal": ArmsPanel({}, {})}
    with pytest.raises(ValueError, match="at least one set and one config"):
        plot_arms({}, ["net"], ["a", "b"])
    with pytest.raises(ValueError, match="2 to 12 arms, got 1"):
        plot_arms(panel, ["net"], ["a"])
