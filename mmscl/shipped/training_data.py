"""What a model was trained on, and that it was not tested on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmscl.config import describe_rows
from mmscl.datasets.manifest import SPLITS, Manifest, ManifestError
from mmscl.shipped.results import Tested, absolute, count_named


def describe_data(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, Any]:
    """Sites, and images, cases and cells of each split, for JSON.

    A set that names no sites is one, named after its folder.

    Args:
        manifest: Of the set that was trained on, with its splits.
        settings: Of the run, as its checkpoint holds them; {} where it has none.

    Raises:
        ManifestError: The manifest has no splits, or its training rows are not those
            of the run.
    """
    manifest.require("describing the training data", "split")
    present = set(manifest["split"].tolist())
    splits = {}
    for name in [name for name in SPLITS if name in present]:
        rows = manifest.select(split=name)
        state = describe_rows(rows)
        known = settings.get(f"data_state.{name}.rows")
        if known is not None and known != repr(state["rows"]):
            raise ManifestError(
                f"{manifest.source}: its split {name!r} is not what the checkpoint was "
                f"trained with (rows {state['rows']}, then {known}); give the manifest "
                "of the training"
            )
        splits[name] = dict(
            images=len(rows),
            cases=count_named(_column(rows, "case")),
            cells=count_named(_column(rows, "cell"), _column(rows, "case")),
            rows=state["rows"],
        )
    sites = set(manifest["site"].tolist()) - {""} if "site" in manifest else set()
    folder = Path(manifest.source).resolve().parent.name
    return dict(sites=sorted(sites) or [folder], splits=splits)


def check_held_out(
    manifest: Manifest, split: str, results: Mapping[str, Tested]
) -> None:
    """Check that no image that was tested on is of another split.

    Raises:
        ManifestError: Names the set and the first such image.
    """
    root = Path(manifest.source).parent
    rows = np.isin(manifest["split"], [name for name in SPLITS if name != split])
    trained = {
        os.path.abspath(root / path): name
        for path, name in zip(
            manifest["path"][rows], manifest["split"][rows], strict=True
        )
    }
    for name, tested in results.items():
        for path in absolute(tested.table.path):
            if path in trained:
                raise ManifestError(
                    f"{tested.file}: the set {name!r} holds {path}, which is in the "
                    f"split {str(trained[path])!r} of {manifest.source}: a result on "
                    "images that were trained on or chosen by is not one"
                )


def _column(manifest: Manifest, name: str) -> np.ndarray:
    return manifest[name] if name in manifest else np.full(len(manifest), "")
