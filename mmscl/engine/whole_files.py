"""Checkpoints of mmengine's strategies that appear whole, files and folders alike."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process

from mmscl.files import sync

#: Ending of what a kill leaves; all ranks write to the same place.
PART = ".all.part"


def check_archive(path: Path) -> None:
    """Read a file of `torch.save` back.

    Raises:
        OSError: It is no zip archive, or a checksum in it is wrong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except zipfile.BadZipFile as error:
        broken = str(error)
    if broken:
        raise OSError(f"it does not read back as it was written ({broken})")


class WholeFiles:
    """A FlexibleRunner whose checkpoints are written beside their place first.

    Its strategies write files themselves, past mmengine's file backends: one file
    (FSDP with the full state), or a folder with a file a rank (DeepSpeed). Either is
    written under another name by all ranks, then synced, read back and renamed by the
    main process. All else is the runner's.

    Args:
        runner: The FlexibleRunner.
    """

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    @staticmethod
    def around(runner: Any) -> Any:
        """The runner, wrapped once if its strategy writes the files."""
        flexible = hasattr(runner, "strategy") and not isinstance(runner, WholeFiles)
        return WholeFiles(runner) if flexible else runner

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kw: Any):
        """As the runner's; every rank must call it.

        Raises:
            OSError: It could not be written or does not read back.
        """
        part = Path(out_dir, f".{filename}{PART}")
        if is_main_process():
            remove(part)
        barrier()
        try:
            self._runner.save_checkpoint(out_dir, part.name, *args, **kw)
            barrier()  # until every rank has written its file
            if is_main_process():
                _put(part, Path(out_dir, filename))
        except OSError:
            if is_main_process():
                remove(part)  # it may be what fills the disk
            raise
        barrier()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    for file in part.rglob("*") if part.is_dir() else [part]:
        if file.suffix in (".pt", ".pth", ".part"):
            check_archive(file)
        sync(file)
    if path.is_dir():  # a rename replaces files and empty folders alone
        shutil.rmtree(path)
    os.replace(part, path)
    sync(path.parent)
