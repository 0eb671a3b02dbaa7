"""Broken input by the hundred: the right picture or one error that names the file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from corpus import corpus, picture, write_corpus
from corpus_case import ERROR, IMAGE, NEVER_WRONG, Case
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.images import ImageError, read_crop
from mmscl.datasets.manifest import COLUMNS, TYPES, Manifest, ManifestError
from mmscl.datasets.sources import prepare

ROOT = Path(__file__).parents[1]
CASES = corpus()
# The same examples every time; nothing is kept on disk.
fuzz = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(path: Path) -> np.ndarray | str:
    """What comes of a file: a grey picture, or the error without its path."""
    try:
        image = read_crop(path)
    except ImageError as error:
        assert str(error).startswith(f"{path}: ")
        return str(error).removeprefix(f"{path}: ")
    assert image.dtype == np.uint8 and image.ndim == 2 and image.size
    return image


def check(case: Case, came: np.ndarray | str) -> None:
    """Whether it is what should come of the file."""
    if isinstance(came, str):
        assert case.expect != IMAGE, came
        assert case.says in came
        assert re.search("copy it|save it|save the|cut it", came), "it has a way out"
        return
    assert case.expect != ERROR
    if case.expect in (IMAGE, NEVER_WRONG):
        check_pixels(case, came)


def check_pixels(case: Case, came: np.ndarray) -> None:
    """Whether they are those that were written."""
    assert came.shape == case.grey.shape
    assert cv2.absdiff(came, np.ascontiguousarray(case.grey)).max() <= case.near


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The corpus in a layout that tools/prepare_dataset.py reads: all of type 7."""
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root / "7")
    return root


@pytest.fixture(scope="module")
def came(folder) -> dict[str, np.ndarray | str]:
    return {case.name: read(folder / "7" / case.name) for case in CASES}


# The corpus


def test_the_corpus_is_large_and_always_the_same():
    again = corpus.__wrapped__()
    assert [(case.name, case.data) for case in again] == [
        (case.name, case.data) for case in CASES
    ]
    assert len({case.name for case in CASES}) == len(CASES) > 400
    assert sum(case.expect == ERROR for case in CASES) > 300
    assert sum(case.expect == IMAGE for case in CASES) > 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_read_right_or_refused(case, came):
    check(case, came[case.name])


def test_an_incomplete_strip_is_found_whatever_was_decoded_before(folder, came):
    """OpenCV keeps what a strip lacks from its last picture, or fills in zeros."""
    full = folder / "7" / "tiff lzw pillow.tiff"
    for case in CASES:
        if "lzw" in case.name and case.expect == ERROR:
            read_crop(full)
            assert read(folder / "7" / case.name) == came[case.name]


# Files that are none, or not all there


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and links of POSIX")
def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    os.mkfifo(tmp_path / "pipe.png")
    names = ("folder.png", "lost.png", "circle.png", "pipe.png", "missing.png")
    for path in (*(tmp_path / name for name in names), Path("/dev/zero")):
        assert "cannot be opened" in read(path)
    assert "null" in read(tmp_path / "nul\0.png")
    assert "too long" in read(tmp_path / ("x" * 300))


def test_a_file_that_no_picture_fills_is_not_read_into_memory(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(10**12)  # takes no room on disk
    assert "the file has 1,000,000,000,000 bytes, more than" in read(path)


# The data set


def manifest_of(folder: Path, names: list[str], source: str) -> None:
    columns = dict(path=[f"7/{name}" for name in names], type=["7"] * len(names))
    Manifest(columns).write(folder / source)


def test_the_data_set_gives_the_same_or_stops_at_the_file(folder, came):
    manifest_of(folder, list(came), "all.csv")
    load = [dict(type="LoadChromosome")]
    data = ChromosomeDataset("all.csv", str(folder), pipeline=load)
    for index, (name, expected) in enumerate(came.items()):
        if isinstance(expected, str):
            path = re.escape(str(folder / "7" / name))
            with pytest.raises(ImageError, match=f"^{path}: {re.escape(expected)}$"):
                data[index]
        else:
            np.testing.assert_array_equal(data[index]["img"], expected)


def test_the_data_set_in_memory_gives_the_same_or_stops_at_the_first(folder, came):
    good = [name for name, image in came.items() if not isinstance(image, str)]
    manifest_of(folder, good, "good.csv")
    data = ChromosomeDataset("good.csv", str(folder), cache=True)
    for index, name in enumerate(good):
        np.testing.assert_array_equal(data[index]["img"], came[name])
    for name in came.keys() - set(good):
        manifest_of(folder, [good[0], name, "missing.png"], "one.csv")
        with pytest.raises(ImageError) as error:
            ChromosomeDataset("one.csv", str(folder), cache=True)
        assert str(error.value) == f"{folder / '7' / name}: {came[name]}"


# Preparing


def test_preparing_counts_and_names_every_broken_file(folder, came, tmp_path):
    done = prepare("folder", folder, tmp_path, split_unit="none")
    left_out = {item.path: item.reason for item in done.report.listing.left_out}
    broken = {name: why for name, why in came.items() if isinstance(why, str)}
    assert {f"7/{name}": f"unreadable: {why}" for name, why in broken.items()} == {
        path: why for path, why in left_out.items() if path.startswith("7/")
    }
    assert len(done.manifest) == len(came) - len(broken)
    text = (tmp_path / "report.md").read_text()
    assert all(f"- `7/{name}`" in text for name in broken)
    with pytest.raises(ImageError) as error:
        prepare("folder", folder, tmp_path / "x", split_unit="none", strict=True)
    first = min(broken)
    assert str(error.value) == f"{folder / '7' / first}: {broken[first]}"
    assert not (tmp_path / "x").exists()


# What a user types, in a process that then tells by how much its memory grew.
MEASURED = """
import resource, runpy, sys
import mmscl.datasets.sources
sys.argv = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
runpy.run_path(sys.argv[0], run_name='__main__')
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print('grew by', after - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kB of memory are those of Linux")
def test_the_command_ends_in_time_and_in_bounded_memory(folder, came, tmp_path):
    """A crash or an endless loop would take the tests with it, so: in another process.

    The largest picture that is allowed takes 50 MB, the bomb of 35 kB 500 MB.
    """
    tool = ROOT / "tools" / "prepare_dataset.py"
    options = [folder, "--out", tmp_path / "out", "--split-unit", "none"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tool, "folder", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    broken = sum(isinstance(why, str) for why in came.values())
    assert f"{len(came) - broken} images" in done.stdout
    assert int(done.stdout.rpartition("grew by ")[2]) < 250_000
    assert len(Manifest.read(tmp_path / "out" / "manifest.csv")) == len(came) - broken


# Predicting


class Mean(BaseModel):
    """Predicts a crop's mean level."""

    def forward(self, inputs, data_samples=None, mode="tensor"):
        return [sample.set_pred_score(torch.ones(24)) for sample in data_samples]


@pytest.mark.parametrize(
    ("name", "workers"),
    [("cut at 30 jpeg.jpg", 0), ("tiff lzw 50 %.tif", 0), ("png bomb.png", 1)],
)
def test_predicting_stops_with_the_path(name, workers, folder, came, tmp_path):
    manifest_of(folder, ["png grey.png", name], "two.csv")
    canvas = dict(type="ChromosomeCanvas", size=32, extent=48)
    pipeline = [dict(type="LoadChromosome"), canvas, dict(type="PackInputs")]
    runner = Runner(
        model=Mean(),
        work_dir=str(tmp_path),
        test_dataloader=dict(
            batch_size=1,
            num_workers=workers,
            dataset=dict(
                type="ChromosomeDataset",
                ann_file="two.csv",
                data_root=str(folder),
                pipeline=pipeline,
                test_mode=True,
            ),
            sampler=dict(type="DefaultSampler", shuffle=False),
            collate_fn=dict(type="default_collate"),
        ),
        test_cfg=dict(),
        test_evaluator=dict(type="Accuracy"),
        experiment_name=tmp_path.name,
        default_scope="mmpretrain",
    )
    with pytest.raises(ImageError) as error:
        runner.test()
    assert f"{folder / '7' / name}: {came[name]}" in str(error.value)


# Files that hypothesis draws


WHOLE = {
    case.name: case
    for case in CASES
    if case.expect == IMAGE and case.data and len(case.data) < 4000
}
STARTS = sorted({case.data[:8] for case in CASES if case.data})


@st.composite
def changes(draw) -> bytes:
    """A good file with some bytes turned, left out, repeated or taken elsewhere."""
    data = bytearray(WHOLE[draw(st.sampled_from(sorted(WHOLE)))].data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["turn", "set", "drop", "insert", "splice"]))
        if kind == "turn" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            data[at:end] = bytes([draw(st.integers(0, 255))]) * (end - at)
        elif kind == "drop":
            del data[at:end]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif kind == "splice":
            other = WHOLE[draw(st.sampled_from(sorted(WHOLE)))].data
            data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("drawn") / "drawn.png"


@settings(fuzz, max_examples=200)
@given(start=st.sampled_from([b"", *STARTS]), rest=st.binary(max_size=300))
def test_random_bytes_end_in_a_picture_or_an_error(start, rest, drawn):
    drawn.write_bytes(start + rest)
    read(drawn)


@settings(fuzz, max_examples=800)
@given(data=changes())
def test_changed_files_end_in_a_picture_or_an_error(data, drawn):
    drawn.write_bytes(data)
    read(drawn)


@settings(fuzz, max_examples=400)
@given(data=st.data(), name=st.sampled_from(sorted(WHOLE)))
def test_a_cut_file_never_becomes_another_picture(data, name, drawn):
    case = WHOLE[name]
    kept = data.draw(st.integers(0, len(case.data) - 1))
    drawn.write_bytes(case.data[:kept])
    image = read(drawn)
    if not isinstance(image, str):
        check_pixels(case, image)


@settings(fuzz, max_examples=300)
@given(at=st.integers(8, 700), bit=st.integers(0, 7))
def test_a_png_with_a_turned_bit_never_becomes_another_picture(at, bit, drawn):
    case = next(case for case in CASES if case.name == "png grey.png")
    spoilt = bytearray(case.data)
    spoilt[at % len(spoilt)] ^= 1 << bit
    drawn.write_bytes(spoilt)
    image = read(drawn)
    assert isinstance(image, str) or np.array_equal(image, picture(0))


# Manifests that hypothesis draws


GOOD = (
    "path,type,case,split,note\r\n"
    'a.png,1,p1,train,"a ""quoted"" remark, of\r\ntwo lines"\r\n'
    "b/ä.png,X,p2,test,\r\n"
    "c.png,22,,,x\r\n"
).encode()
PIECES = [
    *(b"path", b"type", b"case", b"split", b"note", b"a.png", b"b.png", b"1", b"X"),
    *(b"Y", b"train", b"test", b"23", b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n"),
    *(b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    *(b" ", b"x" * 2000, b"y" * 140_000, b"," * 50, "染色体".encode(), b"\x1a", b"'"),
]


def check_manifest(path: Path) -> None:
    """It is refused by name, or it holds what it says and is written back the same."""
    try:
        manifest = Manifest.read(path)
    except ManifestError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 3000
        return
    assert set(manifest["type"]) <= set(TYPES)
    assert len(set(manifest["path"])) == len(manifest) == len(manifest.labels)
    assert "" not in manifest["path"] and b"\0" not in path.read_bytes()
    known = [manifest[name] for name in COLUMNS if name in manifest]
    assert all(len(value) <= 1000 for column in known for value in column)
    copy = path.with_name("copy.csv")
    manifest.write(copy)
    again = Manifest.read(copy)
    assert again.columns == manifest.columns
    for name in manifest.columns:
        assert again[name].tolist() == manifest[name].tolist()


@settings(fuzz, max_examples=300)
@given(content=st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
@example(content=b"")
@example(content=GOOD.decode().encode("utf-16"))
@example(content=GOOD.decode().encode("utf-16-le"))
@example(content=GOOD.decode().encode("latin-1"))
@example(content=b"path,type,path\na,1,b\n")
@example(content=b'path,type,note\na,1,"never closed\nb,2,x\nc,3,y\n')
@example(content=b"path,type\na\0.png,1\n")
@example(content=b"path,type,note\na.png,1,x\ry\n")
@example(content=b'path,type,note\na.png,1,"x\ry"\n')
def test_a_manifest_of_any_pieces_is_read_or_refused(content, drawn):
    drawn.write_bytes(content)
    check_manifest(drawn)


@settings(fuzz, max_examples=400)
@given(data=st.data())
def test_a_changed_manifest_is_read_or_refused(data, drawn):
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.sampled_from([0, 1, 1, 2, 10]))
        content[at:end] = data.draw(st.one_of(st.sampled_from(PIECES), st.binary()))
    drawn.write_bytes(content)
    check_manifest(drawn)


def test_a_long_remark_costs_its_length_once(tmp_path):
    """As an array of text it would cost 4 bytes a letter in every row: 8 GB."""
    rows = "".join(f"{row}.png,1,x\n" for row in range(20_000))
    path = tmp_path / "m.csv"
    path.write_text(f"path,type,note\n{rows}last.png,1,{'y' * 100_000}\n")
    manifest = Manifest.read(path)
    assert len(manifest["note"][-1]) == 100_000
    held = sum(manifest[name].nbytes for name in manifest.columns)
    assert held < 100 * len(manifest)
