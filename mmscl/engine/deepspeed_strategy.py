"""DeepSpeed with the hooks of this project: generators and settings in checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path
from typing import Any

from mmengine._strategy import DeepSpeedStrategy
from mmengine.registry import STRATEGIES

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError


@STRATEGIES.register_module()
class SafeDeepSpeedStrategy(DeepSpeedStrategy):
    """mmengine's DeepSpeedStrategy, which calls the hooks of saving and loading.

    Without these calls a checkpoint holds neither the random generators nor the
    settings, and weights that are not finite are written. A checkpoint is a folder
    with a file a rank and the same number of ranks resumes it; the best one is one
    file with the weights alone, which `tools/test.py` reads.

    DeepSpeed reads its own folders with full pickle: unlike all other checkpoints of
    this project they can run code. Resume from your own alone.

    Args:
        **kwargs: As in mmengine: zero_optimization, bf16, inputs_to_half, ...

    Raises:
        ConfigError: DeepSpeed is missing, or one that mmengine cannot use; ZeRO stage
            3, whose weights no rank has whole.
    """

    config: dict[str, Any]

    def __init__(self, **kwargs: Any) -> None:
        _check_installed()
        stage = (kwargs.get("zero_optimization") or {}).get("stage", 0)
        if stage not in (0, 1, 2):
            raise ConfigError(
                f"strategy.zero_optimization.stage: expected 0, 1 or 2, got {stage}; "
                "for weights that do not fit one GPU use FSDP (configs/_base_/fsdp.py)"
            )
        super().__init__(**kwargs)
        # It goes into checkpoints, which are to hold plain types alone.
        self.config = json.loads(json.dumps(self.config))

    def prepare(self, model: Any, *, dispatch_kwargs: Any = None, **kwargs: Any) -> Any:
        """As mmengine's, which tells its own class alone the size of a batch."""
        size = (dispatch_kwargs or {}).get("train_micro_batch_size_per_gpu", 1)
        self.config.setdefault("train_micro_batch_size_per_gpu", size)
        return super().prepare(model, dispatch_kwargs=dispatch_kwargs, **kwargs)

    def save_checkpoint(
        self,
        filename: str,
        *,
        extra_ckpt: dict | None = None,
        callback: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        """As mmengine's, after the hooks have added theirs and seen the weights."""
        extra = dict(extra_ckpt or {})
        extra.setdefault("meta", {})
        if callback is not None:
            extra["state_dict"] = self.model.module.state_dict()
            callback(extra)
            del extra["state_dict"]
        super().save_checkpoint(filename, extra_ckpt=extra, **kwargs)

    def load_checkpoint(
        self, filename: str, *, callback: Callable | None = None, **kwargs: Any
    ) -> dict:
        """As mmengine's, then the hooks.

        Raises:
            CheckpointError: A file: DeepSpeed loads its folders alone.
        """
        _check_folder(filename)
        return _told(super().load_checkpoint(filename, **kwargs), callback)

    def resume(
        self, filename: str, *, callback: Callable | None = None, **kwargs: Any
    ) -> dict:
        """As mmengine's, then the hooks.

        Raises:
            CheckpointError: A file: DeepSpeed loads its folders alone.
        """
        _check_folder(filename)
        return _told(super().resume(filename, **kwargs), callback)


def _told(checkpoint: dict, callback: Callable | None) -> dict:
    if callback is not None:
        callback(checkpoint)
    return checkpoint


def _check_folder(filename: str) -> None:
    if not Path(filename).is_dir():
        raise CheckpointError(
            f"Checkpoint {filename} is not a folder: DeepSpeed loads the folders that "
            "it has written alone. Give weights by model.init_cfg=dict("
            "type='Pretrained', checkpoint=...) instead."
        )


def _check_installed() -> None:
    if util.find_spec("deepspeed") is None:
        raise ConfigError(
            "strategy.type='SafeDeepSpeedStrategy' needs DeepSpeed, which is not "
            "installed: pip install -e '.[deepspeed]', or use FSDP, which comes with "
            "torch (configs/_base_/fsdp.py)"
        )
    if util.find_spec("deepspeed.runtime.fp16.onebit") is None:
        raise ConfigError(
            f"strategy.type='SafeDeepSpeedStrategy': deepspeed "
            f"{metadata.version('deepspeed')} has no deepspeed.runtime.fp16.onebit, "
            "which mmengine imports: pip install 'deepspeed<0.19'"
        )
