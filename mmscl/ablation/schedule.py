"""How many steps a config trains, and the same schedule over another number."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from mmscl.config import ConfigError
from mmscl.engine.settings import flatten_settings

#: Their rate depends on `begin`, `end` and the place between alone.
_STRETCHED = ("LinearLR", "ConstantLR", "CosineAnnealingLR", "PolyLR")


def count_steps(cfg: Config, types: int = 24) -> int:
    """Steps (batches of one process) that a config trains.

    Args:
        cfg: A config trained in iterations, or in epochs with a sampler that has
            `steps_per_epoch`.
        types: Types in the training data.

    Raises:
        ConfigError: It has no fixed number of steps.
    """
    stopping = [h["type"] for h in cfg.get("custom_hooks", []) if _stops_early(h)]
    if stopping:
        raise ConfigError(
            f"custom_hooks: {stopping[0]} ends a run when it will, so that two arms "
            "would train for unequal times; take it out of the config"
        )
    if "max_iters" in cfg.train_cfg:
        return int(cfg.train_cfg.max_iters)
    return int(cfg.train_cfg.max_epochs) * _epoch_steps(cfg, types)


def set_steps(cfg: Config, steps: int, types: int = 24) -> None:
    """Train for `steps` steps instead, the learning rate's curve stretched to them.

    Epochs keep their length; a run shorter than one is one epoch. Every part of the
    schedule, warm-up included, keeps its share of the run; a part that would be
    shorter than a step falls away.

    Args:
        cfg: Changed in place.
        steps: >= 1.
        types: Types in the training data.

    Raises:
        ConfigError: No whole number of epochs, or a schedule that has no stretched
            form (of epochs, of a decay per step, a warm-up within the model).
    """
    if steps < 1:
        raise ConfigError(f"--steps: expected a number >= 1, got {steps}")
    before = count_steps(cfg, types)
    if steps == before:
        return
    schedulers = _schedulers(cfg)
    for number, scheduler in enumerate(schedulers):
        _check_scheduler(number, scheduler)
    for name, value in flatten_settings(cfg).items():
        if name.endswith("warmup_iters") and value != "0":
            raise ConfigError(
                f"--steps: {name} is {value}, a warm-up of the model that does not "
                "follow the number of steps; set it with --cfg-options to 0"
            )
    if "max_iters" in cfg.train_cfg:
        epoch = 1
        cfg.train_cfg.max_iters = steps
        interval = cfg.train_cfg.get("val_interval", 1000)
        cfg.train_cfg.val_interval = min(interval, steps)
    else:
        epoch = _epoch_steps(cfg, types)
        _set_epochs(cfg, steps, epoch, types)
    stretched = (_stretch(s, epoch, before, steps) for s in schedulers)
    cfg.param_scheduler = [s for s in stretched if s["begin"] < s["end"]]


def _stops_early(hook: dict[str, Any]) -> bool:
    return hook["type"].split(".")[-1] == "EarlyStoppingHook"


def _epoch_steps(cfg: Config, types: int) -> int:
    sampler = cfg.train_dataloader.sampler
    if "steps_per_epoch" not in sampler:
        raise ConfigError(
            f"train_dataloader.sampler: {sampler.type} has no steps_per_epoch, so the "
            "length of an epoch is not in the config; train in iterations (train_cfg: "
            "ResumableIterTrainLoop, max_iters), or use PairedKaryotypeSampler"
        )
    return -(-int(sampler.steps_per_epoch) // _blocks_per_batch(cfg, types))


def _blocks_per_batch(cfg: Config, types: int) -> int:
    sampler, size = cfg.train_dataloader.sampler, int(cfg.train_dataloader.batch_size)
    classes = sampler.get("classes_per_batch") or types
    block = int(sampler.get("karyotypes_per_batch", 2)) * int(classes)
    if size % block:
        raise ConfigError(
            f"train_dataloader.batch_size: expected a multiple of {block} (the "
            f"sampler's block), got {size}"
        )
    return size // block


def _set_epochs(cfg: Config, steps: int, epoch: int, types: int) -> None:
    if steps > epoch and steps % epoch:
        below = steps // epoch * epoch
        raise ConfigError(
            f"--steps {steps}: an epoch of {cfg.filename} has {epoch} steps; take "
            f"fewer, or a multiple such as {below} or {below + epoch} (or another "
            "--cfg-options train_dataloader.sampler.steps_per_epoch)"
        )
    if steps < epoch:
        sampler = cfg.train_dataloader.sampler
        sampler.steps_per_epoch = steps * _blocks_per_batch(cfg, types)
    cfg.train_cfg.max_epochs = max(1, steps // epoch)


def _schedulers(cfg: Config) -> list[dict[str, Any]]:
    found = cfg.get("param_scheduler") or []
    return [found] if isinstance(found, dict) else list(found)


def _check_scheduler(number: int, scheduler: dict[str, Any]) -> None:
    kind = scheduler["type"].split(".")[-1]
    by_step = scheduler.get("convert_to_iter_based") or not scheduler.get(
        "by_epoch", True
    )
    if kind not in _STRETCHED or "end" not in scheduler or not by_step:
        raise ConfigError(
            f"--steps: param_scheduler.{number} ({kind}) cannot be stretched over "
            f"another number of steps; it needs to be one of {', '.join(_STRETCHED)} "
            "with `end`, and convert_to_iter_based=True or by_epoch=False. Leave "
            "--steps out, or change the schedule in the config"
        )


def _stretch(
    scheduler: dict[str, Any], epoch: int, before: int, steps: int
) -> dict[str, Any]:
    """The same scheduler in steps of the new run."""
    stretched = dict(scheduler)
    unit = epoch if stretched.pop("convert_to_iter_based", False) else 1
    for name in ("begin", "end", "T_max", "total_iters"):
        if stretched.get(name) is not None:
            stretched[name] = round(stretched[name] * unit * steps / before)
    stretched.setdefault("begin", 0)
    return dict(stretched, by_epoch=False)
