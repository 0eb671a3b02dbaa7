"""Strategies that shard a model: what they need before a run starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from mmengine.config import Config

from mmscl.config import ConfigError

#: Strategies that leave no rank with the whole state.
SHARDING = ("SafeFSDPStrategy", "SafeDeepSpeedStrategy")


def check_strategy(cfg: Config, alone: bool = False) -> None:
    """Check that a strategy that shards can run, before its network is built.

    Args:
        cfg: A complete config.
        alone: Whether one process may stand in for all, as in a smoke run.

    Raises:
        ConfigError: There is one process, or a hook that needs the whole model.
    """
    name = (cfg.get("strategy") or {}).get("type", "")
    if name in ("FSDPStrategy", "DeepSpeedStrategy"):
        raise ConfigError(
            f"strategy.type={name!r}: mmengine's own saves no random generators or "
            f"cannot be resumed; write 'Safe{name}'"
        )
    if name not in SHARDING:
        return
    if cfg.get("launcher", "none") == "none" and not alone:
        raise ConfigError(
            f"strategy.type={name!r} shards over several processes and here is one: "
            "start it with tools/dist_train.sh CONFIG GPUS or tools/slurm_train.sh; on "
            "one GPU use the config without _base_/fsdp.py or _base_/deepspeed.py"
        )
    hooks = [hook["type"] for hook in cfg.get("custom_hooks") or []]
    if "EMAHook" in hooks:
        raise ConfigError(
            f"custom_hooks: EMAHook averages whole weights, of which {name} leaves a "
            "part on each rank; leave the hook out"
        )


@contextmanager
def one_process_group(cfg: Config) -> Iterator[None]:
    """A process group of this process alone, where the config's strategy needs one.

    Without a GPU FSDP then computes in float32: bfloat16 takes a CPU many times as
    long. Does nothing for other strategies, or if there is a group already.
    """
    strategy = cfg.get("strategy") or {}
    if strategy.get("type") not in SHARDING or dist.is_initialized():
        yield
        return
    if not torch.cuda.is_available():
        strategy.get("model_wrapper", {}).pop("mixed_precision", None)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()
