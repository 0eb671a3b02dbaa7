"""Several classifiers that answer as one: the mean of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmscl.config import ConfigError
from mmscl.datasets.crops import Crops, Inputs, find_crops
from mmscl.datasets.images import ImageError
from mmscl.evaluation.predictions import Predictions, unit
from mmscl.inference import ChromosomeInferencer, Inference
from mmscl.shipped.store import find_committee
from mmscl.wording import counted


class CommitteeInferencer:
    """The mean of what several classifiers see, each with its own test pipeline.

    Classifiers that see a crop in different ways (as it is, straightened) miss
    different ones, so their mean misses fewer; it costs the time of all.

    Args:
        members: Two or more, of the same types.

    Raises:
        ConfigError: Fewer than two, or of other types.

    Example:
        >>> infer = CommitteeInferencer([ChromosomeInferencer(name) for name in (
        ...     'mmscl-length18n-pki3', 'mmscl-bent18n-pki3')])  # doctest: +SKIP
        >>> infer('crops/', one_cell=True).predictions.predicted  # doctest: +SKIP
    """

    def __init__(self, members: Sequence[ChromosomeInferencer]) -> None:
        if len(members) < 2:
            raise ConfigError(
                f"members: expected two classifiers or more, got {len(members)}"
            )
        first = members[0]
        for place, other in enumerate(members[1:], start=2):
            if other.types != first.types:
                raise ConfigError(
                    f"members: classifier {place} tells {len(other.types)} types "
                    f"({', '.join(other.types)}) and the first one {len(first.types)} "
                    f"({', '.join(first.types)}); a mean needs the same in one order"
                )
        self.members = tuple(members)
        self.types = first.types
        self.device, self.amp = first.device, first.amp
        self.batch_size = first.batch_size

    def __call__(
        self,
        inputs: Inputs | Crops,
        split: str | None = None,
        embeddings: bool = False,
        one_cell: bool = False,
        skip_unreadable: bool = False,
        progress: bool = False,
    ) -> Inference:
        """Predict; arguments and errors as of `ChromosomeInferencer`.

        Returns:
            Scores are the means over the members, polarity that over those which tell
            it. Left out is what any of them leaves out. Embeddings are those of the
            members, each scaled to length one, side by side and divided by the root of
            their number: of length one too, and the cosine of two is the mean of the
            members' cosines.
        """
        crops = find_crops(inputs, split)
        found = [
            member(crops, None, embeddings, one_cell, skip_unreadable, progress)
            for member in self.members
        ]
        left_out = {lost.path: lost for one in found for lost in one.left_out}
        kept = [~np.isin(one.predictions.path, list(left_out)) for one in found]
        if not kept[0].any():
            raise ImageError(
                f"{crops.source}: none of its {counted(len(crops), 'crop')} can be "
                "read by all members"
            )
        return Inference(
            _mean(
                [
                    one.predictions.take(rows)
                    for one, rows in zip(found, kept, strict=True)
                ]
            ),
            _side_by_side([one.embeddings for one in found], kept),
            tuple(left_out.values()),
            found[0].other_files,
        )


def open_inferencer(
    model: Any, weights: str | Path | None = None, **settings: Any
) -> ChromosomeInferencer | CommitteeInferencer:
    """The inferencer of one model, or of several together.

    Args:
        model: As of `ChromosomeInferencer`; the name of several models that come with
            mmscl together (docs/models.md); or a sequence of models, each of them as of
            `ChromosomeInferencer` or a pair of model and weights.
        weights: Of one model.
        settings: device, amp, batch_size, orient of each; config of a built one.

    Raises:
        ConfigError: Weights beside several models; else as `ChromosomeInferencer`.
        CheckpointError, FileNotFoundError: As `ChromosomeInferencer`.
    """
    members = members_of(model)
    if members is None:
        return ChromosomeInferencer(model, weights, **settings)
    if weights is not None:
        raise ConfigError(
            f"weights: expected none beside several models, got {weights}; give each "
            "model with its own"
        )
    return CommitteeInferencer(
        [ChromosomeInferencer(*one, **settings) for one in members]
    )


def members_of(model: Any) -> list[tuple[Any, str | Path | None]] | None:
    """Model and weights of each of several; None if `model` is a single one."""
    committee = find_committee(model) if isinstance(model, str) else None
    if committee is not None:
        return [(name, None) for name in committee.members]
    if not isinstance(model, (list, tuple)):
        return None
    return [one if isinstance(one, tuple) else (one, None) for one in model]


def _mean(tables: Sequence[Predictions]) -> Predictions:
    scores = np.mean([table.scores for table in tables], axis=0)
    told = [table.polarity for table in tables if table.polarity is not None]
    return replace(
        tables[0],
        scores=scores,
        predicted=scores.argmax(axis=1),
        polarity=np.mean(told, axis=0) if told else None,
    )


def _side_by_side(
    embeddings: Sequence[np.ndarray | None], kept: Sequence[np.ndarray]
) -> np.ndarray | None:
    parts = []
    for part, rows in zip(embeddings, kept, strict=True):
        if part is None:
            return None
        parts.append(unit(part[rows]))
    return np.concatenate(parts, axis=1) / np.float32(len(parts)) ** 0.5
