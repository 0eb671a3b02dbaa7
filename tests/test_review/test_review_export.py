"""Exports hold what was corrected, can be trained on, and are whole or not there."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_review import make_results
from steps_by_hand import take

from mmscl.datasets import ChromosomeDataset
from mmscl.datasets.manifest import Manifest, split_by_case
from mmscl.files import OutputError
from mmscl.results import CropRow, KaryotypeResults, write_results
from mmscl.review import ReviewError, ReviewSession, export_corrections
from mmscl.review.export import told
from mmscl.review.log import LOG
from mmscl.review.sources import Sources, cases_known


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def source_of(folder: Path) -> Path:
    return Path(json.loads((folder / "run.json").read_text())["root"])


@pytest.fixture
def corrected(folder):
    """One cell of four is done: a crop moved, one rejected, one flipped."""
    with ReviewSession.open(folder, "Ada") as session:
        crops = session.state.cells["P000_0"].crops
        at = {
            place: [n for n, c in crops.items() if c.place == place]
            for place in {c.place for c in crops.values()}
        }
        moved = next(n for n in at["5"] if crops[n].open)
        take(session, "place", moved, "4", "P000_0")
        take(session, "place", at["9"][0], "rejected", "P000_0")
        flipped = next(n for n in crops if crops[n].row.polarity == "up")
        take(session, "flip", flipped, "1", "P000_0")
        take(
            session,
            "place",
            next(iter(session.state.cells["P001_0"].crops)),
            "",
            "P001_0",
        )
        take(session, "done", None, "1", "P000_0")
    return folder, moved, at["9"][0], flipped


def test_cells_that_are_done_are_exported_and_the_others_counted(corrected, tmp_path):
    folder, moved, rejected, flipped = corrected
    out = tmp_path / "out"
    counts = export_corrections(folder, out)
    # 46 crops; of these one rejected, and one was read as none of the types
    assert (counts.cells, counts.cells_left_out, counts.chromosomes) == (1, 3, 44)
    assert (counts.moved, counts.flipped) == (1, 1)
    assert (counts.rejected, counts.unplaced, counts.steps) == (1, 1, 5)
    assert "1 cell; left out: 3 that nobody marked as done" in told(counts)
    rows = {row["crop"]: row for row in table(out / "predictions.csv")}
    assert len(rows) == 46 and {row["cell"] for row in rows.values()} == {"0"}
    assert rows[str(moved)]["assigned"] == "4"
    assert rows[str(rejected)]["assigned"] == ""
    assert rows[str(flipped)]["polarity"] == "down"
    assert {row["needs_review"] for row in rows.values()} == {"0"}
    (cell,) = table(out / "cells.csv")
    assert (cell["placed"], cell["unplaced"], cell["certainty"]) == (
        "44",
        "1",
        "1.00000",
    )
    (case,) = table(out / "cases.csv")
    assert (case["case"], case["cells"]) == ("P000", "1")
    record = json.loads((out / "export.json").read_text())
    assert record["reviewers"] == ["Ada"] and record["chromosomes"] == 44


def test_the_manifest_can_be_trained_on(corrected, tmp_path):
    folder, moved, rejected, flipped = corrected
    export_corrections(folder, tmp_path / "a" / "out")
    dataset = ChromosomeDataset(
        data_root=str(tmp_path / "a" / "out"),
        pipeline=[dict(type="LoadChromosome")],
        split=None,
    )
    assert len(dataset) == 44
    rows = table(folder / "predictions.csv")
    labels = [dataset.get_data_info(i)["gt_label"] for i in range(44)]
    names = [dataset.get_data_info(i)["img_path"] for i in range(44)]
    source = (source_of(folder) / rows[moved]["path"]).resolve()
    place = [Path(name).resolve() for name in names].index(source)
    assert labels[place] == 3  # type 4
    assert dataset[place]["img"].ndim == 2
    manifest = Manifest.read(tmp_path / "a" / "out" / "manifest.csv")
    assert manifest.columns == ("path", "type", "case", "cell", "polarity", "site")


def test_a_split_with_an_empty_part_is_left_out_and_told(corrected, tmp_path):
    counts = export_corrections(corrected[0], tmp_path / "out", all_cells=True)
    # By their hashes P000 is for the test and P001 for training.
    why = "of 2 cases none would be in val"
    assert counts.why_no_split == why
    assert f"the manifest has no split: {why}; train on it with" in told(counts)
    manifest = Manifest.read(tmp_path / "out" / "manifest.csv")
    assert "split" not in manifest and set(manifest["case"]) == {"P000", "P001"}
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["why_no_split"] == why


def crops_of_cases(folder: Path, number: int) -> list[CropRow]:
    """One crop of each case, with its file."""
    rows = [
        replace(make_results().crops[1], crop=case, path=f"{case}.png", case=f"P{case}")
        for case in range(number)
    ]
    for row in rows:
        (folder / row.path).touch()
    return [replace(row, assigned="1") for row in rows]


def test_a_split_by_case_where_no_part_is_empty(tmp_path):
    found = Sources(crops_of_cases(tmp_path, 40), tmp_path)
    manifest = found.manifest(tmp_path)
    assert set(manifest["split"]) == {"train", "val", "test"}
    expected = split_by_case(manifest["case"]).tolist()
    assert manifest["split"].tolist() == expected and found.why_no_split == ""
    assert found.refilled == {}
    none = Sources([], tmp_path)
    assert none.why_no_split == "of 0 cases none would be in train or val or test"


def test_few_cases_leave_no_part_of_the_split_empty(tmp_path):
    rows = crops_of_cases(tmp_path, 4)
    assert set(split_by_case([row.case for row in rows])) < {"train", "val", "test"}
    found = Sources(rows, tmp_path)
    assert set(found.manifest(tmp_path)["split"]) == {"train", "val", "test"}
    assert found.refilled and set(found.refilled) < {row.case for row in rows}


def test_cases_that_were_made_up_are_not_exported(tmp_path):
    found = Sources(crops_of_cases(tmp_path, 40), tmp_path, cases_known=False)
    columns = found.manifest(tmp_path).columns
    assert columns == ("path", "type", "cell", "polarity", "site")
    assert found.why_no_split == "the input does not name the cases"


@pytest.mark.parametrize(
    "run, named_alike, known",
    [
        (dict(cases_known=True), True, True),  # as in BioImLab
        (dict(cases_known=False), False, False),
        (dict(), False, True),  # folders from before the record
        (dict(), True, False),
    ],
)
def test_whether_cases_are_known_is_in_the_record(run, named_alike, known):
    results = make_results()
    cells = results.cells
    if named_alike:
        cells = tuple(replace(cell, case=cell.cell) for cell in cells)
    results = replace(results, run=dict(results.run, **run), cells=cells)
    assert cases_known(results) == known


def test_an_export_asks_the_record(corrected, tmp_path):
    folder = corrected[0]
    run = json.loads((folder / "run.json").read_text()) | {"cases_known": False}
    (folder / "run.json").write_text(json.dumps(run))
    counts = export_corrections(folder, tmp_path / "out", all_cells=True)
    assert "case" not in Manifest.read(tmp_path / "out" / "manifest.csv")
    assert "does not name the cases" in told(counts)


def test_a_copy_needs_no_other_folder(corrected, tmp_path):
    folder, moved, *_ = corrected
    out = tmp_path / "out"
    export_corrections(folder, out, copy=True)
    moved_away = shutil.move(out, tmp_path / "elsewhere")
    manifest = Manifest.read(Path(moved_away, "manifest.csv"))
    rows = table(folder / "predictions.csv")
    source = source_of(folder)
    for path, cell in zip(manifest["path"], manifest["cell"], strict=True):
        original = source / rows[int(Path(path).stem)]["path"]
        copied = cv2.imread(str(Path(moved_away, path)))
        assert np.array_equal(copied, cv2.imread(str(original))) and cell == "0"


def test_all_cells_can_be_taken(corrected, tmp_path):
    counts = export_corrections(corrected[0], tmp_path / "out", all_cells=True)
    assert (counts.cells, counts.cells_left_out) == (4, 0)
    cases = {row["case"]: row for row in table(tmp_path / "out" / "cases.csv")}
    assert {row["cells"] for row in cases.values()} == {"2"}
    assert len(table(tmp_path / "out" / "predictions.csv")) == 4 * 46


def test_the_manifest_alone(corrected, tmp_path):
    file = tmp_path / "new" / "train.csv"
    assert export_corrections(corrected[0], file).chromosomes == 44
    assert len(Manifest.read(file)) == 44 and [*file.parent.iterdir()] == [file]
    with pytest.raises(OutputError, match="there already; choose another --out"):
        export_corrections(corrected[0], file)
    export_corrections(corrected[0], file, overwrite=True)
    with pytest.raises(ReviewError, match="not beside a manifest"):
        export_corrections(corrected[0], tmp_path / "b.csv", copy=True)


def test_nothing_else_is_replaced(corrected, tmp_path):
    folder, out = corrected[0], tmp_path / "out"
    with pytest.raises(OutputError, match="is there already and is no export"):
        export_corrections(folder, folder, overwrite=True)
    export_corrections(folder, out)
    with pytest.raises(OutputError, match="holds an export already"):
        export_corrections(folder, out)
    export_corrections(folder, out, overwrite=True, copy=True)
    export_corrections(folder, out, overwrite=True)
    assert not (out / "images").exists()
    (out / "notes.txt").touch()
    with pytest.raises(
        OutputError, match=r"would delete what .* \(notes.txt\); move it"
    ):
        export_corrections(folder, out, overwrite=True)
    assert (out / "notes.txt").exists()


def test_results_that_nobody_corrected_in_a_review_can_be_replaced(folder):
    with ReviewSession.open(folder, "Ada"):
        pass
    results = KaryotypeResults.open(folder)
    assert write_results(results, folder, overwrite=True).crops == results.crops


def test_without_a_cell_that_is_done_nothing_is_written(folder, tmp_path):
    with pytest.raises(ReviewError, match="none of its 4 cells is.*--all-cells"):
        export_corrections(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_image_is_an_error_before_anything_is_written(corrected, tmp_path):
    with pytest.raises(ReviewError, match="no such image file.*--root"):
        export_corrections(corrected[0], tmp_path / "out", root=tmp_path)
    assert not (tmp_path / "out").exists()


def test_results_that_do_not_tell_their_root_ask_for_it(corrected, tmp_path):
    folder = corrected[0]
    root = source_of(folder)
    run = json.loads((folder / "run.json").read_text()) | {"root": None}
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(ReviewError, match="does not tell which folder.*--root"):
        export_corrections(folder, tmp_path / "out")
    assert export_corrections(folder, tmp_path / "out", root=root).cells == 1


def test_a_failure_in_between_leaves_what_was_there(corrected, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export_corrections(corrected[0], out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmscl.review.export.write_rows", fail)
    with pytest.raises(OutputError, match="No space left"):
        export_corrections(corrected[0], out, overwrite=True)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "results"]


def test_an_incomplete_line_is_told_and_left_alone(corrected, tmp_path):
    log = corrected[0] / LOG
    with log.open("ab") as file:
        file.write(b"6,2026-01")
    before = log.read_bytes()
    counts = export_corrections(corrected[0], tmp_path / "out")
    assert counts.torn == 9 and "incomplete (9 bytes)" in told(counts)
    assert log.read_bytes() == before
