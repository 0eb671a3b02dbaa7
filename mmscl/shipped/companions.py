"""What reads whole cells with a shipped model: its karyotype model, its prototypes.

The karyotype model is fitted for these weights alone (tools/evaluate_karyotypes.py
--fit); the prototypes are mean embeddings of training crops, one a type, which a report
compares crops with. Both lie beside the weights, and the record has their checksums.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from mmscl.checkpoint import CheckpointError
from mmscl.committee import CommitteeInferencer, open_inferencer
from mmscl.config import ConfigError
from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.crops import find_crops
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.predictions import unit
from mmscl.files import replaced_folder, writing
from mmscl.inference import ChromosomeInferencer
from mmscl.karyotype.model import KaryotypeModel
from mmscl.shipped.card import write_card
from mmscl.shipped.store import (
    CARD,
    COMMITTEES,
    CONFIG,
    KARYOTYPE,
    NAME,
    PROTOTYPES,
    RECORD,
    WEIGHTS,
    Committee,
    Shipped,
    ShippedModel,
    find_shipped,
    sha256_of,
    shipped_names,
)

#: Training cells, evenly over the manifest, whose crops make the prototypes.
PROTOTYPE_CELLS = 60


def add_companions(
    folder: Path, record: dict[str, Any], karyotype: str | Path, manifest: str | Path
) -> None:
    """Put both into the folder of a model in the making, and into its record.

    Args:
        folder: With its config and weights.
        record: Gets `karyotype` and `prototypes`.
        karyotype: File of a karyotype model that was fitted for these weights.
        manifest: Of the training.

    Raises:
        FileNotFoundError, KaryotypeModelError: The file is no karyotype model.
        ManifestError, ImageError: The manifest cannot be used.
    """
    infer = ChromosomeInferencer(str(folder / CONFIG), folder / WEIGHTS)
    _add(folder, record, karyotype, infer, manifest)


def _add(
    folder: Path,
    record: dict[str, Any],
    karyotype: str | Path,
    infer: ChromosomeInferencer | CommitteeInferencer,
    manifest: str | Path,
) -> None:
    model = KaryotypeModel.load(karyotype)
    shutil.copyfile(karyotype, folder / KARYOTYPE)
    record["karyotype"] = dict(
        file=KARYOTYPE,
        sha256=sha256_of(folder / KARYOTYPE),
        temperature=round(model.calibration.temperature, 4),
        sizes=model.uses_sizes,
        review_below=round(model.review_below, 4),
    )
    means, images = make_prototypes(infer, manifest)
    # `save_file` would make it the owner's alone.
    tensors = dict(mean=means.astype(np.float16), images=images)
    (folder / PROTOTYPES).write_bytes(save(tensors))
    record["prototypes"] = dict(
        file=PROTOTYPES,
        sha256=sha256_of(folder / PROTOTYPES),
        images=int(images.sum()),
        cells=PROTOTYPE_CELLS,
    )


def complete_shipped(
    model: ShippedModel, karyotype: str | Path, manifest: str | Path
) -> None:
    """Add both to a model that was shipped without, or with others; all or nothing.

    Raises:
        CheckpointError: The model is incomplete.
        OutputError: It cannot be written.
        FileNotFoundError, KaryotypeModelError, ManifestError, ImageError: As
            :func:`add_companions`.
    """
    record = model.record()
    with replaced_folder(model.folder) as part:
        with writing(model.folder):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(model.folder, part, dirs_exist_ok=True, ignore=ignore)
        add_companions(part, record, karyotype, manifest)
        with writing(model.folder):
            text = json.dumps(record, indent=1, ensure_ascii=False)
            (part / RECORD).write_text(text + "\n", "utf-8")
            (part / CARD).write_text(write_card(record), "utf-8")


def ship_committee(
    name: str,
    members: Sequence[str],
    karyotype: str | Path,
    manifest: str | Path,
    out: Path = COMMITTEES,
) -> Committee:
    """Put models that come with mmscl under one name, to answer together.

    A committee of this name is replaced; all or nothing.

    Args:
        name: Its name; that of no model.
        members: Names of two models or more.
        karyotype: File of a karyotype model that was fitted for their mean.
        manifest: Of the training.
        out: Folder of the committees.

    Raises:
        ConfigError: The name is a model's, or the members do not fit together.
        OutputError: It cannot be written.
        FileNotFoundError, KaryotypeModelError, ManifestError, ImageError: As
            :func:`add_companions`.
    """
    if not NAME.fullmatch(name) or find_shipped(name) is not None:
        raise ConfigError(
            f"{name}: expected a name of small letters, digits, '.', '_' and '-' that "
            "no model has"
        )
    weights = {}
    for member in members:
        model = find_shipped(member)
        if model is None:
            raise ConfigError(
                f"{member}: expected a model that comes with mmscl: "
                f"{', '.join(shipped_names()) or 'there are none'}"
            )
        weights[model.name] = model.record()["weights"]["sha256"]
    infer = open_inferencer(list(weights))
    record: dict[str, Any] = dict(format=1, name=name, members=weights)
    with replaced_folder(out / name) as part:
        _add(part, record, karyotype, infer, manifest)
        with writing(out / name):
            text = json.dumps(record, indent=1, ensure_ascii=False)
            (part / RECORD).write_text(text + "\n", "utf-8")
    return Committee(name, out / name)


def make_prototypes(
    infer: ChromosomeInferencer | CommitteeInferencer, manifest: str | Path
) -> tuple[np.ndarray, np.ndarray]:
    """Mean embedding of each type, of length one, over crops of the split train.

    Each embedding is scaled to length one before the mean, as the loss sees it.

    Args:
        infer: The classifier.
        manifest: Of the training; `PROTOTYPE_CELLS` of its cells are taken.

    Returns:
        float32 (24, D), NaN where there was no crop of the type; int64 (24,) how many
        there were.

    Raises:
        ManifestError, ImageError: The manifest or a crop of it cannot be used.
    """
    crops = find_crops(manifest, "train")
    cells = rows_by_cell(crops.case, crops.cell)
    chosen = np.linspace(0, len(cells) - 1, min(PROTOTYPE_CELLS, len(cells)))
    rows = np.concatenate([cells[place] for place in np.unique(chosen.astype(int))])
    found = infer(crops.take(rows), embeddings=True, progress=True)
    if found.embeddings is None:
        raise ValueError("embeddings: expected them from the inferencer, got none")
    units, labels = unit(found.embeddings), found.predictions.labels
    images = np.bincount(labels[labels >= 0], minlength=len(TYPES))
    means = np.full((len(TYPES), units.shape[1]), np.nan, np.float32)
    for kind in np.flatnonzero(images):
        mean = units[labels == kind].mean(axis=0)
        means[kind] = mean / np.linalg.norm(mean)
    return means, images


def shipped_karyotype(model: Shipped) -> KaryotypeModel | None:
    """The karyotype model of what comes with mmscl; None if it has none.

    Raises:
        CheckpointError: Its file is missing or was changed.
        KaryotypeModelError: It cannot be read.
    """
    path = _checked(model, "karyotype")
    return None if path is None else KaryotypeModel.load(path)


def shipped_prototypes(model: Shipped) -> np.ndarray | None:
    """Mean embeddings of the types, float32 (24, D); None if it has none.

    Raises:
        CheckpointError: Their file is missing or was changed.
    """
    path = _checked(model, "prototypes")
    return None if path is None else load_file(path)["mean"].astype(np.float32)


def _checked(model: Shipped, part: str) -> Path | None:
    known: Mapping[str, Any] | None = model.record().get(part)
    if known is None:
        return None
    path = model.file(known["file"])
    found = sha256_of(path)
    if found != known["sha256"]:
        raise CheckpointError(
            f"{model.name}: {path} is damaged or was replaced: expected the SHA-256 "
            f"{known['sha256']}, got {found}. Install mmscl again."
        )
    return path
