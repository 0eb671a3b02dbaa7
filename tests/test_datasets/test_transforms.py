"""Crop -> canvas and augmentation, against plain-loop references and properties."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from mmpretrain.datasets.transforms import PackInputs
from mmpretrain.registry import TRANSFORMS
from torchvision.transforms import functional as F

import mmscl  # noqa: F401  registers the transforms
from mmscl.datasets.cell_measure import measure_crop
from mmscl.datasets.images import ImageError, find_background
from mmscl.datasets.transforms import (
    PRESETS,
    ChromosomeAugment,
    ChromosomeCanvas,
    ElasticBend,
    GreyJitter,
    LoadChromosome,
    generator,
)
from mmscl.datasets.transforms.bending import Bend, _long_axis
from mmscl.datasets.transforms.channels import repeat_channels
from mmscl.datasets.transforms.loading import find_backgrounds
from mmscl.datasets.transforms.packing import pack_batch
from mmscl.datasets.transforms.pipeline_error import PipelineError
from mmscl.datasets.transforms.placing import (
    PLAIN,
    Pose,
    average_blocks,
    plan_placing,
)
from mmscl.datasets.transforms.tone import Tone


def rod(height=60, width=12, margin=4, background=255, seed=0) -> np.ndarray:
    """An upright banded rod with a blank margin, H x W uint8."""
    rng = np.random.default_rng(seed)
    bands = cv2.resize(
        rng.integers(40, 160, (9, 1), dtype=np.uint8),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    return np.pad(bands, margin, constant_values=background)


def sample(image: np.ndarray, background: int = 255, **more) -> dict:
    return dict(img=image.copy(), background=background, **more)


def plain_affine(image, size, zoom, degrees, hflip, vflip, shift, fill):
    """Canvas pixel by pixel: undo shift, rotation, zoom, flip; bilinear look-up."""
    image = image.astype(float)
    height, width = image.shape
    turn = np.deg2rad(degrees)
    out = np.empty((size, size))
    for v in range(size):
        for u in range(size):
            x = u - (size - 1) / 2 - shift * size
            y = v - (size - 1) / 2 - shift * size
            # Seen with y up, the canvas was turned counter-clockwise: turn back.
            x, y = (
                np.cos(turn) * x - np.sin(turn) * y,
                np.sin(turn) * x + np.cos(turn) * y,
            )
            x, y = x / zoom * (-1 if hflip else 1), y / zoom * (-1 if vflip else 1)
            x, y = x + (width - 1) / 2, y + (height - 1) / 2
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            total = 0.0
            for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = abs(1 - j - (x - x0)) * abs(1 - i - (y - y0))
                inside = 0 <= y0 + i < height and 0 <= x0 + j < width
                total += weight * (image[y0 + i, x0 + j] if inside else fill)
            out[v, u] = total
    return out


class TestLoadChromosome:
    def test_reads_the_file(self, tmp_path):
        path = tmp_path / "a.png"
        cv2.imwrite(str(path), rod())
        results = LoadChromosome()(dict(img_path=str(path)))
        np.testing.assert_array_equal(results["img"], rod())
        assert results["background"] == 255
        assert results["img_shape"] == results["ori_shape"] == rod().shape

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_takes_the_array_of_an_inferencer(self, channels):
        image = np.repeat(rod()[:, :, None], channels, axis=2)
        image[..., 3:] = 255
        results = LoadChromosome()(dict(img=image, img_path="never read"))
        np.testing.assert_array_equal(results["img"], rod())

    def test_invert_makes_the_background_white(self):
        results = LoadChromosome(invert=True)(dict(img=255 - rod()))
        np.testing.assert_array_equal(results["img"], rod())
        assert results["background"] == 255

    def test_auto_inverts_only_dark_backgrounds(self):
        auto = LoadChromosome(invert="auto")
        np.testing.assert_array_equal(auto(dict(img=rod()))["img"], rod())
        np.testing.assert_array_equal(auto(dict(img=255 - rod()))["img"], rod())

    def test_unreadable_file_is_named(self, tmp_path):
        path = tmp_path / "broken.png"
        path.write_bytes(b"no image")
        with pytest.raises(ImageError, match="broken.png"):
            LoadChromosome()(dict(img_path=str(path)))

    def test_wrong_invert(self):
        with pytest.raises(ValueError, match="'auto', got 'yes'"):
            LoadChromosome(invert="yes")


class TestCanvas:
    def test_zoom_one_copies_the_crop_to_the_middle(self):
        image = rod(40, 10)
        out = ChromosomeCanvas(64, extent=64)(sample(image))["img"]
        expected = np.full((64, 64), 255, np.uint8)
        expected[8:56, 23:41] = image
        np.testing.assert_array_equal(out, expected)

    @pytest.mark.parametrize("zoom", [0.7, 1.0, 1.6])
    @pytest.mark.parametrize("hflip,vflip", [(0, 0), (1, 0), (0, 1), (1, 1)])
    def test_agrees_with_the_plain_loop(self, zoom, hflip, vflip):
        image = cv2.GaussianBlur(rod(21, 9), (0, 0), 1.5)
        canvas = ChromosomeCanvas(
            48,
            extent=48 / zoom,
            background=200,
            hflip=hflip,
            vflip=vflip,
            rotation=(25, 25),
            scale=(0.9, 0.9),
            shift=(0.06, 0.06),
        )
        expected = plain_affine(image, 48, zoom * 0.9, 25, hflip, vflip, 0.06, 200)
        out = canvas(sample(image))["img"]
        # OpenCV places samples on a grid of 1/32 pixel.
        assert np.abs(out - expected).max() < 6
        assert np.abs(out - expected).mean() < 0.5

    def test_rotation_is_counter_clockwise(self):
        image = rod(31, 9)
        plain = ChromosomeCanvas(63, extent=63)
        turned = ChromosomeCanvas(63, extent=63, rotation=(90, 90))
        np.testing.assert_array_equal(
            turned(sample(image))["img"], np.rot90(plain(sample(image))["img"])
        )

    def test_extent_keeps_relative_size(self):
        canvas = ChromosomeCanvas(64, extent=128)
        dark = [
            (canvas(sample(rod(height, 16)))["img"] < 200).any(axis=1).sum()
            for height in (20, 40, 80)
        ]
        np.testing.assert_allclose(dark, [10, 20, 40], atol=1)

    def test_without_extent_the_longer_side_fills_the_canvas(self):
        image = rod(30, 10, margin=0)
        out = ChromosomeCanvas(90)(sample(image))["img"]
        rows, columns = np.nonzero(out < 200)
        assert np.ptp(rows) + 1 == pytest.approx(90, abs=2)
        assert np.ptp(columns) + 1 == pytest.approx(30, abs=3)

    def test_crop_larger_than_the_extent_is_shrunk_and_marked(self):
        canvas = ChromosomeCanvas(64, extent=100)
        results = canvas(sample(rod(120, 16)))
        assert results["shrunk"] is True
        dark = (results["img"] < 200).any(axis=1)
        assert dark.sum() == pytest.approx(64, abs=2)
        assert canvas(sample(rod(80, 16)))["shrunk"] is False

    def test_blank_margin_does_not_shrink(self):
        canvas = ChromosomeCanvas(64, extent=64)
        tight, loose = rod(40, 10, margin=1), rod(40, 10, margin=41)
        results = canvas(sample(loose))
        assert results["shrunk"] is False
        np.testing.assert_array_equal(results["img"], canvas(sample(tight))["img"])

    def test_squash_fills_the_canvas(self):
        out = ChromosomeCanvas(48, fit="squash")(sample(rod(30, 10, margin=0)))["img"]
        assert out[2:-2, 2:-2].max() < 200

    @pytest.mark.parametrize("zoom", [0.5, 0.3, 0.22])
    def test_fine_stripes_do_not_alias(self, zoom):
        stripes = np.zeros((80, 40), np.uint8)
        stripes[::2] = 255
        out = ChromosomeCanvas(64, extent=64 / zoom)(sample(stripes))["img"]
        half = int(40 * zoom) - 3, int(20 * zoom) - 3
        inner = out[32 - half[0] : 32 + half[0], 32 - half[1] : 32 + half[1]]
        assert inner.min() > 85 and inner.max() < 170

    def test_small_zoom_agrees_with_area_average(self):
        image = cv2.GaussianBlur(rod(79, 21, margin=6), (0, 0), 1.0)
        out = ChromosomeCanvas(40, extent=100)(sample(image))["img"]
        sheet = np.full((1000, 1000), 255, np.uint8)
        # The crop in the middle at ten times its size, then averaged by 25.
        big = cv2.resize(image, None, fx=10, fy=10, interpolation=cv2.INTER_LINEAR)
        top, left = (1000 - big.shape[0]) // 2, (1000 - big.shape[1]) // 2
        sheet[top : top + big.shape[0], left : left + big.shape[1]] = big
        expected = cv2.resize(sheet, (40, 40), interpolation=cv2.INTER_AREA)
        assert np.abs(out.astype(int) - expected).mean() < 2

    @pytest.mark.parametrize("shape", [(60, 12), (61, 13), (59, 14)])
    @pytest.mark.parametrize("zoom", [1.0, 0.4, 0.3])
    def test_crop_stays_in_the_middle(self, shape, zoom):
        image = np.full(shape, 60, np.uint8)
        out = ChromosomeCanvas(64, extent=64 / zoom)(sample(image))["img"]
        darkness = 255.0 - out
        for axis in (0, 1):
            profile = darkness.sum(axis=axis)
            centre = (profile * np.arange(64)).sum() / profile.sum()
            assert centre == pytest.approx(31.5, abs=0.1)

    def test_height_and_width(self):
        results = ChromosomeCanvas((96, 32), extent=96)(sample(rod()))
        assert results["img"].shape == results["img_shape"] == (96, 32)

    def test_found_background_fills_the_canvas(self):
        results = dict(img=rod(background=210))
        out = ChromosomeCanvas(96, extent=96)(results)
        assert out["img"][0, 0] == out["background"] == 210

    def test_given_background_fills_the_canvas(self):
        out = ChromosomeCanvas(96, extent=96, background=3)(sample(rod()))
        assert out["img"][0, 0] == out["background"] == 3

    def test_cell_size_evens_out_magnification(self):
        canvas = ChromosomeCanvas(64, extent=128, cell_size=30.0)
        small = canvas(sample(rod(30, 10), cell_size=15.0))["img"]
        large = canvas(sample(rod(60, 20), cell_size=30.0))["img"]
        rows = [(out < 200).any(axis=1).sum() for out in (small, large)]
        assert rows[0] == pytest.approx(rows[1], abs=1)

    @pytest.mark.parametrize("measure,target", [("axis", 60), ("area", 27)])
    def test_only_the_axis_keeps_the_length_of_thicker_chromosomes(
        self, measure, target
    ):
        canvas = ChromosomeCanvas(
            96, extent=128, cell_size=target, cell_measure=measure
        )
        lengths = []
        for crop in (rod(60, 8), rod(60, 16)):
            size = measure_crop(crop, 255, measure)
            out = canvas(sample(crop, cell_size=size, cell_measure=measure))["img"]
            lengths.append(int((out < 200).any(axis=1).sum()))
        if measure == "axis":
            assert lengths[0] == pytest.approx(lengths[1], rel=0.08)
        else:  # twice the width at equal length is 1.4 times the size
            assert lengths[0] == pytest.approx(2**0.5 * lengths[1], rel=0.08)

    def test_three_channels_are_equal(self):
        out = ChromosomeCanvas(64, channels=3)(sample(rod()))["img"]
        assert out.shape == (64, 64, 3)
        np.testing.assert_array_equal(out[..., 0], out[..., 2])

    def test_defaults_draw_nothing(self):
        rng = np.random.default_rng(0)
        before = rng.bit_generator.state
        ChromosomeCanvas(64, extent=96)(sample(rod(), rng=rng))
        assert rng.bit_generator.state == before

    def test_prob_zero_leaves_the_pose(self):
        still = ChromosomeCanvas(64, rotation=90, scale=(0.5, 2), shift=0.3, prob=0.0)
        np.testing.assert_array_equal(
            still(sample(rod()))["img"], ChromosomeCanvas(64)(sample(rod()))["img"]
        )

    @pytest.mark.parametrize(
        "settings,message",
        [
            (dict(size=0), r"size: expected pixels > 0"),
            (dict(size=(1, 2, 3)), r"size: expected pixels > 0"),
            (dict(fit="crop"), r"fit: expected 'pad' or 'squash', got 'crop'"),
            (dict(fit="squash", extent=100), r"fit='squash' stretches"),
            (dict(extent=-1), r"extent: expected pixels > 0, got -1"),
            (dict(cell_size=30.0), r"cell_size=30.0 needs an extent"),
            (
                dict(cell_measure="length"),
                r"cell_measure: expected one of \('area', 'axis'\), got 'length'",
            ),
            (dict(background="white"), r"background: expected 'auto' or a grey level"),
            (dict(background=256), r"background: .* got 256"),
            (dict(channels=2), r"channels: expected 1 or 3, got 2"),
            (dict(hflip=1.5), r"hflip: expected a probability in \[0, 1\], got 1.5"),
            (dict(scale=(0.0, 1.0)), r"scale: expected values in"),
            (dict(scale=(2.0, 1.0)), r"scale: expected low <= high"),
            (
                dict(rotation="any"),
                r"rotation: expected a number or a pair .* got 'any'",
            ),
            (dict(shift=2.0), r"shift: expected values in \[-1, 1\]"),
        ],
    )
    def test_bad_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            ChromosomeCanvas(**{"size": 64, **settings})

    def test_missing_cell_size_says_where_to_set_it(self):
        with pytest.raises(
            PipelineError, match="cell_size=True in the ChromosomeDataset"
        ):
            ChromosomeCanvas(64, extent=64, cell_size=30.0)(sample(rod()))

    def test_a_cell_measured_otherwise_says_what_to_set(self):
        canvas = ChromosomeCanvas(64, extent=64, cell_size=64, cell_measure="axis")
        with pytest.raises(PipelineError, match="set cell_size='axis' in the Chromo"):
            canvas(sample(rod(), cell_size=31.0, cell_measure="area"))

    def test_cell_without_foreground(self):
        with pytest.raises(ImageError, match="x.png: its cell has size 0.0"):
            ChromosomeCanvas(64, extent=64, cell_size=30.0)(
                sample(rod(), cell_size=0.0, img_path="x.png")
            )

    def test_colour_image_says_which_transform_is_missing(self):
        with pytest.raises(ValueError, match="type='LoadChromosome'"):
            ChromosomeCanvas(64)(dict(img=np.zeros((8, 8, 3), np.uint8)))


class TestGreyJitter:
    def test_contrast_scales_the_distance_from_the_background(self):
        out = GreyJitter(contrast=(0.5, 0.5))(sample(rod()))["img"]
        expected = 255 - (255 - rod().astype(float)) / 2
        assert np.abs(out - expected).max() <= 0.5

    def test_gamma_bends_the_distance_from_the_background(self):
        out = GreyJitter(gamma=(2.0, 2.0))(sample(rod()))["img"]
        expected = 255 - 255 * ((255 - rod().astype(float)) / 255) ** 2
        assert np.abs(out - expected).max() <= 0.5

    @pytest.mark.parametrize("background", [0, 90, 255])
    def test_background_stays(self, background):
        jitter = GreyJitter(contrast=0.5, gamma=0.5, noise=(9, 9))
        image = rod(background=background)
        for seed in range(5):
            rng = np.random.default_rng(seed)
            results = jitter(sample(image, background, rng=rng))
            assert results["background"] == background
            assert (results["img"][:4] == background).all()

    def test_authors_jitter_is_torchvisions(self):
        jitter = GreyJitter(
            brightness=(0.9, 0.9), contrast=(1.2, 1.2), keep_background=False
        )
        results = jitter(sample(rod()))
        image = torch.from_numpy(rod())[None].float() / 255
        expected = F.adjust_contrast(F.adjust_brightness(image, 0.9), 1.2)[0] * 255
        assert np.abs(results["img"] - expected.numpy()).max() <= 1
        assert results["background"] == results["img"][0, 0] != 255

    def test_noise_has_the_standard_deviation_asked_for(self):
        image = np.full((200, 200), 128, np.uint8)
        out = GreyJitter(noise=(5, 5))(sample(image))["img"]
        assert (out.astype(float) - 128).std() == pytest.approx(5, rel=0.05)
        assert (out.astype(float) - 128).mean() == pytest.approx(0, abs=0.15)

    def test_blur_is_gaussian(self):
        spot = np.zeros((31, 31), np.uint8)
        spot[15, 15] = 255
        out = GreyJitter(blur=(1.5, 1.5))(sample(spot, 0))["img"].astype(float)
        at = np.arange(31) - 15
        variance = (out.sum(axis=0) * at**2).sum() / out.sum()
        assert variance == pytest.approx(1.5**2, rel=0.15)

    def test_prob_zero_and_defaults_do_nothing(self):
        everything = GreyJitter(contrast=0.5, gamma=0.5, blur=2, noise=9, prob=0.0)
        for jitter in (everything, GreyJitter()):
            np.testing.assert_array_equal(jitter(sample(rod()))["img"], rod())

    def test_leaves_its_input_alone(self):
        image = rod()
        GreyJitter(contrast=0.5, blur=1, noise=9)(dict(img=image, background=255))
        np.testing.assert_array_equal(image, rod())

    @pytest.mark.parametrize(
        "settings,message",
        [
            (dict(brightness=0.2), "brightness=0.2 moves the background"),
            (dict(contrast=2.0), r"contrast: expected values in"),
            (dict(gamma=-0.5), r"gamma: expected a share >= 0, got -0.5"),
            (dict(gamma=(0.0, 1.0)), r"gamma: expected values in"),
            (dict(blur=-1.0), r"blur: expected low <= high"),
            (dict(noise=(-1, 1)), r"noise: expected values in"),
            (dict(prob=2), r"prob: expected a probability"),
        ],
    )
    def test_bad_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            GreyJitter(**settings)


class TestElasticBend:
    def test_no_bend_changes_nothing(self):
        out = ElasticBend(bend=0, sway=0, elastic=0)(sample(rod()))["img"]
        np.testing.assert_array_equal(out, rod())

    @pytest.mark.parametrize("turned", [False, True])
    @pytest.mark.parametrize("bow", [-0.2, 0.1, 0.2])
    def test_bow_has_the_height_asked_for_and_the_length_stays(self, bow, turned):
        image = np.pad(np.full((100, 10), 60, np.uint8), 5, constant_values=255)
        image = image.T.copy() if turned else image
        out = ElasticBend(bend=(bow, bow), sway=0, elastic=0)(sample(image))["img"]
        out = out.T if turned else out
        dark = out < 157
        rows = np.flatnonzero(dark.any(axis=1))
        # Centre line: middle of the dark pixels in each row, tips left out.
        line = np.array([np.flatnonzero(dark[r]).mean() for r in rows])[6:-6]
        arc = np.hypot(1, np.diff(line)).sum() + 12
        slant = np.hypot(1, 4 * bow)
        assert arc == pytest.approx(100, rel=0.06 * slant)
        chord = (line[0] + line[-1]) / 2
        height = abs(line[len(line) // 2] - chord)
        # The tips left out take away 1 - (44 / 50)^2 of a parabola's height.
        assert height == pytest.approx(100 * abs(bow) * 0.75, rel=0.2)
        assert dark.sum() == pytest.approx(1000, rel=0.05)

    def test_bands_stay_perpendicular_to_the_bent_line(self):
        image = np.full((100, 16), 160, np.uint8)
        image[20:24] = 20
        image = np.pad(image, 5, constant_values=255)
        bow = 0.15
        out = ElasticBend(bend=(bow, bow), sway=0, elastic=0)(sample(image))["img"]
        rows, columns = np.nonzero(out < 90)
        band = np.polyfit(columns, rows, 1)[0]
        # The band is 28 of 50 half lengths above the middle, where f' = 4 b y; seen
        # along x it rises with -f'.
        assert abs(band) == pytest.approx(4 * bow * 28 / 50, rel=0.15)

    @pytest.mark.parametrize("background", [0, 255])
    def test_new_margin_is_background(self, background):
        image = rod(background=background)
        bend = ElasticBend(bend=(0.2, 0.2), sway=0.05, elastic=0.02)
        results = bend(sample(image, background))
        out = results["img"]
        assert results["img_shape"] == out.shape
        assert out.shape[1] > image.shape[1]
        border = np.concatenate([out[0], out[-1], out[:, 0], out[:, -1]])
        assert (border == background).all()

    def test_blank_crop_stays(self):
        blank = np.full((20, 9), 255, np.uint8)
        np.testing.assert_array_equal(ElasticBend()(sample(blank))["img"], blank)

    def test_prob_zero(self):
        np.testing.assert_array_equal(ElasticBend(prob=0)(sample(rod()))["img"], rod())

    @pytest.mark.parametrize(
        "settings,message",
        [
            (dict(bend=0.5), r"bend: expected values in \[-0.3, 0.3\]"),
            (dict(sway=0.2), r"sway: expected values in \[-0.1, 0.1\]"),
            (dict(elastic=0.5), r"elastic: expected values in \[0.0, 0.1\]"),
            (dict(prob=-1), r"prob: expected a probability"),
        ],
    )
    def test_bad_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            ElasticBend(**settings)


@pytest.mark.parametrize("preset", sorted(PRESETS))
class TestPresets:
    def build(self, preset, **more):
        extent = {} if preset == "authors" else dict(extent=96)
        return ChromosomeAugment(preset, size=64, **extent, **more)

    def test_seed_decides(self, preset):
        augment = self.build(preset)
        np.random.seed(3)
        first = [augment(sample(rod()))["img"] for _ in range(6)]
        np.random.seed(3)
        again = [augment(sample(rod()))["img"] for _ in range(6)]
        np.testing.assert_array_equal(first, again)
        assert any((one != first[0]).any() for one in first[1:])

    def test_own_generator_is_independent_of_the_global_one(self, preset):
        augment = self.build(preset)
        outs = []
        for seed in (0, 1):
            np.random.seed(seed)
            cv2.setRNGSeed(seed)
            rng = np.random.default_rng(7)
            outs.append([augment(sample(rod(), rng=rng))["img"] for _ in range(4)])
        np.testing.assert_array_equal(*outs)

    def test_canvas_is_grey_uint8_and_keeps_its_background(self, preset):
        augment = self.build(preset)
        for _ in range(20):
            results = augment(sample(rod()))
            assert results["img"].shape == results["img_shape"] == (64, 64)
            assert results["img"].dtype == np.uint8
            if preset != "authors":
                assert results["img"][0, 0] == results["background"] == 255

    def test_three_channels(self, preset):
        out = self.build(preset, channels=3)(sample(rod()))["img"]
        assert out.shape == (64, 64, 3)

    def test_builds_by_name_and_tells_what_it_does(self, preset):
        for name in ("ChromosomeAugment", "mmscl.ChromosomeAugment"):
            built = TRANSFORMS.build(dict(type=name, preset=preset, size=64))
            assert preset in repr(built) and "rotation" in repr(built)


def test_unknown_preset_lists_the_names():
    with pytest.raises(ValueError, match=r"\['authors', 'mmscl', .*'paper'\], got 'p'"):
        ChromosomeAugment("p", size=64)


def test_squashing_preset_refuses_an_extent():
    with pytest.raises(ValueError, match="set fit='pad'"):
        ChromosomeAugment("authors", size=64, extent=96)
    ChromosomeAugment("authors", size=64, extent=96, fit="pad")


def test_generator_follows_numpys_seed_at_once():
    np.random.seed(5)
    first = generator({}).random()
    np.random.seed(5)
    assert generator({}).random() == first
    assert generator({}).random() != first


def rods(count: int = 16) -> list[dict]:
    """Samples of many sizes, on white, black and grey."""
    rng = np.random.default_rng(1)
    samples = []
    for number in range(count):
        background = (255, 0, 120)[number % 3]
        height, width = int(rng.integers(20, 90)), int(rng.integers(6, 30))
        image = rod(height, width, 3, background, seed=number)
        samples.append(sample(image, background, img_path=f"{number}.png"))
    return samples


def pictures(samples: list[dict]) -> list[tuple]:
    """What is compared of samples: pixels, background and shape."""
    return [(s["img"].tobytes(), s["background"], s["img"].shape) for s in samples]


CANVASES = [
    dict(size=64, extent=144, rotation=90, hflip=0.5, vflip=0.5),
    dict(size=(96, 48), extent=100, scale=(0.4, 1.5), shift=0.3, prob=0.5),
    dict(size=64, fit="squash", background=255, rotation=180),
    dict(size=48, rotation=20, channels=3),
]
JITTERS = [
    dict(contrast=0.2),
    dict(contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
    dict(brightness=0.2, contrast=0.2, gamma=0.5, keep_background=False),
]


class TestBatches:
    """A batch gives what the same numbers give image by image, to the last bit."""

    @pytest.mark.parametrize("settings", CANVASES)
    def test_canvas(self, settings, monkeypatch):
        canvas = ChromosomeCanvas(**settings)
        poses = canvas.draw_pose(np.random.default_rng(3), 16)
        batch = canvas.apply(rods(), poses)
        singles = []
        for number, one in enumerate(rods()):
            pose = Pose(*(part[number].item() for part in poses))
            monkeypatch.setattr(canvas, "draw_pose", lambda rng, pose=pose: pose)
            singles.append(canvas(one))
        assert pictures(batch) == pictures(singles)
        assert [s["shrunk"] for s in batch] == [s["shrunk"] for s in singles]

    @pytest.mark.parametrize("settings", JITTERS)
    def test_jitter(self, settings, monkeypatch):
        jitter = GreyJitter(**settings)
        tones = jitter.draw_tone(np.random.default_rng(3), 16)
        batch = jitter.apply(rods(), tones)
        singles = []
        for number, one in enumerate(rods()):
            tone = Tone(*(part[number].item() for part in tones))
            monkeypatch.setattr(jitter, "draw_tone", lambda rng, tone=tone: tone)
            singles.append(jitter(one))
        assert pictures(batch) == pictures(singles)
        assert pictures(batch) != pictures(rods())

    def test_bend(self):
        bend, batch, singles = ElasticBend(), rods(), rods()
        bends = bend.draw_bend(np.random.default_rng(3), 16)
        axes = [_long_axis(s["img"], s["background"]) for s in batch]
        bend.apply(batch, axes, bends)
        for i, one in enumerate(singles):
            bend.apply([one], [axes[i]], Bend(*(part[i : i + 1] for part in bends)))
        assert pictures(batch) == pictures(singles)
        assert pictures(batch) != pictures(rods())

    def test_blank_crops_are_not_bent_and_keep_their_place(self):
        samples = rods(5)
        samples[2]["img"][:] = samples[2]["background"]
        out = ElasticBend(bend=(0.2, 0.2)).transform_batch(
            samples, np.random.default_rng(0)
        )
        assert [s["img_path"] for s in out] == [s["img_path"] for s in rods(5)]
        grown = [
            s["img"].shape != r["img"].shape for s, r in zip(out, rods(5), strict=True)
        ]
        assert grown == [True, True, False, True, True]

    def test_settings_without_chance(self):
        steps = [
            LoadChromosome(invert="auto"),
            ElasticBend(bend=(0.1, 0.1), sway=(0.02, 0.02), elastic=0),
            GreyJitter(contrast=(1.2, 1.2), gamma=(1.3, 1.3), blur=(1.0, 1.0)),
            ChromosomeCanvas(64, extent=144, rotation=(30, 30), hflip=1),
        ]
        batch, singles = rods(), rods()
        rng = np.random.default_rng(0)
        for step in steps:
            batch = step.transform_batch(batch, rng)
            singles = [step(one) for one in singles]
        assert pictures(batch) == pictures(singles)

    @pytest.mark.parametrize(
        "draw",
        [ChromosomeCanvas(**settings).draw_pose for settings in CANVASES]
        + [GreyJitter(**settings).draw_tone for settings in JITTERS],
    )
    def test_draws_have_the_distribution_of_single_draws(self, draw):
        rng, count = np.random.default_rng(0), 4000
        batch = np.array(draw(rng, count), float)
        singles = np.array([draw(rng) for _ in range(count)], float).T
        for one, other in zip(np.sort(batch), np.sort(singles), strict=True):
            shares = [
                np.searchsorted(x, one, side="right") / count for x in (one, other)
            ]
            # Kolmogorov and Smirnov: 0.05 comes by chance in 1 of 10,000.
            assert np.abs(shares[0] - shares[1]).max() < 0.05
            assert one.min() == pytest.approx(other.min(), abs=0.01 * np.ptp(one))
            assert one.max() == pytest.approx(other.max(), abs=0.01 * np.ptp(one))

    def test_bends_stay_in_their_ranges(self):
        bend = ElasticBend(bend=(0.05, 0.2), sway=0.03, elastic=0.01)
        bends = bend.draw_bend(np.random.default_rng(0), 1000)
        assert 0.05 <= bends.bow.min() < 0.06 and 0.19 < bends.bow.max() <= 0.2
        assert abs(bends.sway).max() <= 0.03 and abs(bends.sway.mean()) < 0.002
        # Cut at two standard deviations; cubic interpolation may overshoot a little.
        assert 0.006 < bends.field.std() < 0.01 and abs(bends.field).max() < 0.03

    @pytest.mark.parametrize("preset", sorted(PRESETS))
    def test_generator_decides_alone(self, preset):
        augment = ChromosomeAugment(preset, size=64)
        outs = []
        for seed in (0, 1):
            np.random.seed(seed)
            cv2.setRNGSeed(seed)
            before = str(np.random.get_state())
            outs.append(augment.transform_batch(rods(), np.random.default_rng(7)))
            assert str(np.random.get_state()) == before
        assert pictures(outs[0]) == pictures(outs[1])
        other = augment.transform_batch(rods(), np.random.default_rng(8))
        assert pictures(other) != pictures(outs[0])

    def test_three_channels(self):
        augment = ChromosomeAugment("paper", size=64, channels=3)
        for one in augment.transform_batch(rods(), np.random.default_rng(0)):
            assert one["img"].shape == (64, 64, 3)
            np.testing.assert_array_equal(one["img"][..., 0], one["img"][..., 2])

    def test_unreadable_file_is_named(self, tmp_path):
        for name in "abc":
            cv2.imwrite(str(tmp_path / f"{name}.png"), rod())
        (tmp_path / "b.png").write_bytes(b"no image")
        samples = [dict(img_path=str(tmp_path / f"{name}.png")) for name in "abc"]
        with pytest.raises(ImageError, match="b.png"):
            LoadChromosome().transform_batch(samples, np.random.default_rng(0))

    def test_colour_image_says_which_transform_is_missing(self):
        samples = [*rods(2), dict(img=np.zeros((8, 8, 3), np.uint8))]
        for step in (ChromosomeCanvas(64), GreyJitter(contrast=0.2), ElasticBend()):
            with pytest.raises(ValueError, match="type='LoadChromosome'"):
                step.transform_batch(samples, np.random.default_rng(0))


def test_outside_the_warped_part_of_the_canvas_is_background():
    canvas = ChromosomeCanvas(
        64, extent=100, rotation=180, scale=(0.3, 2.5), shift=0.9, hflip=0.5
    )
    rng, fills = np.random.default_rng(5), []
    for number in range(100):
        # Dark to the edge, so that what is cut off would be missed.
        image = np.full((9 + number // 2, 5 + number // 3), 30, np.uint8)
        one, pose = sample(image), canvas.draw_pose(rng)
        plan = plan_placing(
            image.shape[::-1], canvas.fit_crop(one), pose, (64, 64), PLAIN
        )
        blocks = average_blocks(image, plan.block_x, plan.block_y, 255)
        matrix = plan.matrix + [[0, 0, plan.left], [0, 0, plan.top]]
        whole = cv2.warpAffine(blocks, matrix, (64, 64), borderValue=255)
        outside = np.ones((64, 64), bool)
        outside[plan.top : max(plan.bottom, 0), plan.left : max(plan.right, 0)] = False
        assert (whole[outside] == 255).all()
        canvas._put(one, plan, np.empty((64, 64), np.uint8))
        # OpenCV places samples on a grid of 1/32 pixel: 225 / 32 levels.
        assert np.abs(one["img"].astype(int) - whole).max() <= 8
        fills.append(outside.mean())
    # Of some crops nothing is left on the canvas; some reach all of it.
    assert max(fills) == 1 and min(fills) < 0.1 and np.mean(fills) > 0.5


def test_backgrounds_of_a_batch_are_those_of_each_crop():
    rng = np.random.default_rng(0)
    crops = [s["img"] for s in rods()]
    for shape in [(1, 1), (1, 7), (7, 1), (2, 2), (2, 5), (40, 30)]:
        for levels in (2, 12, 256):
            crops.append(rng.integers(0, levels, shape).astype(np.uint8))
            crops.append(255 - crops[-1])
    # As common as each other: the one nearer to white or black, then the lighter.
    crops += [np.array([[0, 255]], np.uint8), np.array([[100, 30, 200]], np.uint8)]
    assert find_backgrounds(crops).tolist() == [find_background(crop) for crop in crops]


class TestPacking:
    META = ("sample_idx", "img_path", "case", "ori_shape", "img_shape", "flip")

    def samples(self, *images):
        return [
            dict(
                img=image,
                gt_label=number,
                sample_idx=number + 5,
                img_path=f"{number}.png",
                case="p1",
                ori_shape=(9, 9),
                img_shape=image.shape[:2],
                rest=object(),
            )
            for number, image in enumerate(images)
        ]

    def check(self, samples, **settings):
        """The batch form gives what mmpretrain's PackInputs gives; returns it."""
        pack = PackInputs(**{"meta_keys": self.META, **settings})
        packed = pack_batch(pack, samples)
        for one, expected in zip(packed, map(pack.transform, samples), strict=True):
            assert one.keys() == expected.keys()
            if "inputs" in expected:
                assert torch.equal(one["inputs"], expected["inputs"])
                assert one["inputs"].dtype == expected["inputs"].dtype
                assert one["inputs"].is_contiguous()
            data, other = one["data_samples"], expected["data_samples"]
            assert type(data) is type(other)
            assert data.metainfo == other.metainfo
            assert set(data.keys()) == set(other.keys())
            for name in data.keys():
                assert torch.equal(data.get(name), other.get(name))
                assert data.get(name).dtype == other.get(name).dtype
        return packed

    def test_grey(self):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (3, 5, 4), np.uint8)
        shared = self.check(self.samples(*images))
        copied = self.check(self.samples(*(image.copy() for image in images)))
        for packed in (shared, copied):
            start = packed[0]["inputs"].data_ptr()
            assert [p["inputs"].data_ptr() - start for p in packed] == [0, 20, 40]
            assert packed[2]["inputs"].shape == (1, 5, 4)
        assert shared[0]["inputs"].data_ptr() == images.__array_interface__["data"][0]

    def test_parts_of_one_array_in_any_order(self):
        images = np.random.default_rng(0).integers(0, 256, (3, 4, 4), np.uint8)
        for order in ([2, 0, 1], [1, 1, 1], [0, 1], [1, 2, 0]):
            self.check(self.samples(*(images[i] for i in order)))
        self.check(self.samples(*(image.T for image in images)))
        self.check(self.samples(*(image[::-1] for image in images)))

    def test_colour(self):
        images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), np.uint8)
        self.check(self.samples(*images))
        self.check(self.samples(*(repeat_channels(image[..., 0]) for image in images)))

    def test_what_is_not_alike_is_packed_one_by_one(self):
        images = [np.zeros((5, 4), np.uint8), np.zeros((4, 5), np.uint8)]
        self.check(self.samples(*images))
        self.check(self.samples(images[0], images[0].astype(np.float32)))
        for label in (np.array(3), [1, 2], torch.tensor([4])):
            samples = self.samples(images[0], images[0])
            samples[1]["gt_label"] = label
            self.check(samples)
        for name, value in (("gt_score", [0.5, 0.5]), ("mask", np.ones((2, 2)))):
            samples = self.samples(images[0], images[0])
            samples[1][name] = value
            self.check(samples)
        samples = self.samples(images[0], images[0])
        for one in samples:
            del one["gt_label"]
        self.check(samples)
        for one in samples:
            del one["img"]
        self.check(samples)

    def test_settings_of_the_transform_hold(self):
        samples = self.samples(np.zeros((5, 4), np.uint8), np.ones((5, 4), np.uint8))
        for one in samples:
            one["other"], one["extra"] = one["img"] + 1, torch.ones(2)
        self.check(samples, input_key="other")
        self.check(samples, algorithm_keys=("extra",))
        self.check(samples, meta_keys=())
