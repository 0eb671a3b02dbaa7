"""Training augmentation in one line of a config."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.bending import ElasticBend
from mmscl.datasets.transforms.canvas import ChromosomeCanvas
from mmscl.datasets.transforms.channels import check_channels, repeat_channels
from mmscl.datasets.transforms.sheets import check_order, lay_on_sheets
from mmscl.datasets.transforms.tone import GreyJitter
from mmscl.registry import register

_OUR_BEND = (ElasticBend, dict(bend=0.12, sway=0.02, elastic=0.01, prob=0.3))
_OUR_TONE = (
    GreyJitter,
    dict(contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
)

#: Name -> transforms and their arguments, in order.
PRESETS: dict[str, list[tuple[type[BatchTransform], dict]]] = {
    "paper": [
        (GreyJitter, dict(contrast=0.2)),
        (ChromosomeCanvas, dict(rotation=90, hflip=0.5, vflip=0.5)),
    ],
    "authors": [
        (ChromosomeCanvas, dict(fit="squash", background=255, rotation=90, vflip=0.5)),
        (GreyJitter, dict(brightness=0.2, contrast=0.2, keep_background=False)),
    ],
    "mmscl": [
        _OUR_BEND,
        _OUR_TONE,
        (ChromosomeCanvas, dict(rotation=15, hflip=0.5, scale=(0.8, 1.25), shift=0.05)),
    ],
    "mmscl-metaphase": [
        _OUR_BEND,
        _OUR_TONE,
        (
            ChromosomeCanvas,
            dict(rotation=180, hflip=0.5, vflip=0.5, scale=(0.8, 1.25), shift=0.05),
        ),
    ],
}


@register(TRANSFORMS)
class ChromosomeAugment(BatchTransform):
    """Crop -> augmented canvas, by a named preset; in place of ChromosomeCanvas.

    - 'paper' (arXiv 2312.07623): random rotation, flips, contrast. The paper gives no
      ranges. Ours: -90..90 degrees and contrast 0.8..1.2, from the authors' later
      code, both flips with probability 0.5.
    - 'authors' (the code of their ICIP 2025 follow-up): squashed to the canvas,
      rotation -90..90 degrees filled with white, up-down flip with probability 0.5,
      colour jitter of brightness 0.2, contrast 0.2 (saturation 0.2 and hue 0.1 are in
      their code but do nothing to grey levels, so they are not here). Test with
      ChromosomeCanvas(fit='squash', background=255).
    - 'mmscl': ours, for crops that stand upright, as cut from karyograms: rotation
      -15..15 degrees, left-right flip (0.5), scale 0.8..1.25, shift up to 0.05 of the
      canvas; with probability 0.3 a bend; with probability 0.5 each: contrast
      0.5..1.5 with gamma 0.77..1.3, blur up to 1.2 px of the source, noise up to 8
      grey levels.
    - 'mmscl-metaphase': the same for crops that lie as they lay in the metaphase:
      any rotation and both flips.

    Every key of ChromosomeCanvas that places the crop can be given. Mix your own
    augmentation by listing ElasticBend, ChromosomeCanvas and GreyJitter instead.

    Args:
        preset: One of the names above.
        size: Canvas in pixels: a side, or (height, width).
        extent: Pixels of the source that the longer canvas side covers; see
            ChromosomeCanvas.
        fit: 'pad' or 'squash'; None takes the preset's ('squash' for 'authors', else
            'pad').
        background: Grey level to fill with, or 'auto'; None takes the preset's (255
            for 'authors', else 'auto').
        cell_size: Target size of the cell in source pixels; see ChromosomeCanvas.
        cell_measure: What that size is made of, 'area' or 'axis'; see there.
        channels: 1 gives H x W, 3 repeats to H x W x 3.
        on_device: Only draw what happens to the crops; `ChromosomePreprocessor`, the
            data preprocessor of SCLClassifier, does it on the model's device. For a
            GPU that waits for data; slower on a CPU (docs/training.md). Needs whole
            batches of a ChromosomeDataset, and PackInputs next in the pipeline.

    Raises:
        ValueError: An unknown preset, or what ChromosomeCanvas refuses.
    """

    def __init__(
        self,
        preset: str,
        size: int | tuple[int, int],
        extent: float | None = None,
        fit: str | None = None,
        background: int | str | None = None,
        cell_size: float | None = None,
        cell_measure: str = "area",
        channels: int = 1,
        on_device: bool = False,
    ) -> None:
        if preset not in PRESETS:
            raise ValueError(
                f"ChromosomeAugment.preset: expected one of {sorted(PRESETS)}, "
                f"got {preset!r}"
            )
        canvas: dict = dict(
            size=size, extent=extent, cell_size=cell_size, cell_measure=cell_measure
        )
        given = dict(fit=fit, background=background)
        canvas.update((k, v) for k, v in given.items() if v is not None)
        self.preset = preset
        self.channels = check_channels("ChromosomeAugment.channels", channels)
        self.transforms = [
            kind(**{**settings, **(canvas if kind is ChromosomeCanvas else {})})
            for kind, settings in PRESETS[preset]
        ]
        self.on_device = on_device
        if on_device:
            check_order(f"ChromosomeAugment({preset!r})", self.transforms)

    def transform(self, results: dict) -> dict:
        """Replace img (H x W uint8) by the augmented canvas.

        Raises:
            ValueError: on_device=True, which needs a batch.
        """
        if self.on_device:
            raise ValueError(
                "ChromosomeAugment: on_device=True expects whole batches, as a "
                "ChromosomeDataset with max_refetch=0 gives them, got a single image. "
                "Drop on_device for other datasets and for dataset wrappers"
            )
        for transform in self.transforms:
            results = transform(results)
        self._repeat_channels(results)
        return results

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """The same for each sample; with on_device 'sheet' replaces img."""
        if self.on_device:
            return lay_on_sheets(self.transforms, samples, rng, self.channels)
        for transform in self.transforms:
            samples = transform.transform_batch(samples, rng)
        for sample in samples:
            self._repeat_channels(sample)
        return samples

    def _repeat_channels(self, sample: dict) -> None:
        if self.channels == 3:
            sample["img"] = repeat_channels(sample["img"])

    def __repr__(self) -> str:
        steps = ", ".join(repr(transform) for transform in self.transforms)
        where = ", on_device=True" if self.on_device else ""
        return (
            f"ChromosomeAugment({self.preset!r}: {steps}, "
            f"channels={self.channels}{where})"
        )
