"""Progress and time left."""

from __future__ import annotations

import io

from rich.console import Console

from mmscl.ablation.display import (
    Display,
    Line,
    format_eta,
    read_steps,
    seconds_left,
)


def test_time_left_counts_the_pace_of_each_kind_and_the_runs_side_by_side():
    # 100 steps at 2 s, 50 at 1 s, and 10 of a kind that did not run: the mean, 1.5 s
    left = {"a": 100, "b": 50, "c": 10}
    assert seconds_left(left, {"a": 2.0, "b": 1.0}, 2) == (200 + 50 + 15) / 2
    assert seconds_left(left, {}, 2) is None
    assert format_eta(None) == "ETA not known yet"
    assert format_eta(3723.4) == "ETA 1:02:03"


def test_steps_are_those_of_the_last_progress_line(tmp_path):
    log = tmp_path / "log.txt"
    assert read_steps(log) == 0
    log.write_text("train 1/9 (11 %)  1.0 steps/s\n" + "x" * 20_000)
    assert read_steps(log) == 0  # too far up: no progress is taken for an old one
    log.write_text("train 1/9 (11 %)\ntrain 7/9 (77 %)\nval 2/3 (66 %)\n")
    assert read_steps(log) == 7


def test_without_a_terminal_a_line_comes_at_every_interval():
    for interval, lines in ((0.0, 2), (1000.0, 0)):
        stream = io.StringIO()
        with Display(4, 1, Console(file=stream), interval) as display:
            display.failed = 1
            for done in (3, 4):
                display.update([Line("x, scl, seed 0", "train", done, 9)], 60.0)
        text = stream.getvalue()
        assert text.count("\n") == lines
        if lines:
            assert "1/4 runs done, 1 failed, ETA 0:01:00" in text
            assert "x, scl, seed 0: train 4/9" in text


def test_on_a_terminal_a_table_is_drawn():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with Display(4, 1, console) as display:
        display.update([Line("x, scl, seed 0", "train", 3, 9)], None)
    assert "1/4 runs done, ETA not known yet" in stream.getvalue()
    assert "3/9" in stream.getvalue()
