"""The medial axis against drawn chromosomes whose axis is known."""

import cv2
import numpy as np
import pytest
from bent_chromosomes import ball, bend, distances, draw, ring, rod
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from mmscl.datasets.straightening import (
    EmptyCropError,
    NoAxisError,
    find_axis,
    find_outline,
)
from mmscl.datasets.straightening.axis import _smooth
from mmscl.datasets.straightening.lines import directions_of, length_of, resample
from mmscl.datasets.straightening.skeleton import longest_path

LONG = ("1", "3", "6", "9", "X", "12")


@pytest.mark.parametrize("degrees", [0, 30, -60, 90])
@pytest.mark.parametrize("kind", LONG)
def test_axis_of_a_known_bend(kind, degrees):
    drawn = draw(kind, degrees, where=0.45)
    axis = find_axis(drawn.image, 255)
    assert distances(axis.points[3:-3], drawn.axis).mean() < 0.5
    assert abs(axis.length - drawn.length) < 3.5
    arms = drawn.axis
    n = len(arms) // 3
    first, last = arms[n] - arms[0], arms[-1] - arms[-1 - n]
    turn = np.arctan2(*last) - np.arctan2(*first)
    assert abs(axis.bend - np.degrees(turn)) < 5


def test_the_upper_tip_is_first_and_points_are_equidistant():
    axis = find_axis(draw("2", 40).image)
    assert axis.points[0, 1] < axis.points[-1, 1]
    steps = np.hypot(*np.diff(axis.points, axis=0).T)
    assert np.ptp(steps) < 0.02 * steps.mean()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_axis_turns_with_the_crop(turns):
    image = draw("4", 50).image
    axis, turned = find_axis(image), find_axis(np.rot90(image, turns).copy())
    assert turned.length == pytest.approx(axis.length, abs=1.0)
    assert abs(turned.bend) == pytest.approx(abs(axis.bend), abs=2.0)


def test_a_crop_that_touches_the_border_is_as_one_with_a_margin():
    drawn = draw("5", 30)
    assert (drawn.image[0] < 255).any() and (drawn.image[:, 0] < 255).any()
    tight = find_axis(drawn.image, 255)
    wide = find_axis(np.pad(drawn.image, 9, constant_values=255), 255)
    np.testing.assert_allclose(wide.points - 9, tight.points, atol=0.02)


def test_an_axis_seen_again_is_not_looked_for_again(monkeypatch):
    image = draw("8", 35).image
    first = find_axis(image)
    monkeypatch.setattr("mmscl.datasets.straightening.axis._first_guess", None)
    assert find_axis(image.copy()) is first
    with pytest.raises(ValueError, match="read-only"):
        first.points[0] = 0
    with pytest.raises(TypeError):
        find_axis(image[::-1])


def test_tips_lie_between_the_ends_of_two_chromatids():
    image = rod(60, 15)
    image[6:12, 12:15] = image[60:66, 12:15] = 255  # notches six pixels deep
    assert find_axis(image, 255).length == pytest.approx(60, abs=1.5)


def test_a_dark_background_gives_the_same():
    image = draw("7", 20).image
    np.testing.assert_allclose(
        find_axis(255 - image).points, find_axis(image).points, atol=1e-6
    )


def test_a_pale_stalk_does_not_cut_off_the_satellites():
    image = rod(60, 13)
    image[18:21] = 255  # a gap of three pixels
    axis = find_axis(image, 255)
    assert axis.length == pytest.approx(60, abs=1.5)


def test_debris_beside_the_chromosome_is_left_out():
    clean, dirty = rod(60, 13, margin=12), rod(60, 13, margin=12)
    dirty[0:4, 0:4] = 80
    np.testing.assert_allclose(
        find_axis(dirty, 255).points, find_axis(clean, 255).points
    )


def test_width_of_a_rod():
    axis = find_axis(rod(60, 13), 255)
    assert axis.width == pytest.approx(13, abs=0.6)
    assert abs(axis.bend) < 0.2


def test_an_empty_crop_is_refused():
    with pytest.raises(EmptyCropError, match="0 pixels, expected at least 20"):
        find_axis(np.full((30, 20), 255, np.uint8))


def test_a_ring_is_refused():
    with pytest.raises(NoAxisError, match="a ring: its hole takes a disc"):
        find_axis(ring())


def test_a_slit_between_chromatids_is_no_ring():
    image = rod(60, 15)
    image[20:40, 13:14] = 255
    assert find_axis(image, 255).length == pytest.approx(60, abs=1.5)


def test_a_round_chromosome_is_refused():
    with pytest.raises(NoAxisError, match="round: it spreads 1.00 times"):
        find_axis(ball())


def test_a_short_x_has_an_upright_axis_and_not_one_along_a_chromatid():
    image = np.full((40, 30), 255, np.uint8)
    for sign in (-1, 1):
        cv2.line(image, (15 - 5 * sign, 6), (15 + 5 * sign, 33), 80, 6)
    axis = find_axis(image, 255)
    tip, other = axis.points[[0, -1]]
    assert abs(other[0] - tip[0]) < 3 and abs(axis.bend) < 10


def test_an_x_as_wide_as_long_is_refused():
    image = np.full((40, 40), 255, np.uint8)
    for sign in (-1, 1):
        cv2.line(image, (20 - 10 * sign, 10), (20 + 10 * sign, 30), 80, 7)
    with pytest.raises(NoAxisError, match="round: it spreads 1.0. times as far"):
        find_axis(image, 255)


def test_lines_across_the_axis_do_not_meet_inside():
    axis = find_axis(draw("21", 90).image, 255)
    along = directions_of(axis.points)
    turns = np.hypot(*np.diff(along, axis=0).T)
    step = axis.length / (len(axis.points) - 1)
    assert (turns[4:-4] / step * axis.width / 2).max() < 1.8


def test_holes_are_filled_in_the_outline():
    image = rod(60, 15)
    image[30:33, 12:14] = 255
    assert find_outline(image, 255).area == 60 * 15


def test_the_longest_path_against_all_shortest_paths():
    rng = np.random.default_rng(0)
    for _ in range(10):
        tree = random_tree(rng)
        rows, columns = np.nonzero(tree)
        number = {pixel: i for i, pixel in enumerate(zip(rows, columns, strict=True))}
        edges = []
        for (y, x), i in number.items():
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    j = number.get((y + dy, x + dx))
                    if j is not None and j != i:
                        edges.append((7 if dy and dx else 5, i, j))
        weights, starts, ends = np.array(edges).T
        ways = shortest_path(coo_array((weights, (starts, ends)), (len(number),) * 2))
        path = longest_path(tree)
        steps = np.abs(np.diff(path, axis=0)).sum(axis=1)
        assert np.where(steps == 2, 7, 5).sum() == ways.max()


def random_tree(rng) -> np.ndarray:
    """A trunk with side branches, one pixel wide."""
    tree = np.zeros((60, 41), bool)
    tree[3:57, 20] = True
    for row in (12, 25, 44):
        reach = rng.integers(3, 12)
        for step in range(1, reach):
            tree[row - step, 20 + step] = True
    return tree


def test_the_smoothing_spline_against_its_dense_form():
    rng = np.random.default_rng(1)
    points = np.stack([rng.normal(0, 1, 30), np.arange(30.0)], axis=1)
    counts = np.ones(30, bool)
    half = 3.0
    step = length_of(points) / 29
    caps = round(0.6 * half / step)
    weights = np.ones(30)
    weights[:caps] = weights[30 - caps :] = 1e-3
    second = np.diff(np.eye(30), 2, axis=0)
    stiffness = (0.2 * 2 * half / step) ** 4
    dense = np.linalg.solve(
        np.diag(weights) + stiffness * second.T @ second, weights[:, None] * points
    )
    np.testing.assert_allclose(_smooth(points, counts, half, 0.2), dense, atol=1e-8)


def test_lines():
    line = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]])
    assert length_of(line) == pytest.approx(11)
    np.testing.assert_allclose(resample(line, 12)[5], [3.0, 4.0])
    np.testing.assert_allclose(np.hypot(*directions_of(line).T), 1.0)


def test_a_known_turn_draws_the_same_bands():
    straight, bent = draw("1", 0), draw("1", 60)
    assert straight.length == bent.length
    assert straight.centromere == bent.centromere
    height = cv2.boundingRect((straight.image < 255).view(np.uint8))[3]
    assert height > bent.image.shape[0]
    assert bend(60)(np.array([0.0, 1.0])).tolist() == pytest.approx(
        [-np.pi / 6, np.pi / 6], abs=1e-3
    )
