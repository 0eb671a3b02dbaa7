"""Whether a file still holds what this run read from it before."""

from __future__ import annotations

import os
import time
import zlib
from typing import Any

import torch


class FileChecksums:
    """Checksums of the files of n rows, known to the main process and all workers.

    A file is read again in each epoch, perhaps by another worker: without a memory of
    its content, one that is replaced by another picture goes unnoticed. The memory is
    a CRC-32 a row (4 bytes; another picture has the same one in 4 billion times) in
    shared memory: forked and spawned workers, of one epoch or of many, see one table,
    and so does a copy of the data set in one process. A plain pickle has a table of
    its own. Time stamps are not asked: a file that was touched or copied back passes.

    Args:
        rows: Number of rows n, >= 0.
    """

    def __init__(self, rows: int) -> None:
        self._shared = torch.zeros(rows, dtype=torch.int32).share_memory_()
        self._sums = self._shared.numpy().view("u4")

    def check(self, row: int, path: str, data: bytes) -> None:
        """Remember a file that is read for the first time, compare it from then on.

        Args:
            row: 0 <= row < n.
            path: The row's file.
            data: All its bytes.

        Raises:
            ValueError: They are others than before. Says what changed and the way
                out, but not the path.
        """
        found = zlib.crc32(data) or 1  # 0: not read yet
        before = self._sums.item(row)
        if before == found:
            return
        if before:
            raise ValueError(_describe(path, data, before, found))
        self._sums[row] = found

    def __getstate__(self) -> dict[str, Any]:
        # The tensor alone: a worker's view has to be one of the shared memory.
        return dict(_shared=self._shared)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shared = state["_shared"]
        self._sums = self._shared.numpy().view("u4")

    def __deepcopy__(self, memo: dict) -> FileChecksums:
        return self


def _describe(path: str, data: bytes, before: int, found: int) -> str:
    modified = time.strftime(
        "%Y-%m-%d %H:%M:%S", time.localtime(os.stat(path).st_mtime)
    )
    return (
        f"the file changed since this run read it first: its checksum (CRC-32) was "
        f"{before:08x}, now it holds {len(data):,} bytes of {found:08x}, modified "
        f"{modified}. Put the file back as it was and go on with --resume: the result "
        "is that of a run without the change. To train on the new picture, start anew "
        "in another --work-dir. For files that change on purpose set watch_files=False "
        "in the data set"
    )
