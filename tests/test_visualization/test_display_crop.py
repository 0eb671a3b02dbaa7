"""The crop that people see: dark on white, straight, p arm up, centromere found."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from bent_chromosomes import ball, draw, ring

from mmscl.datasets.ideogram import ideogram
from mmscl.visualization import display_crop


def test_a_bent_chromosome_is_straight_and_keeps_its_length():
    drawn = draw("1", 60)
    shown = display_crop(drawn.image, "1", "up")
    assert shown.not_straight == ""
    assert shown.length == pytest.approx(drawn.length, rel=0.05)
    columns = np.flatnonzero((shown.image < 200).any(axis=0))
    assert np.ptp(columns) < 0.6 * np.ptp(
        np.flatnonzero((drawn.image < 200).any(axis=0))
    )


@pytest.mark.parametrize("kind", ["2", "4", "10", "X"])
def test_the_centromere_is_at_its_row(kind):
    drawn = draw(kind)
    shown = display_crop(drawn.image, kind, "up")
    assert shown.centromere_index == pytest.approx(ideogram(kind).centromere, abs=0.06)
    at = np.count_nonzero(shown.image < 200, axis=1)
    assert at[round(shown.centromere)] < 0.9 * np.median(at)


def test_the_p_arm_comes_up_by_half_a_turn():
    drawn = draw("4", 20)
    up = display_crop(drawn.image, "4", "up")
    down = display_crop(np.ascontiguousarray(drawn.image[::-1, ::-1]), "4", "down")
    assert down.centromere_index == pytest.approx(up.centromere_index, abs=0.03)
    assert down.centromere < len(down.image) / 2
    size = up.image.shape[::-1]
    again = cv2.resize(down.image, size)
    assert np.corrcoef(again.ravel(), up.image.ravel())[0, 1] > 0.9
    mirrored = again[:, ::-1]
    assert (
        np.corrcoef(mirrored.ravel(), up.image.ravel())[0, 1]
        < (np.corrcoef(again.ravel(), up.image.ravel())[0, 1])
    )


def test_where_the_polarity_is_not_known_either_end_may_be_up():
    drawn = draw("4")
    turned = np.ascontiguousarray(drawn.image[::-1, ::-1])
    place = ideogram("4").centromere
    assert display_crop(drawn.image, "4").centromere_index == pytest.approx(
        place, abs=0.06
    )
    other = display_crop(turned, "4").centromere_index
    assert other == pytest.approx(1 - place, abs=0.06)


def test_a_dark_background_prints_as_a_light_one():
    image = draw("3", 30).image
    light, dark = display_crop(image, "3", "up"), display_crop(255 - image, "3", "up")
    assert (light.image == dark.image).all()


@pytest.mark.parametrize("background", [200, 240])
def test_grey_paper_becomes_white(background):
    image = (draw("3").image * (background / 255)).astype(np.uint8)
    image[0, 0] = background - 5  # noise of the scanner
    shown = display_crop(image, "3", "up")
    edge = np.concatenate(
        [shown.image[[0, -1]].ravel(), shown.image[:, [0, -1]].ravel()]
    )
    assert (edge == 255).all()
    assert shown.image.min() < 120


def test_neighbours_are_not_shown():
    image = np.pad(draw("5").image, 12, constant_values=255)
    image[2:8, 2:8] = 40
    alone = display_crop(draw("5").image, "5", "up")
    for straight in (True, False):
        shown = display_crop(image, "5", "up", straight)
        assert np.count_nonzero(shown.image < 128) < 1.1 * np.count_nonzero(
            alone.image < 128
        )


@pytest.mark.parametrize(
    "image, why", [(ring(), "a ring"), (ball(), "round"), (ring()[:5, :5], "empty")]
)
def test_what_has_no_axis_stays_as_it_lies(image, why):
    for polarity in ("up", "down"):
        shown = display_crop(image, "1", polarity)
        assert why in shown.not_straight
        assert shown.centromere is None and shown.centromere_index is None
    ink = np.count_nonzero(image < 128)
    assert np.count_nonzero(shown.image < 128) == ink
    assert (shown.length > 0) == (ink > 0)


def test_bends_stay_where_asked_for():
    drawn = draw("1", 60)
    shown = display_crop(drawn.image, straight=False)
    rows = np.flatnonzero((drawn.image < 200).any(axis=1))
    assert np.ptp(rows) <= shown.image.shape[0] <= drawn.image.shape[0] + 2
    assert shown.not_straight == "was not asked for"


def test_other_types_and_polarities_are_refused():
    image = draw("1").image
    with pytest.raises(ValueError, match="kind: expected 1..22, X, Y .* got 'x'"):
        display_crop(image, "x")
    with pytest.raises(ValueError, match="polarity: expected one of .* got 'left'"):
        display_crop(image, "1", "left")
    with pytest.raises(ValueError, match="expected a grey image"):
        display_crop(np.zeros((4, 4, 3), np.uint8))
