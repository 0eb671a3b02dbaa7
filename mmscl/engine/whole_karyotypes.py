"""Refuse a batch size that would cut a karyotype in two."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from mmscl.config import ConfigError
from mmscl.datasets.samplers import PairedKaryotypeSampler
from mmscl.registry import register


@register(HOOKS)
class WholeKaryotypesHook(Hook):
    """Checks, before training, that every batch holds whole blocks of the sampler.

    A block of `PairedKaryotypeSampler` is `karyotypes_per_batch` x types images; a
    batch that is no multiple of it would hold images without their pair.
    """

    def before_train(self, runner: Any) -> None:
        """Check the train dataloader.

        Raises:
            ConfigError: Names the batch size, the block and the next sizes that fit.
        """
        loader = runner.train_dataloader
        sampler = getattr(loader, "sampler", None)
        if not isinstance(sampler, PairedKaryotypeSampler):
            return
        size, block = loader.batch_size, sampler.block_size
        if size % block == 0:
            return
        karyotypes = sampler.karyotypes_per_batch
        below = size // block * block
        fitting = f"{below} or {below + block}" if below else f"{block}"
        raise ConfigError(
            f"train_dataloader.batch_size: expected a multiple of {block} "
            f"({karyotypes} karyotypes of {block // karyotypes} types, as the sampler "
            f"draws them), got {size}; set it to {fitting}"
        )
