"""Checkpoints are data: loading one never runs code that it carries.

``torch.load(weights_only=True)`` refuses what mmengine stores beside the
weights (its logs, its schedulers), so upstream mmengine cannot test or resume
with torch >= 2.6, and onedl-mmengine, on such a refusal, loads the file again
without protection. :func:`install_safe_loader` puts one loader with a short
allow-list in the place of both.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import mmengine.runner.checkpoint as mmengine_checkpoint
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

# The only attributes that a checkpoint may ask for, and of which class.
_ATTRIBUTES = {
    HistoryBuffer: ("min", "max", "current", "mean"),
    OneCycleParamScheduler: ("_annealing_cos", "_annealing_linear"),
}
_NUMPY_SCALARS = "bool uint8 int8 int16 int32 int64 float16 float32 float64"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read, is not safe or is another model's."""


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint file without running any code from it.

    Args:
        filename: path of a file written by ``torch.save``, or of a .safetensors file;
            ``~`` is expanded.
        map_location: as in :func:`torch.load`.

    Returns:
        The checkpoint: mmengine's dict, or a bare state dict.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is truncated or no checkpoint, or its pickle
            asks for anything outside the allow-list. Names file and cause.
    """
    path = os.path.expanduser(filename)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Checkpoint {filename} does not exist.")
    if os.path.getsize(path) == 0:
        raise CheckpointError(f"Checkpoint {filename} is empty (0 bytes): {_BROKEN}")
    if path.endswith(".safetensors"):
        return _load_safetensors(path, filename, map_location)
    return _load(path, filename, map_location)


def load_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Download a checkpoint (cached by torch.hub) and read it safely.

    Args:
        url: http or https address.
        model_dir: where to keep the file; torch.hub's folder by default.
        map_location: as in :func:`torch.load`.
        progress: show the download's progress.

    Raises:
        CheckpointError: as :func:`load_from_local`.
    """
    with _refusals(url), torch.serialization.safe_globals(_allowed()):
        checkpoint = torch.hub.load_state_dict_from_url(
            url, model_dir, map_location, progress, weights_only=True
        )
    return _as_dict(checkpoint, url)


def install_safe_loader() -> None:
    """Make mmengine and all that builds on it read checkpoints safely.

    Runner (test, resume, ``load_from``), ``load_checkpoint``,
    ``init_cfg=dict(type='Pretrained')``, mmpretrain's ``get_model`` and its
    inferencers all end in mmengine's table of loaders. Calling it twice does
    no harm.
    """
    loader = mmengine_checkpoint.CheckpointLoader
    loader.register_scheme(prefixes="", loader=load_from_local, force=True)
    mmengine_checkpoint.load_from_local = load_from_local
    mmengine_checkpoint.load_url = load_from_url
    if hasattr(mmengine_checkpoint, "_safe_torch_load"):  # onedl-mmengine
        mmengine_checkpoint._safe_torch_load = _load_any


def check_state_dict(
    model: nn.Module, state_dict: Mapping[str, Tensor], filename: str
) -> None:
    """Check that a checkpoint's weights are those of this very model.

    mmengine loads with ``strict=False`` and only logs what does not fit: a
    test would then report the accuracy of random weights.

    Args:
        model: the model to be filled, bare or wrapped for distribution.
        state_dict: parameter name -> tensor; a leading ``module.`` is ignored.
        filename: the checkpoint, for the message.

    Raises:
        CheckpointError: with the number of missing and unexpected names and
            of tensors of another shape, and the first of each.
    """
    if is_model_wrapper(model):
        model = cast(nn.Module, model.module)
    ours = model.state_dict()
    theirs = {re.sub(r"^module\.", "", key): value for key, value in state_dict.items()}
    reshaped = [
        f"{key} (model {tuple(ours[key].shape)}, checkpoint {_shape(theirs[key])})"
        for key in ours
        if key in theirs and _shape(theirs[key]) != tuple(ours[key].shape)
    ]
    problems = [
        f"{len(names)} {what}, first: {names[0]}"
        for what, names in (
            ("missing", [key for key in ours if key not in theirs]),
            ("unexpected", [key for key in theirs if key not in ours]),
            ("of another shape", reshaped),
        )
        if names
    ]
    if problems:
        raise CheckpointError(
            f"Checkpoint {filename} does not fit {type(model).__name__} "
            f"({len(ours)} tensors): {'; '.join(problems)}. Use the config "
            "that this checkpoint was trained with (saved beside it in its "
            "work_dir)."
        )


_BROKEN = (
    "it was cut off while being written: delete it and go on "
    "from an earlier one (train.py --resume PATH)."
)


def _shape(value: object) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _getattr(owner: type, name: str) -> Any:
    """Stands in for ``builtins.getattr`` in pickles: two classes, six names."""
    for known, names in _ATTRIBUTES.items():
        if owner is known and name in names:
            return getattr(known, name)
    raise pickle.UnpicklingError(
        f"Unsupported global: GLOBAL getattr({owner!r}, {name!r})"
    )


def _allowed() -> list[Any]:
    """What a checkpoint of mmengine holds besides tensors and plain types."""
    reconstruct: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(name)) for name in _NUMPY_SCALARS.split()}
    return [
        *_ATTRIBUTES,
        (_getattr, "builtins.getattr"),
        np.ndarray,
        np.dtype,
        *sorted(dtypes, key=lambda cls: cls.__name__),
        *(
            (function, f"numpy.{core}.multiarray.{function.__name__}")
            for function in (reconstruct, scalar)
            for core in ("core", "_core")
        ),
    ]


def _load(file: Any, name: str, map_location: Any) -> dict[str, Any]:
    with _refusals(name), torch.serialization.safe_globals(_allowed()):
        checkpoint = torch.load(file, map_location=map_location, weights_only=True)
    return _as_dict(checkpoint, name)


def _load_safetensors(path: str, name: str, map_location: Any) -> dict[str, Any]:
    with _refusals(name):
        try:
            weights = load_file(path)
        except SafetensorError as error:
            raise ValueError(str(error)) from error
    if map_location is not None and not callable(map_location):
        weights = {key: value.to(map_location) for key, value in weights.items()}
    return dict(state_dict=weights)


def _load_any(
    file: Any, map_location: Any = None, weights_only: bool | None = None
) -> dict[str, Any]:
    """Takes the place of onedl-mmengine's function; always weights only."""
    name = file if isinstance(file, str) else "read from memory"
    return _load(file, name, map_location)


def _as_dict(checkpoint: Any, name: str) -> dict[str, Any]:
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f"Checkpoint {name}: expected a dict of weights, but the file "
            f"holds a {type(checkpoint).__name__}."
        )
    meta = checkpoint.get("meta")
    if isinstance(meta, dict):
        # mmengine would run this text as a Python file when it resumes; it holds the
        # config of a time before mmengine, of which only the GPU ids are looked at.
        meta.pop("config", None)
    return checkpoint


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn torch's errors into ours, which name the file and the cause."""
    try:
        yield
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:
        text = str(error)
        if "deserialize object on" in text:  # a device that is not here
            raise
        refused = re.search(r"GLOBAL (getattr\(.*\)|[\w.]+)", text)
        if refused:
            raise CheckpointError(
                f"Checkpoint {name} is refused: it asks for "
                f"{refused.group(1)}, which no checkpoint needs and which "
                "could run code. Nothing of it was run. Get the weights from "
                "a source you trust, as a plain state dict."
            ) from error
        cause = text.partition("WeightsUnpickler error: ")[2] or text
        cause = f"{type(error).__name__}: {cause}".partition("\n")[0]
        raise CheckpointError(
            f"Checkpoint {name} cannot be read ({cause}). Either it is no "
            f"file of torch.save, or {_BROKEN}"
        ) from error
