"""The subcommands parse and pass on what they are given."""

from __future__ import annotations

import argparse

import pytest

from mmscl.review import command
from mmscl.review.command import add_review_commands


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    add_review_commands(parser.add_subparsers(required=True))
    return lambda *words: parser.parse_args(words)


def test_review_serves_the_folder(parse, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "serve", lambda *words: asked.append(words))
    args = parse("review", "DIR", "--port", "8000", "--reviewer", "Ada", "--no-browser")
    assert args.run(args) == 0
    args = parse("review", "DIR")
    assert args.run(args) == 0
    assert [(str(f), *rest) for f, *rest in asked] == [
        ("DIR", 8000, "Ada", False),
        ("DIR", 0, None, True),
    ]


@pytest.mark.parametrize("port", ["-1", "65536", "x", "1.5"])
def test_a_port_that_is_none_is_refused(port, parse, capsys):
    with pytest.raises(SystemExit):
        parse("review", "DIR", "--port", port)
    assert "--port" in capsys.readouterr().err


def test_export_writes_and_says_what(parse, folder, tmp_path, capsys):
    out = tmp_path / "out"
    args = parse("export", str(folder), "--out", str(out), "--all-cells", "--copy")
    assert args.run(args) == 0
    assert "180 chromosomes in the manifest" in capsys.readouterr().out  # 4 x 45
    assert len([*(out / "images").iterdir()]) == 180
    with pytest.raises(SystemExit):
        parse("export", str(folder))
