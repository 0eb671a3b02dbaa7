"""Sharma's steps, each by itself and together."""

import math

import cv2
import numpy as np
import pytest
from bent_chromosomes import ball, draw, ring, rod
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscl.datasets.straightening import EmptyCropError, find_axis, sharma_steps
from mmscl.datasets.straightening.sharma_arms import Turned, stitch, turn_arm
from mmscl.datasets.straightening.sharma_bend import (
    ANGLES,
    _peaks,
    _projected,
    _score,
    fill_ratio,
    find_bending_axis,
    fitted_slope,
    object_mask,
    threshold_at_minimum,
)


def angle_shape(degrees: float, arm: int = 40, width: int = 12) -> np.ndarray:
    """Two rods that meet in the middle of the picture, H x W uint8."""
    image = np.full((120, 120), 255, np.uint8)
    half = math.radians(degrees) / 2
    for sign in (-1, 1):
        x = 40 + arm * math.sin(half)
        y = 60 + sign * arm * math.cos(half)
        cv2.line(image, (40, 60), (round(x), round(y)), 90, width)
    return image


def test_1_the_threshold_lies_between_both_peaks():
    rng = np.random.default_rng(0)
    image = np.full((60, 40), 240, np.uint8)
    image[10:50, 10:30] = np.clip(rng.normal(90, 15, (40, 20)), 0, 255)
    image = np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
    threshold = threshold_at_minimum(image, 240)
    assert 15 < threshold < 100
    assert object_mask(image, 240, threshold).sum() == pytest.approx(800, rel=0.02)


def test_1_the_largest_part_is_the_object():
    image = rod(40, 12)
    image[0:3, 0:3] = 90
    assert object_mask(image, 255, 40).sum() == 40 * 12


def test_2_fill_and_3_slope():
    mask = np.zeros((30, 30), bool)
    for row in range(5, 25):
        mask[row, row // 2 + 3 : row // 2 + 6] = True
    assert fitted_slope(mask) == pytest.approx(0.5, abs=0.02)
    assert fill_ratio(np.pad(np.ones((7, 3), bool), 4)) == 1.0
    assert fill_ratio(mask) == pytest.approx(60 / (20 * 13))


def test_4_projections_keep_the_pixels():
    y, x = np.nonzero(angle_shape(60) < 255)
    for degrees in ANGLES:
        projection, _, _ = _projected(x, y, degrees)
        assert projection.sum() == pytest.approx(len(x), rel=0.01)


def test_4_the_score_is_the_published_one():
    values = np.array([0.0, 4, 9, 5, 2, 3, 7, 1, 0])
    peaks = _peaks(values)
    assert peaks == (2, 6, 4)
    assert _score(values, peaks) == pytest.approx(0.434 * 2 / 16 + 0.566 * 2 / 16)
    assert _peaks(np.array([0.0, 1, 2, 3, 2, 1, 0])) is None
    assert _score(values, None) == math.inf


@pytest.mark.parametrize("turned", [0, 30, 90])
def test_4_the_bending_axis_goes_through_the_corner(turned):
    image = angle_shape(120)
    matrix = cv2.getRotationMatrix2D((60, 60), turned, 1)
    image = cv2.warpAffine(image, matrix, (120, 120), borderValue=255)
    bend = find_bending_axis(image < 200)
    corner = matrix @ [40, 60, 1]
    assert math.dist(bend.centre, corner) < 8


def test_5_an_arm_stands_upright_with_its_cut_below():
    image = np.full((80, 80), 255, np.uint8)
    cv2.line(image, (20, 20), (60, 60), 90, 9)
    arm = turn_arm(image, 255, image < 200, cut=(60, 60), cut_below=True)
    height, width = arm.image.shape
    assert width < 14 and height > 55
    assert abs(arm.degrees) == pytest.approx(45, abs=2)
    over = turn_arm(image, 255, image < 200, cut=(60, 60), cut_below=False)
    assert abs(over.degrees - arm.degrees) == pytest.approx(180)


def test_7_the_wedge_is_filled_with_the_mean_of_its_row():
    mask = np.ones((6, 8), bool)
    mask[4, 5:] = mask[5, 2:] = False
    grey = np.where(mask, np.arange(6, dtype=np.uint8)[:, None] + 100, 255)
    upper = Turned(grey.astype(np.uint8), mask, 0.0)
    lower = Turned(np.full((6, 8), 50, np.uint8), np.ones((6, 8), bool), 0.0)
    result = stitch(upper, lower, 255)
    assert result.row == 6
    assert result.wedge.sum() == 3 + 6
    assert (result.filled[4, 5:] == 104).all() and (result.filled[5, 2:] == 105).all()
    assert (result.open[result.wedge] == 255).all()


@pytest.mark.parametrize("degrees", [60, 90])
@pytest.mark.parametrize("kind", ["1", "2", "3", "5"])
def test_a_bent_chromosome_becomes_straighter(kind, degrees):
    drawn = draw(kind, degrees)
    steps = sharma_steps(drawn.image, 255)
    assert steps.reason == ""
    middle = drawn.axis[len(drawn.axis) // 2]
    assert abs(abs(steps.angle) - degrees) < 25
    assert math.dist(steps.centre, middle) < 15
    before = abs(find_axis(drawn.image, 255).bend)
    assert abs(find_axis(steps.result, 255).bend) < before / 2


def test_a_straight_chromosome_is_left_as_it_is():
    image = rod(60, 13)
    steps = sharma_steps(image, 255)
    assert steps.result is image and steps.arms is None and steps.angle == 0
    assert steps.reason.startswith("straight: it fills 1.00 of its box")
    assert sharma_steps(ball(), 255).reason.startswith("straight")


def test_a_ring_is_left_as_it_is():
    """Cut open it would have two arms; the paper is silent on rings."""
    image = ring()
    steps = sharma_steps(image, 255)
    assert steps.reason.startswith("a ring: its hole takes a disc")
    assert steps.result is image and steps.arms is None and steps.bend is None


@pytest.mark.parametrize("kind, degrees", [("12", 60), ("12", 90), ("3", 90)])
def test_background_around_the_crop_changes_nothing(kind, degrees):
    image = draw(kind, degrees).image
    alone = sharma_steps(image, 255)
    for margin in (1, 3, 10):
        around = sharma_steps(np.pad(image, margin, constant_values=255), 255)
        assert around.angle == alone.angle and around.reason == alone.reason == ""
        np.testing.assert_array_equal(around.result, alone.result)
        moved = np.subtract(around.centre, alone.centre)
        np.testing.assert_allclose(moved, margin)


def test_a_crop_that_is_cut_within_the_rim_fills_more_of_its_box():
    """It is another picture: pixels of the object, above the threshold, are gone."""
    image = draw("12", 60).image
    whole = sharma_steps(image, 255)
    x, y, width, height = cv2.boundingRect((image < 200).view(np.uint8))
    tight = sharma_steps(image[y : y + height, x : x + width], 255)
    assert tight.mask.sum() < whole.mask.sum() and tight.fill > whole.fill
    assert whole.reason == "" and tight.reason.startswith("straight: it fills 0.67")


def test_an_empty_crop_is_refused():
    with pytest.raises(EmptyCropError, match="nothing stands out from the background"):
        sharma_steps(np.full((20, 20), 255, np.uint8))


def check_steps(image: np.ndarray) -> None:
    """Whatever the shape: a whole result, or the crop itself and a reason."""
    try:
        steps = sharma_steps(image)
    except EmptyCropError:
        return
    assert steps.result.dtype == np.uint8 and steps.result.size > 0
    assert -180 <= steps.angle <= 180
    if steps.reason:
        assert steps.result is image and steps.arms is None and steps.bend is None
        return
    assert steps.bend is not None and math.isfinite(steps.bend.scores.min())
    p1, p2, p3 = steps.bend.peaks
    assert min(p1, p2) < p3 < max(p1, p2)
    assert all(arm.mask.any() for arm in steps.arms)
    # No arm is lost: it is turned, whose rounding moves few pixels of its edge.
    kept = sum(np.count_nonzero(arm.mask) for arm in steps.arms)
    edge = 4 * sum(image.shape) + 16
    assert abs(kept - np.count_nonzero(steps.mask)) <= edge


@given(
    kind=st.sampled_from(["1", "3", "7", "12", "17", "19", "21", "X", "Y"]),
    degrees=st.integers(-179, 179),
    where=st.floats(0.02, 0.98),
    sharp=st.floats(0.01, 0.5),
    turned=st.integers(0, 359),
)
@settings(max_examples=25, deadline=None)
def test_any_bend_at_any_place_goes_through(kind, degrees, where, sharp, turned):
    """P1, P2 or P3 at the very end of the projection, arms of a few pixels."""
    image = draw(kind, degrees, where, sharp).image
    side = 2 * max(image.shape)
    turn = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), turned, 1)
    turn[:, 2] += side / 2 - np.array(image.shape[::-1]) / 2
    check_steps(cv2.warpAffine(image, turn, (side, side), borderValue=255))


@st.composite
def scribbles(draw_from) -> np.ndarray:
    """Strokes and discs of any size on white or black, up to the border."""
    height, width = (draw_from(st.integers(4, 60)) for _ in range(2))
    background, level = draw_from(st.sampled_from([(255, 60), (0, 200), (240, 200)]))
    image = np.full((height, width), background, np.uint8)
    point = st.tuples(st.integers(-3, width + 3), st.integers(-3, height + 3))
    for start, end, thick in draw_from(
        st.lists(st.tuples(point, point, st.integers(1, 12)), min_size=1, max_size=5)
    ):
        cv2.line(image, start, end, level, thick)
    return image


@given(scribbles())
@settings(max_examples=300, deadline=None)
def test_any_shape_goes_through(image):
    check_steps(image)


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 40)])
def test_crops_of_few_pixels_go_through(height, width):
    rng = np.random.default_rng(0)
    check_steps(rng.integers(0, 256, (height, width), dtype=np.uint8))
    check_steps(np.where(rng.random((height, width)) < 0.5, 255, 0).astype(np.uint8))
