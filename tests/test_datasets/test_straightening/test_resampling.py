"""Straight chromosomes: nothing of length, width and grey level is lost."""

import cv2
import numpy as np
import pytest
from bent_chromosomes import draw, rod

from mmscl.datasets.straightening import find_axis, straighten


def ink(image: np.ndarray) -> float:
    return float((255.0 - image).sum())


def test_an_upright_rod_stays_what_it_is():
    image = rod(61, 13, margin=1)
    straight = straighten(image, 255, margin=1)
    assert straight.image.shape[1] == pytest.approx(image.shape[1], abs=4)
    # The rod's upper edge is at row 0.5 of the crop, its middle in column 7.
    rows = np.arange(6, 56)
    expected = np.interp(0.5 + rows - straight.start, np.arange(63), image[:, 7])
    core = straight.image[rows, straight.image.shape[1] // 2]
    assert np.abs(core - expected).max() <= 3


@pytest.mark.parametrize("kind", ["1", "4", "8", "12"])
@pytest.mark.parametrize("degrees", [30, -60])
def test_a_bent_chromosome_becomes_the_straight_one(kind, degrees):
    bent, plain = draw(kind, degrees), draw(kind, 0)
    found, known = straighten(bent.image, 255), straighten(plain.image, 255)
    assert abs(find_axis(found.image, 255).bend) < 4
    assert found.length == pytest.approx(known.length, abs=2.5)
    assert np.median(found.widths[5:-5]) == pytest.approx(
        np.median(known.widths[5:-5]), abs=1.0
    )
    size = known.image.shape[::-1]
    same = np.corrcoef(cv2.resize(found.image, size).ravel(), known.image.ravel())[0, 1]
    worse = np.corrcoef(cv2.resize(bent.image, size).ravel(), known.image.ravel())[0, 1]
    assert same > 0.93 and same > worse


@pytest.mark.parametrize("degrees", [0, 40, 90])
def test_ink_and_area_stay(degrees):
    image = draw("2", degrees).image
    straight = straighten(image, 255)
    assert ink(straight.image) == pytest.approx(ink(image), rel=0.05)
    assert straight.widths.sum() == pytest.approx(
        np.count_nonzero(straight.image < 240), rel=0.12
    )


def test_the_other_arm_of_a_u_is_not_seen_twice():
    image = draw("1", 165, sharp=0.2).image
    assert ink(straighten(image, 255).image) == pytest.approx(ink(image), rel=0.1)


def test_ends_of_chromatids_beside_the_axis_stay():
    image = rod(60, 15)
    image[6:12, 12:15] = 255
    assert ink(straighten(image, 255).image) == pytest.approx(ink(image), rel=0.02)


def test_the_tips_are_where_it_says():
    straight = straighten(draw("3", 40).image, 255)
    rows = np.flatnonzero((straight.image < 200).any(axis=1))
    assert rows[0] == pytest.approx(straight.start, abs=2)
    assert rows[-1] == pytest.approx(straight.start + straight.length, abs=2)


def test_the_background_stays_and_the_axis_is_in_the_middle():
    image = 255 - draw("3", 40).image
    straight = straighten(image, margin=3)
    assert (straight.image[:3] == 0).all() and (straight.image[:, -3:] == 0).all()
    columns = np.flatnonzero((straight.image > 60).any(axis=0))
    middle = straight.image.shape[1] // 2
    assert columns.mean() == pytest.approx(middle, abs=2.5)


def test_it_is_not_mirrored():
    image = rod(60, 13)
    image[:, 6:10] = 20  # dark on the left
    straight = straighten(image, 255).image
    middle = straight.shape[1] // 2
    assert straight[20:40, middle - 4].mean() < straight[20:40, middle + 4].mean() - 30
