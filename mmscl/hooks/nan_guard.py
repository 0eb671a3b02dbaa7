"""A NaN or infinite loss stops training, before it costs a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmscl.registry import register

_WAY_OUT = (
    "Checkpoints saved before this step are intact: resume from the last one "
    "with a lower optim_wrapper.optimizer.lr, with optim_wrapper.clip_grad, or "
    "without --amp, and look at the files above."
)


class NonFiniteLossError(FloatingPointError):
    """The loss, or a weight, became NaN or infinite."""


def check_finite(losses: Mapping[str, Any], data_samples: Iterable[Any] = ()) -> None:
    """Stop before a NaN or infinite loss reaches the optimizer.

    To be called by a classifier on what its `loss()` is about to return: a hook
    comes too late, as mmengine's `train_step` updates the weights right after.

    Args:
        losses: Name -> tensor of any shape, list of tensors, or number. Terms
            that are only logged, such as `scale`, are checked as well.
        data_samples: The batch's data samples, whose `img_path` is named.

    Raises:
        NonFiniteLossError: Names step, learning rate, every term and the files.
    """
    tensors = {name: _as_tensor(value) for name, value in losses.items()}
    if not tensors:
        return
    # One flag for all terms: one synchronisation with a GPU a step.
    flags = [tensor.detach().isfinite().all() for tensor in tensors.values()]
    if bool(torch.stack(flags).all()):
        return
    raise NonFiniteLossError(_describe(tensors, data_samples))


@register(HOOKS)
class NaNGuardHook(Hook):
    """Stops training on a NaN or infinite loss; never saves NaN weights.

    Guards any model, also one that does not call `check_finite`: the step's
    logged terms are looked at before the checkpoint hook may save, and so are
    all weights before a checkpoint is written.
    """

    priority = "HIGH"

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the terms that `train_step` returned.

        Raises:
            NonFiniteLossError: As `check_finite`.
        """
        samples = data_batch.get("data_samples", ()) if data_batch else ()
        check_finite(outputs or {}, samples)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Check the weights that are about to be written.

        Raises:
            NonFiniteLossError: Names the step and the weights that are not finite.
        """
        bad = [
            name
            for name, value in checkpoint["state_dict"].items()
            if isinstance(value, Tensor) and not bool(value.isfinite().all())
        ]
        if bad:
            raise NonFiniteLossError(
                f"{len(bad)} tensors hold NaN or infinite values{_where()}, first: "
                f"{bad[0]}. No checkpoint was written. {_WAY_OUT}"
            )


def _as_tensor(value: Any) -> Tensor:
    if isinstance(value, Sequence):
        return torch.cat([_as_tensor(one).reshape(-1) for one in value])
    return torch.as_tensor(value)


def _describe(tensors: Mapping[str, Tensor], data_samples: Iterable[Any]) -> str:
    terms = ", ".join(f"{name}={_mean(term):.6g}" for name, term in tensors.items())
    files = [str(sample.get("img_path", "?")) for sample in data_samples]
    listed = "".join(f"\n    {path}" for path in files) or " unknown"
    return (
        f"The loss is not finite{_where()}: {terms}.\n"
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
