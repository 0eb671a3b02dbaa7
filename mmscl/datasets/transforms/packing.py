"""Samples -> tensors and DataSamples, for a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpretrain.datasets.transforms import PackInputs
from mmpretrain.structures import DataSample


def pack_batch(
    pack: PackInputs, samples: list[dict], rng: np.random.Generator | None = None
) -> list[dict]:
    """What mmpretrain's PackInputs gives for each sample, at a fraction of its cost.

    The tensors are views of one, of shape (B, C, H, W). Crops that the device augments
    (`mmscl.datasets.transforms.sheets`) are packed with what is drawn for them.

    Args:
        pack: The transform whose settings hold.
        samples: B dicts, one an image.
        rng: Not used: packing draws nothing.

    Returns:
        B dicts with ``inputs``, (C, H, W) or `Sheets`, and ``data_samples``.
    """
    on_sheets = "sheet" in samples[0]
    if not (_plain_labels(pack, samples) and (on_sheets or _alike(pack, samples))):
        return [_pack_one(pack, sample) for sample in samples]
    inputs: Sequence
    if on_sheets:
        inputs = [sample["sheet"] for sample in samples]
    else:
        inputs = stack_images([sample[pack.input_key] for sample in samples]).unbind()
    labels = torch.tensor([[sample["gt_label"]] for sample in samples])
    return [
        dict(inputs=image, data_samples=_data_sample(sample, label, pack.meta_keys))
        for sample, image, label in zip(samples, inputs, labels.unbind(), strict=True)
    ]


def _pack_one(pack: PackInputs, sample: dict) -> dict:
    packed = pack.transform(sample)
    return dict(packed, inputs=sample["sheet"]) if "sheet" in sample else packed


def _plain_labels(pack: PackInputs, samples: list[dict]) -> bool:
    """Has each sample a class index, and no more?"""
    return not pack.algorithm_keys and all(
        type(sample.get("gt_label")) is int
        and "gt_score" not in sample
        and "mask" not in sample
        for sample in samples
    )


def _alike(pack: PackInputs, samples: list[dict]) -> bool:
    """Has each sample an array of one shape and dtype?"""
    first = samples[0].get(pack.input_key)
    if not isinstance(first, np.ndarray):
        return False
    shape, dtype = first.shape, first.dtype
    return len(shape) in (2, 3) and all(
        isinstance(image := sample.get(pack.input_key), np.ndarray)
        and image.shape == shape
        and image.dtype == dtype
        for sample in samples
    )


def stack_images(images: list[np.ndarray]) -> torch.Tensor:
    """B images, H x W or H x W x C, as one tensor (B, C, H, W)."""
    whole = _whole(images)
    if whole is not None:
        return torch.from_numpy(whole)[:, None]
    height, width, *channels = images[0].shape
    shape = (len(images), *(channels or [1]), height, width)
    whole = np.empty(shape, images[0].dtype)
    for place, image in zip(whole, images, strict=True):
        place[:] = image if image.ndim == 2 else image.transpose(2, 0, 1)
    return torch.from_numpy(whole)


def _whole(images: list[np.ndarray]) -> np.ndarray | None:
    """The array (B, H, W) whose rows the images are, as ChromosomeCanvas makes them."""
    whole, first = images[0].base, images[0]
    if not isinstance(whole, np.ndarray) or not whole.flags.c_contiguous:
        return None
    if whole.dtype != first.dtype or whole.shape != (len(images), *first.shape):
        return None
    start = _address(whole)
    in_order = all(
        image.base is whole
        and image.flags.c_contiguous
        and _address(image) == start + number * first.nbytes
        for number, image in enumerate(images)
    )
    return whole if in_order and first.ndim == 2 else None


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _data_sample(
    sample: dict, label: torch.Tensor, meta_keys: Sequence[str]
) -> DataSample:
    packed = DataSample()
    packed.set_field(label, "gt_label", dtype=torch.Tensor)
    for key in meta_keys:
        if key in sample:
            packed.set_field(sample[key], key, field_type="metainfo")
    return packed
