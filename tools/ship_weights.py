#!/usr/bin/env python
"""Put a trained model into the package, to be loaded by its name.

    python tools/ship_weights.py CHECKPOINT CONFIG --name mmscl-resnet18-pki3 \\
        --results work_dirs/scl/resnet18_pki3/test --manifest data/pki3/manifest.csv \\
        --command "python tools/train.py CONFIG" --machine "two AVX2 cores, 2.4 h"

writes the weights in half precision, the config without its bases, a record of what was
measured, and from the record a model card and a metafile, to mmscl/shipped/models/NAME;
all of them or nothing. With --karyotype FILE the karyotype model that was fitted for
the checkpoint comes beside them; with --name, --karyotype and --manifest alone it is
put beside a model that is there. The results are those of `tools/test.py CONFIG
CHECKPOINT --external`. It is checked that they are of this checkpoint, that no tested
image is of another split, and what half precision changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.shipped.companions import complete_shipped, ship_committee
from mmscl.shipped.model_list import update_list
from mmscl.shipped.shipment import Shipment
from mmscl.shipped.shipping import ship
from mmscl.shipped.store import COMPANIONS, MODELS, ShippedModel

PAGE = MODELS.parents[2] / "docs" / "models.md"


def parse_args() -> argparse.Namespace:
    """What to ship, and what only people know of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("checkpoint", nargs="?", help="checkpoint of the run")
    add("config", nargs="?", help="config of the run, in this repository")
    add("--name", required=True, help="such as mmscl-resnet18-pki3")
    add(
        "--results",
        metavar="DIR",
        help="folder with metrics.json and <set>/predictions.csv, of tools/test.py",
    )
    add(
        "--manifest",
        required=True,
        metavar="FILE",
        help="of the set that was trained on, with its splits",
    )
    add("--split", default="test", help="its split that was tested (default: test)")
    add(
        "--command",
        action="append",
        metavar="TEXT",
        help="a command that made the model; several in their order",
    )
    add("--machine", metavar="TEXT", help="where, and how long it took")
    add(
        "--karyotype",
        metavar="FILE",
        help="model.json of tools/evaluate_karyotypes.py --fit for this checkpoint: "
        "mmscl-karyotype then reads cells with it; also makes the prototypes",
    )
    add(
        "--terms",
        nargs="+",
        default=[],
        metavar="SITE=TEXT",
        help="terms of data that the project does not know",
    )
    add("--notes", metavar="FILE", help="Markdown for the card, such as known failures")
    add(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        default={},
        metavar="K=V",
        help="those that the run was trained with",
    )
    add(
        "--out",
        default=MODELS,
        type=Path,
        metavar="DIR",
        help="folder of the models (default: that of the package)",
    )
    add("--overwrite", action="store_true", help="replace a model of this name")
    add(
        "--members",
        nargs="+",
        metavar="NAME",
        help="with --name, --karyotype and --manifest alone: models of the package "
        "that answer together under this name",
    )
    args = parser.parse_args()
    needed = ("checkpoint", "config", "results", "command", "machine")
    missing = [name for name in needed if not getattr(args, name)]
    if missing and (args.checkpoint or args.config or not args.karyotype):
        parser.error(
            f"expected {', '.join(missing)} too; with --name, --karyotype and "
            "--manifest alone, a model that is there gets its karyotype model"
        )
    wrong = [text for text in args.terms if not text.partition("=")[2]]
    if wrong:
        parser.error(f"--terms {wrong[0]}: expected SITE=TEXT")
    return args


def complete(args: argparse.Namespace) -> None:
    """Give a model that is there its karyotype model and prototypes."""
    model = ShippedModel(args.name, args.out / args.name)
    complete_shipped(model, args.karyotype, args.manifest)
    print(f"{model.name}: {', '.join(COMPANIONS)} in {model.folder}")


def put_together(args: argparse.Namespace) -> None:
    """Give models that are there one name, a karyotype model and prototypes."""
    made = ship_committee(args.name, args.members, args.karyotype, args.manifest)
    print(f"{made.name}: {', '.join(made.members)}; {made.folder}")


def main() -> None:
    """Ship, and say what was written and found."""
    args = parse_args()
    if args.checkpoint is None:
        if args.members:
            put_together(args)
        else:
            complete(args)
        return
    shipment = Shipment(
        name=args.name,
        checkpoint=args.checkpoint,
        config=args.config,
        results=args.results,
        manifest=args.manifest,
        commands=args.command,
        machine=args.machine,
        split=args.split,
        options=args.cfg_options,
        terms={k: v for k, _, v in (text.partition("=") for text in args.terms)},
        notes=Path(args.notes).read_text("utf-8") if args.notes else "",
        karyotype=args.karyotype or "",
    )
    model, changes = ship(shipment, args.out, args.overwrite)
    record = model.record()
    half = record["half_precision"]
    for change in changes:
        print(f"config: {change}")
    print(
        f"half precision: accuracy {half['accuracy_half']:.2f} % against "
        f"{half['accuracy']:.2f} % on {half['images']:,} images, {half['changed']} "
        "predictions changed"
    )
    print(f"{model.name}: {record['weights']['bytes']:,} bytes, {model.folder}")
    if args.out == MODELS and PAGE.is_file():
        update_list(PAGE)
        print(f"list of models: {PAGE}")


if __name__ == "__main__":
    with report_errors():
        main()
