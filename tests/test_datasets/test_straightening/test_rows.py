"""What an axis shows of its chromosome, and that none is torn where it need not be."""

import math

import cv2
import numpy as np
import pytest
from bent_chromosomes import draw, rod

from benchmarks.straightening import draw as draw_bent
from mmscl.datasets.straightening import MedialAxis, axis_of, find_axis, find_outline
from mmscl.datasets.straightening.axis import POINTS, _first_guess, _refine, _upright
from mmscl.datasets.straightening.rows import fit_of


def straight_axis(top: tuple, bottom: tuple, width: float) -> MedialAxis:
    points = np.linspace(top, bottom, POINTS)
    return MedialAxis(points.astype(float), np.full(POINTS, float(width)))


def first_axis(image: np.ndarray) -> MedialAxis:
    """The least stiff axis, of which nothing is asked."""
    outline = find_outline(image, 255)
    guess, half = _first_guess(outline)
    soft = outline.mask.astype(np.float32) / 255
    return _upright(*_refine(guess, soft, half, 0.2))


def test_the_middle_line_of_a_rod_shows_all_of_it_evenly():
    image = rod(60, 13, margin=6)
    fit = fit_of(find_outline(image, 255), straight_axis((12, 5.5), (12, 65.5), 13))
    assert fit.torn == pytest.approx(0, abs=0.005)
    assert fit.uneven == pytest.approx(0, abs=0.005)


def test_what_lies_beyond_the_tips_is_lost():
    image = rod(60, 13, margin=6)
    fit = fit_of(find_outline(image, 255), straight_axis((12, 27), (12, 65.5), 13))
    # The rows begin three pixels above the tip: 18 of 60 are left out.
    assert fit.torn == pytest.approx(18 / 60, abs=0.03)


def test_an_axis_beside_the_middle_is_uneven():
    image = rod(60, 13, margin=6)
    fit = fit_of(find_outline(image, 255), straight_axis((15, 5.5), (15, 65.5), 19))
    # Nine columns on one side, three on the other, of twelve.
    assert fit.uneven == pytest.approx(6 / 12, abs=0.05)


def test_rows_that_cross_are_counted():
    image = np.full((70, 70), 255, np.uint8)
    cv2.circle(image, (35, 35), 22, 90, -1)
    outline = find_outline(image, 255)
    angles = np.linspace(-math.pi / 2, math.pi / 2, POINTS)
    arc = 35 + 8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    hook = np.concatenate([[[35, 14], [35, 20]], arc, [[35, 50], [35, 56]]])
    places = np.linspace(0, len(hook) - 1, POINTS)
    points = np.stack([np.interp(places, np.arange(len(hook)), p) for p in hook.T], 1)
    torn = fit_of(outline, MedialAxis(points, np.full(POINTS, 44.0))).torn
    plain = fit_of(outline, straight_axis((35, 13), (35, 57), 44)).torn
    assert torn > plain + 0.05 and plain < 0.02


@pytest.mark.parametrize(("kind", "case"), [("17", 1), ("17", 2), ("Y", 0)])
def test_an_axis_that_tears_is_replaced_by_one_nearer_the_truth(kind, case):
    """Thick ones, whose axis runs into one chromatid."""
    bent = list(draw_bent((kind,), 90))[case]
    outline = find_outline(bent.drawing.image, 255)
    first, found = first_axis(bent.drawing.image), axis_of(outline)
    assert fit_of(outline, first).torn > 0.03 >= fit_of(outline, found).torn
    assert abs(found.bend - bent.degrees) < abs(first.bend - bent.degrees)


@pytest.mark.parametrize(
    ("kind", "degrees"), [("1", 0), ("3", 60), ("9", 90), ("20", 20)]
)
def test_an_axis_that_tears_nothing_stays(kind, degrees):
    image = draw(kind, degrees).image
    np.testing.assert_array_equal(
        find_axis(image, 255).points, first_axis(image).points
    )


@pytest.mark.parametrize("kind", ["13", "16", "17"])
def test_a_sharp_bend_of_a_short_chromosome_stays(kind):
    drawn = draw(kind, 80)
    assert abs(abs(find_axis(drawn.image, 255).bend) - 80) < 25
