"""From a collated batch to what the network takes, on the model's device."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.registry import MODELS
from torch import Tensor

from mmscl.datasets.transforms.sheets import Sheets
from mmscl.models.augmenting import augment
from mmscl.registry import register

#: Grey levels; less contrast is none.
LEAST_STD = 1e-3


@register(MODELS)
class ChromosomePreprocessor(ClsDataPreprocessor):
    """mmpretrain's ClsDataPreprocessor, which can augment on the device.

    Images cross to the device as they come from PackInputs, uint8, and are converted
    to floats there. Where ``ChromosomeAugment(on_device=True)`` left the augmentation
    to be done, it is done here, in training only.

    Args:
        non_blocking: Let the copy to the device run beside the computation. It does so
            from pinned memory alone (`pin_memory` of the dataloader, which
            tools/train.py sets where there is a GPU); otherwise it changes nothing.
        per_image: Bring each image to mean 0 and variance 1, as Varifocal-Net does, in
            the place of `mean` and `std`. A blank image becomes 0.
        **kwargs: As ClsDataPreprocessor: mean, std, ...

    Raises:
        ValueError: per_image beside mean and std.
    """

    def __init__(
        self, non_blocking: bool = True, per_image: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if per_image and kwargs.get("mean") is not None:
            raise ValueError(
                "ChromosomePreprocessor: expected either per_image=True or mean and "
                f"std, got both (mean={kwargs['mean']!r})"
            )
        self._non_blocking = non_blocking
        self.per_image = per_image

    def forward(self, data: dict, training: bool = False) -> dict:
        """Augment where it is due, then normalise.

        Args:
            data: inputs, a tensor (B, C, H, W) or `Sheets`; data_samples.
            training: Whether this is a training step.

        Raises:
            ValueError: Images to augment in a validation or test, or not collated
                into one batch.
        """
        sheets = data["inputs"]
        if isinstance(sheets, Sheets):
            _check(sheets, training)
            images = augment(sheets, self.device, bool(self._non_blocking))
            data = dict(data, inputs=images)
        data = super().forward(data, training)
        if self.per_image:
            data["inputs"] = _standardised(data["inputs"])
        return data


def _standardised(images: Tensor) -> Tensor:
    """Each image (C, H, W) with mean 0 and variance 1."""
    images = images.float()
    std, mean = torch.std_mean(images, dim=(1, 2, 3), correction=0, keepdim=True)
    return (images - mean) / std.clamp_min(LEAST_STD)


def _check(sheets: Sheets, training: bool) -> None:
    if not training:
        raise ValueError(
            "ChromosomeAugment with on_device=True in a pipeline for validation or "
            "testing: put ChromosomeCanvas in its place there"
        )
    if not hasattr(sheets.image, "shape"):
        raise ValueError(
            "ChromosomeAugment with on_device=True needs one tensor a batch: set "
            "collate_fn=dict(type='default_collate') in train_dataloader, got "
            f"{type(sheets.image).__name__}"
        )
