"""The subcommands parse and pass on what they are given."""

from __future__ import annotations

import pytest

from mmscl.karyotype_command import main
from mmscl.review import command


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(words)
    return stop.value.code


def test_review_serves_the_folder(monkeypatch):
    asked = []
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    monkeypatch.setattr(command, "serve", lambda *words: asked.append(words))
    own = ("--port", "8000", "--reviewer", "Ada", "--no-browser")
    assert run("review", "DIR", *own) == run("review", "DIR") == 0
    assert [(str(f), *rest) for f, *rest in asked] == [
        ("DIR", 8000, "Ada", False),
        ("DIR", 0, None, True),
    ]


@pytest.mark.parametrize("port", ["-1", "65536", "x", "1.5"])
def test_a_port_that_is_none_is_refused(port, capsys):
    assert run("review", "DIR", "--port", port) == 2
    assert "--port" in capsys.readouterr().err


def test_export_writes_and_says_what(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("export", str(folder), "--out", str(out), "--all-cells", "--copy") == 0
    assert "180 chromosomes in the manifest" in capsys.readouterr().out  # 4 x 45
    assert len([*(out / "images").iterdir()]) == 180
    assert run("export", str(folder)) == 2


def test_a_mistake_is_one_message(folder, tmp_path, capsys):
    assert run("export", str(folder), "--out", str(tmp_path / "out")) == 2
    told = capsys.readouterr().err
    assert "error: " in told and "--all-cells" in told and "Traceback" not in told


def test_the_help_says_what_it_does(capsys):
    for name, text in (("review", "127.0.0.1"), ("export", "manifest.csv")):
        assert run(name, "--help") == 0
        assert text in capsys.readouterr().out
