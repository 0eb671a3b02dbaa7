"""One program at a time writes the corrections of a folder."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from mmscl.files import writing
from mmscl.results.folder import LOCK, OWNER
from mmscl.review.errors import FolderLockedError


class FolderLock:
    """Hold a folder of results while its corrections are written.

    The system frees the lock when the process ends, however it ends.

    Args:
        folder: Of the results.

    Raises:
        FolderLockedError: On entering: somebody holds it.
        OutputError: On entering: the folder cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._lock = FileLock(self.folder / LOCK, timeout=0)

    def __enter__(self) -> FolderLock:
        with writing(self.folder / LOCK):
            try:
                self._lock.acquire()
            except Timeout:  # an OSError too
                raise FolderLockedError(
                    f"{self.folder}: is being reviewed already{self._who()}; use its "
                    "page (any number of windows may be open), or end it with Ctrl-C "
                    "first"
                ) from None
        self.describe(f"process {os.getpid()}")
        return self

    def describe(self, text: str) -> None:
        """Tell those who are locked out who holds the folder."""
        path = self.folder / OWNER
        with writing(path):
            path.write_text(text + "\n", "utf-8")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self.folder / OWNER).unlink(missing_ok=True)
        self._lock.release()

    def _who(self) -> str:
        try:
            return f" by {(self.folder / OWNER).read_text('utf-8').strip()}"
        except OSError:
            return ""
