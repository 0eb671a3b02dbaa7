"""Folders appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmscl.files import replaced, replaced_folder


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    for text in ("first", "second"):
        with replaced_folder(tmp_path / "below" / "x") as part:
            (part / text).write_text(text)
        assert content(tmp_path / "below" / "x") == {text: text}
        assert [path.name for path in (tmp_path / "below").iterdir()] == ["x"]


@pytest.mark.parametrize("there", [False, True])
def test_a_failure_leaves_what_was_there(there, tmp_path):
    if there:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "a").write_text("mine")
    with pytest.raises(RuntimeError, match="in between"):
        with replaced_folder(tmp_path / "x") as part:
            (part / "b").write_text("new")
            raise RuntimeError("in between")
    assert [path.name for path in tmp_path.iterdir()] == ["x"] * there
    assert not there or content(tmp_path / "x") == {"a": "mine"}


@pytest.mark.parametrize("write", [replaced, replaced_folder])
def test_a_failure_takes_away_the_folders_that_it_made(write, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(RuntimeError, match="in between"):
        with write(tmp_path / "mine" / "a" / "b" / "x"):
            raise RuntimeError("in between")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    with pytest.raises(RuntimeError, match="in between"):
        with write(tmp_path / "mine" / "a" / "b" / "x"):
            (tmp_path / "mine" / "a" / "others").touch()
            raise RuntimeError("in between")
    assert [path.name for path in (tmp_path / "mine" / "a").iterdir()] == ["others"]


def test_a_folder_that_cannot_be_put_in_place_is_put_back(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_text("mine")
    replace = Path.replace

    def fail(self, target):
        if self.name.endswith(".part"):
            raise OSError("no")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no"):
        with replaced_folder(tmp_path / "x") as part:
            (part / "b").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert content(tmp_path / "x") == {"a": "mine"}
