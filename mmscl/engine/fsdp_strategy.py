"""FSDP for chromosome classifiers: which layers are sharded, and state that resumes."""

from __future__ import annotations

import re
from typing import Any

import torch
from mmengine._strategy import FSDPStrategy
from mmengine.optim import BaseOptimWrapper
from mmengine.registry import FUNCTIONS, STRATEGIES
from torch import nn
from torch.distributed.fsdp import FullOptimStateDictConfig, FullyShardedDataParallel

from mmscl.config import ConfigError

#: Classes of residual blocks in timm and mmpretrain: SwinTransformerBlock, Block (ViT),
#: SpatialBlock, ChannelBlock (DaViT), BasicBlock, Bottleneck, ConvNeXtBlock, SwinBlock,
#: TransformerEncoderLayer.
_BLOCK = re.compile(r"(Block|Bottleneck|EncoderLayer)\Z")


@FUNCTIONS.register_module()
def is_block(module: nn.Module) -> bool:
    """Whether a module is a residual block of an encoder, for `check_fn`."""
    return _BLOCK.search(type(module).__name__) is not None


@FUNCTIONS.register_module()
def wrap_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """An `auto_wrap_policy` that shards each residual block of an encoder apart.

    Args:
        module: Any part of the model.
        recurse: Whether torch asks if it shall look below the module.
        nonwrapped_numel: Parameters that are in no unit yet; not looked at.
    """
    return recurse or is_block(module)


@STRATEGIES.register_module()
class SafeFSDPStrategy(FSDPStrategy):
    """mmengine's FSDPStrategy, with what training and resuming by it needs.

    - The whole state is gathered on rank 0 and written as one file, which
      `tools/test.py` and `tools/export_weights.py` read like any other and any number
      of ranks resumes. (mmengine's default, a file a rank, does neither; and its own
      loading of the optimizer passes arguments in an order that torch >= 2.1 refuses.)
    - Without a GPU it runs on the CPU, by gloo.

    Args:
        state_dict_cfg: 'full'; others are refused.
        **kwargs: As in mmengine: model_wrapper, activation_checkpointing, ...

    Raises:
        ConfigError: Settings under which a run could not be resumed or would compute
            something else: another state_dict_cfg, clip_grad, a policy that finds no
            block.
    """

    model_wrapper: dict[str, Any] | None

    def __init__(self, *, state_dict_cfg: str = "full", **kwargs: Any) -> None:
        if state_dict_cfg != "full":
            raise ConfigError(
                "strategy.state_dict_cfg: expected 'full', got "
                f"{state_dict_cfg!r}: checkpoints with a file a rank cannot be tested, "
                "nor resumed with another number of ranks"
            )
        super().__init__(state_dict_cfg="full", **kwargs)
        # torch gathers every kind of state in one buffer and relies on the copy to the
        # CPU to keep them apart: on a CPU all would be the last one.
        self.optim_state_dict_config = FullOptimStateDictConfig(
            rank0_only=True, offload_to_cpu=torch.cuda.is_available()
        )

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        self.model_wrapper = dict(self.model_wrapper or {})
        policy = self.model_wrapper.get("auto_wrap_policy")
        if not torch.cuda.is_available():
            self.model_wrapper["device_id"] = torch.device("cpu")
        wrapped = super()._wrap_model(model)
        if policy and len(FullyShardedDataParallel.fsdp_modules(wrapped)) < 2:
            raise ConfigError(
                f"strategy.model_wrapper.auto_wrap_policy={policy!r} finds nothing to "
                "shard in this model; name a policy for its layers, registered in "
                "mmengine.registry.FUNCTIONS"
            )
        return wrapped

    def build_optim_wrapper(
        self, optim_wrapper: Any, model: nn.Module | None = None
    ) -> BaseOptimWrapper:
        """As mmengine's.

        Raises:
            ConfigError: On clip_grad, which would clip each rank's part by itself.
        """
        built = super().build_optim_wrapper(optim_wrapper, model)
        if getattr(built, "clip_grad_kwargs", None):
            raise ConfigError(
                "optim_wrapper.clip_grad: each rank of FSDP holds a part of the "
                "gradient and would clip it by the norm of that part; set it to None, "
                "or train without FSDP"
            )
        return built

    def optim_state_dict(self) -> dict:
        """State of the optimizer with the parameters' names, whole on rank 0."""
        return FullyShardedDataParallel.optim_state_dict(
            self.model, self.optim_wrapper.optimizer
        )

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Give each rank its part of the state that `optim_state_dict` made."""
        optimizer = self.optim_wrapper.optimizer
        self.optim_wrapper.load_state_dict(
            FullyShardedDataParallel.optim_state_dict_to_load(
                self.model, optimizer, state_dict
            )
        )
