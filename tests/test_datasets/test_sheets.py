"""Plans for the device: the same draws, crops untouched, settings from one place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from device_batches import augmentations, banded_crops, collated
from mmpretrain.datasets.transforms import PackInputs

from mmscl.datasets.transforms import (
    PRESETS,
    ChromosomeAugment,
    ChromosomeCanvas,
    ElasticBend,
    GreyJitter,
)
from mmscl.datasets.transforms.packing import pack_batch
from mmscl.datasets.transforms.sheets import OWN_BACKGROUND, check_order


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_both_ways_take_the_same_random_numbers(preset):
    """The generator stands at the same place after a batch."""
    generators = [np.random.default_rng(4) for _ in range(2)]
    for one, rng in zip(augmentations(preset, size=64), generators, strict=True):
        one.transform_batch([dict(sample) for sample in banded_crops()], rng)
    first, second = (rng.bit_generator.state for rng in generators)
    assert first == second


def test_crops_lie_untouched_in_the_corners_of_their_sheets():
    sheets = collated(augmentations("paper", size=64, extent=160)[1], banded_crops())
    sheets = sheets["inputs"]
    assert sheets.image.dtype == torch.uint8
    for crop, sheet, size in zip(
        banded_crops(), sheets.image.numpy(), sheets.size.tolist(), strict=True
    ):
        height, width = crop["img"].shape
        assert size == [height, width]
        assert (sheet[0, :height, :width] == crop["img"]).all()
        assert (sheet[0, height:] == 250).all() and (sheet[0, :, width:] == 250).all()


def test_a_bent_crop_that_has_no_room_is_bent_and_trimmed_at_once():
    """Only the bent picture tells where it ends; trimming keeps its relative size."""
    bend = ElasticBend(bend=(0.2, 0.2), sway=0.0, elastic=0.0)
    image = np.full((100, 30), 255, np.uint8)
    image[3:97, 10:20] = 60
    roomy, tight = (
        ChromosomeAugment("paper", size=64, extent=extent, on_device=True)
        for extent in (200, 104)
    )
    for one in (roomy, tight):
        one.transforms = [
            bend,
            ChromosomeCanvas(size=64, extent=one.transforms[1].extent),
        ]
    crop = dict(img=image, background=255, gt_label=0)
    plans = [collated(one, [crop])["inputs"] for one in (roomy, tight)]
    assert [bool(plan.steps[0].on) for plan in plans] == [True, False]
    assert plans[0].size.tolist() == [[100, 30]]
    assert plans[0].steps[0].size[0, 0] > 100
    height, width = plans[1].size[0].tolist()
    assert height < 100 and 20 < width < 40
    # Canvas pixel -> source pixel: the zoom that extent asks for, not less.
    assert plans[1].steps[1].matrix[0, 0, 0] * plans[1].steps[1].blocks[0, 1] == (
        pytest.approx(104 / 64)
    )


def test_the_fill_is_the_settings():
    for fill, expected in ((None, OWN_BACKGROUND), (200, 200)):
        one = ChromosomeAugment("paper", size=64, background=fill, on_device=True)
        steps = collated(one, banded_crops())["inputs"].steps
        assert steps[1].fill.tolist() == [expected] * 24


def test_a_single_image_is_refused():
    one = ChromosomeAugment("paper", size=64, on_device=True)
    with pytest.raises(ValueError, match="on_device=True expects whole batches"):
        one(dict(banded_crops()[0]))
    assert "on_device=True" in repr(one)
    assert "on_device" not in repr(ChromosomeAugment("paper", size=64))


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ([GreyJitter()], "expects one ChromosomeCanvas.*got GreyJitter"),
        ([ChromosomeCanvas(8), ElasticBend()], "ElasticBend before ChromosomeCanvas"),
        ([ChromosomeCanvas(8), PackInputs()], "around it, got .*PackInputs"),
        ([ChromosomeCanvas(8), ChromosomeCanvas(8)], "expects one ChromosomeCanvas"),
    ],
)
def test_orders_that_the_device_cannot_do_are_refused(transforms, words):
    with pytest.raises(ValueError, match=words):
        check_order("x", transforms)


def test_packing_keeps_what_mmpretrain_packs():
    """Labels, soft labels and meta information, with sheets as with images."""
    both = augmentations("paper", size=64)
    for more in (dict(), dict(gt_score=np.ones(24, np.float32))):
        packed = []
        for one in both:
            samples = [dict(s, img_path="a.png", **more) for s in banded_crops(3)]
            samples = one.transform_batch(samples, np.random.default_rng(0))
            packed.append(pack_batch(PackInputs(), samples))
        for theirs, ours in zip(*packed, strict=True):
            theirs, ours = theirs["data_samples"], ours["data_samples"]
            assert torch.equal(theirs.gt_label, ours.gt_label)
            assert theirs.metainfo == ours.metainfo
            assert ("gt_score" in theirs) == ("gt_score" in ours) == bool(more)
