"""Training loops that go on, after a resume, exactly where they were."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from mmengine.dist import broadcast
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop
from mmpretrain.registry import LOOPS
from torch import nn

from mmscl.datasets.stream import KeyedStream, isolate
from mmscl.engine.stopping import Stopped, catch_signals, stop_requested
from mmscl.registry import register

#: Message hub: the step whose validation is done.
VALIDATED = "validated_iter"


class _ExactLoop(BaseLoop):
    """What both loops share: keyed batches, signals, no validation that is lost."""

    runner: Any
    val_begin: int
    val_interval: int

    def __init__(self, runner: Any, dataloader: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, *args, **kwargs)
        self.stream = KeyedStream(self.dataloader, runner.seed)

    def run(self) -> nn.Module:
        """Train to the end, or until SIGTERM or Ctrl-C."""
        if self.runner.val_loop is not None:
            isolate(self.runner.val_loop.dataloader)
        try:
            with catch_signals():
                self.runner.call_hook("before_train")
                self._train()
                self.runner.call_hook("after_train")
        finally:
            self.stream.close()
        return self.runner.model

    @abstractmethod
    def _train(self) -> None:
        """Run what is left of the training."""

    def _validate(self, done: int, total: int, resumed: bool = False) -> None:
        """Run the validation that is due after `done` of `total` epochs or steps."""
        self._decide_current_val_interval()
        if self.runner.val_loop is None or done < max(self.val_begin, 1):
            return
        hub = self.runner.message_hub
        if resumed and hub.runtime_info.get(VALIDATED) == self.iter:
            return
        if done % self.val_interval == 0 or done == total:
            # Batch-norm statistics of all ranks as in the checkpoint.
            for buffer in self.runner.model.buffers():
                broadcast(buffer)
            try:
                self.runner.val_loop.run()
            except RuntimeError as error:  # SIGTERM may reach its workers first
                number = stop_requested(together=False)
                if not number:
                    raise
                raise Stopped(
                    "Stopped in the validation, which a resumed run repeats; the same "
                    "command with --resume goes on.",
                    number,
                ) from error


@register(LOOPS)
class ResumableEpochTrainLoop(_ExactLoop, EpochBasedTrainLoop):
    """mmengine's EpochBasedTrainLoop whose resumed run equals the uninterrupted one.

    A checkpoint may be of any step: the epoch goes on after its last image, with the
    same order, the same augmentation and, where it was due, the validation that a
    kill cut off. Any number of workers gives the same images. Needs
    `SafeCheckpointHook` for the state of the generators.

    Args:
        runner, dataloader, max_epochs, val_begin, val_interval, dynamic_intervals: As
            in mmengine.
    """

    def _train(self) -> None:
        if self._iter == self._epoch * len(self.dataloader):
            self._validate(self._epoch, self._max_epochs, resumed=True)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate(self._epoch, self._max_epochs)

    def run_epoch(self) -> None:
        """Run what is left of the current epoch."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        for number, batch in enumerate(self.stream.epoch(self._epoch, done), done):
            self.run_iter(number, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1


@register(LOOPS)
class ResumableIterTrainLoop(_ExactLoop, IterBasedTrainLoop):
    """mmengine's IterBasedTrainLoop whose resumed run equals the uninterrupted one.

    As `ResumableEpochTrainLoop`; the sampler's epochs follow each other without a
    pause, and a resumed run loads no image twice.

    Args:
        runner, dataloader, max_iters, val_begin, val_interval, dynamic_intervals: As
            in mmengine.
    """

    def __init__(self, runner: Any, dataloader: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, *args, **kwargs)
        self.dataloader_iterator = None  # mmengine's own, whose workers may have begun

    def _train(self) -> None:
        self.runner.call_hook("before_train_epoch")
        self._validate(self._iter, self._max_iters, resumed=True)
        batches = self.stream.endless(self._iter)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            self._validate(self._iter, self._max_iters)
        self.runner.call_hook("after_train_epoch")
