"""The settings of a run as a flat table, and how two runs differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

#: Settings that change where a run is and what it tells, not what it computes.
_NEUTRAL = re.compile(
    r"(work_dir|resume|load_from|launcher|log_level|log_processor|visualizer"
    r"|experiment_name|default_scope|custom_imports|external|test_\w+"
    r"|env_cfg\.dist_cfg|model_wrapper_cfg"
    r"|default_hooks\.(timer|logger|visualization|checkpoint)"
    r"|\w+_dataloader\.(num_workers|pin_memory|persistent_workers|prefetch_factor"
    r"|timeout)|\w+_dataloader\.dataset\.(data_root|ann_file|cache"
    r"|watch_files))(\.|$)"
)


def flatten_settings(cfg: Config) -> dict[str, str]:
    """Settings that decide what a run computes.

    Returns:
        Dotted name, such as optim_wrapper.optimizer.lr, -> value as text.
    """
    rows = dict(_leaves("", dict(cfg.items())))
    return {name: text for name, text in rows.items() if not _NEUTRAL.match(name)}


def list_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """One line for each setting that differs: 'name: old -> new'."""
    names = dict.fromkeys([*old, *new])
    return [
        f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
        for number, inner in enumerate(value):
            yield from _leaves(f"{name}.{number}", inner)
    else:
        yield name, repr(list(value) if isinstance(value, tuple) else value)
