#!/usr/bin/env python
"""Draw the figures: from prediction tables, embeddings and logs; heat maps from models.

Each writes NAME.png (300 dpi) and NAME.svg; docs/figures.md shows how to read them.
"""

from __future__ import annotations

import argparse
from argparse import Namespace

import numpy as np
from mmengine.config import DictAction

from mmscl.cli import report_errors
from mmscl.config import ConfigError, read_config
from mmscl.datasets.images import read_crop
from mmscl.datasets.manifest import TYPES
from mmscl.datasets.straightening import NoAxisError, sharma_steps
from mmscl.evaluation import confusion_matrix
from mmscl.evaluation.heat_model import HeatModel, share_table
from mmscl.evaluation.heat_share import print_shares, write_shares
from mmscl.evaluation.tables import (
    draw_per_type,
    name_by_path,
    read_labelled_embeddings,
    read_labelled_table,
    require_same_images,
    require_same_types,
)
from mmscl.evaluation.training_log import curves_of, read_training_log
from mmscl.evaluation.tsne import measure_separation, tsne_map, turn_like
from mmscl.karyotype import read_risk_coverage
from mmscl.visualization import (
    EmbeddingMap,
    plot_confusion,
    plot_confusion_change,
    plot_curves,
    plot_embedding,
    plot_heatmaps,
    plot_recall,
    plot_risk,
    plot_sharma,
    plot_straightening,
    save_figure,
    without_ending,
)


def draw_embedding(args: Namespace) -> None:
    """t-SNE of one or two sets of embeddings (Fig. 3)."""
    names = series_names(args, args.tables, most=2)
    sets = [read_labelled_embeddings(table) for table in args.tables]
    images, types = [[s[i] for s in sets] for i in (1, 2)]
    require_same_images(args.tables, images)
    require_same_types(args.tables, images[0], types)
    rows = draw_per_type(types[0], args.per_type, args.seed)
    maps: dict[str, EmbeddingMap] = {}
    for name, (embeddings, _, own) in zip(names, sets, strict=True):
        measured = measure_separation(embeddings, own, args.k, args.seed)
        places = tsne_map(
            embeddings[rows], args.perplexity, args.exaggeration, args.seed
        )
        if maps:
            places = turn_like(places, next(iter(maps.values())).places)
        maps[name] = EmbeddingMap(places, own[rows], str(measured))
        print(f"{name}: {measured}".replace("\n", "; "))
    drawn = f"{len(rows):,} of the {len(own):,} images drawn"
    note = (
        f"t-SNE (openTSNE), cosine, perplexity {args.perplexity:g}, exaggeration "
        f"{args.exaggeration:g}, seed {args.seed}; {drawn}"
    )
    save(plot_embedding(maps, note), args)


def draw_confusion(args: Namespace) -> None:
    """Confusions of a table, or of two on the same images and what changed (Fig. 4)."""
    matrices, tables = read_confusions(args)
    if args.side_by_side or len(tables) == 1:
        return save(plot_confusion(matrices, args.title), args)
    if len(tables) > 2:
        raise ConfigError(
            f"confusion: a change is between two tables, got {len(tables)}; "
            "--side-by-side draws any number without it"
        )
    require_same_images(args.tables, [table.path for table in tables])
    true = [np.array(TYPES)[table.labels] for table in tables]
    require_same_types(args.tables, tables[0].path, true)
    save(plot_confusion_change(matrices, args.title), args)


def draw_types(args: Namespace) -> None:
    """Recall of each type with its interval."""
    save(plot_recall(read_confusions(args)[0], args.title), args)


def draw_review(args: Namespace) -> None:
    """Errors that a review of the least sure crops finds (risk-coverage curves)."""
    names = series_names(args, args.tables)
    found = [read_risk_coverage(path) for path in args.tables]
    save(plot_risk(dict(zip(names, found, strict=True)), args.title), args)


def draw_curves(args: Namespace) -> None:
    """Losses and measures of runs over their steps."""
    names = series_names(args, args.work_dirs)
    logs = {
        name: read_training_log(folder)
        for name, folder in zip(names, args.work_dirs, strict=True)
    }
    save(plot_curves(curves_of(logs, args.measures), args.title), args)


def draw_heatmap(args: Namespace) -> None:
    """Grad-CAM of models on images of their test set (Fig. 5)."""
    models = load_models(args)
    rows = next(iter(models.values())).choose(args.types, args.per_type, args.seed)
    seen = {name: model.look(rows) for name, model in models.items()}
    require_same_images(list(seen), [own.paths for own in seen.values()])
    shown = next(iter(seen.values()))
    numbers = {}
    if args.shares:
        table = share_table(models)
        print_shares(table)
        numbers = {row.name: row.beside_figure() for row in table}
        print(write_shares(table, f"{without_ending(args.out)}.csv"))
    note = (
        "Grad-CAM for the true type; each map scaled to its own greatest value, "
        "contours at 25, 50 and 75 % of it."
    )
    if args.shares:
        note += (
            " Interior: further from the outline than a third of the chromosome's own "
            "half width; mean over cases, 95 % interval."
        )
    labels = [TYPES[label] for label in shown.labels]
    heats = {name: list(own.heat) for name, own in seen.items()}
    save(plot_heatmaps(list(shown.images), labels, heats, numbers, note), args)


def draw_straightening(args: Namespace) -> None:
    """How crops are straightened, step by step."""
    names = series_names(args, args.crops)
    images = [read_crop(path) for path in args.crops]
    if args.sharma and len(images) > 1:
        raise ConfigError(
            f"--sharma shows the steps of one crop, got {len(images)}; give one"
        )
    try:
        if args.sharma:
            return save(plot_sharma(sharma_steps(images[0])), args)
        save(plot_straightening(images, names), args)
    except NoAxisError as error:
        raise ConfigError(f"{', '.join(args.crops)}: {error}") from error


def load_models(args: Namespace) -> dict[str, HeatModel]:
    """The models of --model by name."""
    layers = args.layer if len(args.layer) > 1 else args.layer * len(args.model)
    if len(layers) != len(args.model):
        raise ConfigError(
            f"--layer: expected one for all or one for each of the {len(args.model)} "
            f"models, got {len(layers)}"
        )
    if len({model[0] for model in args.model}) < len(args.model):
        raise ConfigError("--model: two models have the same name")
    models = {}
    for (name, config, checkpoint), layer in zip(args.model, layers, strict=True):
        options = dict(config=config, work_dir=None, launcher="none")
        cfg = read_config(Namespace(cfg_options=args.cfg_options, **options))
        models[name] = HeatModel(cfg, checkpoint, layer or None, args.external)
    return models


def read_confusions(args: Namespace) -> tuple[dict[str, np.ndarray], list]:
    """Confusion matrices by name, and the tables that they are of."""
    names = series_names(args, args.tables)
    tables = [read_labelled_table(path) for path in args.tables]
    counts = [confusion_matrix(t.labels, t.predicted, len(TYPES)) for t in tables]
    return dict(zip(names, counts, strict=True)), tables


def series_names(args: Namespace, paths: list[str], most: int = 6) -> list[str]:
    """--names, or what differs in the paths."""
    names = args.names or name_by_path(paths)
    if len(paths) > most:
        raise ConfigError(f"expected at most {most} in one figure, got {len(paths)}")
    if len(names) != len(paths) or len(set(names)) < len(names):
        raise ConfigError(
            f"--names: expected {len(paths)} different names, one for each of "
            f"{', '.join(paths)}, got {', '.join(names)}"
        )
    return names


def save(figure, args: Namespace) -> None:
    """Write the figure and say where."""
    for path in save_figure(figure, args.out):
        print(path)


def parse_args() -> Namespace:
    """One sub-command a figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="FIGURE")

    def add(name: str, draw, paths: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=draw.__doc__, description=draw.__doc__)
        if paths:
            command.add_argument(
                paths, nargs="+", metavar=paths[:-1].upper(), help=text
            )
            command.add_argument("--names", nargs="+", help="a name for each of them")
        command.add_argument(
            "--out",
            metavar="NAME",
            default=f"work_dirs/figures/{name}",
            help="writes NAME.png and NAME.svg, or one if it ends so (%(default)s)",
        )
        command.set_defaults(draw=draw)
        return command

    table = "prediction table (csv) of tools/test.py"
    embedding = add("embedding", draw_embedding, "tables", f"{table} --embeddings")
    embedding.add_argument("--perplexity", type=float, default=30.0)
    embedding.add_argument("--exaggeration", type=float, default=1.0)
    embedding.add_argument("--per-type", type=int, help="draw this many of each type")
    embedding.add_argument("--k", type=int, default=5, help="neighbours that vote")
    confusion = add("confusion", draw_confusion, "tables", table)
    confusion.add_argument(
        "--side-by-side", action="store_true", help="no difference; any test sets"
    )
    types = add("types", draw_types, "tables", table)
    curves = add("curves", draw_curves, "work_dirs", "work dir of tools/train.py")
    curves.add_argument("--measures", nargs="+", default=["accuracy"])
    review = add(
        "review",
        draw_review,
        "tables",
        "risk_coverage.csv of tools/evaluate_karyotypes.py",
    )
    for command in (confusion, types, curves, review):
        command.add_argument("--title", default="")
    heatmap = add("heatmap", draw_heatmap, "", "")
    add_heatmap_options(heatmap)
    straightening = add("straightening", draw_straightening, "crops", "image file")
    straightening.add_argument(
        "--sharma", action="store_true", help="Sharma's steps, of one crop"
    )
    for command in (embedding, heatmap):
        command.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def add_heatmap_options(heatmap: argparse.ArgumentParser) -> None:
    """The options of the one figure that needs models."""
    heatmap.add_argument(
        "--model",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "CONFIG", "CHECKPOINT"),
        help="a row; give the one without SCL first",
    )
    heatmap.add_argument("--types", nargs="+", default=["1", "4", "9", "16", "X"])
    heatmap.add_argument("--per-type", type=int, default=1, help="images of each type")
    heatmap.add_argument(
        "--layer",
        nargs="+",
        default=[""],
        help="module to look at, for all or for each model (default: the last map)",
    )
    heatmap.add_argument(
        "--external", metavar="NAME", help="images of this external set of the config"
    )
    heatmap.add_argument(
        "--shares",
        action="store_true",
        help="measure over the whole test set how much heat lies in the interior "
        "and on the edge; writes NAME.csv too",
    )
    heatmap.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="K=V")


if __name__ == "__main__":
    with report_errors():
        args = parse_args()
        args.draw(args)
