"""A checkpoint and its results -> the folder of a model that comes with mmscl."""

from __future__ import annotations

import datetime
import json
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.ablation.fingerprint import code_state, commit, stack_state
from mmscl.checkpoint import CheckpointError, export_weights, load_from_local
from mmscl.config import ConfigError, read_config
from mmscl.datasets.manifest import Manifest
from mmscl.datasets.prediction_batches import TestPipeline
from mmscl.engine.settings import flatten_settings, list_changes
from mmscl.files import OutputError, check_writable, replaced_folder, writing
from mmscl.models.trained import build_classifier, class_names
from mmscl.shipped.card import write_card, write_metafile
from mmscl.shipped.flat_config import flatten_config, write_config
from mmscl.shipped.half_check import compare_precisions
from mmscl.shipped.results import INTERNAL, Tested, describe_set, read_results
from mmscl.shipped.store import (
    CARD,
    CONFIG,
    METAFILE,
    MODELS,
    NAME,
    RECORD,
    WEIGHTS,
    ShippedModel,
    sha256_of,
)
from mmscl.shipped.terms import TERMS
from mmscl.shipped.training_data import check_held_out, describe_data
from mmscl.version import __version__

#: Bytes of weights that a package may bring.
MOST_BYTES = 15_000_000
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


def ship(
    shipment: Shipment, out: Path = MODELS, overwrite: bool = False
) -> tuple[ShippedModel, list[str]]:
    """Write a model's folder, all of it or nothing.

    Args:
        shipment: What to ship.
        out: Folder of the models.
        overwrite: Whether a model of this name is replaced.

    Returns:
        The model, and what was changed in its config.

    Raises:
        ConfigError: A name that cannot be one; settings that are not the run's; a path
            of this machine in the config; data whose terms are not known.
        CheckpointError: The weights are too large, change in half precision, or are not
            those that were tested.
        OutputError: The model is there already.
        FileNotFoundError, ManifestError, PredictionTableError: As `read_results`,
            `describe_data` and `check_held_out`.
    """
    folder = _check_name(shipment.name, out, overwrite)
    _check_commands(shipment.commands)
    cfg = _read_config(shipment)
    loaded = load_from_local(shipment.checkpoint, map_location="cpu")
    meta = loaded.get("meta") or {}
    _check_settings(shipment, cfg, meta.get("settings", {}))
    results = read_results(shipment.results)
    manifest = Manifest.read(shipment.manifest)
    data = describe_data(manifest, meta.get("settings", {}))
    check_held_out(manifest, shipment.split, results)
    sets = {name: describe_set(name, tested) for name, tested in results.items()}
    sites = [*data["sites"], *(s for found in sets.values() for s in found["sites"])]
    record: dict[str, Any] = dict(
        format=1,
        name=shipment.name,
        version=__version__,
        date=datetime.date.today().isoformat(),
        **_describe_model(cfg, meta),
        training=_describe_training(shipment, meta),
        data=data,
        terms=[_terms_of(site, shipment.terms) for site in dict.fromkeys(sites)],
        results=sets,
        notes=shipment.notes,
    )
    with replaced_folder(folder) as part:
        with writing(folder):
            changes = _write_weights(shipment, part, record)
        record["half_precision"] = _check_half(shipment, cfg, part, results[INTERNAL])
        with writing(folder):
            _write_texts(part, record)
    return ShippedModel(shipment.name, folder), changes


def _check_name(name: str, out: Path, overwrite: bool) -> Path:
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


def _check_commands(commands: Sequence[str]) -> None:
    for command in commands:
        found = _MACHINE_PATH.search(command)
        if found:
            raise ConfigError(
                f"--command: {found.group()!r} is a path of this machine; write the "
                f"command as others can give it, from the repository: {command}"
            )


def _read_config(shipment: Shipment) -> Config:
    options = dict(shipment.options)
    return read_config(
        Namespace(
            config=shipment.config,
            cfg_options=options,
            work_dir=None,
            launcher="none",
        )
    )


def _check_settings(shipment: Shipment, cfg: Config, known: Mapping[str, str]) -> None:
    """Stop where the config is not what the checkpoint was trained with."""
    trained = {k: v for k, v in known.items() if not k.startswith("data_state.")}
    changes = list_changes(trained, flatten_settings(cfg)) if trained else []
    if changes:
        raise ConfigError(
            f"{shipment.config}: {len(changes)} settings are not those that "
            f"{shipment.checkpoint} was trained with:"
            + "".join(f"\n    {change}" for change in changes[:12])
            + "\nGive the config of the run, and its --cfg-options."
        )


def _name_config(shipment: Shipment) -> str:
    """The config's path as seen from the repository, its name alone if elsewhere."""
    path, root = Path(shipment.config).resolve(), MODELS.parents[2]
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _describe_model(cfg: Config, meta: Mapping[str, Any]) -> dict[str, Any]:
    classifier = build_classifier(cfg)
    pipeline = cfg.test_dataloader.dataset.pipeline
    backbone = dict(cfg.model.backbone)
    name = backbone.pop("type")
    name = backbone.pop("model_name", name)
    more = ", ".join(f"{key}={value}" for key, value in backbone.items())
    return dict(
        network=f"{cfg.model.type}, {name}{f' ({more})' if more else ''}",
        parameters=sum(p.numel() for p in classifier.parameters()),
        input=_input_size(pipeline),
        cell_size=TestPipeline(pipeline).cell_size,
        types=list(class_names(classifier, meta)),
    )


def _input_size(pipeline: Sequence[Mapping[str, Any]]) -> str:
    """Height x width of the canvas, such as '96 x 48 px'."""
    sizes = [step["size"] for step in pipeline if "size" in step]
    if not sizes:
        return "as the test pipeline makes it"
    both = sizes[-1] if isinstance(sizes[-1], list | tuple) else (sizes[-1],) * 2
    return f"{' x '.join(map(str, both))} px"


def _describe_training(shipment: Shipment, meta: Mapping[str, Any]) -> dict[str, Any]:
    return dict(
        config=_name_config(shipment),
        options={key: repr(value) for key, value in shipment.options.items()},
        commands=list(shipment.commands),
        machine=shipment.machine,
        sha256=sha256_of(Path(shipment.checkpoint)),
        **{key: meta.get(key, "not known") for key in ("epoch", "iter", "seed")},
        code=code_state(),
        commit=commit(),
        stack=stack_state(),
    )


def _terms_of(site: str, given: Mapping[str, str]) -> dict[str, str]:
    if site in given:
        return dict(site=site, name=site, terms=given[site], source="")
    if site not in TERMS:
        raise ConfigError(
            f"--terms: the terms of the data of site {site!r} are not known; say "
            f"--terms {site}='...' (known: {', '.join(TERMS)})"
        )
    return dict(site=site, **TERMS[site]._asdict())


def _write_weights(shipment: Shipment, part: Path, record: dict[str, Any]) -> list[str]:
    """Weights and flat config; their sizes and checksums go into the record."""
    weights, config = part / WEIGHTS, part / CONFIG
    tensors = export_weights(shipment.checkpoint, weights, half=True)
    size = weights.stat().st_size
    if size > MOST_BYTES:
        raise CheckpointError(
            f"{shipment.checkpoint}: {size:,} bytes in half precision; a model that "
            f"comes with the package may have {MOST_BYTES:,}. Take a smaller network"
        )
    plain = Config.fromfile(shipment.config)
    plain.merge_from_dict(dict(shipment.options))
    flat, changes = flatten_config(plain)
    title = f"{shipment.name}: {_name_config(shipment)}, without its bases."
    write_config(flat, config, title)
    record["weights"] = dict(
        file=WEIGHTS, bytes=size, tensors=tensors, sha256=sha256_of(weights)
    )
    record["config"] = dict(file=CONFIG, sha256=sha256_of(config), changes=changes)
    return changes


def _write_texts(part: Path, record: Mapping[str, Any]) -> None:
    texts = {
        RECORD: json.dumps(record, indent=1, ensure_ascii=False) + "\n",
        CARD: write_card(record),
        METAFILE: write_metafile(record),
    }
    for name, text in texts.items():
        (part / name).write_text(text, encoding="utf-8")


def _check_half(
    shipment: Shipment, cfg: Config, part: Path, tested: Tested
) -> dict[str, Any]:
    return compare_precisions(
        cfg,
        shipment.checkpoint,
        (part / CONFIG, part / WEIGHTS),
        (Path(shipment.manifest), shipment.split),
        tested,
    )
