"""What crosses to the device, and in which type; where augmentation is due."""

from __future__ import annotations

import pytest
import torch
from device_batches import augmentations, banded_crops, collated
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmscl.models import ChromosomePreprocessor, SCLClassifier
from mmscl.models.augmenting import augment

NORM = dict(mean=[127.5], std=[50.0])


class Copies(TorchDispatchMode):
    """Notes dtype and number of elements of all that goes to another device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.dtype, int, bool]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and "device" in kwargs:
            if torch.device(kwargs["device"]) != args[0].device:
                waits = not kwargs.get("non_blocking", False)
                self.seen.append((args[0].dtype, args[0].numel(), waits))
        return func(*args, **kwargs)


def on_meta(**settings) -> ChromosomePreprocessor:
    """The model's preprocessor, on a device that is not the host."""
    preprocessor = MODELS.build(
        dict(
            type="SCLClassifier", backbone=dict(type="ResNet", depth=18, in_channels=1)
        )
        | dict(head=dict(in_channels=512), data_preprocessor=NORM | settings)
    ).data_preprocessor
    return preprocessor.to("meta")


def plain_batch() -> dict:
    samples = [DataSample() for _ in range(4)]
    return dict(
        inputs=torch.randint(0, 256, (4, 1, 32, 24), dtype=torch.uint8),
        data_samples=samples,
    )


@pytest.mark.parametrize("non_blocking", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_images_cross_as_uint8_and_become_floats_there(training, non_blocking):
    preprocessor = on_meta(non_blocking=non_blocking)
    with Copies() as copies:
        inputs = preprocessor(plain_batch(), training)["inputs"]
    assert inputs.is_meta and inputs.dtype == torch.float32
    assert copies.seen == [(torch.uint8, 4 * 32 * 24, not non_blocking)]


def test_sheets_cross_as_uint8_too():
    """Beside them go numbers: less than the images by far."""
    ours = augmentations("mmscl", noise=False, size=64, extent=160)[1]
    batch = collated(ours, banded_crops())
    preprocessor = on_meta()
    with Copies() as copies:
        inputs = preprocessor(batch, True)["inputs"]
    assert inputs.is_meta and inputs.shape == (24, 1, 64, 64)
    images = batch["inputs"].image
    assert copies.seen[0] == (torch.uint8, images.numel(), False)
    numbers = sum(count for _, count, _ in copies.seen[1:])
    assert numbers < images.numel() / 20


def test_copies_do_not_wait_unless_told():
    assert SCLClassifier(dict(type="ResNet", depth=18)).data_preprocessor._non_blocking
    assert not ChromosomePreprocessor(non_blocking=False)._non_blocking


@pytest.mark.parametrize("channels", [1, 3])
def test_augmented_images_are_normalised_and_labels_stay(channels):
    ours = augmentations("mmscl", size=(48, 32), extent=160, channels=channels)[1]
    preprocessor = ChromosomePreprocessor(**NORM)
    batch = collated(ours, banded_crops())
    levels = augment(batch["inputs"], torch.device("cpu"))
    out = preprocessor(batch, True)
    torch.testing.assert_close(out["inputs"], (levels - 127.5) / 50)
    assert out["inputs"].shape == (24, channels, 48, 32)
    assert [one.gt_label.item() for one in out["data_samples"]] == list(range(24))
    assert not out["inputs"].requires_grad


def test_ready_images_are_left_to_mmpretrain():
    batch = plain_batch()
    stock = MODELS.build(dict(type="ClsDataPreprocessor", **NORM))
    for training in (True, False):
        ours = ChromosomePreprocessor(**NORM)(batch, training)
        assert torch.equal(ours["inputs"], stock(batch, training)["inputs"])


def test_testing_refuses_images_that_are_to_be_augmented():
    ours = augmentations("paper", size=64, extent=160)[1]
    with pytest.raises(ValueError, match="put ChromosomeCanvas in its place there"):
        ChromosomePreprocessor(**NORM)(collated(ours, banded_crops()), False)


def test_images_that_are_no_tensor_are_refused():
    ours = augmentations("paper", size=64, extent=160)[1]
    batch = collated(ours, banded_crops())
    sheets = batch["inputs"]
    batch["inputs"] = sheets._replace(image=list(sheets.image))
    with pytest.raises(ValueError, match="type='default_collate'.*got list"):
        ChromosomePreprocessor(**NORM)(batch, True)


def test_a_stock_preprocessor_does_not_train_on_them_in_silence():
    ours = augmentations("paper", size=64, extent=160)[1]
    stock = MODELS.build(dict(type="ClsDataPreprocessor", **NORM))
    with pytest.raises(AttributeError, match="has no attribute 'float'"):
        stock(collated(ours, banded_crops()), True)


def test_per_image_gives_each_mean_0_and_variance_1():
    images = torch.randint(0, 256, (3, 1, 8, 6), dtype=torch.uint8)
    images[2] = 7  # blank
    images[1] = images[1] // 4
    found = ChromosomePreprocessor(per_image=True)(dict(inputs=images))["inputs"]
    for row in (0, 1):
        pixels = images[row].double()
        expected = (pixels - pixels.mean()) / pixels.std(correction=0)
        torch.testing.assert_close(found[row], expected.float())
    assert torch.equal(found[2], torch.zeros(1, 8, 6))


def test_two_normalisations_are_refused():
    with pytest.raises(ValueError, match="either per_image=True or mean and std"):
        ChromosomePreprocessor(per_image=True, **NORM)
