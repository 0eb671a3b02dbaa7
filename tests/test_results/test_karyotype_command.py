"""mmscl-karyotype as a user types it: good input, and every kind of bad one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from trained import make_config, save_weights, write_cells

from mmscl import karyotype_command
from mmscl.datasets import Manifest
from mmscl.datasets.images import read_crop
from mmscl.inference import ChromosomeInferencer
from mmscl.karyotype import KaryotypeModel
from mmscl.karyotype_command import check_apart, find_model, main
from mmscl.karyotype_inference import KaryotypeInferencer
from mmscl.results import KaryotypeResults

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two drawn cells of one case, config.py that brings cells to one size, weights."""
    root = tmp_path_factory.mktemp("drawn")
    write_cells(root)
    cfg = make_config(root, cell_size=31)
    (root / "run").mkdir()
    cfg.dump(root / "run" / "config.py")
    save_weights(cfg, root / "run" / "weights.pth")
    return root


@pytest.fixture(scope="module")
def crops(root) -> list[Path]:
    """The files of the first cell."""
    manifest = Manifest.read(root / "manifest.csv")
    first = manifest["cell"] == manifest["cell"][0]
    return [root / path for path in manifest["path"][first]]


@pytest.fixture
def run(root, tmp_path, monkeypatch, capfd):
    """Runs the command in this process; gives exit code, output and errors."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        model = ("--model", root / "run" / "weights.pth", "--device", "cpu")
        with pytest.raises(SystemExit) as stop:
            main([*map(str, (*words, *model))])
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return stop.value.code, said.out, said.err

    return run


def copy(files: list[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        shutil.copy(file, folder / f"{number}.png")
    return folder


# What is written


def test_cells_of_a_manifest(run, root, tmp_path):
    code, said, error = run(root / "manifest.csv", "--out", "made/out")
    assert code == 0
    lines = said.splitlines()
    assert lines[0] == "read: cases and cells as the table names them"
    assert lines[1].endswith("(2 cells)")
    assert lines[-1].startswith("1 case, 2 cells, 92 chromosomes, ")
    assert lines[-1].endswith(f" 0 files left out: made{os.sep}out{os.sep}report.html")
    assert "warning: no karyotype model was fitted for this classifier" in error
    out = tmp_path / "made" / "out"
    assert {path.name for path in out.iterdir()} == {
        *("predictions.csv", "cells.csv", "cases.csv", "run.json", "report.html"),
        *("crops", "karyograms"),
    }
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["out"]

    found = KaryotypeResults.open(out)
    manifest = Manifest.read(root / "manifest.csv")
    assert [crop.path for crop in found.crops] == manifest["path"].tolist()
    assert [crop.type for crop in found.crops] == manifest["type"].tolist()
    infer = ChromosomeInferencer(
        root / "run" / "config.py", root / "run" / "weights.pth", device="cpu"
    )
    scores = infer(root / "manifest.csv").predictions.scores
    best = np.array([crop.best_score for crop in found.crops])
    np.testing.assert_allclose(best, scores.max(axis=1), atol=2e-4)
    for cell in found.cells:
        own = found.crops_of(cell)
        reading = KaryotypeModel().read(scores[[crop.crop for crop in own]])
        assert cell.karyotype == reading.karyotype.text
        assert [crop.confidence for crop in own] == pytest.approx(
            reading.confidence.tolist(), abs=2e-3
        )
        for ending in (".png", ".pdf"):
            assert found.karyogram_file(cell, ending).stat().st_size > 1000
    assert found.run["model"]["name"].endswith("config.py")
    assert len(found.run["model"]["sha256"]) == 64
    assert found.run["root"] == str(root) and found.run["cases_known"] is True


def test_a_folder_of_cells_with_every_kind_of_file(run, crops, tmp_path):
    """Names with spaces and non-Latin letters, sizes, grounds, 16 bits, bad files."""
    folder = copy(crops[:40], tmp_path / "Fall 3 細胞" / "Zelle ä 1")
    copy(crops[40:], folder.parent / "2")
    grey = [read_crop(folder / f"{number}.png") for number in range(4)]
    cv2.imwrite(str(folder / "0.png"), 255 - grey[0])  # fluorescence
    cv2.imwrite(str(folder / "1.png"), cv2.resize(grey[1], None, fx=2, fy=2))
    (folder / "2.png").unlink()
    cv2.imwrite(str(folder / "2.tif"), grey[2].astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "3.png"), np.pad(grey[3], 60, constant_values=255))
    cut = (folder / "4.png").read_bytes()
    (folder / "4.png").write_bytes(cut[: len(cut) // 2])
    dim = grey[0].astype(np.uint16) * 3
    cv2.imwrite(str(folder / "dim.tif"), dim)
    metaphase = np.full((300, 300), 255, np.uint8)
    for place in range(46):
        corner = 10 + 42 * (place % 7), 10 + 42 * (place // 7)
        cv2.rectangle(metaphase, corner, (corner[0] + 8, corner[1] + 25), 60, -1)
    cv2.imwrite(str(folder / "metaphase.png"), metaphase)
    cv2.imwrite(str(folder / "empty.png"), np.full((50, 30), 255, np.uint8))
    photo = np.random.default_rng(0).integers(0, 256, (90, 120)).astype(np.uint8)
    cv2.imwrite(str(folder / "photo.png"), photo)
    (folder / "nothing.png").touch()
    (folder / "letter.doc").touch()
    (folder / os.fsdecode(b"\xe4.png")).write_bytes(cut)  # no table can hold its name

    code, said, error = run(folder.parent, "--out", "out")
    assert code == 3
    for name, words in {
        "4.png": "incomplete|cut|truncated|ends|damaged",
        "dim.tif": "saved without being stretched",
        "metaphase.png": "shows 46 separate objects, a whole metaphase perhaps",
        "empty.png": "nothing stands out from the background",
        "photo.png": "a photo perhaps",
        "nothing.png": "the file is empty",
    }.items():
        line = next(li for li in error.splitlines() if f"Zelle ä 1/{name}: " in li)
        assert any(word in line for word in words.split("|")), line
    assert "file name is not valid UTF-8" in error
    assert "7 files left out, 1 other file in the folder" in said
    found = KaryotypeResults.open(tmp_path / "out")
    assert len(found.run["left_out"]) == 7
    assert found.run["other_files"] == ["Zelle ä 1/letter.doc: not an image file"]
    assert [(cell.case, cell.cell, cell.crops) for cell in found.cells] == [
        ("Fall 3 細胞", "2", 6),
        ("Fall 3 細胞", "Zelle ä 1", 39),
    ]
    assert "6 files of it left out" in found.cells[1].warnings
    assert "6 crops: too few" in found.cells[0].warnings
    assert found.cells[1].karyogram == "Fall_3_細胞_Zelle_ä_1"
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "metaphase.png" in text and "Zelle ä 1" in text
    dark = next(crop for crop in found.crops if crop.path == "Zelle ä 1/0.png")
    assert found.picture(dark)[0, 0] == 255


def test_three_crops_and_three_hundred(run, crops, tmp_path):
    copy(crops[:3], tmp_path / "few")
    code, said, _ = run(tmp_path / "few", "--out", "a")
    assert code == 0 and "1 case, 1 cell, 3 chromosomes" in said
    copy((crops * 7)[:300], tmp_path / "many")
    code, said, _ = run(tmp_path / "many", "--out", "b")
    assert code == 0 and "1 case, 1 cell, 300 chromosomes" in said
    cell = KaryotypeResults.open(tmp_path / "b").cells[0]
    assert "300 crops: more than one cell, or pieces?" in cell.warnings
    assert cell.cell == "many"


# What is refused


@pytest.fixture
def refused(run, tmp_path):
    """The message; nothing new may be there afterwards."""

    def refused(*words: str | Path) -> str:
        before = sorted(tmp_path.rglob("*"))
        code, said, error = run(*words)
        assert (code, said) == (2, "")
        assert sorted(tmp_path.rglob("*")) == before
        return error

    return refused


def test_inputs_that_hold_no_cells(refused, crops, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no manifest.csv and no image" in refused(tmp_path / "empty", "--out", "o")
    assert "nowhere: no such file or folder" in refused("nowhere", "--out", "o")
    bad = copy(crops[:2], tmp_path / "bad")
    for file in bad.iterdir():
        file.write_bytes(b"no picture")
    error = refused(bad, "--out", "o")
    assert "none of its 2 crops can be read; the first is" in error
    (bad / "1.png").unlink()
    error = refused(bad, "--out", "o")
    assert f"error: {bad}: its only crop cannot be read, {bad / '0.png'}: " in error
    error = refused(bad / "0.png", "--out", "o")
    assert f"error: {bad / '0.png'}: cannot be read: " in error
    assert "the list" not in error and "crops" not in error
    classes = tmp_path / "classes"
    for number in range(1, 25):
        copy(crops[:1], classes / str(number))
    assert "named after types" in refused(classes, "--out", "o")


def test_places_that_are_not_free(refused, run, crops, tmp_path):
    cell = copy(crops[:3], tmp_path / "cell")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    error = refused(cell, "--out", "mine", "--overwrite")
    assert "other files than results" in error
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert "lies within the other" in refused(cell, "--out", "cell/out")
    for here in (".", ""):
        assert "such as --out results" in refused(cell, "--out", here)
    assert run(cell, "--out", "out")[0] == 0
    assert "replace them with --overwrite" in refused(cell, "--out", "out")
    old = (tmp_path / "out" / "run.json").read_text()
    assert run(cell, "--out", "out", "--overwrite")[0] == 0
    assert json.loads(old).keys() == KaryotypeResults.open(tmp_path / "out").run.keys()


def test_an_input_within_the_output(tmp_path):
    with pytest.raises(OSError, match="lies within the other"):
        check_apart(str(tmp_path / "a" / "b"), str(tmp_path / "a"))
    with pytest.raises(OSError, match="holds the input"):
        check_apart(str(tmp_path / "a" / "t.csv"), str(tmp_path / "a"))
    check_apart(str(tmp_path / "t.csv"), str(tmp_path / "out"))


def test_a_full_disk(refused, crops, tmp_path, monkeypatch):
    cell = copy(crops[:3], tmp_path / "cell")
    write = Path.write_bytes

    def fill(path: Path, data: bytes) -> int:
        if path.suffix == ".pdf":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    error = refused(cell, "--out", "out")
    assert "error: out: cannot be written (No space left on device)" in error


def test_a_folder_that_is_read_only(refused, crops, tmp_path, monkeypatch):
    cell = copy(crops[:3], tmp_path / "cell")
    make = Path.mkdir

    def deny(path: Path, *args, **more) -> None:
        if "probe" in path.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        make(path, *args, **more)

    monkeypatch.setattr(Path, "mkdir", deny)
    error = refused(cell, "--out", "out")
    assert "error: out: cannot be written (Permission denied); choose another" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(number, run, crops, tmp_path, monkeypatch, request):
    cell = copy(crops[:3], tmp_path / "cell")
    # A shell that runs the tests in its background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    draw = karyotype_command.write_karyotypes

    def draw_and_stop(*args, **more):
        monkeypatch.setattr(
            "mmscl.results.writing.draw_karyogram",
            lambda karyogram: signal.raise_signal(number),
        )
        return draw(*args, **more)

    monkeypatch.setattr(karyotype_command, "write_karyotypes", draw_and_stop)
    there = sorted(tmp_path.rglob("*"))
    code, said, error = run(cell, "--out", "out")
    assert (code, said) == (128 + number, "")
    assert error.endswith("stopped: nothing was written\n")
    assert sorted(tmp_path.rglob("*")) == there


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch-size", "0"], "--batch-size 0: expected 1 or more"),
        (["--karyotype-model", "none.json"], "none.json: no such karyotype model"),
        (["--split", "test"], "chooses rows of a manifest"),
    ],
)
def test_options_that_do_not_fit(words, message, refused, crops, tmp_path):
    cell = copy(crops[:3], tmp_path / "cell")
    assert message in refused(cell, "--out", "deep/er/out", *words)


# Models


def test_a_checkpoint_takes_the_config_beside_it(root, tmp_path):
    weights = str(root / "run" / "weights.pth")
    found = (str(root / "run" / "config.py"), weights)
    assert find_model([weights], None) == find_model(None, weights) == found
    assert find_model(["a-name"], None) == ("a-name", None)
    assert find_model(["a.py"], "b.pth") == ("a.py", "b.pth")
    assert find_model(None, None) == (None, None)
    with pytest.raises(ValueError, match="got 0 files .py; say --model CONFIG"):
        find_model([str(tmp_path / "x.pth")], None)
    assert find_model(["a-name", weights], None) == (["a-name", found], None)
    with pytest.raises(ValueError, match="belongs to one --model, got 2"):
        find_model(["a", "b"], "c.pth")


def test_the_class_does_the_same(root, tmp_path):
    model = KaryotypeModel(review_below=0.0)
    read = KaryotypeInferencer(
        root / "run" / "config.py",
        root / "run" / "weights.pth",
        karyotype_model=model,
        device="cpu",
    )
    assert read.warnings == []
    found = read(root / "manifest.csv", split="test")
    rows = (Manifest.read(root / "manifest.csv")["split"] == "test").sum()
    assert len(found.crops) == rows and found.folder is None
    assert all(crop.assigned == "" for crop in found.crops if crop.needs_review)
    model.write(tmp_path / "model.json")
    again = KaryotypeInferencer(
        root / "run" / "config.py",
        root / "run" / "weights.pth",
        karyotype_model=tmp_path / "model.json",
        device="cpu",
    )
    images = [read_crop(root / crop.path) for crop in found.crops_of(found.cells[0])]
    one = again(images)
    assert [crop.best for crop in one.crops] == [
        crop.best for crop in found.crops_of(found.cells[0])
    ]
    assert one.run["karyotype_model"]["file"] == str(tmp_path / "model.json")
    assert [cell.cell for cell in one.cells] == ["cell"]


@pytest.mark.slow
def test_the_tool_in_a_process_of_its_own(root, crops, tmp_path):
    """Also stopped from outside, while it writes."""
    cell = copy(crops, tmp_path / "cell")
    tool = str(ROOT / "tools" / "karyotype.py")
    words = [tool, str(cell), "--model", str(root / "run" / "weights.pth")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words, "--out", "out"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "46 chromosomes" in done.stdout and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "report.html").is_file()

    with subprocess.Popen(
        [sys.executable, *words, "--out", "stopped"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not list(tmp_path.glob(".stopped.*.part")):
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=300)
    if process.returncode != 0:  # it may have been faster
        assert process.returncode == 143, error
        assert "stopped: nothing was written" in error
        assert {path.name for path in tmp_path.iterdir()} == {"cell", "out"}
