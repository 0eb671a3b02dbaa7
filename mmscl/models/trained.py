"""A config and a file of weights -> a classifier that is ready to predict."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.apis.model import ModelHub
from mmpretrain.models.classifiers import BaseClassifier
from mmpretrain.registry import MODELS
from torch import nn

from mmscl.checkpoint import (
    CheckpointError,
    check_state_dict,
    load_from_local,
    load_from_url,
)
from mmscl.config import ConfigError, check_keys
from mmscl.datasets.manifest import TYPES
from mmscl.shipped.store import (
    CONFIG,
    PREFIX,
    committee_names,
    find_committee,
    find_shipped,
    load_from_shipped,
    shipped_names,
)


def load_trained(
    model: str | Path | Config | BaseClassifier,
    weights: str | Path | None,
    config: str | Path | Config | None,
) -> tuple[Any, Config, Mapping[str, Any]]:
    """A trained classifier, its config, and what its checkpoint says of its run (meta).

    Args:
        model: A config (path or `Config`), the name of a model that comes with mmscl or
            that mmpretrain's `get_model` knows, or a built classifier.
        weights: As `load_weights`. May be left out with a built classifier, and with a
            name whose weights are known.
        config: With a built classifier: its config, or the path of it.

    Raises:
        ConfigError: As `find_config` and `build_classifier`; or no weights.
        CheckpointError, FileNotFoundError: As `load_weights`.
    """
    if isinstance(model, nn.Module):
        check_classifier(model)
        config = config or getattr(model, "_config", None)
        if config is None:
            raise ConfigError(
                f"{type(model).__name__}: a built classifier needs `config` beside it, "
                "whose test pipeline tells how crops are prepared for it"
            )
        meta = load_weights(model, weights) if weights else {}
        return model, find_config(config)[0], meta
    if config is not None:
        raise ConfigError(
            "config: expected None, as `model` is no built classifier; give the config "
            "as `model` and the checkpoint as `weights`"
        )
    cfg, known = find_config(model)
    weights = weights or known
    if weights is None:
        raise ConfigError(
            f"weights of {cfg.filename or model}: expected a checkpoint (.pth, "
            ".safetensors), got none: the predictions would be those of random weights"
        )
    classifier = build_classifier(cfg)
    return classifier, cfg, load_weights(classifier, weights)


def find_config(model: str | Path | Config) -> tuple[Config, str | None]:
    """The config that is meant, and the address of its weights if it has a name.

    Args:
        model: Path of a config file (.py), a config, or the name of a model that comes
            with mmscl or that mmpretrain's `get_model` knows.

    Raises:
        ConfigError: There is no such file or name, or a key is mistyped.
        CheckpointError: The files of a model that comes with mmscl are incomplete.
    """
    if isinstance(model, Config):
        return copy.deepcopy(model), None
    if Path(model).suffix == ".py":
        if not Path(model).is_file():
            raise ConfigError(f"{model}: no such config file; see configs/README.md")
        cfg = Config.fromfile(str(model))
        check_keys(cfg, str(model))
        return cfg, None
    shipped = find_shipped(str(model))
    if shipped is not None:  # mmpretrain's list takes seconds to read
        return Config.fromfile(str(shipped.file(CONFIG))), shipped.address
    together = find_committee(str(model))
    if together is not None:
        raise ConfigError(
            f"{model}: {len(together.members)} models that answer together, not one; "
            "read with mmscl-karyotype, tools/predict.py or "
            "mmscl.committee.open_inferencer, or take one of them: "
            f"{', '.join(together.members)}"
        )
    try:
        known = ModelHub.get(str(model))
    except ValueError as error:
        raise ConfigError(
            f"{model}: neither a config file (.py) nor the name of a model: with mmscl "
            f"come {_come_along()}; mmpretrain's own are in mmpretrain.list_models()"
        ) from error
    return known.config, known.weights


def _come_along() -> str:
    """Names of the models that come with mmscl, and of those that answer together."""
    alone, together = ", ".join(shipped_names()), ", ".join(committee_names())
    if together:
        return f"{alone}, and {together} (several that answer together)"
    return alone or "none"


def build_classifier(cfg: Config) -> Any:
    """The classifier of a config, on the CPU, its weights not loaded yet.

    Weights that the config would start a training from are not looked for: they would
    all be replaced.

    Raises:
        ConfigError: The config has no model, or one that is no classifier.
    """
    if cfg.get("model") is None:
        raise ConfigError(f"{cfg.filename or 'the config'}: it has no `model`")
    settings = copy.deepcopy(cfg.model)
    settings.setdefault("data_preprocessor", cfg.get("data_preprocessor"))
    if "pretrained" in settings.get("backbone", {}):
        settings.backbone.pretrained = False
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return check_classifier(MODELS.build(settings))


def load_weights(model: nn.Module, weights: str | Path) -> dict[str, Any]:
    """Fill a model with trained weights, all of them or none.

    Args:
        model: The model that they are for.
        weights: .pth of a run, .safetensors, an address of such a file, or mmscl://NAME.

    Returns:
        What the file says of its run (meta); {} if nothing.

    Raises:
        CheckpointError: The file is damaged, unsafe or another model's.
        FileNotFoundError: There is no such file.
    """
    name = str(weights)
    loaded = _loader_of(name)(name, map_location="cpu")
    state = loaded.get("state_dict", loaded)
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"Checkpoint {name}: expected a dict of weights as its state_dict, got "
            f"{type(state).__name__}."
        )
    check_state_dict(model, state, name)
    model.load_state_dict({re.sub(r"^module\.", "", k): v for k, v in state.items()})
    meta = loaded.get("meta")
    return meta if isinstance(meta, dict) else {}


def _loader_of(name: str) -> Callable[..., dict[str, Any]]:
    if name.startswith(PREFIX):
        return load_from_shipped
    return load_from_url if re.match(r"https?://", name) else load_from_local


def check_classifier(model: Any) -> Any:
    """The model, if it is a classifier of whole images.

    Raises:
        ConfigError: It is no classifier of mmpretrain or mmscl, or has no head.
    """
    if not isinstance(model, BaseClassifier) or getattr(model, "head", None) is None:
        raise ConfigError(
            f"{type(model).__name__}: expected a classifier with a head, such as "
            "SCLClassifier or mmpretrain's ImageClassifier"
        )
    return model


def class_names(classifier: Any, meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the classes: those of the training if the checkpoint tells, else the 24.

    Raises:
        ConfigError: The head has another number of scores.
    """
    told = (meta.get("dataset_meta") or {}).get("classes")
    types = TYPES if told is None else tuple(map(str, told))
    number = getattr(classifier.head, "num_classes", len(types))
    if number != len(types):
        raise ConfigError(
            f"{type(classifier).__name__}: expected a head with num_classes="
            f"{len(types)}, one for each chromosome type, got {number}"
        )
    return types
