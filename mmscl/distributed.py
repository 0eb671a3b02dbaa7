"""Ranks that find each other, and embeddings of all of them in one loss."""

from __future__ import annotations

import torch
import torch.distributed as dist
from mmengine.config import Config
from torch import Tensor

# How gloo and NCCL word a peer that died.
_LOST = (
    "Connection closed by peer",
    "Connection reset by peer",
    "Connection refused",
    "Broken pipe",
    "remote process exited",
)


def join_ranks(cfg: Config) -> None:
    """Join the process group by gloo, and wrap the model for it, where there is no GPU.

    mmengine's own start selects a GPU whatever the backend, and fails without one. Does
    nothing with a GPU, one process, or another launcher than 'pytorch'. In the place of
    a wrapper a FlexibleRunner gets DDPStrategy if it has no strategy.

    Args:
        cfg: A complete config; gets a `model_wrapper_cfg` if it has none.
    """
    if torch.cuda.is_available() or cfg.get("launcher") != "pytorch":
        return
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    wrapper = dict(
        type="MMDistributedDataParallel",
        device_ids=None,  # where mmengine puts the local rank
        broadcast_buffers=False,
        find_unused_parameters=cfg.get("find_unused_parameters", False),
    )
    if "runner_type" not in cfg:
        cfg.setdefault("model_wrapper_cfg", wrapper)
    elif cfg.get("strategy") is None:
        cfg.strategy = dict(type="DDPStrategy", model_wrapper=wrapper)


def leave_ranks() -> None:
    """Wait for the other ranks and end the process group, where there is one.

    A process that ends with its group still open may be aborted by gloo's threads: the
    launcher then takes a finished job for a failed one and ends the other ranks, which
    may still be writing.
    """
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def is_lost_rank(error: BaseException) -> bool:
    """Whether an error says that another process of the run is gone."""
    if not isinstance(error, RuntimeError):
        return False
    return any(words in str(error) for words in _LOST)


def gather_batch(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Concatenate the batches of all ranks, in the order of ranks.

    The loss of the gathered batch is the same on every rank. Backward sums the
    gradients of all ranks and slices this rank's part, so that after the averaging of
    DistributedDataParallel the parameters have the gradient of one process that saw
    the whole batch. (A gather without the sum gives 1 / ranks of it.)

    Args:
        embeddings: (B, D), the same B on every rank.
        labels: (B,) integer types.

    Returns:
        (ranks * B, D) and (ranks * B,); the arguments themselves on one process.

    Raises:
        RuntimeError: If the batches of the ranks differ in size.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return embeddings, labels
    if dist.get_world_size() == 1:
        return embeddings, labels
    sizes = _all_gather(torch.tensor([len(labels)], device=labels.device))
    if len({int(size) for size in sizes}) > 1:
        raise RuntimeError(
            "gather: every rank must hold a batch of the same size, got "
            f"{[int(size) for size in sizes]}; set drop_last=True in the dataloader"
        )
    return _Gather.apply(embeddings), torch.cat(_all_gather(labels))


def _all_gather(tensor: Tensor) -> list[Tensor]:
    parts = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, tensor.contiguous())
    return parts


class _Gather(torch.autograd.Function):
    """all_gather forward; sum over ranks and slice backward."""

    @staticmethod
    def forward(ctx, tensor: Tensor) -> Tensor:
        return torch.cat(_all_gather(tensor))

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        grad = grad.contiguous().clone()
        dist.all_reduce(grad)
        return grad.chunk(dist.get_world_size())[dist.get_rank()]
