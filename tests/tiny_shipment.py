"""A tiny classifier with data, config file, checkpoint and results, ready to ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from trained import build_model, make_config

from mmscl.config import describe_rows
from mmscl.datasets import Manifest, write_karyotypes
from mmscl.engine.settings import flatten_settings
from mmscl.shipped.shipment import Shipment
from mmscl.testing import evaluate_checkpoint

NAME = "tiny-resnet10t-drawn"
SPLITS = ("train", "train", "val", "test", "test")  # of the cases


class Tiny(NamedTuple):
    """What a run and its test left behind.

    Attributes:
        root: Folder of all of it.
        cfg: The run's config, as read from its file.
        shipment: What to ship.
    """

    root: Path
    cfg: Config
    shipment: Shipment


def make_tiny(root: Path) -> Tiny:
    """Five drawn cases of site A, one of site B; weights that tell crops apart."""
    draw(root / "inside", "A", SPLITS)
    draw(root / "outside", "B", ("test",))
    cfg = make_config(root / "inside")
    cfg.test_dataloader.dataset.split = "test"
    cfg.external = dict(outside=dict(data_root=str(root / "outside")))
    cfg.test_evaluator.insert(0, dict(type="ChromosomeMetric"))
    cfg.dump(root / "tiny.py")
    save_checkpoint(root, cfg)
    evaluate_checkpoint(cfg, str(root / "run.pth"), external=[], out=str(root / "test"))
    shipment = Shipment(
        name=NAME,
        checkpoint=str(root / "run.pth"),
        config=str(root / "tiny.py"),
        results=str(root / "test"),
        manifest=str(root / "inside" / "manifest.csv"),
        commands=["python tools/train.py tiny.py"],
        machine="a test",
        terms=dict(inside="drawn", outside="drawn too"),
    )
    return Tiny(root, cfg, shipment)


def draw(root: Path, site: str, splits: tuple[str, ...]) -> None:
    """Cases of one cell each, split by case; the site is named after the folder."""
    write_karyotypes(
        root, site=site, cases=len(splits), cells_per_case=1, seed=0, abnormal_rate=0.0
    )
    manifest = Manifest.read(root / "manifest.csv")
    columns: dict[str, Any] = {name: manifest[name] for name in manifest.columns}
    split = dict(zip(sorted(set(manifest["case"])), splits, strict=True))
    columns["split"] = [split[case] for case in manifest["case"]]
    columns["site"] = [root.name] * len(manifest)
    Manifest(columns, root / "manifest.csv").write(root / "manifest.csv")


def save_checkpoint(root: Path, cfg: Config) -> None:
    """As SafeCheckpointHook does: weights, and what the run was of."""
    manifest = Manifest.read(root / "inside" / "manifest.csv")
    settings = flatten_settings(cfg)
    for split in ("train", "val"):
        state = describe_rows(manifest.select(split=split))
        settings[f"data_state.{split}.rows"] = repr(state["rows"])
    meta = dict(epoch=2, iter=20, seed=7, settings=settings)
    torch.save(
        dict(state_dict=build_model(cfg).state_dict(), meta=meta), root / "run.pth"
    )
