"""One checkpoint on several test sets: prediction tables and one table of measures."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from rich.console import Console
from rich.table import Table

from mmscl.checkpoint import check_state_dict
from mmscl.config import ConfigError
from mmscl.files import replaced
from mmscl.training import build_runner

MEASURES = (
    "accuracy recall auc f1 prototype_accuracy knn_accuracy polarity_accuracy".split()
)  # of ChromosomeMetric, EmbeddingMetric and PolarityMetric, in %


def evaluate_checkpoint(
    cfg: Config,
    checkpoint: str,
    external: list[str] | None = None,
    data_root: str | None = None,
    split: str | None = None,
    out: str | None = None,
    embeddings: bool = False,
) -> dict[str, dict[str, float]]:
    """Test on the config's own test split and on external sets.

    Writes OUT/<set>/predictions.csv (and embeddings) and OUT/metrics.json, and prints
    one table.

    Args:
        cfg: A complete config.
        checkpoint: Path of its checkpoint.
        external: Names in the config's `external`; [] for all, None for none.
        data_root: Folder whose manifest replaces all of these sets.
        split: Split of `data_root`; None for all rows.
        out: Folder of the results; default WORK_DIR/test.
        embeddings: Whether to write the embeddings too.

    Returns:
        Set name -> measure -> value.

    Raises:
        ConfigError: An external name that the config does not have.
        CheckpointError: The checkpoint is damaged, unsafe or another model's.
    """
    sets = _choose_sets(cfg, external, data_root, split)
    out_dir = Path(out or os.path.join(cfg.work_dir, "test"))
    results = {}
    for name, changes in sets.items():
        results[name] = _test_one(
            cfg, checkpoint, changes, out_dir / name, embeddings, name
        )
    if is_main_process():
        with replaced(out_dir / "metrics.json") as part:
            part.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print_results(results)
        print(f"prediction tables and metrics.json: {out_dir}")
    return results


def print_results(results: dict[str, dict[str, float]]) -> None:
    """One row a set, one column a measure (in %)."""
    table = Table(title="Test (all measures in %)")
    table.add_column("set")
    shown = [m for m in MEASURES if any(m in row for row in results.values())]
    for measure in shown:
        table.add_column(measure.replace("_", " "), justify="right")
    for name, row in results.items():
        table.add_row(name, *(f"{row[m]:.2f}" if m in row else "" for m in shown))
    Console().print(table)


def put_table(cfg: Config, folder: Path, embeddings: bool = False) -> None:
    """Let the config's prediction table be written to FOLDER/predictions.csv."""
    evaluator = cfg.test_evaluator
    for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
        if metric["type"].split(".")[-1] == "PredictionTable":
            metric["out_file"] = str(folder / "predictions.csv")
            metric["embeddings"] = embeddings or metric.get("embeddings", False)


def _choose_sets(
    cfg: Config, external: list[str] | None, data_root: str | None, split: str | None
) -> dict[str, dict]:
    if data_root is not None:
        old = cfg.test_dataloader.dataset
        new = dict(
            _delete_=True,
            type="ChromosomeDataset",
            data_root=data_root,
            split=split,
            pipeline=old.pipeline,
            cell_size=old.get("cell_size", False),
        )
        return {Path(data_root).name: new}
    known = cfg.get("external", {})
    names = list(known) if external == [] else external or []
    missing = [name for name in names if name not in known]
    if missing or (external == [] and not known):
        raise ConfigError(
            f"--external {' '.join(missing)}: the config's external sets are "
            f"{', '.join(known) or 'none'}; add it to `external`, or use --data-root"
        )
    return {"internal": {}, **{name: dict(known[name]) for name in names}}


class _WeightsHook(Hook):
    """Refuses the weights of another model, before they are loaded."""

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        if "state_dict" not in checkpoint:  # bare weights, which EMAHook cannot read
            weights = dict(checkpoint)
            checkpoint.clear()
            checkpoint["state_dict"] = weights
        check_state_dict(runner.model, checkpoint["state_dict"], runner.cfg.load_from)


def _test_one(
    cfg: Config,
    checkpoint: str,
    changes: dict,
    out_dir: Path,
    embeddings: bool,
    name: str,
) -> dict[str, float]:
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.param_scheduler = None
    cfg.load_from, cfg.resume = checkpoint, False
    cfg.pop("runner_type", None)  # a test holds the weights alone: nothing to shard
    cfg.pop("strategy", None)
    cfg.merge_from_dict({"test_dataloader": dict(dataset=changes)})
    cfg.get("default_hooks", {}).pop("checkpoint", None)
    cfg.custom_hooks = [  # a test has no training to stop
        hook
        for hook in cfg.get("custom_hooks", [])
        if hook["type"] != "EarlyStoppingHook"
    ]
    cfg.experiment_name = f"test_{name}_{os.getpid()}"
    put_table(cfg, out_dir, embeddings)
    runner = build_runner(cfg)
    runner.register_hook(_WeightsHook(), priority="VERY_HIGH")
    return {key: float(value) for key, value in runner.test().items()}
