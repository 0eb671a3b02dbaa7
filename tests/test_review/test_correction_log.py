"""corrections.csv survives kills, full disks and strange texts."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscl.files import OutputError
from mmscl.review import CorrectionLog, CorrectionLogError, Step, read_log
from mmscl.review.log import LOG, TORN
from mmscl.review.steps import format_line, header_line, one_line, parse_line

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
PLACE = dict(action="place", karyogram="P1_1", crop=3, before="4", after="5")


def opened(folder) -> CorrectionLog:
    return CorrectionLog(folder, "Ada", now=lambda: NOON)


def filled(folder, steps: int = 3) -> CorrectionLog:
    log = opened(folder)
    for _ in range(steps):
        log.append(**PLACE)
    return log


def test_a_log_without_steps_is_not_left_behind(tmp_path):
    log = opened(tmp_path)
    assert log.path.exists()
    log.close()
    assert [*tmp_path.iterdir()] == []


def test_a_step_is_one_line_that_anybody_can_read(tmp_path):
    filled(tmp_path, 1).close()
    assert (tmp_path / LOG).read_text("utf-8").splitlines() == [
        "seq,time,reviewer,action,karyogram,crop,before,after,step",
        "1,2026-01-02T12:00:00+00:00,Ada,place,P1_1,3,4,5,",
    ]


def test_each_step_is_on_the_disk_before_append_returns(tmp_path, monkeypatch):
    log = opened(tmp_path)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(read_log(log.path)[0]))
    step = log.append(**PLACE)
    assert synced == [[step]]


def test_opening_again_goes_on_where_it_ended(tmp_path):
    filled(tmp_path).close()
    log = opened(tmp_path)
    assert log.append(**PLACE).seq == 4
    assert read_log(log.path) == (log.steps, b"")
    assert len(log.steps) == 4


def test_a_kill_at_any_byte_of_a_line_loses_that_line_alone_and_says_so(tmp_path):
    filled(tmp_path).close()
    whole = (tmp_path / LOG).read_bytes()
    lines = whole.splitlines(keepends=True)
    last = len(lines[-1])
    for kept in range(1, last):
        (tmp_path / LOG).write_bytes(whole[: len(whole) - last + kept])
        (tmp_path / TORN).unlink(missing_ok=True)
        steps, torn = read_log(tmp_path / LOG)
        assert (len(steps), torn) == (2, lines[-1][:kept])
        log = opened(tmp_path)
        assert [s.action for s in log.steps] == ["place", "place", "note"]
        assert f"({kept} bytes" in log.steps[-1].after
        assert (tmp_path / TORN).read_bytes() == lines[-1][:kept] + b"\n"
        log.append(**PLACE)
        log.close()
        assert len(read_log(tmp_path / LOG)[0]) == 4


@pytest.mark.parametrize("kept", [0, 1, 30])
def test_a_kill_while_the_log_was_made_is_no_obstacle(kept, tmp_path):
    whole = header_line().encode()
    (tmp_path / LOG).write_bytes(whole[:kept])
    log = opened(tmp_path)
    assert log.append(**PLACE).seq == 1 + bool(kept)
    assert (tmp_path / LOG).read_bytes().startswith(whole)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_was_told_to_be_saved_outlives_a_kill(tmp_path):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # writes steps until it is killed, and tells each that is saved
        try:
            log = opened(tmp_path)
            while True:
                os.write(writing, b"%d\n" % log.append(**PLACE).seq)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        saved = [int(told.readline()) for _ in range(20)]
        os.kill(child, signal.SIGKILL)
        saved += [int(line) for line in told if line.endswith(b"\n")]
    os.waitpid(child, 0)
    steps, _ = read_log(tmp_path / LOG)
    assert [s.seq for s in steps][: saved[-1]] == saved
    assert opened(tmp_path).append(**PLACE).crop == 3


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    log = filled(tmp_path)
    before = log.path.read_bytes()
    write = os.write

    def half(handle, line):
        if len(line) < 20:
            raise OSError(28, "No space left on device")
        return write(handle, line[: len(line) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OutputError, match="No space left"):
            log.append(**PLACE)
    assert log.path.read_bytes() == before and len(log.steps) == 3
    assert log.append(**PLACE).seq == 4
    assert len(read_log(log.path)[0]) == 4


def test_a_log_that_cannot_be_mended_takes_no_more_steps(tmp_path, monkeypatch):
    log = filled(tmp_path)

    def fail(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OutputError, match="Input/output"):
            log.append(**PLACE)
    with pytest.raises(OutputError, match="the log is closed"):
        log.append(**PLACE)


@pytest.mark.parametrize(
    "old, new, told",
    [
        (b"2,2026", b"7,2026", "line 3: expected step 2, got 7"),
        (b"2,2026", b"x,2026", "line 3: expected a number in the column seq"),
        (b"2,2026", b",2026", "line 3: it has no number"),
        (b"1,2026-01-02T12:00:00+00:00,Ada,place", b"1,,,burn", "line 2: expected an"),
        (b"P1_1,3,4,5,\n3", b"P1_1,3,4\n3", "line 3: expected 9 values, got 7"),
        (b"P1_1,3,4,5,\n3", b'P1_1,3,"4,5,\n3', "line 3: no line of a CSV file"),
        (b"P1_1,3,4,5,\n3", b"\xff,3,4,5,\n3", "line 3: 'utf-8' codec"),
        (b"seq,", b"", "line 1: expected the column names seq"),
    ],
)
def test_a_log_that_was_edited_is_refused_with_its_line(old, new, told, tmp_path):
    filled(tmp_path).close()
    path = tmp_path / LOG
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    content = path.read_bytes()
    for read in (lambda: read_log(path), lambda: opened(tmp_path)):
        with pytest.raises(CorrectionLogError, match=f"{LOG}, {told}"):
            read()
    assert path.read_bytes() == content


def test_a_log_that_cannot_be_read_is_no_empty_log(tmp_path):
    (tmp_path / LOG).mkdir()
    with pytest.raises(CorrectionLogError, match="cannot be read"):
        read_log(tmp_path / LOG)
    assert read_log(tmp_path / "none.csv") == ([], b"")


texts = st.text(max_size=30)


@settings(deadline=None, max_examples=50)
@given(texts, texts, st.integers(0, 10**9) | st.none())
def test_any_text_stays_on_one_line(reviewer, note, crop):
    step = Step(1, "now", reviewer, "note", "k", crop, "", note)
    line = format_line(step)
    assert line.endswith("\n") and len(line.splitlines()) == 1
    read = parse_line(line)
    assert (read.reviewer, read.after) == (one_line(reviewer), one_line(note))
    assert read.crop == crop and format_line(read) == line
