"""Transforms that work on whole batches, and pipelines that let them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.datasets.transforms import PackInputs

from mmscl.datasets.images import ImageError
from mmscl.datasets.stream import Draw, keyed_globals
from mmscl.datasets.transforms.packing import pack_batch
from mmscl.datasets.transforms.randomness import generator

BatchForm = Callable[[list[dict], np.random.Generator], list[dict]]


class BatchTransform(BaseTransform):
    """A transform of many images at once; one image is a batch of one.

    Random numbers, look-up tables and matrices of a batch come from a few numpy
    calls, which cost about as much for fifty images as for one. What is left for each
    image are the calls of OpenCV. ``transform`` makes it an ordinary transform of any
    mmpretrain pipeline.
    """

    @abstractmethod
    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """Change the samples in place and return them.

        Args:
            samples: B dicts, each as for ``transform``; images may differ in size.
            rng: Where all random numbers of the batch come from.
        """

    def transform(self, results: dict) -> dict:
        """Change one sample; random numbers from its 'rng', else numpy's global."""
        return self.transform_batch([results], generator(results))[0]


def batch_form(transform: Callable) -> BatchForm | None:
    """How a transform works on a batch; None if it only works image by image.

    PackInputs is mmpretrain's; its batch form is ours, so that configs and pipelines
    that end with it need no change.
    """
    if type(transform) is PackInputs:
        return partial(pack_batch, transform)
    return getattr(transform, "transform_batch", None)


def run_pipeline(
    transforms: Sequence[Callable],
    samples: list[dict],
    indices: Sequence[int],
    rng: np.random.Generator,
) -> list[dict]:
    """Run a pipeline on a batch; what has no batch form runs image by image.

    Args:
        transforms: The pipeline, in order.
        samples: B dicts, one an image.
        indices: Their rows in the data set. Where they are `Draw`s, they seed the
            global generators for each image that runs by itself.
        rng: Random numbers for the transforms that work on the batch.

    Raises:
        ImageError: A transform returned None.
    """
    paths = [sample["img_path"] for sample in samples]
    parts = groupby(transforms, lambda transform: batch_form(transform) is not None)
    for number, (batched, part) in enumerate(parts):
        steps = list(part)
        if batched:
            for step in steps:
                samples = batch_form(step)(samples, rng)  # type: ignore[misc]
        else:
            keys = [_key_of_part(index, number) for index in indices]
            samples = [
                _run_one(steps, *one) for one in zip(samples, keys, paths, strict=True)
            ]
    return samples


def returned_none(path: str) -> ImageError:
    """The error for an image for which a transform returned None."""
    return ImageError(
        f"{path}: a transform of the pipeline returned None for this crop "
        "(with max_refetch=0 no random other image takes its place)."
    )


def _run_one(steps: Sequence[Callable], sample: dict, index: int, path: str) -> dict:
    with keyed_globals(index):
        for step in steps:
            sample = step(sample)
            if sample is None:
                raise returned_none(path)
    return sample


def _key_of_part(index: int, number: int) -> int:
    """Two parts of one pipeline must not draw the same numbers."""
    return Draw(index, (*index.key, number)) if isinstance(index, Draw) else index
