"""Results are written whole or not at all, and read back as they were."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import numpy as np
import pytest
from drawn_results import draw_results

from mmscl.files import OutputError
from mmscl.results import KaryotypeResults, ResultsError, check_free, write_results


@pytest.fixture(scope="module")
def results() -> KaryotypeResults:
    return draw_results()


@pytest.fixture
def written(results, tmp_path) -> Path:
    write_results(results, tmp_path / "new" / "out")
    return tmp_path / "new" / "out"


def test_what_is_written_is_read_back(results, written):
    found = KaryotypeResults.open(written)
    assert found.crops == results.crops
    assert found.cells == results.cells
    assert found.cases == results.cases
    assert found.run == results.run
    for crop in (*results.crops[:3], results.crops[-1]):
        np.testing.assert_array_equal(found.picture(crop), results.pictures[crop.crop])
        assert found.picture_file(crop).is_file()
    assert [path.name for path in written.parent.iterdir()] == ["out"]


def test_the_crops_of_a_cell_and_the_cells_of_a_case(written):
    found = KaryotypeResults.open(written)
    second = found.crops_of(found.cells[1])
    assert [crop.crop for crop in second] == list(range(47, 94))
    assert found.cells_of(found.cases[0]) == list(found.cells)
    file = found.karyogram_file(found.cells[1], ".pdf")
    assert file == written / "karyograms" / "cell_1.pdf"


def test_results_in_memory_have_no_files(results):
    with pytest.raises(ResultsError, match="in memory alone: write them"):
        results.picture_file(results.crops[0])


def test_results_that_are_there_are_replaced_only_when_asked(results, written):
    with pytest.raises(OutputError, match="holds results already; .* --overwrite"):
        write_results(results, written)
    (written / "crops" / "000094.png").touch()  # of results with more crops
    (written / ".DS_Store").touch()
    (written / "karyograms" / "cell_1.pdf").touch()
    write_results(results, written, overwrite=True)
    assert not (written / "crops" / "000094.png").exists()


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "mine/",
        "crops/best.png",
        "karyograms/a.png",
        "corrections.torn.csv",
    ],
)
def test_what_somebody_put_beside_results_is_kept(name, results, written):
    path = written / name
    path.mkdir() if name.endswith("/") else path.touch()
    with pytest.raises(OutputError, match=rf"would delete what .* \({name}\); move it"):
        write_results(results, written, overwrite=True)
    assert path.exists()


def test_many_files_of_others_are_counted(results, written):
    for number in range(9):
        (written / f"{number}.txt").touch()
    with pytest.raises(OutputError, match=r"\(0.txt, .*, 4.txt and 4 more\)"):
        check_free(written, overwrite=True)


def test_a_damaged_table_does_not_hide_what_is_ours(results, written):
    (written / "predictions.csv").write_bytes(b"\xff\xfe")
    write_results(results, written, overwrite=True)
    assert KaryotypeResults.open(written).crops == results.crops


def test_the_folder_that_this_runs_in_cannot_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    for out in ("", ".", "..", "x/..", "/", tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OutputError, match="that this runs in, or one above it"):
            check_free(out)
    assert check_free("c") is check_free("../c") is None
    assert not any((tmp_path / "a" / "b").iterdir())


def test_nothing_is_made_to_find_out(tmp_path):
    check_free(tmp_path / "deep" / "er" / "out")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written .Not a directory"):
        check_free(tmp_path / "file" / "out")


def test_what_is_not_ours_is_never_replaced(results, tmp_path):
    (tmp_path / "photos").mkdir()
    write_results(results, tmp_path / "photos")  # empty: nothing is lost
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="mine: .* other files than results"):
        write_results(results, tmp_path / "mine", overwrite=True)
    with pytest.raises(OutputError, match="thesis.txt: is a file"):
        check_free(tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_corrections_are_never_thrown_away(results, written):
    (written / "corrections.csv").touch()
    with pytest.raises(OutputError, match="holds corrections made by hand"):
        write_results(results, written, overwrite=True)
    assert (written / "corrections.csv").exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only file system")],
)
def test_a_disk_that_takes_no_more(number, words, results, tmp_path, monkeypatch):
    def refuse(path, *args):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(OutputError, match=f"out: cannot be written .{words}"):
            write_results(results, tmp_path / "new" / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_found_before_the_work(
    tmp_path, monkeypatch
):
    def refuse(path, *args, **more):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="out: cannot be written .Permission denied"):
        check_free(tmp_path / "out")


def test_ctrl_c_leaves_nothing(results, tmp_path):
    def stop(found, part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(results, tmp_path / "new" / "er" / "out", draw=stop)
    assert not list(tmp_path.iterdir())


def test_no_folder_and_no_results(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder of results"):
        KaryotypeResults.open(tmp_path / "nowhere")
    with pytest.raises(ResultsError, match="no results of mmscl-karyotype"):
        KaryotypeResults.open(tmp_path)
    (tmp_path / "run.json").write_text('{"format": "mmscl karyotype results 7"}')
    with pytest.raises(ResultsError, match="results 7'; it was written by another"):
        KaryotypeResults.open(tmp_path)


def edit(file: Path, change) -> None:
    with open(file, encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))
    with open(file, "w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(change(rows))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("cells.csv", lambda r: [r[0][:-1], *r[1:]], "missing are karyogram"),
        ("cells.csv", lambda r: [*r[:2], r[2][:-3]], "line 3: the line is cut off"),
        ("cases.csv", lambda r: [r[0], [*r[1][:4], "x", ""]], "certainty is 'x'"),
        ("predictions.csv", lambda r: [r[0], *r[2:]], "expected the rows 0 .. 92"),
        ("cells.csv", lambda r: r[:2], "crop 47 is of cell '1/a b' of case"),
        (
            "predictions.csv",
            lambda r: [r[0], [*r[1][:13], "yes", *r[1][14:]], *r[2:]],
            "line 2: needs_review is 'yes'; expected 0 or 1",
        ),
    ],
)
def test_tables_that_were_damaged(name, change, words, written):
    edit(written / name, change)
    with pytest.raises(ResultsError, match=words):
        KaryotypeResults.open(written)


def test_columns_in_another_order_and_further_ones_are_read(results, written):
    edit(written / "cells.csv", lambda rows: [[*row[::-1], "more"] for row in rows])
    assert KaryotypeResults.open(written).cells == results.cells


def test_a_table_or_a_picture_that_is_gone(written):
    (written / "crops" / "000003.png").unlink()
    found = KaryotypeResults.open(written)
    with pytest.raises(ResultsError, match="000003.png.*folder of results is incompl"):
        found.pictures[3]
    with pytest.raises(IndexError, match="crop 94: expected 0..93"):
        found.pictures[94]
    (written / "cases.csv").unlink()
    with pytest.raises(ResultsError, match="cases.csv: no such table"):
        KaryotypeResults.open(written)
