"""A file that changes while a run uses it: in one process, in workers, in copies."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import pytest

from mmscl.datasets.checksums import FileChecksums

CHANGED = "changed since this run read it first"
METHODS = ["fork", pytest.param("spawn", marks=pytest.mark.slow)]
ZERO = b"\x9d\x0a\xd9\x6d"  # whose CRC-32 is 0


@pytest.fixture
def path(tmp_path) -> str:
    file = tmp_path / "a.png"
    file.touch()
    return str(file)


def test_equal_bytes_pass_and_others_are_refused(path):
    table = FileChecksums(3)
    for row, data in ((1, b"old"), (2, b"other"), (1, b"old"), (2, b"other")):
        table.check(row, path, data)
    with pytest.raises(ValueError, match=CHANGED):
        table.check(1, path, b"other")
    table.check(1, path, b"old")  # put back
    table.check(0, path, b"other")


def test_the_message_has_what_changed_and_the_way_out(path):
    """The check value of CRC-32, of '123456789', is cbf43926."""
    table = FileChecksums(1)
    table.check(0, path, b"123456789")
    wanted = (
        r"was cbf43926, now it holds 3 bytes of [0-9a-f]{8}, modified \d{4}-\d\d-\d\d "
        r"\d\d:\d\d:\d\d\. Put the file back .*--resume.*watch_files=False"
    )
    with pytest.raises(ValueError, match=wanted):
        table.check(0, path, b"new")


@pytest.mark.parametrize(("first", "then"), [(ZERO, b"x"), (b"x", ZERO)])
def test_a_checksum_of_zero_is_no_blank(first, then, path):
    table = FileChecksums(1)
    table.check(0, path, first)
    table.check(0, path, first)
    with pytest.raises(ValueError, match=CHANGED):
        table.check(0, path, then)


@pytest.mark.parametrize("method", METHODS)
def test_another_process_knows_what_this_one_read_and_this_one_what_it_read(
    method, path
):
    """Also after that process ended, as workers do between epochs."""
    table = FileChecksums(2)
    table.check(0, path, b"old")
    worker = multiprocessing.get_context(method).Process(
        target=_work, args=(table, path)
    )
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    with pytest.raises(ValueError, match=CHANGED):
        table.check(1, path, b"new")


def _work(table: FileChecksums, path: str) -> None:
    with pytest.raises(ValueError, match=CHANGED):
        table.check(0, path, b"new")
    table.check(1, path, b"old")


def test_a_deep_copy_shares_the_table_and_a_pickle_has_its_own(path):
    table = FileChecksums(2)
    table.check(0, path, b"old")
    shared, own = copy.deepcopy(table), pickle.loads(pickle.dumps(table))
    for other in (shared, own):
        with pytest.raises(ValueError, match=CHANGED):
            other.check(0, path, b"new")
        other.check(1, path, b"old")
    own.check(1, path, b"old")
    with pytest.raises(ValueError, match=CHANGED):
        table.check(1, path, b"new")


def test_no_rows_are_no_error():
    FileChecksums(0)
