"""The state of every random number generator of a run, for checkpoints."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.logging import print_log


def gather_generators() -> list[dict[str, Any]]:
    """State of the global generators of all ranks; every rank must call it.

    Returns:
        One dict a rank, of plain types and tensors alone: python (tuple), numpy
        (tuple), torch (uint8 tensor), cuda (uint8 tensor a device).
    """
    numpy_state: Any = np.random.get_state()
    kind, keys, *rest = numpy_state
    state = dict(
        python=random.getstate(),
        numpy=(kind, torch.from_numpy(keys.astype(np.int64)), *rest),
        torch=torch.get_rng_state(),
        cuda=torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    )
    return all_gather_object(state)


def restore_generators(states: list[dict[str, Any]]) -> None:
    """Set this rank's generators; says so if the run had another number of ranks.

    Args:
        states: What `gather_generators` returned.
    """
    rank = get_rank()
    if rank >= len(states):
        print_log(
            f"The checkpoint was made by {len(states)} processes and holds no random "
            f"state for rank {rank}: the run goes on, but not exactly as it would have "
            "without the interruption.",
            logger="current",
            level=logging.WARNING,
        )
        return
    state = states[rank]
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"].cpu())
    if len(state["cuda"]) == torch.cuda.device_count():
        for device, cuda_state in enumerate(state["cuda"]):
            torch.cuda.set_rng_state(cuda_state.cpu(), device)
