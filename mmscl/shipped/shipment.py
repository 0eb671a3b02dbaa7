"""What is to be shipped, and whether it can be meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.config import ConfigError
from mmscl.engine.settings import flatten_settings, list_changes
from mmscl.files import OutputError, check_writable
from mmscl.shipped.store import MODELS, NAME, RECORD

_MACHINE_PATH = re.compile(r"""(?<![^\s='",\[(])[/~][^\s'",]*""")


@dataclass(frozen=True)
class Shipment:
    """What is shipped, and what only people know of it.

    Attributes:
        name: Of the model.
        checkpoint: Of the run.
        config: File of its config.
        results: Folder of tools/test.py.
        manifest: Of the set that was trained on, with its splits.
        commands: Those that made the model, in order.
        machine: Where it was trained, and how long.
        split: Of the manifest that `results` calls internal.
        options: Settings that training replaced in the config.
        terms: Site -> terms of its data, for sites that `TERMS` does not know.
        notes: Markdown for the card.
        karyotype: File of the karyotype model that was fitted for the checkpoint; ''
            ships none, and no prototypes.
    """

    name: str
    checkpoint: str
    config: str
    results: str
    manifest: str
    commands: Sequence[str]
    machine: str
    split: str = "test"
    options: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    karyotype: str = ""

    @property
    def config_name(self) -> str:
        """The config as seen from the repository, its name alone if elsewhere."""
        path, root = Path(self.config).resolve(), MODELS.parents[2]
        inside = path.is_relative_to(root)
        return str(path.relative_to(root)) if inside else path.name


def check_name(name: str, out: Path, overwrite: bool) -> Path:
    """The folder that a model will have in `out`.

    Raises:
        ConfigError: The name cannot be one.
        OutputError: The folder cannot be made, or is there already.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name}: expected small letters, digits and . _ -, such as "
            "mmscl-resnet18-pki3"
        )
    check_writable(out / RECORD)
    folder = out / name
    if folder.exists() and not overwrite:
        raise OutputError(f"{folder} is there already; replace it with --overwrite")
    return folder


def check_commands(commands: Sequence[str]) -> None:
    """Refuse commands that can be given on one machine only.

    Raises:
        ConfigError: Names the path.
    """
    for command in commands:
        found = _MACHINE_PATH.search(command)
        if found:
            raise ConfigError(
                f"--command: {found.group()!r} is a path of this machine; write the "
                f"command as others can give it, from the repository: {command}"
            )


def check_settings(shipment: Shipment, cfg: Config, known: Mapping[str, str]) -> None:
    """Compare the config with what its checkpoint was trained with.

    Args:
        shipment: For the message.
        cfg: Its config, read as for training.
        known: Settings that the checkpoint holds; {} if it holds none.

    Raises:
        ConfigError: Names the settings that differ.
    """
    # Data are compared with the manifest; the config of a work dir tells them too.
    trained, given = (
        {k: v for k, v in settings.items() if not k.startswith("data_state.")}
        for settings in (known, flatten_settings(cfg))
    )
    changes = list_changes(trained, given) if trained else []
    if changes:
        raise ConfigError(
            f"{shipment.config}: {len(changes)} settings are not those that "
            f"{shipment.checkpoint} was trained with:"
            + "".join(f"\n    {change}" for change in changes[:12])
            + "\nGive the config of the run, and its --cfg-options."
        )
