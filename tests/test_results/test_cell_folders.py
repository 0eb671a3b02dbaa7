"""Which crops are of which cell and case, from how the files lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmscl.datasets.cell_folders import CellCrops, find_cells
from mmscl.datasets.manifest import TYPES, ManifestError


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def cells_of(found: CellCrops) -> list[tuple[str, str, str]]:
    crops = found.crops
    return list(zip(crops.case.tolist(), crops.cell.tolist(), found.names, strict=True))


def test_a_folder_of_crops_is_one_cell(tmp_path):
    root = make(tmp_path / "Zelle 7", "b.png", "ä 1.TIF", "notes.txt")
    found = find_cells(root)
    assert cells_of(found) == [
        ("Zelle 7", "Zelle 7", "b.png"),
        ("Zelle 7", "Zelle 7", "ä 1.TIF"),
    ]
    assert found.root == root
    assert [one.path for one in found.left_out] == ["notes.txt"]
    assert found.understood == "the folder is one cell"


def test_folders_in_it_are_cells_of_one_case(tmp_path):
    root = make(tmp_path / "P1", "c1/a.png", "細胞/a.png")
    assert cells_of(find_cells(root)) == [
        ("P1", "c1", "c1/a.png"),
        ("P1", "細胞", "細胞/a.png"),
    ]


def test_two_levels_are_cases_with_their_cells(tmp_path):
    root = make(tmp_path / "all", "P1/1/a.png", "P1/2/a.png", "P2/1/a.png")
    assert cells_of(find_cells(str(root))) == [
        ("P1", "1", "P1/1/a.png"),
        ("P1", "2", "P1/2/a.png"),
        ("P2", "1", "P2/1/a.png"),
    ]


@pytest.mark.parametrize(
    "paths", [("a.png", "c1/b.png"), ("P/c/a.png", "c/b.png"), ("1/2/3/a.png",)]
)
def test_other_depths_are_refused(paths, tmp_path):
    with pytest.raises(ManifestError, match=r"all crops in it .one cell.*, got '.*png"):
        find_cells(make(tmp_path, *paths))


@pytest.mark.parametrize(
    "names",
    [TYPES, [f"clase{k}" for k in TYPES], [f"{k:02d}" for k in range(1, 25)]],
)
@pytest.mark.parametrize("above", ["", "cell/"])
def test_folders_of_types_are_no_cells(names, above, tmp_path):
    make(tmp_path, *(f"{above}{name}/a.png" for name in names))
    with pytest.raises(ManifestError, match="named after types .*prepare_dataset.py"):
        find_cells(tmp_path)


def test_twenty_numbered_cells_are_cells(tmp_path):
    make(tmp_path, *(f"{number}/a.png" for number in range(1, 21)))
    assert len(set(find_cells(tmp_path).crops.cell)) == 20


def write_table(root: Path, *lines: str) -> Path:
    make(root, "a.png", "b.png")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return root / "manifest.csv"


def test_a_table_names_cases_and_cells(tmp_path):
    table = write_table(
        tmp_path, "path,case,cell,type", "a.png,P,1,X", f"{tmp_path}/b.png,Q,1,"
    )
    for given in (table, tmp_path):
        found = find_cells(given)
        assert cells_of(found) == [("P", "1", "a.png"), ("Q", "1", "b.png")]
        assert found.crops.labels.tolist() == [22, -1]


def test_without_cases_each_cell_is_one(tmp_path):
    table = write_table(tmp_path, "path,cell", "a.png,1", "b.png,2")
    assert [row[:2] for row in cells_of(find_cells(table))] == [("1", "1"), ("2", "2")]


def test_one_cell_of_a_table_that_names_none(tmp_path):
    table = write_table(tmp_path / "mine", "path", "a.png", "b.png")
    found = find_cells(table, one_cell=True)
    assert cells_of(found) == [("mine", "mine", "a.png"), ("mine", "mine", "b.png")]
    with pytest.raises(ManifestError, match="A karyotype is of one cell.*2 of 2 crops"):
        find_cells(table)


def test_tables_that_do_not_tell_enough(tmp_path):
    table = write_table(tmp_path, "path,case,cell", "a.png,P,1", "b.png,,1")
    with pytest.raises(ManifestError, match="the case of 1 of 2 crops is not known"):
        find_cells(table)
    table = write_table(tmp_path, "path,case,cell", "a.png,P,1", "b.png,P,2")
    with pytest.raises(ManifestError, match="one_cell=True .* tell 2 cells apart"):
        find_cells(table, one_cell=True)


def test_cases_that_the_input_does_not_name_are_made_up(tmp_path):
    named = write_table(tmp_path / "a", "path,case,cell", "a.png,P,1", "b.png,Q,1")
    alike = write_table(tmp_path / "b", "path,case,cell", "a.png,1,1", "b.png,2,2")
    none = write_table(tmp_path / "c", "path,cell", "a.png,1", "b.png,2")
    one = write_table(tmp_path / "d", "path,case", "a.png,P", "b.png,P")
    bare = write_table(tmp_path / "e", "path", "a.png", "b.png")
    for table, one_cell, known in (
        (named, False, True),
        (alike, False, True),
        (none, False, False),
        (one, True, True),
        (bare, True, False),
    ):
        assert find_cells(table, one_cell=one_cell).cases_known == known, table
    for paths, known in (
        (["a.png"], False),
        (["1/a.png"], True),
        (["P/1/a.png"], True),
    ):
        root = make(tmp_path / str(len(paths[0])), *paths)
        assert find_cells(root).cases_known == known, paths
    assert not find_cells([np.zeros((4, 4), np.uint8)]).cases_known


def test_arrays_are_one_cell(tmp_path):
    found = find_cells([np.zeros((4, 4), np.uint8)] * 2)
    assert cells_of(found) == [("cell", "cell", f"inputs[{n}]") for n in (0, 1)]
    assert found.root is None


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no manifest.csv and no image file"):
        find_cells(tmp_path)
