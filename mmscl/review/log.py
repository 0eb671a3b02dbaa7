"""corrections.csv: what people did, one line a step, only ever appended to.

A step counts once its line is on the disk (fsync). A kill can therefore leave one
incomplete line at the end, of a step that nobody was told had been saved. The next
opening for writing moves it to corrections.torn.csv and says so in a note, which is a
line of the log too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmscl.files import sync, writing
from mmscl.results.folder import CORRECTIONS
from mmscl.review.errors import CorrectionLogError
from mmscl.review.steps import Step, format_line, header_line, parse_line

#: Names within the folder of results.
LOG, TORN = CORRECTIONS, "corrections.torn.csv"


def read_log(path: str | Path) -> tuple[list[Step], bytes]:
    """The steps of a log, and the incomplete line at its end (b'' if there is none).

    Changes nothing; a log that is not there has no steps.

    Raises:
        CorrectionLogError: It is another file, or a line is damaged or missing.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], b""
    except OSError as error:
        raise CorrectionLogError(
            f"{path}: cannot be read ({error.strerror})"
        ) from error
    whole, _, torn = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    steps: list[Step] = []
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8")
            if number == 1:
                _check_header(text)
                continue
            step = parse_line(text)
            if step.seq != number - 1:
                raise ValueError(f"expected step {number - 1}, got {step.seq}")
        except ValueError as error:
            raise CorrectionLogError(
                f"{path}, line {number}: {error}. The log is only ever appended to by "
                "`mmscl-karyotype review`; was it edited? Put back a copy, or move the "
                "file away to start from the results as they were"
            ) from error
        steps.append(step)
    return steps, torn


class CorrectionLog:
    """The log of one folder, open for writing. One at a time (`FolderLock`).

    Args:
        folder: Of the results.
        reviewer: Who writes, for the lines.
        now: Gives the time, for tests.

    Attributes:
        steps: All lines so far.

    Raises:
        CorrectionLogError: As :func:`read_log`.
        OutputError: It cannot be written.
    """

    def __init__(
        self,
        folder: str | Path,
        reviewer: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.path = Path(folder, LOG)
        self.reviewer = reviewer
        self._now = now
        self.steps, torn = read_log(self.path)
        with writing(self.path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self.path, flags, 0o666)
            self._end = os.fstat(self._handle).st_size
            if torn:
                self._set_aside(torn)
            if self._end == 0:
                self._write(header_line())
                sync(self.path.parent)
        if torn:
            self.append(
                action="note",
                after=f"an incomplete line at the end of {LOG} ({len(torn)} bytes: the "
                f"program was killed while it wrote) was moved to {TORN}; its step was "
                "not made",
            )

    def append(self, **values: Any) -> Step:
        """Write a step; it is on the disk when this returns.

        Args:
            **values: Of :class:`Step`, without seq, time and reviewer.

        Raises:
            OutputError: It is not; the log is as it was before.
        """
        time = self._now().isoformat(timespec="seconds")
        step = Step(len(self.steps) + 1, time, self.reviewer, **values)
        line = format_line(step)
        with writing(self.path):
            self._write(line)
        step = parse_line(line)  # what a later reader will see
        self.steps.append(step)
        return step

    def close(self) -> None:
        """No more steps. A log without any is removed: nobody corrected anything."""
        if self._handle < 0:
            return
        os.close(self._handle)
        self._handle = -1
        if not self.steps:
            self.path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        """Append and sync; what was written in part is taken away again."""
        if self._handle < 0:
            raise OSError("the log is closed")
        rest = line.encode("utf-8")
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError:
            try:
                os.ftruncate(self._handle, self._end)
            except OSError:
                self.close()  # a further line would be glued to the broken one
            raise
        self._end += len(line.encode("utf-8"))

    def _set_aside(self, torn: bytes) -> None:
        """Move the incomplete line, in this order: a kill in between loses nothing."""
        path = self.path.with_name(TORN)
        with writing(path), path.open("ab") as file:
            file.write(torn + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._end -= len(torn)
        os.ftruncate(self._handle, self._end)
        os.fsync(self._handle)


def _check_header(line: str) -> None:
    if line + "\n" != header_line():
        raise ValueError(f"expected the column names {header_line().strip()}")
