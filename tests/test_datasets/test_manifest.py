"""The manifest: what it checks, what it selects, how cases are split."""

from __future__ import annotations

import numpy as np
import pytest

from mmscl.datasets.manifest import (
    SPLITS,
    TYPES,
    Manifest,
    ManifestError,
    split_by_case,
)


def columns(**changes) -> dict[str, list[str]]:
    table = {
        "path": ["a.png", "b.png", "c.png", "d.png"],
        "type": ["1", "22", "X", "Y"],
        "case": ["p", "p", "q", "r"],
        "site": ["here", "here", "there", "there"],
        "split": ["train", "train", "val", "test"],
    }
    table.update(changes)
    return {name: values for name, values in table.items() if values is not None}


def test_types_are_numbered_in_the_order_of_the_karyogram():
    assert len(TYPES) == 24
    manifest = Manifest({"path": [f"{t}.png" for t in TYPES], "type": list(TYPES)})
    assert manifest.labels.dtype == np.int64
    assert manifest.labels.tolist() == list(range(24))


def test_written_and_read_back_with_columns_of_its_own(tmp_path):
    extra = columns(note=["x,\ry", '"quoted"', "", "ü"])
    Manifest(extra).write(tmp_path / "m.csv")
    manifest = Manifest.read(tmp_path / "m.csv")
    assert manifest.columns == tuple(extra)
    assert {name: manifest[name].tolist() for name in extra} == extra
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]
    assert "note" in manifest and "cell" not in manifest and len(manifest) == 4


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes(b"\xef\xbb\xbfpath,type\r\na.png,X\r\n")
    assert Manifest.read(path).labels.tolist() == [22]


def test_a_table_without_rows_is_read(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("path,type\n")
    assert len(Manifest.read(path)) == 0


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("old")
    manifest = Manifest({"path": ["\udcff.png"], "type": ["1"]})
    with pytest.raises(UnicodeEncodeError):
        manifest.write(path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": ["1", "25", "X", "Y"]}, r"row 2 \('b.png'\) has type '25'.*1, 2, 3"),
        ({"type": ["1", "x", "X", "Y"]}, "type 'x'"),
        ({"type": None}, "column 'type' is required.*'path'"),
        ({"path": None}, "column 'path' is required"),
        ({"path": ["a", "", "c", "d"]}, "row 2 .* empty 'path'"),
        ({"type": ["1", "2", "", "Y"]}, "row 3 .* empty 'type'"),
        ({"path": ["a", "b", "c", "a"]}, "path 'a' is in two rows, 1 and 4"),
        ({"split": ["train", "train", "valid", ""]}, "row 3 .* split 'valid'"),
        (
            {"case": ["p", "p", "q", "p"]},
            "case 'p' is in two splits, test and train",
        ),
        ({"case": ["p"]}, "columns of one length but got.*'case': 1"),
    ],
)
def test_bad_tables_are_refused_by_name(changes, message):
    with pytest.raises(ManifestError, match=message) as error:
        Manifest(columns(**changes), source="data/m.csv")
    assert "data/m.csv" in str(error.value)


def test_rows_without_a_case_or_split_do_not_clash():
    Manifest(columns(case=["", "", "", ""]))
    Manifest(columns(case=["p", "p", "p", "q"], split=["train", "", "train", "test"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,type\na.png\n", r"line 2: expected 2 values \(path, type\) but got 1"),
        ("path,path\na,b\n", "occurs twice"),
        ("path;type\na;1\n", "separated by commas"),
        ("", "column 'path' is required"),
        (b"path,type\n\xff,1\n", "not a UTF-8 .*; save it as CSV in UTF-8"),
        ("path,type\na\0.png,1\n", "line 2: holds a NUL character; save it"),
        ('path,type,x\na,1,"never closed\nb,2,x\n', "after line 1: .*quotation mark"),
        (f"path,type\n{'a' * 1001},1\n", "line 2: the path has 1001 characters"),
        (None, r"no such manifest.*prepare_dataset\.py"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "m.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ManifestError, match=message) as error:
        Manifest.read(path)
    assert str(path) in str(error.value)


def test_further_columns_may_be_long(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(f"path,type,note\na,1,\nb,2,{'x' * 100_000}\n")
    note = Manifest.read(path)["note"]
    assert [len(text) for text in note] == [0, 100_000]
    assert note.nbytes < 1000  # not the longest times the rows


def test_require_names_feature_column_file_and_row():
    manifest = Manifest(columns(case=["p", "", "", "r"]), source="m.csv")
    manifest.require("training", "path", "type", "split")
    with pytest.raises(ManifestError, match="dispatch needs .*'cell'.*m.csv.*add the"):
        manifest.require("dispatch", "cell")
    with pytest.raises(
        ManifestError, match=r"a split by case needs .*'case'.*m.csv.*2 of 4.*row 2 "
    ):
        manifest.require("a split by case", "case")


def test_select_joins_conditions_and_keeps_the_order():
    manifest = Manifest(columns())
    assert manifest.select()["path"].tolist() == manifest["path"].tolist()
    assert manifest.select(split="train")["path"].tolist() == ["a.png", "b.png"]
    sexes = manifest.select(sites=["there"], types=["Y", "X"])
    assert sexes.labels.tolist() == [22, 23]
    assert manifest.select(cases=["r", "p"], types=["Y"])["case"].tolist() == ["r"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"split": "tset"}, "split 'tset'; there are 'test', 'train', 'val'"),
        ({"sites": ["here", "home"]}, "no row has site 'home'"),
        ({"types": ["7"]}, "no row has type '7'"),
        ({"cases": "p"}, r"got the text 'p'; write \['p'\]"),
        ({"split": "train", "types": ["X"]}, "no row meets .*train.* together"),
    ],
)
def test_select_refuses_what_does_not_exist(choice, message):
    with pytest.raises(ManifestError, match=message):
        Manifest(columns()).select(**choice)


def test_select_by_a_missing_column_says_which():
    with pytest.raises(ManifestError, match=r"selecting site \['a'\] needs .*'site'"):
        Manifest(columns(site=None)).select(sites=["a"])


def test_an_unknown_column_lists_those_that_exist():
    with pytest.raises(KeyError, match="no column 'cells'; it has path, type"):
        Manifest(columns())["cells"]


def test_splits_follow_from_the_case_alone():
    cases = [f"case{i}" for i in range(3000)]
    alone = {case: split_by_case([case])[0] for case in cases[:50]}
    together = split_by_case(cases[::-1] + cases)
    assert (together[:3000][::-1] == together[3000:]).all()
    assert {case: together[3000 + i] for i, case in enumerate(alone)} == alone
    # Hashes of 3,000 cases: a share's standard deviation is below 0.01.
    shares = [(together == name).mean() for name in SPLITS]
    np.testing.assert_allclose(shares, (0.7, 0.1, 0.2), atol=0.03)


def test_splits_do_not_change_between_versions():
    # Fixed once: a change here would move everybody's cases.
    assert split_by_case(["a", "b", "c"]).tolist() == ["train", "train", "test"]


def test_a_share_of_zero_stays_empty():
    cases = [str(i) for i in range(500)]
    assert set(split_by_case(cases, (0.8, 0.2, 0))) == {"train", "val"}
    assert set(split_by_case(cases, (0, 0, 1))) == {"test"}
    assert set(split_by_case(cases, (0.5, 0, 0.5))) == {"train", "test"}


@pytest.mark.parametrize("ratios", [(0.7, 0.3), (0.7, 0.1, 0.1), (1.2, -0.2, 0)])
def test_ratios_must_be_shares(ratios):
    with pytest.raises(ValueError, match="three shares"):
        split_by_case(["a"], ratios)


def test_an_empty_case_cannot_be_split():
    with pytest.raises(ManifestError, match="needs the case of every image"):
        split_by_case(["a", ""])


def test_new_crops_need_no_types():
    untyped = Manifest({"path": ["a.png", "b.png"]}, typed=False)
    assert untyped.labels.tolist() == [-1, -1]
    columns = {"path": ["a.png", "b.png"], "type": ["", "X"], "case": ["1", "2"]}
    some = Manifest(columns, typed=False)
    assert some.labels.tolist() == [-1, 22]
    assert some.select(cases=["1"]).labels.tolist() == [-1]
    with pytest.raises(ManifestError, match="has an empty 'type'"):
        Manifest(columns)
    with pytest.raises(ManifestError, match="has type '23'"):
        Manifest({**columns, "type": ["", "23"]}, typed=False)
    with pytest.raises(ManifestError, match="the column 'path' is required"):
        Manifest({"type": ["1"]}, typed=False)
