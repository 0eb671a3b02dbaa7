"""Embeddings of all ranks in one loss, with the gradient of one process."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


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
