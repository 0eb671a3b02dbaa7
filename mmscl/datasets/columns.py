"""What a dataset knows of each image (label, case, cell), whatever its make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from torch.utils.data import ConcatDataset as TorchConcatDataset
from torch.utils.data import Subset

#: Labels sorted at once: the cost of one numpy call is shared, its memory is small.
_BLOCK = 2**14
_WRAPPERS = (RepeatDataset, ClassBalancedDataset, Subset)


def labels_of(dataset: Any, labels: Sequence[int] | None = None) -> np.ndarray:
    """Class index of each image: integers (n,), >= 0.

    Args:
        dataset: Asked for `get_gt_labels()`, then `targets`, then `get_cat_ids(i)`
            of each image; wrappers are looked through.
        labels: Given labels (n,) instead.

    Raises:
        TypeError: The dataset has none of these, or an image has several classes.
        ValueError: Labels of a wrong shape, or negative ones.
    """
    found = np.asarray(_per_image(dataset, _leaf_labels) if labels is None else labels)
    _check_length("labels", found, dataset)
    if not len(found):  # an empty list has no integer type
        return found.astype(np.int64)
    if not np.issubdtype(found.dtype, np.integer):
        raise TypeError(f"labels: expected integers, got {found.dtype}.")
    if found.min() < 0:
        raise ValueError(
            f"labels: expected class indices >= 0, got {found.min()} for image "
            f"{found.argmin()}."
        )
    return found


def rows_by_cell(cases: np.ndarray, cells: np.ndarray) -> list[np.ndarray]:
    """Rows of each cell of each case, ascending; cells in the order of their first row.

    Args:
        cases, cells: Names, strings (n,); a cell's name is its own within its case.

    Returns:
        One integer array a cell.
    """
    _, case_ids = np.unique(cases, return_inverse=True)
    _, cell_ids = np.unique(cells, return_inverse=True)
    keys = case_ids.astype(np.int64) * (cell_ids.max(initial=0) + 1) + cell_ids
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    starts = first[which]  # row -> first row of its cell
    order = np.argsort(starts, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(starts[order])) + 1)[: len(first)]


def images_by_class(labels: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """The images of each class, ascending.

    The parts of ``np.argsort(labels, kind='stable')``, in blocks: of all labels at
    once it needs 16 bytes an image, this 4.

    Args:
        labels: Class index of each image, integers (n,), >= 0; n < 2^31.
        counts: Images of each class, ``np.bincount(labels)`` or longer: (K,).

    Returns:
        K arrays int32, views of one of (n,).
    """
    ends = np.cumsum(counts)
    free = ends - counts  # place of the next image of each class
    order = np.empty(len(labels), np.int32)
    size = max(_BLOCK, len(counts))
    for start in range(0, len(labels), size):
        block = labels[start : start + size]
        # numpy has radix sort for 16 bits only.
        keys = block.astype(np.int16) if len(counts) < 2**15 else block
        inside = np.argsort(keys, kind="stable")
        here = np.bincount(block, minlength=len(counts))
        shift = free - np.cumsum(here) + here
        places = np.repeat(shift, here) + np.arange(len(block))
        order[places] = inside + start
        free += here
    return np.split(order, ends[:-1])


def class_names(dataset: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Names of the classes 0, 1, ...: from `metainfo`, `classes`, or the labels.

    Raises:
        ValueError: A label is beyond the last class.
    """
    if isinstance(dataset, (*_WRAPPERS, TorchConcatDataset)) and not getattr(
        dataset, "metainfo", None
    ):
        if isinstance(dataset, TorchConcatDataset):
            return class_names(dataset.datasets[0], labels)
        return class_names(dataset.dataset, labels)
    known = (getattr(dataset, "metainfo", None) or {}).get("classes")
    known = getattr(dataset, "classes", None) if known is None else known
    top = int(labels.max(initial=-1))
    if known is None:
        return tuple(str(number) for number in range(top + 1))
    if top >= len(known):
        raise ValueError(
            f"labels: expected class indices below {len(known)}, the number of "
            f"classes of {type(dataset).__name__}, got {top}."
        )
    return tuple(str(name) for name in known)


def image_column(
    dataset: Any, column: str, values: Sequence | None, feature: str
) -> np.ndarray:
    """Case, cell or site of each image: an array (n,) whose values tell groups apart.

    Args:
        dataset: Asked for its `manifest`; wrappers are looked through. Parts of a
            concatenation are taken to have no case (cell, site) in common. A manifest
            that names no site at all is of one.
        column: 'case', 'cell' or 'site'.
        values: Given values (n,) instead.
        feature: What needs them, for the message.

    Raises:
        ManifestError: The manifest has no such column, or an empty value in it.
        TypeError: The dataset has no manifest and no values are given.
    """

    def read(leaf: Any) -> np.ndarray:
        manifest = getattr(leaf, "manifest", None)
        if manifest is None:
            raise TypeError(
                f"{feature} needs the {column} of each image, but "
                f"{type(leaf).__name__} has no manifest: use ChromosomeDataset, or "
                f"give the sampler `{column}s`, one value an image."
            )
        if column == "site" and not (column in manifest and any(manifest[column])):
            return np.zeros(len(manifest), np.int32)
        manifest.require(feature, column)
        return np.unique(manifest[column], return_inverse=True)[1].astype(np.int32)

    if values is None:
        return _per_image(dataset, read, apart=True)
    found = np.asarray(values)
    _check_length(f"{column}s", found, dataset)
    return found


def _per_image(
    dataset: Any, read: Callable[[Any], np.ndarray], apart: bool = False
) -> np.ndarray:
    """`read` of each dataset inside the wrappers, in the order of the outer images.

    Args:
        apart: Shift the values (>= 0) of concatenated parts so that none is shared.
    """
    initialise = getattr(dataset, "full_init", None)
    if initialise is not None:
        initialise()
    if isinstance(dataset, TorchConcatDataset):  # mmengine's is one too
        parts, shift = [], 0
        for part in dataset.datasets:
            values = _per_image(part, read, apart) + shift
            parts.append(values)
            shift = int(values.max(initial=-1)) + 1 if apart else 0
        return np.concatenate(parts)
    if isinstance(dataset, Subset):
        return _per_image(dataset.dataset, read, apart)[np.asarray(dataset.indices)]
    if isinstance(dataset, RepeatDataset):
        return np.tile(_per_image(dataset.dataset, read, apart), dataset.times)
    if isinstance(dataset, ClassBalancedDataset):
        inner = _per_image(dataset.dataset, read, apart)
        return inner[np.asarray(dataset.repeat_indices)]
    return read(dataset)


def _leaf_labels(dataset: Any) -> np.ndarray:
    if hasattr(dataset, "get_gt_labels"):
        return np.asarray(dataset.get_gt_labels())
    if hasattr(dataset, "targets"):
        return np.asarray(dataset.targets)
    if hasattr(dataset, "get_cat_ids"):
        return np.asarray([_only(dataset, index) for index in range(len(dataset))])
    raise TypeError(
        f"{type(dataset).__name__} does not tell the class of its images: it has no "
        "get_gt_labels(), targets or get_cat_ids(index). Give the sampler `labels`, "
        "one class index an image."
    )


def _only(dataset: Any, index: int) -> int:
    ids = dataset.get_cat_ids(index)
    if len(ids) != 1:
        raise TypeError(
            f"{type(dataset).__name__}.get_cat_ids({index}): expected one class, got "
            f"{ids}. The sampler draws images of one class each."
        )
    return int(ids[0])


def _check_length(name: str, values: np.ndarray, dataset: Any) -> None:
    if values.ndim != 1 or len(values) != len(dataset):
        raise ValueError(
            f"{name}: expected one value for each of the {len(dataset)} images, got "
            f"shape {values.shape}."
        )
