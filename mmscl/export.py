"""The weights of a checkpoint as a file that cannot hold code."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from mmscl.checkpoint import CheckpointError, load_from_local
from mmscl.files import replaced


def export_weights(checkpoint: str, out: str | Path, half: bool = False) -> int:
    """Write a checkpoint's weights, and nothing else, as a .safetensors file.

    Args:
        checkpoint: file of a run, or any that :func:`load_from_local` reads.
        out: the file to write; must end with .safetensors and not be there yet.
        half: store kernels and matrices as float16; they are float32 again when
            loaded into a model. Biases, factors and statistics of norms stay as they
            are: they are few, and a variance may be too large for float16.

    Returns:
        Number of tensors written.

    Raises:
        CheckpointError: the checkpoint holds no weights, `out` cannot be written, or a
            weight is too large for float16 (65,504).
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise CheckpointError(f"{out}: expected a name that ends with .safetensors")
    if out.exists():
        raise CheckpointError(f"{out} exists; choose another name or remove it")
    loaded = load_from_local(checkpoint, map_location="cpu")
    weights = {
        name: _halved(name, value) if half else value
        for name, value in loaded.get("state_dict", loaded).items()
        if isinstance(value, Tensor)
    }
    if not weights:
        raise CheckpointError(f"Checkpoint {checkpoint} holds no weights.")
    weights = {name: value.contiguous().clone() for name, value in weights.items()}
    with replaced(out) as part:
        save_file(weights, part, metadata=dict(format="pt"))
    return len(weights)


def _halved(name: str, value: Tensor) -> Tensor:
    if value.ndim < 2 or not value.is_floating_point():
        return value
    result = value.half()
    if not result.isfinite().all():
        raise CheckpointError(
            f"{name}: the largest weight is {value.abs().max():.4g}, which half "
            "precision does not hold; write this model in full precision"
        )
    return result
