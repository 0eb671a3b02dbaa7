"""Every layout on disk -> manifest and report; what is left out, refused, repeated."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import SPLITS, TYPES, ManifestError, split_by_case
from mmscl.datasets.sources import LAYOUTS, Prepared, SourceError, prepare
from mmscl.datasets.sources.class_names import types_of_class_folders
from mmscl.datasets.sources.splits import RATIOS, fill_splits

NUMBERS = range(1, 25)


def put(root: Path, *names: str, size: tuple[int, int] = (12, 8)) -> None:
    """Image files that differ from one another by their names."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full(size, 255, np.uint8)
        seed = int.from_bytes(name.encode()[-16:], "big")
        image[2:-2, 2:-2] = np.random.default_rng(seed).integers(
            20, 120, (size[0] - 4, size[1] - 4)
        )
        assert cv2.imwrite(str(path), image)


def rows(prepared: Prepared, *columns: str) -> list[tuple[str, ...]]:
    manifest = prepared.manifest
    return list(zip(*(manifest[name].tolist() for name in columns), strict=True))


def left_out(prepared: Prepared) -> dict[str, str]:
    return {item.path: item.reason for item in prepared.report.listing.left_out}


def pki3(root: Path, cases: int = 12) -> Path:
    """Cells of 46 (XY), one a case."""
    for case in range(cases):
        cell = f"{case}.5.tiff"
        for k in NUMBERS:
            for n in range(1 if k > 22 else 2):
                put(root, f"{cell}/clase{k}/clase{k}_{n}_{cell}")
    return root


def test_pki3_cases_cells_types_and_the_stray_class(tmp_path):
    source = pki3(tmp_path / "src", cases=3)
    stray = "0.5.tiff/clase25/clase25_0_0.5.tiff"
    put(source, stray, "0.5.tiff/clase1/other.tiff")
    put(source, "0.5.tiff/clase21/clase21_2_0.5.tiff")
    (source / "Thumbs.db").write_text("x")
    (source / ".git").mkdir()
    done = prepare("pki3", source, tmp_path)
    assert len(done.manifest) == 3 * 46 + 1
    assert set(rows(done, "case", "cell", "site")) == {
        (c, f"{c}/5", "pki3") for c in "012"
    }
    by_path = dict(rows(done, "path", "type"))
    assert by_path["src/2.5.tiff/clase23/clase23_0_2.5.tiff"] == "X"
    assert by_path["src/2.5.tiff/clase24/clase24_0_2.5.tiff"] == "Y"
    assert set(done.manifest["homolog"]) == {"1", "2", "3"}
    reasons = left_out(done)
    assert len(reasons) == 4
    assert "stray class folder clase25" in reasons[stray]
    assert "unknown name" in reasons["0.5.tiff/clase1/other.tiff"]
    assert reasons["Thumbs.db"] == "not an image file"
    assert "hidden" in reasons[".git/"]
    text = (tmp_path / "report.md").read_text()
    assert all(path in text for path in reasons)
    assert "| 0/5 | 47 | 21: 3 |" in text and "1/5 | 46" not in text
    assert "1 of 3 cells do not hold 46" in text


def test_bioimlab_cells_are_cases_and_male_x_has_no_letter(tmp_path):
    source = tmp_path / "src"
    put(source, "7/7 1a.bmp", "7/7 1b.bmp", "7/7 23.bmp", "7/7 24.bmp", "8/8 23b.bmp")
    done = prepare("bioimlab", source, tmp_path)
    assert rows(done, "case", "cell", "type", "homolog") == [
        ("7", "7", "1", "1"),
        ("7", "7", "1", "2"),
        ("7", "7", "X", "1"),
        ("7", "7", "Y", "1"),
        ("8", "8", "X", "2"),
    ]


def test_datanew_names_hold_everything(tmp_path):
    source = tmp_path / "src"
    put(source, "23/23_1_56_116_135.tiff", "3/3_2_56_116_135.tiff", "4/3_2_5_6_7.tiff")
    done = prepare("datanew", source, tmp_path)
    assert rows(done, "type", "case", "cell", "homolog") == [
        ("X", "56", "56/116/135", "1"),
        ("3", "56", "56/116/135", "2"),
    ]
    assert list(left_out(done)) == ["4/3_2_5_6_7.tiff"]


def test_cir_labels_begin_at_zero(tmp_path):
    source = tmp_path / "src"
    put(source, "train/a1.b.0.tiff", "a2.b.22.tiff", "a2.c.23.tiff")
    done = prepare("cir", source, tmp_path, split_unit="none")
    assert sorted(done.manifest["type"]) == ["1", "X", "Y"]
    assert "split" not in done.manifest and "case" not in done.manifest
    options = {"case_pattern": r"(?P<case>a\d)\.(?P<cell>\w)", "overwrite": True}
    done = prepare("cir", source, tmp_path, **options)
    assert set(rows(done, "case", "cell")) == {
        ("a1", "a1/b"),
        ("a2", "a2/b"),
        ("a2", "a2/c"),
    }


@pytest.mark.parametrize("last", [("22", "23"), ("X", "Y")])
def test_chromosomenet_class_folders(tmp_path, last):
    source = tmp_path / "src"
    folders = [*(str(k) for k in range(22)), *last]
    put(source, *(f"{folder}/img.png" for folder in folders))
    done = prepare("chromosomenet", source, tmp_path, split_unit="image")
    found = {Path(p).parent.name: t for p, t in rows(done, "path", "type")}
    assert found == dict(zip(folders, TYPES, strict=True))
    assert "which is not a split by case" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("names", "first", "last"),
    [
        ([str(k) for k in range(1, 25)], "1", "24"),
        ([str(k) for k in range(24)], "0", "23"),
        ([f"{k:02d}" for k in range(1, 25)], "01", "24"),
        ([f"chr{k}" for k in TYPES], "chr1", "chrY"),
        (list(TYPES), "1", "Y"),
        ([k.lower() for k in TYPES], "1", "y"),
    ],
)
def test_conventions_of_class_folders(names, first, last):
    types, _ = types_of_class_folders(names, "data")
    assert sorted(types.values()) == sorted(TYPES)
    assert types[first] == "1" and types[last] == "Y"


def test_some_class_folders_are_enough():
    assert types_of_class_folders(["3", "21"], "data")[0] == {"3": "3", "21": "21"}
    assert types_of_class_folders(["1", "23"], "data")[0] == {"1": "1", "23": "X"}
    assert types_of_class_folders(["0", "3"], "data")[0] == {"0": "1", "3": "4"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0", "24"], r"data: .*two conventions.*0 \(labels 0..23\) and 24"),
        (["0", "X"], r"two conventions.*and X"),
        (["23", "X"], r"two conventions.*X .* and 23"),
        (["1", "25"], "data/25: label 25 is outside the 24 types"),
        (["1", "chr1"], "1 and chr1 are both type 1"),
        (["cats", "dogs"], "no class folder.*cats, dogs"),
        ([], "no class folder.*no folder"),
    ],
)
def test_ambiguous_class_folders_are_refused(names, message):
    with pytest.raises(SourceError, match=message):
        types_of_class_folders(names, "data")


def test_folder_with_given_splits_cases_and_strays(tmp_path):
    source = tmp_path / "src"
    put(source, "train/1/P1_3.png", "val/X/deep/P2_3.png", "test/2/P3_3.png")
    put(source, "test/unsorted/P3_9.png", "test/2/nameless.png", "P9_9.png")
    pattern = r"(?P<case>P\d)_(?P<cell>\d)"
    done = prepare("folder", source, tmp_path, case_pattern=pattern)
    assert rows(done, "type", "case", "cell", "split") == [
        ("2", "P3", "P3/3", "test"),
        ("1", "P1", "P1/3", "train"),
        ("X", "P2", "P2/3", "val"),
    ]
    reasons = left_out(done)
    assert reasons["test/unsorted/P3_9.png"] == "stray folder unsorted, names no class"
    assert "finds no case" in reasons["test/2/nameless.png"]
    assert reasons["P9_9.png"] == "in no class folder"
    assert len(reasons) == 3
    assert "splits are those that the source gives" in done.report.split_note
    assert "site" not in done.manifest


def test_ogh_folders_and_their_canvas(tmp_path):
    source = tmp_path / "src"
    put(source, "train/P1/c1/1_1.png", "val/P2/c1/X_1.png", size=(256, 256))
    put(source, "test/P3/c1/Y_1.png")
    done = prepare("ogh", source, tmp_path, site="fudan")
    assert rows(done, "type", "case", "cell", "homolog", "site", "split") == [
        ("Y", "P3", "P3/c1", "1", "fudan", "test"),
        ("1", "P1", "P1/c1", "1", "fudan", "train"),
        ("X", "P2", "P2/c1", "1", "fudan", "val"),
    ]
    assert any("1 image of 3 are not 256 x 256" in s for s in done.report.summary)


def test_ogh_by_a_manifest_of_the_owner_keeps_its_columns(tmp_path):
    source = tmp_path / "owner"
    put(source, "a.png", "b.png")
    table = source / "mine.csv"
    table.write_text("path,type,split,band\na.png,X,train,550\nb.png,Y,test,400\n")
    done = prepare("ogh", table, tmp_path / "out")
    assert done.manifest["path"].tolist() == [f"{source}/a.png", f"{source}/b.png"]
    assert rows(done, "type", "split", "band") == [
        ("X", "train", "550"),
        ("Y", "test", "400"),
    ]


def scl_file(items: list[tuple[str, list[list[list]]]]) -> str:
    return json.dumps({"items": [dict(kar_type=k, kar_files=f) for k, f in items]})


def test_scl_json_takes_normal_items_unless_told(tmp_path):
    source = tmp_path / "src"
    put(source, "i/a.png", "i/b.png", "i/c.png", "i/d.png")
    normal = ("normal", [[["i/a.png", 1], ["i/b.png", 23]], [["i/d.png", 24]]])
    (source / "train.json").write_text(scl_file([normal, ("T21", [[["i/c.png", 21]]])]))
    done = prepare("scl-json", source, tmp_path)
    assert rows(done, "path", "type", "case", "cell", "split") == [
        ("src/i/a.png", "1", "train/0", "train/0/0", "train"),
        ("src/i/b.png", "X", "train/0", "train/0/0", "train"),
        ("src/i/d.png", "Y", "train/0", "train/0/1", "train"),
    ]
    assert left_out(done) == {"i/c.png": "kar_type 'T21', not 'normal'"}
    done = prepare("scl-json", source, tmp_path, keep_abnormal=True, overwrite=True)
    assert len(done.manifest) == 4 and not left_out(done)


def test_scl_json_as_one_file_is_split_by_item(tmp_path):
    put(tmp_path, *(f"{i}.png" for i in range(30)))
    items = [("normal", [[[f"{i}.png", 3]]]) for i in range(30)]
    items.append(("normal", [[["0.png", 3]]]))
    (tmp_path / "all.json").write_text(scl_file(items))
    done = prepare("scl-json", tmp_path / "all.json", tmp_path)
    assert len(done.manifest) == 30 and "all/7" in done.manifest["case"]
    assert left_out(done) == {"0.png": "listed a second time"}
    assert set(done.manifest["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "train.json: not a JSON file"),
        ("[]", r'train.json: expected \{"items"'),
        ('{"items": [{"kar_type": "normal"}]}', "item 0: expected an object"),
        (scl_file([("normal", [[["a.png", 0]]])]), "a.png: label 0 is outside"),
        (scl_file([("normal", [[["a.png", 25]]])]), "item 0: a.png: label 25 "),
        (scl_file([("normal", [[["a.png", "1"]]])]), r"files 0: .*\['a.png', '1'\]"),
        (scl_file([("T21", [[["a.png", 1]]])]), "no image to take.*--keep-abnormal"),
        (
            scl_file([("normal", [[["a.png", 1]], [["a.png", 2]]])]),
            "a.png is type 2 here and 1 in another place",
        ),
        (None, "expected train.json, val.json or test.json"),
    ],
)
def test_scl_json_errors_name_the_file(tmp_path, content, message):
    if content is not None:
        (tmp_path / "train.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        prepare("scl-json", tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("pki3", "1.5.tiff/clase26/clase26_0_1.5.tiff"),
        ("pki3", "1.5.tiff/clase0/clase0_0_1.5.tiff"),
        ("bioimlab", "1/1 25a.bmp"),
        ("datanew", "25/25_1_5_6_7.tiff"),
        ("cir", "a.24.tiff"),
        ("chromosomenet", "24/a.png"),
        ("folder", "25/a.png"),
        ("ogh", "train/P/c/23_1.png"),
    ],
)
def test_a_label_outside_the_24_types_is_an_error_that_names_the_file(
    tmp_path, layout, name
):
    put(tmp_path, name)
    with pytest.raises(SourceError, match="24") as error:
        prepare(layout, tmp_path, tmp_path / "out")
    assert (name if layout not in ("folder", "chromosomenet") else name[:2]) in str(
        error.value
    )


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"scl-json"}))
def test_a_source_that_is_empty_foreign_or_missing(tmp_path, layout):
    source = tmp_path / "src"
    with pytest.raises(SourceError, match="src: expected a folder.*does not exist"):
        prepare(layout, source, tmp_path / "out")
    source.mkdir()
    with pytest.raises(SourceError, match="src: no image file in it"):
        prepare(layout, source, tmp_path / "out")
    put(source, "holiday.png")
    with pytest.raises(SourceError, match="no data set of|no class folder"):
        prepare(layout, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_layout_lists_those_that_exist(tmp_path):
    with pytest.raises(SourceError, match="'pki4'; there are folder, pki3, .*scl-json"):
        prepare("pki4", tmp_path, tmp_path)


def test_ogh_refuses_a_mistyped_split_folder(tmp_path):
    put(tmp_path, "train/P/c/1_1.png", "valid/P/c/1_1.png")
    with pytest.raises(SourceError, match="valid: the layout ogh has"):
        prepare("ogh", tmp_path, tmp_path / "out")


def test_a_case_in_two_given_splits_is_refused(tmp_path):
    put(tmp_path, "train/P/c/1_1.png", "val/P/c/2_1.png")
    with pytest.raises(ManifestError, match="case 'P' is in two splits"):
        prepare("ogh", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unreadable_files_are_left_out_by_name_or_stop(tmp_path):
    source = tmp_path / "src"
    put(source, "1/a.png")
    (source / "1/b.png").write_bytes(b"no image")
    done = prepare("folder", source, tmp_path, split_unit="image")
    assert len(done.manifest) == 1
    assert left_out(done)["1/b.png"].startswith("unreadable: cannot be decoded")
    out = tmp_path / "strict"
    with pytest.raises(ImageError, match=r"1/b\.png: cannot be decoded"):
        prepare("folder", source, out, split_unit="image", strict=True)
    (source / "1/a.png").write_bytes(b"")
    with pytest.raises(SourceError, match="none of its 2 images can be read"):
        prepare("folder", source, out, split_unit="image")
    assert not out.exists()


def test_duplicates_across_formats_splits_and_types_are_listed(tmp_path):
    source = tmp_path / "src"
    put(source, "train/1/a.png", "test/2/b.png", "test/2/d.png")
    image = cv2.imread(str(source / "train/1/a.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(source / "test/2/c.bmp"), image)
    done = prepare("folder", source, tmp_path)
    assert [len(group) for group in done.report.duplicates] == [2]
    assert len(done.manifest) == 4
    text = (tmp_path / "report.md").read_text()
    assert "1 image repeat" in text and "1 picture would sit in two splits" in text
    assert "### In two splits (1)" in text and "### With two types (1)" in text
    assert "`src/test/2/c.bmp` (type 2, test)" in text


def test_a_split_by_image_keeps_equal_images_together(tmp_path):
    source = tmp_path / "src"
    put(source, *(f"1/{i}.png" for i in range(40)))
    for i in range(40):
        (source / f"1/{i}_again.png").write_bytes((source / f"1/{i}.png").read_bytes())
    done = prepare("folder", source, tmp_path, split_unit="image")
    assert len(done.report.duplicates) == 40 and not done.report.differing("split")
    assert len(set(done.manifest["split"])) == 3


def test_splits_by_case_do_not_move_when_data_is_added(tmp_path):
    source = pki3(tmp_path / "src", cases=4)
    before = dict(rows(prepare("pki3", source, tmp_path / "a"), "case", "split"))
    pki3(source, cases=6)
    after = dict(rows(prepare("pki3", source, tmp_path / "b"), "case", "split"))
    assert len(after) == 6 and {case: after[case] for case in before} == before


@pytest.mark.parametrize(
    ("layout", "name", "options", "message"),
    [
        ("folder", "1/a.png", {}, "by case needs .*1 of 1 .*1/a.png.*--split-unit"),
        ("chromosomenet", "1/a.png", {}, "a split by case needs"),
        ("pki3", "x", {"case_pattern": "a"}, "'pki3' takes no option --case-pattern"),
        ("folder", "1/a.png", {"case_pattern": "("}, r"--case-pattern '\(': "),
        ("folder", "1/a.png", {"case_pattern": "a"}, r"expected a named group \(\?P<c"),
        ("folder", "1/a.png", {"case_pattern": "(?P<case>a)(?P<no>b)"}, "got.*'no'"),
        ("folder", "1/a.png", {"case_pattern": "(?P<case>z)"}, "no data set"),
        ("folder", "train/1/a.png", {"ratios": (1, 0, 0)}, "--ratios: the source"),
        ("folder", "train/1/a.png", {"split_unit": "case"}, "--split-unit: the source"),
        ("folder", "1/a.png", {"split_unit": "cell"}, "none but got 'cell'"),
        (
            "folder",
            "1/a.png",
            {"split_unit": "none", "ratios": (1, 0, 0)},
            "--ratios has no meaning",
        ),
        ("folder", "1/a.png", {"split_unit": "image", "ratios": (1, 1, 1)}, "sum to 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, layout, name, options, message):
    put(tmp_path, name if "/" in name else "1/a.png")
    with pytest.raises(ValueError, match=message):
        prepare(layout, tmp_path, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_an_owners_manifest_with_gaps_or_sites_of_its_own(tmp_path):
    put(tmp_path, "a.png", "b.png")
    table = tmp_path / "mine.csv"
    table.write_text("path,type,split,site\na.png,X,train,s\nb.png,Y,,s\n")
    with pytest.raises(SourceError, match="none to 1 of 2, first b.png"):
        prepare("ogh", table, tmp_path / "out")
    with pytest.raises(SourceError, match="--site t: the source names the site"):
        prepare("ogh", table, tmp_path / "out", site="t")
    table.write_text("path,type\n")
    with pytest.raises(SourceError, match="mine.csv: the manifest has no rows"):
        prepare("ogh", table, tmp_path / "out")
    with pytest.raises(SourceError, match="manifest.csv: --out .* would replace"):
        prepare("ogh", tmp_path / "manifest.csv", tmp_path)


def test_nothing_is_overwritten_unless_asked(tmp_path):
    source = tmp_path / "src"
    put(source, "1/a.png")
    (source / "manifest.csv").write_text("mine")
    with pytest.raises(SourceError, match="manifest.csv is already there; --overwrite"):
        prepare("folder", source, source, split_unit="image")
    assert (source / "manifest.csv").read_text() == "mine"
    done = prepare("folder", source, source, split_unit="image", overwrite=True)
    assert done.manifest["path"].tolist() == ["1/a.png"]
    assert not left_out(done), "what we wrote is no part of the source"
    names = {path.name for path in source.iterdir()}
    assert names == {"1", "manifest.csv", "report.md"}
    with pytest.raises(SourceError, match="expected a folder, but it is a file"):
        prepare("folder", source, source / "1/a.png", split_unit="image")


def test_few_cases_leave_no_split_empty(tmp_path):
    cases = [f"P{number:03d}" for number in range(10)]
    alone = dict(zip(cases, split_by_case(cases).tolist(), strict=True))
    assert "val" not in alone.values()
    for case in cases:
        put(tmp_path, f"1/{case}_1.png")
    pattern = r"(?P<case>P\d+)_(?P<cell>\d+)"
    done = prepare("folder", tmp_path, tmp_path, case_pattern=pattern)
    found = dict(zip(done.manifest["case"], done.manifest["split"], strict=True))
    moved = {case: split for case, split in found.items() if split != alone[case]}
    assert list(moved.values()) == ["val"]
    report = (tmp_path / "report.md").read_text("utf-8")
    assert f"So that no split is empty: {next(iter(moved))} to val." in report
    assert "no image in the split" not in report


def test_splits_are_filled_as_far_as_cases_go():
    assert fill_splits({"a": "train"}, RATIOS) == {}
    assert set(fill_splits({"a": "test", "b": "test"}, RATIOS).values()) == {"train"}
    three = dict.fromkeys("abc", "val")
    assert sorted((three | fill_splits(three, RATIOS)).values()) == sorted(SPLITS)
    assert fill_splits(dict.fromkeys("abc", "train"), (1, 0, 0)) == {}


def test_missing_types_empty_splits_and_mixed_backgrounds_are_warned_of(tmp_path):
    source = tmp_path / "src"
    put(source, "1/a.png")
    cv2.imwrite(str(source / "1/b.png"), np.zeros((9, 9), np.uint8))
    done = prepare(
        "folder", source, tmp_path, split_unit="image", ratios=(0.0, 0.0, 1.0)
    )
    text = "\n".join(done.report.summary)
    assert "no image of type 2, 3" in text and "no image in the split val" in text
    assert "add cases, or write the column split by hand" in text
    assert "1 images have a light background and 1 a dark one" in text


def test_linked_folders_are_read_once(tmp_path):
    source, other = tmp_path / "src", tmp_path / "elsewhere"
    put(other, "a.png")
    source.mkdir()
    (source / "1").symlink_to(other)
    (other / "loop").symlink_to(source)
    done = prepare("folder", source, tmp_path / "out", split_unit="none")
    assert len(done.manifest) == 1
    assert left_out(done) == {"1/loop/": "link to a folder already read"}
