"""One training run: its folder to itself, from the start or from where it was."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmscl.checkpoint import CheckpointError, load_from_local
from mmscl.config import ConfigError, check_data
from mmscl.distributed import join_ranks
from mmscl.engine.settings import flatten_settings, list_changes
from mmscl.strategies import check_strategy

LOCK_NAME = ".running"
#: Changed settings that are named one by one.
_SHOWN = 12


def train(
    cfg: Config, resume: str | None = None, allow_changes: bool = False
) -> Runner:
    """Train a config to its end.

    Args:
        cfg: A complete config with a `work_dir`.
        resume: None starts anew; 'auto' goes on from the last good checkpoint of
            `work_dir`, or starts if it has none; a path goes on from there.
        allow_changes: Go on although settings or data changed since the checkpoint.

    Raises:
        ConfigError: Another run uses the folder, settings changed, or the checkpoint
            that the config starts from is not there.
        CheckpointError: The given checkpoint, or every one of the folder, is damaged.
        FileNotFoundError, ManifestError: As `check_data`.
    """
    check_strategy(cfg)
    if not resume:
        check_start(cfg)
    cfg.data_state = check_data(cfg)
    with sole_run(cfg.work_dir, _is_main(cfg)):
        found = None
        if resume == "auto":
            found = find_resumable(cfg.work_dir)
        elif resume:
            found = _read(resume)
        if found:
            check_unchanged(cfg, found, allow_changes)
            cfg.resume, cfg.load_from = True, found.path
        elif resume:
            print(f"{cfg.work_dir} holds no checkpoint yet: the run starts anew.")
        runner = build_runner(cfg)
        runner.train()
    return runner


def check_start(cfg: Config) -> None:
    """Look for the checkpoint that a config starts from, before anything is read.

    Raises:
        ConfigError: `load_from` names a file that is not there.
    """
    start = cfg.get("load_from")
    if not start or "://" in str(start) or Path(start).expanduser().is_file():
        return
    raise ConfigError(
        f"load_from: expected the checkpoint that this training starts from, got "
        f"{start}, which does not exist. Train that model first, or name its "
        "checkpoint with --cfg-options load_from=CHECKPOINT"
    )


def build_runner(cfg: Config) -> Runner:
    """The Runner, or another one that the config names (FlexibleRunner)."""
    join_ranks(cfg)
    return Runner.from_cfg(cfg) if "runner_type" not in cfg else RUNNERS.build(cfg)


@contextmanager
def sole_run(work_dir: str | Path, main: bool = True) -> Iterator[None]:
    """Hold a folder for one run; the system lets go of it however the run ends.

    Args:
        work_dir: The folder; it is made.
        main: Whether this is the run's main process; the others hold nothing.

    Raises:
        ConfigError: Another process holds it.
    """
    if not main:
        yield
        return
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    with open(Path(work_dir, LOCK_NAME), "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise ConfigError(
                f"work_dir {work_dir} is in use by another run ({lock.read()}): wait "
                "for it or stop it, or choose another folder with --work-dir"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {os.uname().nodename}")
        lock.flush()
        yield


class Found(NamedTuple):
    """A checkpoint that can be read.

    Attributes:
        path: Its file.
        meta: What it says of its run: epoch, iter, settings, ...
    """

    path: str
    meta: dict[str, Any]


def find_resumable(work_dir: str | Path) -> Found | None:
    """The newest checkpoint of a run that can be read; None if there is none at all.

    Checkpoints of the best score hold no optimizer and do not count. Damaged ones are
    left out with a note.

    Raises:
        CheckpointError: There are checkpoints, and none of them can be read.
    """
    folder = Path(work_dir)
    paths = [p for kind in ("epoch", "iter", "state_iter") for p in _all(folder, kind)]
    refusals = []
    for path in sorted(paths, key=lambda p: p.stat().st_mtime_ns, reverse=True):
        try:
            return _read(str(path))
        except CheckpointError as error:
            refusals.append(error)
            print(f"Left out: {error}")
    if refusals:
        raise CheckpointError(
            f"{work_dir}: none of its {len(refusals)} checkpoints can be read. "
            f"{refusals[0]}"
        )
    return None


def check_unchanged(cfg: Config, found: Found, allow_changes: bool = False) -> None:
    """Compare a run's settings and data with those of the checkpoint it goes on from.

    Args:
        cfg: The run's config.
        found: The checkpoint; one without settings (of another program) passes.
        allow_changes: Say what changed instead of refusing it.

    Raises:
        ConfigError: Names each setting that changed, then and now.
    """
    if "settings" not in found.meta:
        return
    changes = list_changes(found.meta["settings"], flatten_settings(cfg))
    if not changes:
        return
    listed = "".join(f"\n    {change}" for change in changes[:_SHOWN])
    if len(changes) > _SHOWN:
        listed += f"\n    and {len(changes) - _SHOWN} more"
    said = f"{len(changes)} settings changed since {found.path} was written:{listed}"
    if not allow_changes:
        raise ConfigError(
            f"{said}\nThe resumed run would be neither the old one nor a new one. Undo "
            "the changes, start anew in another --work-dir, or allow them with "
            "--allow-changes."
        )
    print(f"Going on although {said}")


def _read(path: str) -> Found:
    file = path
    if Path(path).is_dir():  # DeepSpeed's; what is not sharded is in this one
        file = str(Path(path, "mp_rank_00_model_states.pt"))
    meta = load_from_local(file, map_location="cpu").get("meta", {})
    if "iter" not in meta:
        raise CheckpointError(
            f"{path}: weights alone, without the state of a run; train from them with "
            f"--cfg-options load_from={path}"
        )
    return Found(path, meta)


def _is_main(cfg: Config) -> bool:
    """Whether this is rank 0, before the ranks know of each other."""
    if cfg.get("launcher", "none") == "none":
        return True
    ranks = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
    return int(next((os.environ[r] for r in ranks if r in os.environ), 0)) == 0


def _all(folder: Path, kind: str) -> list[Path]:
    return [p for p in folder.glob(f"{kind}_*.pth") if p.stem.split("_")[-1].isdigit()]
