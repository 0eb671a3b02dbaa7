"""Straightening, lengths and key points as transforms of a pipeline."""

import cv2
import numpy as np
import pytest
from bent_chromosomes import ball, draw, ring, rod
from mmpretrain.registry import TRANSFORMS

import mmscl  # noqa: F401  registers the transforms
from mmscl.datasets import ChromosomeDataset, write_karyotypes
from mmscl.datasets.cell_measure import check_measure, measure_cell, measure_crop
from mmscl.datasets.crops import find_crops
from mmscl.datasets.images import ImageError
from mmscl.datasets.prediction_batches import CropReader, TestPipeline
from mmscl.datasets.straightening import Centromere, find_axis
from mmscl.datasets.transforms import (
    AxisPoints,
    ChromosomeCanvas,
    NormalizeLength,
    SharmaStraighten,
    Straighten,
)
from mmscl.datasets.transforms.pipeline_error import PipelineError

BOTH = pytest.mark.parametrize("transform", [Straighten(), SharmaStraighten()])


def sample(image: np.ndarray, **more) -> dict:
    return dict(img=image.copy(), background=255, img_path="a.png", **more)


def test_they_are_registered():
    for name in ("Straighten", "SharmaStraighten", "NormalizeLength", "AxisPoints"):
        assert repr(TRANSFORMS.build(dict(type=name))).startswith(name)


@BOTH
def test_a_bent_crop_becomes_straight(transform):
    image = draw("1", 70).image
    result = transform(sample(image))
    assert result["straightened"] and result["not_straight"] == ""
    assert result["img_shape"] == result["img"].shape
    assert abs(find_axis(result["img"], 255).bend) < 25
    assert result["img"].shape[0] > image.shape[0]


@BOTH
def test_a_batch_is_as_its_samples_and_nothing_is_random(transform):
    images = [draw(kind, 60).image for kind in ("1", "5", "X")]
    rng = np.random.default_rng(0)
    batch = transform.transform_batch([sample(image) for image in images], rng)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
    for image, result in zip(images, batch, strict=True):
        np.testing.assert_array_equal(transform(sample(image))["img"], result["img"])


@BOTH
@pytest.mark.parametrize("image", [ball(), ring()], ids=["round", "ring"])
def test_what_has_no_axis_stays_as_it_is_and_says_why(transform, image):
    result = transform(sample(image))
    np.testing.assert_array_equal(result["img"], image)
    assert not result["straightened"] and result["not_straight"]
    strict = type(transform)(no_axis="error")
    with pytest.raises(ImageError, match=f"a.png: {type(transform).__name__} finds"):
        strict(sample(image))


@BOTH
def test_an_empty_crop_is_an_error_with_its_path(transform):
    with pytest.raises(ImageError, match="a.png: .* finds no chromosome"):
        transform(sample(np.full((20, 20), 255, np.uint8)))


@BOTH
def test_they_want_a_grey_crop(transform):
    with pytest.raises(ValueError, match="expects a grey crop"):
        transform(dict(img=np.zeros((5, 5, 3), np.uint8)))


def test_wrong_settings():
    with pytest.raises(ValueError, match="Straighten.no_axis: expected one of"):
        Straighten(no_axis="skip")
    with pytest.raises(ValueError, match="SharmaStraighten.no_axis"):
        SharmaStraighten(no_axis="skip")
    with pytest.raises(ValueError, match="Straighten.margin: expected pixels >= 0"):
        Straighten(margin=-1)
    with pytest.raises(ValueError, match="AxisPoints.count: expected 3 or more"):
        AxisPoints(count=2)
    with pytest.raises(ValueError, match="NormalizeLength.cell_size: .* got 0"):
        NormalizeLength(cell_size=0)


def test_the_centromere_is_looked_for_when_asked():
    drawn = draw("3", 40)
    assert "centromere" not in Straighten()(sample(drawn.image))
    found = Straighten(centromere=True)(sample(drawn.image))["centromere"]
    assert found is None or isinstance(found, Centromere)


def test_straightening_goes_before_the_canvas():
    steps = [Straighten(), ChromosomeCanvas((96, 48), extent=144)]
    result = sample(draw("1", 80).image)
    for step in steps:
        result = step(result)
    assert result["img"].shape == (96, 48)


class TestNormalizeLength:
    def test_relative_lengths_of_a_cell_stay(self):
        cell = [rod(80, 13), rod(40, 13)]
        scaled = [
            NormalizeLength(cell_size=30)(
                sample(crop, cell_size=60.0, cell_measure="axis")
            )
            for crop in cell
        ]
        assert all(result["length_scale"] == 0.5 for result in scaled)
        lengths = [find_axis(result["img"], 255).length for result in scaled]
        assert lengths[0] == pytest.approx(40, abs=1)
        assert lengths[1] == pytest.approx(20, abs=1)

    def test_a_cell_without_size_or_with_another_one_is_an_error(self):
        with pytest.raises(
            PipelineError, match="set cell_size='axis' in the Chromosome"
        ):
            NormalizeLength()(sample(rod()))
        with pytest.raises(ValueError, match="measure 'axis', got one of measure 'are"):
            NormalizeLength()(sample(rod(), cell_size=31.0, cell_measure="area"))
        with pytest.raises(ValueError, match="measure 'area', got one of measure 'axi"):
            ChromosomeCanvas(64, extent=144, cell_size=31)(
                sample(rod(), cell_size=31.0, cell_measure="axis")
            )


class TestCellMeasure:
    def test_settings(self):
        assert check_measure("x", True) == check_measure("x", "area") == "area"
        assert check_measure("x", False) is None
        with pytest.raises(ValueError, match="x: expected True, False or one of"):
            check_measure("x", "length")

    def test_what_has_no_axis_does_not_count(self):
        assert np.isnan(measure_crop(ball(), 255, "axis"))
        assert measure_crop(rod(50, 12), 255, "axis") == pytest.approx(50, abs=1)
        assert measure_crop(rod(50, 12), 255, "area") == pytest.approx(600**0.5)
        assert measure_cell(np.array([3.0, np.nan, 5.0])) == 4.0
        assert measure_cell(np.array([np.nan])) == 0.0

    def test_a_cell_without_a_size_says_what_was_not_found(self, tmp_path):
        """A round chromosome is there, but has no axis to be measured by."""
        cv2.imwrite(str(tmp_path / "a.png"), ball())
        size = measure_cell(np.array([measure_crop(ball(), 255, "axis")]))
        measured = sample(ball(), cell_size=size, cell_measure="axis")
        with pytest.raises(ImageError, match="a.png: .* no chromosome of the cell has"):
            NormalizeLength()(measured)
        reader = CropReader(find_crops(tmp_path), [np.array([0])], False)
        with pytest.raises(ImageError, match="a.png: .* has an axis .round, ring."):
            list(reader._samples("axis"))
        blank = sample(np.full((20, 20), 255, np.uint8), cell_size=0.0)
        with pytest.raises(ImageError, match="a.png: .* no chromosome found in most"):
            ChromosomeCanvas(64, extent=144, cell_size=31)(blank)

    def test_data_set_and_inference_measure_the_same(self, tmp_path):
        write_karyotypes(tmp_path, cases=1, abnormal_rate=0.0)
        step = dict(type="NormalizeLength", cell_size=61)
        data = ChromosomeDataset(
            data_root=str(tmp_path), cell_size="axis", pipeline=[step]
        )
        info = data.get_data_info(0)
        lengths = [measure_crop(crop, 255, "axis") for crop in data._all_crops()]
        assert info["cell_size"] == pytest.approx(np.nanmedian(lengths))
        assert info["cell_measure"] == "axis"
        crops = find_crops(tmp_path)
        reader = CropReader(crops, [np.arange(len(crops))], False)
        pipeline = TestPipeline([step])
        assert (pipeline.cell_size, pipeline.cell_measure) == (61, "axis")
        first = next(reader._samples(pipeline.cell_measure))
        assert first["cell_size"] == pytest.approx(info["cell_size"])

    def test_the_area_is_measured_as_before(self, tmp_path):
        write_karyotypes(tmp_path, cases=1, abnormal_rate=0.0)
        info = ChromosomeDataset(data_root=str(tmp_path), cell_size=True)
        assert info.get_data_info(3)["cell_measure"] == "area"
        with pytest.raises(ValueError, match="ChromosomeDataset.cell_size: expected"):
            ChromosomeDataset(data_root=str(tmp_path), cell_size="length")


class TestAxisPoints:
    def test_they_run_from_tip_to_tip_in_shares_of_the_canvas(self):
        image = np.full((64, 32), 255, np.uint8)
        image[8:56, 12:20] = 90  # x from 12 to 20 of 32, y from 8 to 56 of 64
        result = AxisPoints(count=5)(sample(image))
        assert result["axis_found"] is True
        points = result["axis_points"]
        assert points.dtype == np.float32 and points.shape == (5, 2)
        np.testing.assert_allclose(points[:, 0], 0, atol=0.04)
        np.testing.assert_allclose(points[[0, -1], 1], [-0.75, 0.75], atol=0.03)
        np.testing.assert_allclose(np.diff(points[:, 1]), 0.375, atol=0.01)

    @pytest.mark.parametrize("image", [ball(), ring()], ids=["round", "ring"])
    def test_a_round_one_and_a_ring_have_none(self, image):
        result = AxisPoints()(sample(image))
        assert result["axis_found"] is False and not result["axis_points"].any()

    def test_what_augmentation_left_a_few_pixels_of_has_none(self):
        """A small crop, made smaller: training goes on."""
        image = np.full((64, 32), 255, np.uint8)
        image[30:34, 14:18] = 90
        result = AxisPoints()(sample(image))
        assert result["axis_found"] is False and not result["axis_points"].any()

    def test_an_empty_canvas_is_an_error(self):
        with pytest.raises(ImageError, match="a.png: AxisPoints finds no chromosome"):
            AxisPoints()(sample(np.full((64, 32), 255, np.uint8)))
