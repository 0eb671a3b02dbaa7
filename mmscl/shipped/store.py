"""Where the models that come with mmscl lie, and how their weights are read.

Each has a folder in `models/`, named after it, with the files of `FILES`. The config is
flat, so that an installed wheel needs no other file. The address of the weights,
``mmscl://NAME``, is the same on every machine: it stands wherever mmengine takes a
checkpoint (`load_from`, `init_cfg`, `load_checkpoint`).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from mmpretrain.apis.model import ModelHub

from mmscl.checkpoint import CheckpointError, load_from_local

MODELS = Path(__file__).parent / "models"
#: Of models that answer together (mmscl.committee), a folder each.
COMMITTEES = Path(__file__).parent / "committees"
PREFIX = "mmscl://"
#: What mmscl-karyotype takes if no model is named.
DEFAULT = "mmscl-pair-pki3"
CONFIG, WEIGHTS, RECORD = "config.py", "weights.safetensors", "record.json"
CARD, METAFILE = "README.md", "metafile.yml"
FILES = (CONFIG, WEIGHTS, RECORD, CARD, METAFILE)
#: Beside them where cells can be read with the model (mmscl.shipped.companions).
KARYOTYPE, PROTOTYPES = "karyotype.json", "prototypes.safetensors"
COMPANIONS = (KARYOTYPE, PROTOTYPES)
#: Of names: mmpretrain looks them up in lower case, and they are folders.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Shipped:
    """What comes with mmscl under a name.

    Attributes:
        name: As users give it.
        folder: Where its files are, `RECORD` and `COMPANIONS` among them.
    """

    name: str
    folder: Path

    def file(self, name: str) -> Path:
        """A file of the folder.

        Raises:
            CheckpointError: It is not there.
        """
        path = self.folder / name
        if not path.is_file():
            raise CheckpointError(
                f"{self.name}: {path} is missing. This installation of mmscl is "
                "incomplete: install it again."
            )
        return path

    def record(self) -> dict[str, Any]:
        """What is known of it, with the checksums of its files.

        Raises:
            CheckpointError: The record is missing or cannot be read.
        """
        raise NotImplementedError

    def _read(self, what: str, *needed: str) -> dict[str, Any]:
        path = self.file(RECORD)
        try:
            record = json.loads(path.read_text("utf-8"))
            for key in needed:
                record[key]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self.name}: {path} is no record of {what} "
                f"({type(error).__name__}: {error}). Install mmscl again."
            ) from error
        return record


@dataclass(frozen=True)
class ShippedModel(Shipped):
    """A model that comes with its weights; its folder has all of `FILES`."""

    @property
    def address(self) -> str:
        """Of the weights, for everything that takes a checkpoint."""
        return PREFIX + self.name

    def record(self) -> dict[str, Any]:
        """What is known of it: data, commands, measures, checksums.

        Raises:
            CheckpointError: The record is missing or cannot be read.
        """
        record = self._read("a model", "weights", "types")
        if "sha256" not in record["weights"]:
            raise CheckpointError(
                f"{self.name}: {self.folder / RECORD} has no checksum of the weights. "
                "Install mmscl again."
            )
        return record


@dataclass(frozen=True)
class Committee(Shipped):
    """Models that come with mmscl and answer together, under one name."""

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the models.

        Raises:
            CheckpointError: As `record`.
        """
        return tuple(self.record()["members"])

    def record(self) -> dict[str, Any]:
        """Its members with the SHA-256 of their weights, and of what lies beside.

        Raises:
            CheckpointError: The record is missing, cannot be read, or names a model
                that does not come along.
        """
        record = self._read("several models", "members")
        missing = set(record["members"]) - set(shipped_names())
        if missing:
            raise CheckpointError(
                f"{self.name}: {self.folder / RECORD} names "
                f"{', '.join(sorted(missing))}, which this mmscl does not have "
                f"({', '.join(shipped_names()) or 'none'}). Install mmscl again."
            )
        return record


def shipped_names(folder: Path | None = None) -> list[str]:
    """Names of the models that come with their weights, sorted."""
    folder = folder or MODELS
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and NAME.fullmatch(path.name)
    )


def default_model() -> str | None:
    """The model that commands take if none is named; None if it does not come along."""
    known = (*committee_names(), *shipped_names())
    return DEFAULT if DEFAULT in known else None


def committee_names() -> list[str]:
    """Names under which several models come together, sorted."""
    return shipped_names(COMMITTEES)


def find_committee(name: str) -> Committee | None:
    """The models of that name, in small or capital letters; None if there are none."""
    name = name.lower()
    return Committee(name, COMMITTEES / name) if name in committee_names() else None


def find_shipped(name: str) -> ShippedModel | None:
    """The model of that name, in small or capital letters; None if there is none."""
    name = name.lower()
    if not NAME.fullmatch(name) or not (MODELS / name).is_dir():
        return None
    return ShippedModel(name, MODELS / name)


def load_from_shipped(address: str, map_location: Any = None) -> dict[str, Any]:
    """Read a shipped model's weights: a loader of mmengine's for ``mmscl://``.

    They are float32 again, whatever they are stored as.

    Args:
        address: ``mmscl://NAME``.
        map_location: As in :func:`torch.load`.

    Returns:
        state_dict, and meta with the names of the types.

    Raises:
        CheckpointError: There is no such model; a file of it is missing; the weights
            are not those that were shipped.
    """
    name = address.removeprefix(PREFIX)
    model = find_shipped(name)
    if model is None:
        raise CheckpointError(
            f"{address}: no model {name!r} comes with this version of mmscl; there "
            f"are: {', '.join(shipped_names()) or 'none'}."
        )
    record, path = model.record(), model.file(WEIGHTS)
    found, known = sha256_of(path), record["weights"]["sha256"]
    if found != known:
        raise CheckpointError(
            f"{address}: {path} is damaged or was replaced: expected the SHA-256 "
            f"{known}, got {found} ({path.stat().st_size:,} bytes). Install mmscl "
            "again."
        )
    loaded = load_from_local(str(path), map_location)
    state = {
        key: value.float() if value.dtype == torch.float16 else value
        for key, value in loaded["state_dict"].items()
    }
    meta = dict(dataset_meta=dict(classes=tuple(record["types"])))
    return dict(state_dict=state, meta=meta)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def register_shipped() -> None:
    """Make mmengine and mmpretrain know the models by name; twice does no harm.

    mmpretrain reads a model's config when it is asked for it; here its metafile alone
    is read.
    """
    CheckpointLoader.register_scheme(PREFIX, load_from_shipped, force=True)
    for name in shipped_names():
        metafile = MODELS / name / METAFILE
        if metafile.is_file() and not ModelHub.has(name):
            # Metafiles name configs as seen from the folder that holds the package.
            ModelHub.register_model_index(metafile, MODELS.parents[2])
