"""From a collated batch to what the network takes, on the model's device."""

from __future__ import annotations

from typing import Any

from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.registry import MODELS

from mmscl.datasets.transforms.sheets import Sheets
from mmscl.models.augmenting import augment
from mmscl.registry import register


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
        **kwargs: As ClsDataPreprocessor: mean, std, ...
    """

    def __init__(self, non_blocking: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._non_blocking = non_blocking

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
        return super().forward(data, training)


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
