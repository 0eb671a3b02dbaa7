"""Reading mmpretrain's data samples, as metrics get them: dicts of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

_WAYS_OUT = {
    "pred_score": "the model must predict scores (a single-label classifier).",
    "gt_label": "PackInputs packs it when the dataset gives 'gt_label'.",
    "embedding": "set `predict_embedding=True` in the model (SCLClassifier).",
    "pred_polarity": "the model must predict it (SCLClassifier with a polarity_head, "
    "VarifocalHead with polarity_weight > 0).",
    "polarity_label": "put dict(type='FlipPolarity', prob=0) in the test pipeline and "
    "'polarity_label' in meta_keys of PackInputs.",
    "img_path": "add 'img_path' to `meta_keys` of PackInputs in the test pipeline.",
}


def required(sample: Mapping[str, Any], field: str, metric: str) -> Any:
    """The value of a field.

    Raises:
        KeyError: The sample has no such field; says what gives it.
    """
    if sample.get(field) is None:
        raise KeyError(
            f"{metric} needs the field {field!r} of each data sample, but there is "
            f"only {sorted(sample)}: {_WAYS_OUT[field]}"
        )
    return sample[field]


def vector(sample: Mapping[str, Any], field: str, metric: str) -> np.ndarray:
    """A field of floats, such as pred_score (K,), as float32."""
    return torch.as_tensor(required(sample, field, metric)).float().cpu().numpy()


def class_index(sample: Mapping[str, Any], field: str, metric: str) -> int:
    """A field that holds one class index.

    Raises:
        ValueError: It holds several (a multi-label sample).
    """
    values = torch.as_tensor(required(sample, field, metric)).flatten()
    if len(values) != 1:
        raise ValueError(
            f"{metric}: {field} must be one class index, got {values.tolist()}: "
            "this metric is for single-label classification."
        )
    return int(values[0])


def predicted_index(sample: Mapping[str, Any], metric: str) -> int:
    """`pred_label`, or the class of the highest score if the model gave none."""
    if sample.get("pred_label") is not None:
        return class_index(sample, "pred_label", metric)
    return int(vector(sample, "pred_score", metric).argmax())


def type_names(meta: Mapping[str, Any] | None, number: int) -> tuple[str, ...]:
    """Names of the `number` classes that the scores are for.

    Args:
        meta: The dataset's metainfo; without `classes` the index is the name.

    Raises:
        ValueError: The dataset has another number of classes than the scores.
    """
    classes: Sequence[str] | None = (meta or {}).get("classes")
    if classes is None:
        return tuple(str(index) for index in range(number))
    if len(classes) != number:
        raise ValueError(
            f"The model gives {number} scores, but the dataset has {len(classes)} "
            "classes: make num_classes of the head and metainfo of the dataset agree."
        )
    return tuple(str(name) for name in classes)


def not_empty(results: Sequence, metric: str) -> None:
    """Raise a ValueError if there is nothing to evaluate."""
    if not results:
        raise ValueError(f"{metric}: there are no predictions: is the test set empty?")
