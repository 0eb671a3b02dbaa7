"""What is known of a shipped model, for JSON: card and lists are made from it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmscl.ablation.fingerprint import code_state, commit, stack_state
from mmscl.config import ConfigError
from mmscl.datasets.manifest import Manifest
from mmscl.datasets.prediction_batches import TestPipeline
from mmscl.models.trained import build_classifier, class_names
from mmscl.shipped.results import Tested, describe_set
from mmscl.shipped.shipment import Shipment
from mmscl.shipped.store import sha256_of
from mmscl.shipped.terms import TERMS
from mmscl.shipped.training_data import describe_data
from mmscl.version import __version__


def make_record(
    shipment: Shipment,
    cfg: Config,
    meta: Mapping[str, Any],
    manifest: Manifest,
    results: Mapping[str, Tested],
) -> dict[str, Any]:
    """All but what is known once the weights are written.

    Args:
        shipment: What is shipped.
        cfg: Its config.
        meta: What the checkpoint says of its run.
        manifest: Of the training.
        results: Sets that were tested on.

    Raises:
        ConfigError: The terms of a site's data are not known.
        ManifestError: As `describe_data`.
    """
    data = describe_data(manifest, meta.get("settings", {}))
    sets = {name: describe_set(name, tested) for name, tested in results.items()}
    sites = [*data["sites"], *(s for found in sets.values() for s in found["sites"])]
    return dict(
        format=1,
        name=shipment.name,
        written=dict(
            version=__version__,
            date=datetime.date.today().isoformat(),
            code=code_state(),
            commit=commit(),
            stack=stack_state(),
        ),
        **_describe_model(cfg, meta),
        training=_describe_training(shipment, meta),
        data=data,
        terms=[_terms_of(site, shipment.terms) for site in dict.fromkeys(sites)],
        results=sets,
        notes=shipment.notes,
    )


def _describe_model(cfg: Config, meta: Mapping[str, Any]) -> dict[str, Any]:
    classifier = build_classifier(cfg)
    pipeline = cfg.test_dataloader.dataset.pipeline
    test = TestPipeline(pipeline)
    backbone = dict(cfg.model.backbone)
    name = backbone.pop("type")
    name = backbone.pop("model_name", name)
    more = ", ".join(f"{key}={value}" for key, value in backbone.items())
    return dict(
        network=f"{cfg.model.type}, {name}{f' ({more})' if more else ''}",
        parameters=sum(p.numel() for p in classifier.parameters()),
        input=_input_size(pipeline),
        cell_size=test.cell_size,
        cell_measure=test.cell_measure,
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
        config=shipment.config_name,
        commands=list(shipment.commands),
        machine=shipment.machine,
        sha256=sha256_of(Path(shipment.checkpoint)),
        **{key: meta.get(key, "not known") for key in ("epoch", "iter", "seed")},
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
