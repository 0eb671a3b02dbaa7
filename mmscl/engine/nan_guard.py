"""A NaN or infinite loss or gradient stops training, before it costs a weight."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, print_log
from mmpretrain.registry import HOOKS
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.optim import Optimizer

from mmscl.config import ConfigError
from mmscl.registry import register

_WAY_OUT = (
    "Checkpoints saved before this step are intact: resume from the last one "
    "with a lower optim_wrapper.optimizer.lr, with optim_wrapper.clip_grad, or "
    "without --amp, and look at the files above."
)


class NonFiniteLossError(FloatingPointError):
    """The loss, a gradient or a weight became NaN or infinite."""


@register(HOOKS)
class NaNGuardHook(Hook):
    """Stops training on a NaN or infinite loss or gradient, before it costs a weight.

    Looks at the losses of any model before the backward pass, at the norm of the
    gradients before the optimizer's step, and at the weights before a checkpoint is
    written. With mixed precision the gradients are those that the loss scaler lets
    through. DeepSpeed's optimizers let nobody look at the gradients: there, the losses
    and the weights are checked.

    Args:
        max_skips: Steps in a row that may be left out, each with a warning, before
            training stops. 0, the default, stops at the first. A skipped step leaves
            weights and optimizer as they were (not batch-norm statistics).

    Raises:
        NonFiniteLossError: Names step, learning rate, every term of the loss (the
            scale of the cosines among them) and the batch's files.
    """

    priority = "HIGH"

    def __init__(self, max_skips: int = 0) -> None:
        if max_skips < 0:
            raise ValueError(f"NaNGuardHook.max_skips: expected >= 0, got {max_skips}")
        self.max_skips = max_skips
        self._skipped = 0
        self._wrong = ""
        self._sharded = False
        self._losses: Mapping[str, Any] = {}
        self._samples: Iterable[Any] = ()
        self._handles: list[Any] = []

    def before_train(self, runner: Any) -> None:
        """Watch the model and its optimizers."""
        self._handles = [runner.model.register_forward_hook(self._check_losses)]
        wrappers = runner.optim_wrapper
        wrappers = wrappers.values() if hasattr(wrappers, "values") else [wrappers]
        self._sharded = isinstance(runner.model, FullyShardedDataParallel)
        for wrapper in wrappers:
            check = partial(self._check_gradients, wrapper)
            register = getattr(wrapper.optimizer, "register_step_pre_hook", None)
            if register is not None:
                self._handles.append(register(check))
            elif self.max_skips:
                raise ConfigError(
                    "NaNGuardHook.max_skips: expected 0 with "
                    f"{type(wrapper.optimizer).__name__}, whose steps cannot be left "
                    f"out, got {self.max_skips}"
                )

    def after_train(self, runner: Any) -> None:
        """Leave the model as it was."""
        for handle in self._handles:
            handle.remove()

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Remember whose losses these will be."""
        samples = data_batch.get("data_samples") if isinstance(data_batch, dict) else ()
        self._samples = samples or ()
        self._wrong = ""

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Count the steps left out in a row."""
        self._skipped = self._skipped + 1 if self._wrong else 0

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Check the weights that are about to be written.

        Raises:
            NonFiniteLossError: Names the step and the weights that are not finite.
        """
        bad = [
            name
            for name, value in checkpoint.get("state_dict", {}).items()
            if isinstance(value, Tensor) and not bool(value.isfinite().all())
        ]
        if bad:
            raise NonFiniteLossError(
                f"{len(bad)} tensors hold NaN or infinite values{_where()}, first: "
                f"{bad[0]}. No checkpoint was written. {_WAY_OUT}"
            )

    def _check_losses(self, model: nn.Module, args: Any, losses: Any) -> None:
        """Forward hook: the losses, before the backward pass."""
        if not (model.training and isinstance(losses, Mapping) and losses):
            return
        self._losses = {name: _as_tensor(value) for name, value in losses.items()}
        # One flag for all terms: one synchronisation with a GPU a step.
        flags = [term.detach().isfinite().all() for term in self._losses.values()]
        if not bool(torch.stack(flags).all()):
            self._refuse("loss")

    def _check_gradients(
        self, wrapper: Any, optimizer: Optimizer, args: Any, kwargs: Any
    ) -> None:
        """Optimizer hook: the gradients, before the step."""
        wrong = bool(self._wrong) or not math.isfinite(_gradient_norm(wrapper))
        if self._sharded:  # each rank sees its part: all must come to one decision
            wrong = _on_any_rank(wrong)
        if wrong and not self._wrong:
            self._refuse("gradient")
        if self._wrong:
            optimizer.zero_grad()  # to None: the step then changes nothing

    def _refuse(self, what: str) -> None:
        self._wrong = _describe(what, self._losses, self._samples)
        if self._skipped >= self.max_skips:
            tried = f" {self._skipped} steps in a row were left out before."
            raise NonFiniteLossError(self._wrong + (tried if self._skipped else ""))
        print_log(
            f"Step left out ({self._skipped + 1} of at most {self.max_skips} in a "
            f"row). {self._wrong}",
            logger="current",
            level=logging.WARNING,
        )


def _on_any_rank(flag: bool) -> bool:
    """Whether it is so on any rank; every rank must call it."""
    found = torch.tensor(float(flag))
    if torch.distributed.get_backend() == "nccl":
        found = found.cuda()
    torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
    return bool(found)


def _gradient_norm(wrapper: Any) -> float:
    """Norm of all gradients of an optim wrapper; the clipping's, where it clips."""
    if wrapper.clip_grad_kwargs:
        norm = wrapper.message_hub.log_scalars.get(f"train/{wrapper.grad_name}")
        if norm is not None:
            return float(norm.current())
    groups = wrapper.optimizer.param_groups
    norms = [p.grad.norm() for g in groups for p in g["params"] if p.grad is not None]
    return float(torch.stack(norms).norm()) if norms else 0.0


def _as_tensor(value: Any) -> Tensor:
    if isinstance(value, Sequence):
        return torch.cat([_as_tensor(one).reshape(-1) for one in value])
    return torch.as_tensor(value)


def _describe(
    what: str, losses: Mapping[str, Tensor], data_samples: Iterable[Any]
) -> str:
    terms = ", ".join(f"{name}={_mean(term):.6g}" for name, term in losses.items())
    files = [str(sample.get("img_path", "?")) for sample in data_samples]
    listed = "".join(f"\n    {path}" for path in files) or " unknown"
    return (
        f"The {what} is not finite{_where()}: {terms}.\n"
        f"Files of this batch ({len(files)}):{listed}\n{_WAY_OUT}"
    )


def _mean(term: Tensor) -> float:
    return float(term.detach().float().mean())


def _where() -> str:
    """' at step 7 (learning rate 0.001)', as far as the running job knows."""
    hub = MessageHub.get_current_instance()
    step = hub.runtime_info.get("iter")
    rate = hub.log_scalars.get("train/lr")
    return ("" if step is None else f" at step {step + 1}") + (
        "" if rate is None else f" (learning rate {rate.current():.3g})"
    )
