"""Does half precision change what a model predicts, and is it the model tested?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmscl.checkpoint import CheckpointError
from mmscl.evaluation.predictions import Predictions
from mmscl.inference import ChromosomeInferencer
from mmscl.shipped.results import Tested, absolute

#: Share of the images whose predicted type rounding may change. Halving a kernel's
#: entries moves scores by about 1e-3, which tips the images between two types.
MOST_CHANGED = 0.005
#: Share by which the Runner's test loop and the inferencer may differ, whose rounding
#: is not the same (1e-5 in the scores).
_MOST_DIFFERENT = 0.002


def compare_precisions(
    cfg: Config,
    checkpoint: str,
    shipped: tuple[Path, Path],
    data: tuple[Path, str],
    tested: Tested,
) -> dict[str, Any]:
    """Predict a split with the checkpoint and with what will be shipped.

    Args:
        cfg: The checkpoint's config.
        checkpoint: In full precision.
        shipped: The config and the weights in half precision, as files.
        data: A manifest and the split of it to predict.
        tested: The table of the same images, as tools/test.py wrote it.

    Returns:
        images, accuracy and accuracy_half (in %, two decimals), changed (images whose
        predicted type is another), largest (change of a score).

    Raises:
        CheckpointError: Half precision changes too many predictions, or the table is
            of another checkpoint.
    """
    manifest, split = data
    full = ChromosomeInferencer(cfg, checkpoint)(manifest, split, progress=True)
    _check_tested(full.predictions, tested, checkpoint)
    half = ChromosomeInferencer(*shipped)(manifest, split, progress=True)
    before, after = full.predictions, half.predictions
    changed = int((before.predicted != after.predicted).sum())
    if changed > MOST_CHANGED * len(before):
        raise CheckpointError(
            f"{checkpoint}: half precision changes the predicted type of {changed} of "
            f"{len(before)} images of {manifest} (split {split}); expected at most "
            f"{100 * MOST_CHANGED:g} %. Its weights cannot be shipped in half precision"
        )
    return dict(
        images=len(before),
        split=split,
        accuracy=_accuracy(before),
        accuracy_half=_accuracy(after),
        changed=changed,
        largest=round(float(np.abs(before.scores - after.scores).max()), 5),
    )


def _check_tested(found: Predictions, tested: Tested, checkpoint: str) -> None:
    table = tested.table
    told = dict(zip(absolute(table.path), table.predicted, strict=True))
    ours = dict(zip(absolute(found.path), found.predicted, strict=True))
    missing = [path for path in ours if path not in told]
    if missing or len(told) != len(ours):
        raise CheckpointError(
            f"{tested.file}: expected the {len(ours)} images of the split, got "
            f"{len(told)}, of which {len(ours) - len(missing)} are of it"
            + (f"; {missing[0]} is missing" if missing else "")
        )
    different = sum(told[path] != label for path, label in ours.items())
    if different > _MOST_DIFFERENT * len(ours):
        raise CheckpointError(
            f"{tested.file}: {different} of {len(ours)} predictions are not those of "
            f"{checkpoint}: the results are of another checkpoint. Test this one"
        )


def _accuracy(table: Predictions) -> float:
    return round(100 * float((table.predicted == table.labels).mean()), 2)
