"""What an ablation trains: configs x arms x seeds, one job each."""

from __future__ import annotations

import copy
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.ablation.fingerprint import (
    DataStates,
    code_state,
    hash_settings,
    settings_of,
    stack_state,
)
from mmscl.ablation.job import SELECTIONS, Job, Request
from mmscl.ablation.schedule import count_steps, set_steps
from mmscl.config import ConfigError, read_config
from mmscl.smoke import read_from
from mmscl.visualization.arms import MOST_ARMS


def make_plan(request: Request) -> list[Job]:
    """All jobs, seed by seed, so that a first table is there early.

    Raises:
        ConfigError: A config or arm is not there, two arms train for unequal times,
            a schedule cannot be stretched, nothing is left to compare.
        FileNotFoundError, ManifestError: A data set is not there.
    """
    _check(request)
    data, code = DataStates(), code_state()
    files = {
        name: _find_arms(name, file, request)
        for name, file in _name_configs(request).items()
    }
    plan = []
    for seed in request.seeds:
        for config, arms in files.items():
            jobs = [
                _make_job(config, arm, file, seed, request, data, code)
                for arm, file in arms.items()
            ]
            _check_budget(jobs)
            plan += jobs
    return plan


def find_config(given: str, root: Path) -> Path:
    """A config file as given, or below the project's configs.

    Raises:
        ConfigError: It is in neither place.
    """
    for path in (Path(given), root / given):
        if path.is_file():
            return path.resolve()
    raise ConfigError(
        f"{given}: no such config file, here or in {root}; see configs/README.md"
    )


def _check(request: Request) -> None:
    names = [arm.partition("=")[0] for arm in request.arms]
    for option, values in (("arms", names), ("seeds", request.seeds)):
        if not values or len(set(values)) < len(values):
            raise ConfigError(
                f"--{option}: expected different values, got "
                + ", ".join(map(str, values))
            )
    if not 2 <= len(names) <= MOST_ARMS:
        raise ConfigError(
            f"--arms: expected 2 to {MOST_ARMS}, got {len(names)}: {', '.join(names)}"
        )
    if request.select not in SELECTIONS:
        raise ConfigError(f"--select: expected one of {SELECTIONS}: {request.select!r}")


def _name_configs(request: Request) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for given in request.configs:
        path = find_config(given, request.configs_root)
        if path.stem in named:
            raise ConfigError(f"--configs: {path.stem} is given twice: {given}")
        named[path.stem] = path
    return named


def _find_arms(name: str, file: Path, request: Request) -> dict[str, Path]:
    """Arm -> config file."""
    found = {}
    for arm in request.arms:
        label, _, given = arm.partition("=")
        if given:
            found[label] = find_config(given, request.configs_root)
            continue
        found[label] = file.parent.parent / arm / file.name
        if not found[label].is_file():
            raise ConfigError(
                f"--arms {arm}: {file} has no twin {found[label]}; write it, or name "
                f"another config with --arms {arm}=FILE"
            )
    return found


def _make_job(
    config: str,
    arm: str,
    file: Path,
    seed: int,
    request: Request,
    data: DataStates,
    code: str,
) -> Job:
    cfg = _read(file, seed, request)
    train_data, types = data.training(cfg)
    if request.steps is not None:
        set_steps(cfg, request.steps, types)
    sets = ["internal", *cfg.external]
    settings = {name: _settings(cfg, name, request) for name in sets}
    fingerprints = {
        name: dict(
            code=code,
            stack=stack_state(),
            settings=hash_settings(settings[name]),
            train_data=train_data,
            test_data=data.tested(cfg, name),
        )
        for name in sets
    }
    folder = request.out / "runs" / config / arm / f"seed_{seed}"
    cfg.work_dir = str(folder / "work_dir")
    return Job(
        config,
        arm,
        seed,
        cfg,
        count_steps(cfg, types),
        request.select,
        folder,
        fingerprints,
        settings,
    )


def _read(file: Path, seed: int, request: Request) -> Config:
    cfg = read_config(
        Namespace(
            config=str(file),
            work_dir=None,
            launcher="none",
            cfg_options=copy.deepcopy(request.options) or None,
        )
    )
    cfg.merge_from_dict({"randomness.seed": seed})
    _choose_external(cfg, file, request.external)
    _check_outputs(cfg, file, request.select)
    return cfg


def _settings(cfg: Config, test_set: str, request: Request) -> dict[str, str]:
    """What `Job.settings` holds; the seed is a column of its own."""
    settings = settings_of(cfg, test_set)
    del settings["randomness.seed"]
    return {**settings, "tested checkpoint": request.select}


def _choose_external(cfg: Config, file: Path, wanted: Sequence[str] | None) -> None:
    """Leave those external sets in the config that are asked for, and add folders."""
    known = cfg.get("external") or {}
    chosen: dict[str, Any] = {}
    for given in [*known] if wanted is None else wanted:
        name, _, folder = given.rpartition("=")
        if given in known:
            chosen[given] = known[given]
        elif (Path(folder) / "manifest.csv").is_file():
            name = name or Path(folder).resolve().name
            if name in chosen:
                raise ConfigError(
                    f"--external {given}: there is a set {name} already; give this "
                    f"one a name of its own with NAME={folder}"
                )
            other = read_from(Path(folder), None, cfg.test_dataloader.dataset)
            chosen[name] = dict(other, _delete_=True)
        else:
            raise ConfigError(
                f"--external {given}: neither one of the external sets of {file} "
                f"({', '.join(known) or 'none'}) nor a folder with a manifest.csv; "
                "tools/prepare_dataset.py makes one"
            )
    if "internal" in chosen:
        raise ConfigError("--external internal: the name of the config's own test set")
    cfg.external = chosen


def _check_outputs(cfg: Config, file: Path, select: str) -> None:
    evaluators = cfg.test_evaluator
    evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
    if not any(e["type"].split(".")[-1] == "PredictionTable" for e in evaluators):
        raise ConfigError(
            f"{file}: test_evaluator has no PredictionTable, which the paired "
            "differences are made of; add dict(type='PredictionTable', "
            "out_file='predictions.csv')"
        )
    if select == "best" and not cfg.default_hooks.checkpoint.get("save_best"):
        raise ConfigError(
            f"--select best: {file} keeps no best checkpoint; set "
            "default_hooks.checkpoint.save_best, or take --select last"
        )


def _check_budget(jobs: Sequence[Job]) -> None:
    if len({job.steps for job in jobs}) > 1:
        told = ", ".join(f"{job.arm} {job.steps}" for job in jobs)
        raise ConfigError(
            f"{jobs[0].config}: the arms train for different numbers of steps "
            f"({told}); give all the same with --steps"
        )
