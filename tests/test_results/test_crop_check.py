"""Pictures that are no crop of one chromosome."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmscl.datasets.crop_check import MOST_PARTS, why_no_chromosome


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
