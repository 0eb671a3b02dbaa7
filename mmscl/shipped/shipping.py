"""A checkpoint and its results -> the folder of a model that comes with mmscl."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.checkpoint import CheckpointError, load_from_local
from mmscl.config import read_config
from mmscl.datasets.manifest import Manifest
from mmscl.export import export_weights
from mmscl.files import replaced_folder, writing
from mmscl.karyotype.model import KaryotypeModel
from mmscl.shipped.card import write_card, write_metafile
from mmscl.shipped.companions import add_companions
from mmscl.shipped.flat_config import flatten_config, write_config
from mmscl.shipped.half_check import compare_precisions
from mmscl.shipped.record import make_record
from mmscl.shipped.results import INTERNAL, Tested, read_results
from mmscl.shipped.shipment import (
    Shipment,
    check_commands,
    check_name,
    check_settings,
)
from mmscl.shipped.store import (
    CARD,
    CONFIG,
    METAFILE,
    MODELS,
    RECORD,
    WEIGHTS,
    ShippedModel,
    sha256_of,
)
from mmscl.shipped.training_data import check_held_out

#: Bytes of weights that a package may bring.
MOST_BYTES = 15_000_000


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
            `make_record` and `check_held_out`.
        KaryotypeModelError: The file is no karyotype model.
    """
    folder = check_name(shipment.name, out, overwrite)
    check_commands(shipment.commands)
    cfg = _read_config(shipment)
    loaded = load_from_local(shipment.checkpoint, map_location="cpu")
    meta = loaded.get("meta") or {}
    check_settings(shipment, cfg, meta.get("settings", {}))
    results = read_results(shipment.results)
    if shipment.karyotype:
        KaryotypeModel.load(shipment.karyotype)
    manifest = Manifest.read(shipment.manifest)
    record = make_record(shipment, cfg, meta, manifest, results)
    check_held_out(manifest, shipment.split, results)
    with replaced_folder(folder) as part:
        with writing(folder):
            changes = _write_weights(shipment, part, record)
        record["half_precision"] = _check_half(shipment, cfg, part, results[INTERNAL])
        if shipment.karyotype:
            add_companions(part, record, shipment.karyotype, shipment.manifest)
        with writing(folder):
            _write_texts(part, record)
    return ShippedModel(shipment.name, folder), changes


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
    title = f"{shipment.name}: {shipment.config_name}, without its bases."
    write_config(flat, config, title)
    record["weights"] = dict(
        file=WEIGHTS, bytes=size, tensors=tensors, sha256=sha256_of(weights)
    )
    record["config"] = dict(file=CONFIG, sha256=sha256_of(config))
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
