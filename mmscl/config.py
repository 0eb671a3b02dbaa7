"""Config files: read, checked for mistyped keys, merged with the command line."""

from __future__ import annotations

import copy
import difflib
import hashlib
import os.path as osp
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import ConcatDataset
from mmengine.device import get_device
from mmengine.utils import import_modules_from_strings
from mmpretrain.registry import DATASETS

from mmscl.build_errors import did_you_mean
from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.manifest import Manifest
from mmscl.shipped.store import CONFIG, find_shipped, shipped_names

# Top-level keys that mmengine's Runner or our tools read; a key that is almost one of
# them is a mistake, any other is a variable of the config's author.
RUNNER_KEYS = (
    "model work_dir train_dataloader val_dataloader test_dataloader train_cfg val_cfg "
    "test_cfg auto_scale_lr optim_wrapper param_scheduler val_evaluator "
    "test_evaluator default_hooks custom_hooks data_preprocessor load_from resume "
    "launcher env_cfg log_processor log_level visualizer default_scope randomness "
    "experiment_name custom_imports external canvas compile strategy runner_type "
    "model_wrapper_cfg find_unused_parameters"
).split()


class ConfigError(ValueError):
    """A config file or option that cannot be meant; the message names it."""


class RunConfig(Config):
    """A config whose text is formatted once, until a setting changes.

    A Runner logs the text, writes it to a file and keeps it for checkpoints. mmengine
    formats it anew each time, which takes yapf some tenths of a second.
    """

    @classmethod
    def of(cls, cfg: Config) -> RunConfig:
        """The same config; both share their settings."""
        run = cls.__new__(cls)
        run.__dict__.update(cfg.__dict__)
        return run

    @property
    def pretty_text(self) -> str:
        """The settings as Python code."""
        settings = repr(self._cfg_dict)
        known, text = self.__dict__.get("_formatted", (None, ""))
        if known != settings:
            text = super().pretty_text
            self.__dict__["_formatted"] = settings, text
        return text


def read_config(args: Namespace) -> Config:
    """Read `args.config` and merge the options of the command line.

    Args:
        args: config (a file, or the name of a model that comes with mmscl), work_dir,
            launcher, cfg_options; optionally amp, no_pin_memory and
            no_persistent_workers.

    Raises:
        ConfigError: There is no such file, a key is mistyped, or amp has no device.
        CheckpointError: The config of a named model is missing.
    """
    shipped = find_shipped(args.config)
    file = str(shipped.file(CONFIG)) if shipped else args.config
    if not osp.isfile(file):
        raise ConfigError(
            f"{args.config}: no such config file (see configs/README.md), nor a model "
            f"that comes with mmscl ({', '.join(shipped_names()) or 'none do'})"
        )
    cfg = RunConfig.of(Config.fromfile(file))
    if args.cfg_options:
        check_options(cfg, args.cfg_options, args.config)
        cfg.merge_from_dict(args.cfg_options)
        _import_named(cfg, args.cfg_options)
    check_keys(cfg, args.config)
    cfg.launcher = args.launcher
    name = osp.splitext(osp.basename(args.config))[0]
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif shipped:
        cfg.work_dir = osp.join("work_dirs", shipped.name)
    elif cfg.get("work_dir") is None:
        # scl/x.py and baseline/x.py are two experiments
        folder = osp.basename(osp.dirname(osp.abspath(args.config)))
        cfg.work_dir = osp.join("work_dirs", folder, name)
    if getattr(args, "amp", False):
        _check_amp()
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.setdefault("loss_scale", "dynamic")
    for phase in ("train", "val", "test"):
        _complete_dataloader(cfg, f"{phase}_dataloader", args)
    if not torch.cuda.is_available():
        cfg.merge_from_dict({"env_cfg.dist_cfg.backend": "gloo"})
    return cfg


def _import_named(cfg: Config, options: Iterable[str]) -> None:
    """Import what options add to custom_imports: mmengine imports the file's alone."""
    if any(key.partition(".")[0] == "custom_imports" for key in options):
        try:
            import_modules_from_strings(**cfg.custom_imports)
        except (ImportError, TypeError) as error:
            raise ConfigError(f"--cfg-options custom_imports: {error}") from error


def choose_weights(config: str, checkpoint: str | None) -> str:
    """The checkpoint that was given, else the weights that come with a named model.

    Args:
        config: A file, or the name of a model that comes with mmscl.
        checkpoint: What was given as checkpoint, if anything.

    Raises:
        ConfigError: There is neither.
    """
    if checkpoint is not None:
        return checkpoint
    shipped = find_shipped(config)
    if shipped is None:
        raise ConfigError(
            f"weights of {config}: expected a checkpoint (.pth, .safetensors), got "
            "none; only the name of a model that comes with mmscl goes without "
            f"({', '.join(shipped_names()) or 'none do'})"
        )
    return shipped.address


def set_config(cfg: Config, test_set: str) -> Config:
    """A copy of a config that tests on its own ('internal') or an external set."""
    tested = Config(dict(test_dataloader=copy.deepcopy(cfg.test_dataloader)))
    if test_set != "internal":
        changes = copy.deepcopy(cfg.external[test_set].to_dict())
        tested.merge_from_dict({"test_dataloader": dict(dataset=changes)})
    return tested


def check_keys(cfg: Config, filename: str) -> None:
    """Refuse a top-level key that is one letter or two away from a known one.

    Raises:
        ConfigError: Names the key, the file and the key that was probably meant.
    """
    for key in cfg:
        near = difflib.get_close_matches(key, RUNNER_KEYS, n=1, cutoff=0.85)
        if key not in RUNNER_KEYS and near:
            raise ConfigError(
                f"{filename}: unknown key {key!r}; did you mean {near[0]!r}?"
            )


def check_options(cfg: Config, options: dict, filename: str) -> None:
    """Refuse a --cfg-options path whose parents do not exist in the config.

    The last part may be new (an argument that the config leaves at its default); the
    component's own constructor refuses it if it does not exist.

    Raises:
        ConfigError: Names the option, the part that is not there and what is.
    """
    for option in options:
        node, parts = cfg, option.split(".")
        for depth, part in enumerate(parts):
            last = depth == len(parts) - 1
            if isinstance(node, (list, tuple)):
                known = [str(index) for index in range(len(node))]
            elif isinstance(node, (dict, Config)):
                known = list(node.keys())
            else:
                known = []
            new_argument = last and depth > 0 and isinstance(node, dict)
            new_key = last and depth == 0 and part in RUNNER_KEYS
            if part in known:
                node = (
                    node[int(part)] if isinstance(node, (list, tuple)) else node[part]
                )
            elif not new_argument and not new_key:
                raise ConfigError(
                    f"--cfg-options {option}: {filename} has no "
                    f"{'.'.join(parts[: depth + 1])!r}{_nearest(part, known)}"
                )


def check_data(
    cfg: Config, phases: Iterable[str] = ("train", "val")
) -> dict[str, dict]:
    """Read the manifests that a run will need, before its network is built.

    A big network takes longer to build than a manifest to be found missing.

    Returns:
        Phase -> `describe_rows`: what a resumed run compares its data with.

    Raises:
        FileNotFoundError, ManifestError: As `ChromosomeDataset`.
    """
    states = {}
    for phase in phases:
        dataset = (cfg.get(f"{phase}_dataloader") or {}).get("dataset", {})
        if manifests := _read_manifests(dataset):
            states[phase] = describe_rows(*manifests)
    return states


def describe_rows(*manifests: Manifest) -> dict[str, Any]:
    """A short description of manifests' rows that changes when any of them does.

    Returns:
        images (int), types (type -> images) and rows (16 hex digits over all columns).
    """
    digest = hashlib.sha256()
    for manifest in manifests:
        for name in manifest.columns:
            digest.update(name.encode())
            digest.update(manifest[name].tobytes())
    all_types = np.concatenate([manifest["type"] for manifest in manifests])
    types, counts = np.unique(all_types, return_counts=True)
    return dict(
        images=len(all_types),
        types=dict(zip(types.tolist(), counts.tolist(), strict=True)),
        rows=digest.hexdigest()[:16],
    )


def _read_manifests(dataset: dict) -> list[Manifest]:
    """Of a ChromosomeDataset or a concatenation of such; [] of any other data set."""
    kind = DATASETS.get(dataset["type"]) if "type" in dataset else None
    if not isinstance(kind, type):
        return []
    if issubclass(kind, ConcatDataset):
        parts = [_read_manifests(part) for part in dataset["datasets"]]
        return [manifest for part in parts for manifest in part] if all(parts) else []
    if not issubclass(kind, ChromosomeDataset):
        return []
    lazy = dict(dataset, pipeline=[], lazy_init=True)
    return [DATASETS.build(lazy).load_manifest()]


def _check_amp() -> None:
    """mmengine's AmpOptimWrapper trains on these devices alone."""
    if get_device() not in ("cuda", "npu", "mlu", "musa"):
        raise ConfigError(
            f"--amp: expected a GPU, got the device {get_device()!r}. Half precision "
            "makes training on a CPU slower, not faster: leave --amp out"
        )


def _nearest(part: str, known: Iterable[str]) -> str:
    there_is = f"; there is: {', '.join(known) or 'nothing below it'}"
    return did_you_mean(part, known) or there_is


def _complete_dataloader(cfg: Config, field: str, args: Namespace) -> None:
    """mmpretrain's defaults, with pinned memory only where there is a GPU."""
    if cfg.get(field) is None:
        return
    workers = cfg[field].get("num_workers", 0) > 0
    default = ConfigDict(
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers,
        collate_fn=dict(type="default_collate"),
    )
    default.update(cfg[field])
    if getattr(args, "no_pin_memory", False):
        default.pin_memory = False
    if getattr(args, "no_persistent_workers", False) or not workers:
        default.persistent_workers = False
    cfg[field] = default
