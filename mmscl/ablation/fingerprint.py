"""Which code, settings and data a result is of."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

import mmscl
from mmscl.config import ConfigError, check_data, set_config
from mmscl.engine.settings import flatten_settings
from mmscl.shipped.store import MODELS
from mmscl.stack import REQUIREMENTS

PACKAGE = Path(mmscl.__file__).parent
#: Packages beside OpenMMLab's whose version may move a result.
_OTHERS = ("timm", "numpy")


def code_state() -> str:
    """16 hex digits over all Python files of the installed mmscl.

    Without configs: those of the models that come with it, and those of a wheel.

    Not the commit: one that changes the documentation changes no result, and what is
    not committed does.
    """
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if MODELS in path.parents or name.parts[0] == ".mim":
            continue
        digest.update(str(name).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache
def commit() -> str:
    """Commit of the checkout that mmscl runs from, '+' if files differ; '' without.

    For the reader; `code_state` is what is compared.
    """
    git = ["git", "-C", str(PACKAGE)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:  # no git here
        return ""
    if head.returncode:
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


@lru_cache
def stack_state() -> str:
    """Versions of what computes, such as 'python 3.11.9, torch 2.14.1, ...'."""
    versions = [f"python {platform.python_version()}", f"torch {torch.__version__}"]
    for requirement in REQUIREMENTS:
        name = _installed(requirement.distributions)
        if name and requirement.module != "torch":
            versions.append(f"{name} {metadata.version(name)}")
    versions += [f"{name} {metadata.version(name)}" for name in _OTHERS]
    return ", ".join(versions)


def settings_of(cfg: Config, test_set: str) -> dict[str, str]:
    """What decides a run and its test on one set: dotted name -> value as text."""
    tested = set_config(cfg, test_set).test_dataloader
    return {
        **flatten_settings(cfg),
        **flatten_settings(Config(dict(tested_dataloader=tested))),
    }


def hash_settings(settings: dict[str, str]) -> str:
    """16 hex digits, whatever the order."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class DataStates:
    """Describes data sets by their manifests, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def training(self, cfg: Config) -> tuple[str, int]:
        """Of the train and val splits, such as '16,015 + 2,241 images, 3fa0...'.

        Returns:
            The text, and the number of types to train on.
        """
        train, val = (self._describe(cfg, phase) for phase in ("train", "val"))
        both = hashlib.sha256(f"{train['rows']} {val['rows']}".encode())
        images = f"{train['images']} + {val['images']} images"
        return f"{images}, {both.hexdigest()[:16]}", len(train["types"])

    def tested(self, cfg: Config, test_set: str) -> str:
        """Of one test set, such as '4,195 images, 3fa0...'."""
        state = self._describe(set_config(cfg, test_set), "test")
        return f"{state['images']} images, {state['rows']}"

    def _describe(self, cfg: Config, phase: str) -> dict[str, Any]:
        field = f"{phase}_dataloader"
        if cfg.get(field) is None:
            return dict(images=0, types={}, rows="none")
        dataset = cfg[field].dataset
        key = repr({**dataset, "pipeline": None, "cache": None})
        if key not in self._known:
            found = check_data(cfg, [phase])
            if phase not in found:
                raise ConfigError(
                    f"{field}.dataset: {dataset.get('type')} has no manifest, so that "
                    "it cannot be told whether two results are of the same data; use "
                    "ChromosomeDataset, or a ConcatDataset of such"
                )
            self._known[key] = found[phase]
        return self._known[key]


def _installed(distributions: tuple[str, ...]) -> str | None:
    for name in distributions:
        try:
            metadata.version(name)
            return name
        except metadata.PackageNotFoundError:
            continue
    return None
