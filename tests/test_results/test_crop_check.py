"""Pictures that are no crop of one chromosome."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmscl.datasets.crop_check import MOST_PARTS, why_no_chromosome
from mmscl.datasets.metaphase import draw_cell


def spots(number: int, ground: int = 255, radius: int = 6) -> np.ndarray:
    image = np.full((40, 40 * max(number, 1)), ground, np.uint8)
    for place in range(number):
        cv2.circle(image, (20 + 40 * place, 20), radius, 255 - ground, -1)
    return image


@pytest.mark.parametrize("ground", [255, 0])
def test_a_chromosome_with_some_dirt_passes(ground):
    assert why_no_chromosome(spots(1, ground)) == ""
    assert why_no_chromosome(spots(MOST_PARTS - 1, ground)) == ""
    dusty = spots(1, ground)
    dusty[::8, ::8] = 255 - ground  # 25 specks of one pixel
    assert why_no_chromosome(dusty) == ""


def test_many_objects_are_a_metaphase():
    assert why_no_chromosome(spots(MOST_PARTS)).startswith("shows 8 separate objects")


def heap(crops: list[np.ndarray], side: int, seed: int = 0) -> np.ndarray:
    """The crops turned at random and laid over each other in a square."""
    rng, image = np.random.default_rng(seed), np.full((side, side), 255, np.uint8)
    for crop in crops:
        height, width = crop.shape
        middle = (width / 2, height / 2)
        turn = cv2.getRotationMatrix2D(middle, rng.uniform(0, 180), 1.0)
        turn[:, 2] += rng.uniform(50, side - 50, 2) - middle
        laid = cv2.warpAffine(crop, turn, (side, side), borderValue=255)
        np.minimum(image, laid, out=image)
    return image


@pytest.mark.parametrize("side", [340, 380])
def test_chromosomes_that_touch_are_a_metaphase_too(side):
    crops = [crop.image for crop in draw_cell(0, "A", 0, 0)]
    image = heap(crops, side)
    mask = (image < 240).astype(np.uint8)
    areas = cv2.connectedComponentsWithStats(mask)[2][1:, cv2.CC_STAT_AREA]
    assert (areas >= 20).sum() < MOST_PARTS  # the parts do not tell
    assert "many objects that touch" in why_no_chromosome(image)


def test_an_overlap_of_two_long_chromosomes_is_for_the_classifier():
    """It may be one: what it is, the cell and a person say."""
    longest = [crop.image for crop in draw_cell(0, "A", 0, 0)[:2]]
    side = 2 * max(longest[0].shape)
    image = np.full((side, side), 255, np.uint8)
    for crop, turned in zip(longest, (False, True), strict=True):
        crop = np.rot90(crop) if turned else crop
        top, left = ((side - length) // 2 for length in crop.shape)
        part = image[top : top + crop.shape[0], left : left + crop.shape[1]]
        np.minimum(part, crop, out=part)
    assert why_no_chromosome(image) == ""


@pytest.mark.parametrize("image", [spots(0), spots(1, radius=1)])
def test_an_empty_crop(image):
    assert "nothing stands out" in why_no_chromosome(image)


def test_a_photo_has_no_even_ground():
    rows, columns = np.mgrid[:120, :160]
    photo = (127 + 60 * np.sin(rows / 9) + 60 * np.cos(columns / 13)).astype(np.uint8)
    assert "a photo perhaps" in why_no_chromosome(photo)


def test_a_tight_crop_passes():
    """A fifth of the border is ground, as in the tightest crops of Pki-3."""
    tight = np.full((50, 20), 255, np.uint8)
    levels = np.random.default_rng(0).integers(40, 230, (50, 20))
    tight[5:-5] = levels[5:-5]
    tight[:5, 2:-2], tight[-5:, 2:-2] = levels[:5, 2:-2], levels[-5:, 2:-2]
    border = np.concatenate([tight[0], tight[-1], tight[1:-1, 0], tight[1:-1, -1]])
    assert (border == 255).mean() == pytest.approx(24 / 136)
    assert why_no_chromosome(tight) == ""
