"""The centromere: constrictions of known place, and drawn chromosomes."""

import numpy as np
import pytest
from bent_chromosomes import draw

from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.straightening import Straight, find_centromere, straighten


def profile(*waists: tuple[float, float], length: int = 80) -> Straight:
    """Width 14 but for waists: (row, share of the width that is missing)."""
    rows = np.arange(length + 5.0)
    widths = np.where((rows >= 2) & (rows <= length + 2), 14.0, 0.0)
    for row, depth in waists:
        widths *= 1 - depth * np.exp(-0.5 * ((rows - row) / 2.0) ** 2)
    return Straight(np.zeros((len(rows), 20), np.uint8), widths, 2.0, float(length))


def test_the_row_of_a_waist():
    found = find_centromere(profile((30.3, 0.4)))
    assert found.row == pytest.approx(30.3, abs=0.3)
    assert found.position == pytest.approx((found.row - 2) / 80)
    assert 0.25 < found.depth < 0.4  # smoothing takes some of it


def test_a_rod_has_none():
    assert find_centromere(profile()) is None
    assert find_centromere(profile((30, 0.03))) is None


def test_the_deeper_of_two_unless_the_type_says_otherwise():
    two = profile((25, 0.25), (60, 0.35))
    assert find_centromere(two).row == pytest.approx(60, abs=0.3)
    assert find_centromere(two, expected=0.3).row == pytest.approx(25, abs=0.3)


def test_round_tips_are_no_centromere():
    straight = profile()
    widths = straight.widths.copy()
    widths[2:6] = [5, 9, 12, 13]
    assert find_centromere(straight._replace(widths=widths)) is None


def test_an_index_outside_0_1_is_refused():
    with pytest.raises(ValueError, match="expected: a centromere index .* got 39"):
        find_centromere(profile(), expected=39)


def test_centromeres_of_drawn_chromosomes():
    away, kinds = [], ("1", "2", "3", "4", "5", "6", "7", "8", "10", "11", "12", "X")
    for kind in kinds:
        drawn = draw(kind, 30)
        expected = ideogram(kind).centromere
        found = find_centromere(straighten(drawn.image, 255), expected)
        if found is not None:
            away.append(abs(found.position - drawn.centromere) * drawn.length)
    assert len(away) >= 10
    assert np.median(away) < 1.5
