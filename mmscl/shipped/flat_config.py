"""A config without its bases and without what holds on one machine only."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.config import ConfigError

#: Of one run or one machine.
_DROPPED = ("work_dir", "launcher", "experiment_name", "data_state", "local_rank")


def flatten_config(cfg: Config) -> tuple[Config, list[str]]:
    """A copy that means the same on every machine, and what was changed in it.

    Left out are the run's folder and name, what it started from and how its processes
    were launched. The `data_root` of a data set becomes ``data/<its folder>``. A
    backbone's `pretrained` is switched off: the weights that the config will lie beside
    replace all of it.

    Args:
        cfg: A config whose bases are merged, as `Config.fromfile` gives it.

    Raises:
        ConfigError: Another setting is a path of this machine; names it.
    """
    settings = copy.deepcopy(cfg.to_dict())
    for key in _DROPPED:
        settings.pop(key, None)
    settings.update(load_from=None, resume=False)
    changes = []
    backbone = settings.get("model", {}).get("backbone", {})
    if backbone.get("pretrained"):
        changes.append(f"model.backbone.pretrained: {backbone['pretrained']} -> False")
        backbone["pretrained"] = False
    for name, owner, key in list(_paths("", settings)):
        if key != "data_root":
            raise ConfigError(
                f"{name} = {owner[key]!r} is a path of this machine, which a config "
                "that is shipped cannot have; take it out of the config"
            )
        new = f"data/{Path(owner[key]).name}"
        changes.append(f"{name}: {owner[key]} -> {new}")
        owner[key] = new
    return Config(settings), changes


def write_config(cfg: Config, path: Path, title: str) -> None:
    """Write a flat config as a Python file and read it back.

    Args:
        cfg: As `flatten_config` gives it.
        path: The file.
        title: First line of its docstring.

    Raises:
        ConfigError: It reads back as something else.
    """
    cause = None
    try:
        text = f'"""{title}"""\n\n{cfg.pretty_text}'
        path.write_text(text, encoding="utf-8")
        same = Config.fromfile(str(path)).to_dict() == cfg.to_dict()
    except OSError:
        raise
    except Exception as error:  # whatever formatting or running the text raises
        same, cause = False, error
    if not same:
        raise ConfigError(
            f"{title} It holds a value that cannot be written as text"
            f"{f': {cause}' if cause else ''}"
        ) from cause


def _paths(name: str, value: Any) -> Iterator[tuple[str, Any, Any]]:
    """Absolute paths in a tree: dotted name, what holds it (dict or list), its key."""
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list | tuple)
        else []
    )
    for key, inner in items:
        dotted = f"{name}.{key}" if name else str(key)
        if isinstance(inner, str) and (os.path.isabs(inner) or inner.startswith("~")):
            yield dotted, value, key
        yield from _paths(dotted, inner)
