"""Augmentation on the device: the same pictures as with OpenCV, and known places."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from device_batches import augmentations, banded_crops, collated
from mmengine.dataset import default_collate

from mmscl.datasets.transforms import PRESETS, ChromosomeCanvas, ElasticBend
from mmscl.datasets.transforms.sheets import Sheets, ToneStep, lay_on_sheets
from mmscl.models.augmenting import augment
from mmscl.models.grey_levels import Pictures, change_tone

CPU = torch.device("cpu")
#: Grey levels. OpenCV rounds after every step, which moves an even background, and so
#: the mean, by up to half a level; the device does not round.
MEAN, MOST, EVER = 0.5, 1.5, 5.0


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("size", [64, (96, 48), 200])
def test_the_device_gives_the_pictures_of_opencv(preset, size, tight):
    """From the same random numbers; noise left out, its generators differ.

    All but one pixel in a thousand within MOST grey levels: shrinking in blocks, the
    bend, tone and blur included.
    """
    extent = None if preset == "authors" else 160
    both = augmentations(preset, noise=False, size=size, extent=extent)
    for seed in range(3):
        theirs, ours = (collated(one, banded_crops(tight=tight), seed) for one in both)
        levels = augment(ours["inputs"], CPU)
        assert levels.dtype == torch.float32
        assert levels.shape == theirs["inputs"].shape
        difference = (levels - theirs["inputs"].float()).abs()
        assert difference.mean() < MEAN
        assert difference.flatten().quantile(0.999) < MOST
        assert difference.max() < EVER
        labels = [
            [one.gt_label.item() for one in b["data_samples"]] for b in (theirs, ours)
        ]
        assert labels[0] == labels[1] == list(range(24))


def test_all_kinds_of_steps_were_in_that_comparison():
    """Bent and straight, blocks of 1 and more, toned and not, blurred and not."""
    one = augmentations("mmscl", size=(96, 48), extent=160)[1]
    bend, tone, canvas = collated(one, banded_crops())["inputs"].steps
    assert 2 < bend.on.sum() < 20
    assert {1, 2} <= set(canvas.blocks.flatten().tolist())
    for column in (0, 4, 5):
        assert 2 < (tone.tones[:, column] > 0).sum() < 22


def dot(y: int, x: int, background: int = 255) -> dict:
    """A crop of 31 x 21 px with one bright 3 x 3 dot; its middle is (15, 10)."""
    image = np.full((31, 21), background, np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 0
    return dict(img=image, background=background)


def centre(levels: torch.Tensor, background: float = 255.0) -> tuple[float, float]:
    """Centre of mass of what is not background: y, x."""
    weight = (background - levels.squeeze()).double()
    y, x = (torch.arange(side).double() for side in weight.shape)
    total = weight.sum()
    return float((weight.sum(1) * y).sum() / total), float(
        (weight.sum(0) * x).sum() / total
    )


@pytest.mark.parametrize(
    ("pose", "place"),
    [
        # The dot is 10 px above the middle of the crop, which lies on (31.5, 31.5).
        (dict(), (21.5, 31.5)),
        (dict(rotation=(90, 90)), (31.5, 21.5)),  # counter-clockwise: up turns left
        (dict(rotation=(180, 180)), (41.5, 31.5)),
        (dict(vflip=1.0), (41.5, 31.5)),
        (dict(vflip=1.0, rotation=(90, 90)), (31.5, 41.5)),  # flip first
        (dict(scale=(2.0, 2.0)), (11.5, 31.5)),
        (dict(shift=(0.125, 0.125)), (29.5, 39.5)),  # 8 px of 64 on both axes
        (
            dict(rotation=(30, 30), scale=(1.5, 1.5)),
            (31.5 - 15 * math.cos(math.pi / 6), 31.5 - 15 * math.sin(math.pi / 6)),
        ),
    ],
    ids=str,
)
def test_a_dot_lands_where_it_should(pose, place):
    canvas = ChromosomeCanvas(size=64, extent=64, **pose)
    levels = augment(sheets([canvas], [dot(5, 10)]), CPU)
    assert centre(levels) == pytest.approx(place, abs=0.02)


def sheets(transforms: list, samples: list[dict], seed: int = 0) -> Sheets:
    """The plan of a batch, collated."""
    laid = lay_on_sheets(
        transforms, [dict(one) for one in samples], np.random.default_rng(seed)
    )
    return default_collate([sample["sheet"] for sample in laid])


@pytest.mark.parametrize("flip", [dict(hflip=1.0), dict()])
def test_left_and_right(flip):
    canvas = ChromosomeCanvas(size=64, extent=64, **flip)
    _, x = centre(augment(sheets([canvas], [dot(15, 4)]), CPU))
    assert x == pytest.approx(31.5 + 6 if flip else 31.5 - 6, abs=0.02)


def test_nothing_is_cut_off():
    """A dot in the corner of the crop, turned and enlarged, is still all there."""
    canvas = ChromosomeCanvas(size=96, extent=96, scale=(2, 2))
    for angle in (0, 33, 90, 145):
        canvas.rotation = (angle, angle)
        levels = augment(sheets([canvas], [dot(1, 1)]), CPU)
        mass = (255 - levels).sum() / 4  # scale 2: four pixels for one
        assert mass == pytest.approx(9 * 255, rel=0.02)


@pytest.mark.parametrize("background", [0, 131, 255])
@pytest.mark.parametrize("preset", ["paper", "mmscl", "mmscl-metaphase"])
def test_the_background_is_kept_exactly(preset, background):
    """No frame and no noise where nothing is, whatever happens to the crop."""
    ours = augmentations(preset, size=(128, 96), extent=256)[1]
    blank = [
        dict(img=np.full((40, 20), background, np.uint8), background=background)
        for _ in range(8)
    ]
    levels = augment(
        collated(ours, [dict(b, gt_label=0) for b in blank])["inputs"], CPU
    )
    assert (levels == background).all()
    levels = augment(collated(ours, banded_crops(background=background))["inputs"], CPU)
    corners = levels[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == background).all()
    assert (levels != background).flatten(1).any(dim=1).all()
    assert levels.min() >= 0 and levels.max() <= 255


def test_the_authors_canvas_is_filled_with_white():
    ours = augmentations("authors", size=64)[1]
    ours.transforms = ours.transforms[:1]  # without the tone
    ours.transforms[0].rotation = (45, 45)
    levels = augment(collated(ours, banded_crops(background=9))["inputs"], CPU)
    assert (levels[..., 0, 0] == 255).all()
    assert (levels[..., 32, 32] < 200).all()


def test_an_image_does_not_depend_on_the_others_of_its_batch():
    """Sizes, blocks, bends and blurs of the others change nothing."""
    ours = augmentations("mmscl", noise=False, size=(96, 48), extent=160)[1]
    whole = collated(ours, banded_crops())["inputs"]
    levels = augment(whole, CPU)
    for one in range(0, 24, 3):
        alone = Sheets(
            whole.image[one, None],
            whole.size[one, None],
            whole.background[one, None],
            [type(step)(*(part[one, None] for part in step)) for step in whole.steps],
        )
        torch.testing.assert_close(
            augment(alone, CPU)[0], levels[one], atol=1e-3, rtol=0
        )


def pictures(level: float, background: int = 255, side: int = 64) -> Pictures:
    distance = torch.zeros(2, 1, side, side)
    distance[:, :, :, : side // 2] = level - background
    return Pictures(
        distance, torch.full((2, 1, 1, 1), background), torch.full((2, 2), side)
    )


def tone_step(keep: bool = True, **values: float) -> ToneStep:
    """The same tone for two pictures."""
    named = dict(on=0, brightness=1, contrast=1, gamma=1, blur=0, noise=0, seed=5)
    row = torch.tensor(
        [float(v) for v in (named | values).values()], dtype=torch.float64
    )
    return ToneStep(row.expand(2, -1), torch.tensor([keep, keep]))


def test_contrast_and_gamma_act_on_the_distance_from_the_background():
    # Half of the reach: t = 0.5; 0.8 * 0.5 ** 2 = 0.2 of 255.
    changed = change_tone(pictures(127.5), tone_step(on=1, contrast=0.8, gamma=2))
    assert changed.distance[0, 0, 3, 3] == pytest.approx(-51, abs=1e-3)
    assert (changed.distance[..., 32:] == 0).all()


def test_noise_has_its_spread_and_spares_the_background():
    plain, noisy = pictures(100), change_tone(pictures(100), tone_step(noise=6))
    added = noisy.distance - plain.distance
    assert (added[..., 32:] == 0).all()
    assert float(added[..., :32].std()) == pytest.approx(6, rel=0.05)
    assert float(added[..., :32].mean()) == pytest.approx(0, abs=0.3)
    assert not torch.equal(added[0], added[1])
    everywhere = change_tone(pictures(100), tone_step(keep=False, noise=6))
    assert (everywhere.distance[..., 32:] != 0).any()


def test_noise_follows_from_the_plan_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = change_tone(pictures(100), tone_step(noise=6)).distance
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(change_tone(pictures(100), tone_step(noise=6)).distance, first)
    other = change_tone(pictures(100), tone_step(noise=6, seed=6)).distance
    assert not torch.equal(other, first)


def test_blur_is_a_gaussian_of_its_sigma():
    """The spread of a blurred line, within what cutting the kernel takes away."""
    line = pictures(255)
    line.distance[..., 32] = -200.0
    blurred = change_tone(line, tone_step(blur=2)).distance[0, 0, 20]
    x = torch.arange(64) - 32.0
    assert float(blurred.sum()) == pytest.approx(-200, rel=1e-4)
    spread = float((blurred * x**2).sum() / blurred.sum())
    assert math.sqrt(spread) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_the_pixels(dtype):
    ours = augmentations("mmscl", size=64, extent=160)[1]
    batch = collated(ours, banded_crops())["inputs"]
    levels = augment(batch, CPU)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(augment(batch, CPU), levels)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_no_step_waits_for_the_device(preset):
    """A meta tensor has no values: asking for one, as .item() does, would raise."""
    settings = dict(size=64) if preset == "authors" else dict(size=64, extent=160)
    ours = augmentations(preset, noise=False, **settings, channels=3)[1]
    levels = augment(collated(ours, banded_crops())["inputs"], torch.device("meta"))
    assert levels.shape == (24, 3, 64, 64) and levels.is_meta


def test_the_bend_keeps_the_length_that_opencv_keeps():
    """A bend alone, strongly: the tips land within a tenth of a pixel of OpenCV's."""
    bend = ElasticBend(bend=(0.25, 0.25), sway=0.0, elastic=0.0)
    canvas = ChromosomeCanvas(size=128, extent=128)
    image = np.full((90, 30), 255, np.uint8)
    image[5:85, 10:20] = 60
    sample = dict(img=image, background=255)
    levels = augment(sheets([bend, canvas], [sample]), CPU)
    theirs = canvas.transform_batch(
        bend.transform_batch([dict(sample)], np.random.default_rng(0)),
        np.random.default_rng(0),
    )
    theirs = torch.from_numpy(theirs[0]["img"].copy())
    assert centre(levels) == pytest.approx(centre(theirs), abs=0.1)
    straight = augment(sheets([canvas], [sample]), CPU)
    assert (levels - straight).abs().max() > 100
