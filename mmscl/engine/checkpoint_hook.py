"""Checkpoints that survive a kill, and from which a run goes on exactly."""

from __future__ import annotations

import os.path as osp
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmpretrain.registry import HOOKS

from mmscl.checkpoint import CheckpointError
from mmscl.engine.generators import gather_generators, restore_generators
from mmscl.engine.loops import VALIDATED
from mmscl.engine.settings import flatten_settings
from mmscl.engine.stopping import Stopped, stop_requested
from mmscl.engine.whole_files import WholeFiles, check_archive, remove
from mmscl.files import replaced
from mmscl.registry import register

STATE_NAME = "state_iter_{}.pth"


@register_backend("atomic", force=True)
class AtomicBackend(LocalBackend):
    """Local files that appear whole, synced and read back, or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write `obj`, a zip archive as `torch.save` makes them, to `filepath`.

        Raises:
            OSError: It could not be written, or reads back as something else. What
                was at `filepath` is still there.
        """
        with replaced(filepath) as part:
            part.write_bytes(obj)
            check_archive(part)


@register(HOOKS)
class SafeCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook, with nothing lost.

    - A checkpoint is written beside its place, synced, read back and renamed; those it
      makes outdated are removed after that. A kill, a full disk or a read-only folder
      leaves the last good one.
    - It holds the state of all random generators of all ranks, so that a run resumed
      in a `ResumableEpochTrainLoop` or `ResumableIterTrainLoop` equals one that was
      never interrupted; and the run's settings, which a resumed run is compared with.
    - On SIGTERM or Ctrl-C the state is saved after the step as
      ``state_iter_N.pth``; the next regular checkpoint replaces it.
    - Before a validation the state is saved if it is not yet.

    Args:
        *args, **kwargs: As mmengine's CheckpointHook. `backend_args` is
            ``dict(backend='atomic')`` by default.

    Raises:
        CheckpointError: A checkpoint cannot be written; names it and the last good
            one.
        Stopped: After a signal, when the state is saved.
    """

    filename_tmpl: str
    max_keep_ckpts: int
    file_backend: Any

    def __init__(
        self, *args: Any, backend_args: dict | None = None, **kwargs: Any
    ) -> None:
        backend_args = backend_args or dict(backend="atomic")
        super().__init__(*args, backend_args=backend_args, **kwargs)
        self._generators: list[dict] = []
        self._position: dict[str, int] = {}
        self._resumed: list[dict] = []
        self._saved_iter = -1

    def before_train(self, runner: Any) -> None:
        """Remove what a kill left unfinished; set the generators of a resumed run."""
        super().before_train(runner)
        if is_main_process() and osp.isdir(self.out_dir):
            for part in Path(self.out_dir).glob(".*.pth.*.part"):
                remove(part)
        if runner._resume and self._resumed:
            self.last_ckpt = runner._load_from
            restore_generators(self._resumed)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Remember the generators of a resumed run."""
        if runner._resume:
            self._resumed = checkpoint.get("generators", [])
            self._saved_iter = checkpoint["meta"].get("iter", -1)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add generators and settings."""
        checkpoint["generators"] = self._generators
        # A FlexibleRunner puts its own count there, which is one too many after a step.
        checkpoint["meta"].update(self._position)
        checkpoint["meta"]["settings"] = flatten_settings(runner.cfg)

    def before_val(self, runner: Any) -> None:
        """Save the state, unless it is: a validation may be long."""
        training = getattr(runner, "_train_loop", None) is not None
        if training and self.interval > 0 and 0 < runner.iter != self._saved_iter:
            self._save_state(runner, runner.iter)

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save at the interval (by_epoch=False), or when asked to stop."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        number = stop_requested()
        complete = getattr(runner.optim_wrapper, "should_update", lambda: True)
        if number and complete():
            if self._saved_iter != runner.iter + 1:
                self._save_state(runner, runner.iter + 1)
            self._stop(number, f"at step {runner.iter + 1}")

    def after_val_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """End when asked to stop; ranks that wait for each other go on."""
        number = stop_requested(together=False)
        if number and runner.world_size == 1:
            self._stop(number, "in the validation, which a resumed run repeats")

    def after_val_epoch(self, runner: Any, metrics: dict) -> None:
        """Save the best; note that this step is validated."""
        if getattr(runner, "_train_loop", None) is not None:
            runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def _stop(self, number: int, where: str) -> None:
        raise Stopped(
            f"Stopped by {signal.Signals(number).name} {where}. The state is in "
            f"{self.last_ckpt}; the same command with --resume goes on.",
            number,
        )

    def _save_state(self, runner: Any, step: int) -> None:
        """Save the state of a step that has no place in the schedule."""
        schedule = self.filename_tmpl, self.max_keep_ckpts
        self.filename_tmpl, self.max_keep_ckpts = STATE_NAME, -1
        try:
            meta = dict(epoch=runner.epoch, iter=step)
            self._save_checkpoint_with_step(runner, step, meta)
        finally:
            self.filename_tmpl, self.max_keep_ckpts = schedule

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        with self._safely(runner, meta["epoch"], meta["iter"]) as runner:
            super()._save_checkpoint_with_step(runner, step, meta)
        self._saved_iter = meta["iter"]
        if is_main_process() and osp.isdir(self.out_dir):
            for path in Path(self.out_dir).glob(STATE_NAME.format("*")):
                if path.name != osp.basename(str(self.last_ckpt)):
                    remove(path)

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        with self._safely(runner, runner.epoch, runner.iter) as runner:
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _safely(self, runner: Any, epoch: int, step: int) -> Iterator[Any]:
        """Gather the generators; put off removals until all is written.

        Args:
            runner: Of this training.
            epoch, step: How many of them are done.

        Yields:
            The runner that writes: a FlexibleRunner's strategy knows no file backends.
        """
        good, backend, outer = self.last_ckpt, self.file_backend, self._position
        self._generators = gather_generators()
        self._position = dict(epoch=epoch, iter=step)
        removals = _PutOffRemovals(backend)
        self.file_backend = removals
        try:
            yield WholeFiles.around(runner)
        except OSError as error:
            raise CheckpointError(
                f"{self.last_ckpt}: the checkpoint could not be written ({error}). "
                f"The last good one is {good or 'none of this run'}. Make room, or let "
                "the folder be written to, and go on with --resume."
            ) from error
        finally:
            self.file_backend, self._position = backend, outer
        best = getattr(self, "best_ckpt_path_dict", {}).values()
        removals.carry_out(
            [self.last_ckpt, getattr(self, "best_ckpt_path", None), *best]
        )


class _PutOffRemovals:
    """A file backend that only notes what it is told to remove."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._paths: list[str] = []

    def remove(self, path: str) -> None:
        self._paths.append(path)

    rmtree = remove

    def carry_out(self, keep: Sequence[str | None]) -> None:
        """Remove the noted paths, except those that now hold something new."""
        for path in self._paths:
            if path in keep:
                continue
            if self._backend.isdir(path):
                self._backend.rmtree(path)
            elif self._backend.isfile(path):
                self._backend.remove(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)
