"""Zones of a chromosome, and the heat's shares in them by case."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mmscl.evaluation.heat_share import (
    heat_shares,
    print_shares,
    summarise_shares,
    write_shares,
    zones,
)


def bar() -> np.ndarray:
    """A black bar of 12 x 40 pixels on white, 30 x 60: half width 6, so w = 2."""
    image = np.full((60, 30), 255, np.uint8)
    image[10:50, 9:21] = 0
    return image


def test_zones_of_a_bar():
    found = zones(bar())
    # distances inside count from the first blank pixel: 1 and 2 are edge, 3 is not
    expected = np.full((60, 30), 2)
    expected[10:50, 9:21] = 1
    expected[12:48, 11:19] = 0
    # outside, within 2 of the bar, its corners cut off
    rows, columns = np.indices(expected.shape)
    away = np.hypot(
        np.clip(np.maximum(10 - rows, rows - 49), 0, None),
        np.clip(np.maximum(9 - columns, columns - 20), 0, None),
    )
    expected[(away > 0) & (away <= 2)] = 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("invert", [False, True])
def test_zones_do_not_depend_on_the_background(invert):
    image = 255 - bar() if invert else bar()
    assert np.bincount(zones(image).ravel()).tolist()[0] == 36 * 8


def test_an_image_without_foreground_is_all_beside():
    assert (zones(np.full((8, 8), 255, np.uint8)) == 2).all()


def test_shares_are_where_the_heat_is():
    heat = np.zeros((60, 30))
    heat[30, 15], heat[30, 9], heat[0, 0] = 3, 1, 4
    np.testing.assert_allclose(heat_shares(heat, bar()), [3 / 8, 1 / 8, 4 / 8])
    assert np.isnan(heat_shares(0 * heat, bar())).all()
    even = heat_shares(np.ones((60, 30)), bar())
    np.testing.assert_allclose(even, np.bincount(zones(bar()).ravel()) / 1800)


NAN = [np.nan] * 3
# case a: interior parts 0.5 and 1.0, case b: 0.25; model 'with' has no heat in one
WITHOUT = np.array([[0.4, 0.4, 0.2], [0.8, 0.0, 0.2], [0.2, 0.6, 0.2]])
WITH = np.array([[0.9, 0.1, 0.0], NAN, [0.3, 0.1, 0.6]])
AREAS = np.array([[0.1, 0.1, 0.8]] * 3)
CASES = np.array(["a", "a", "b"])


def test_summary_is_the_mean_over_cases_paired_by_image():
    first, second = summarise_shares({"without": WITHOUT, "with": WITH}, AREAS, CASES)
    assert (first.images, first.without_heat, first.cases) == (3, 0, 2)
    assert first.interior.mean == pytest.approx(100 * (0.75 + 0.25) / 2)
    assert first.area.mean == pytest.approx(50)
    assert first.zones["beside"].mean == pytest.approx(20)
    assert first.difference is None
    assert (second.images, second.without_heat) == (2, 1)
    assert second.interior.mean == pytest.approx(100 * (0.9 + 0.75) / 2)
    # image 1 has no heat in 'with': it is not compared; 0.9 - 0.5 and 0.75 - 0.25
    assert second.difference.mean == pytest.approx(45)
    assert second.difference.low < 45 < second.difference.high
    text = second.beside_figure()
    assert text.startswith("interior 82.5 %\n(") and text.endswith("area 50.0 %")


def test_one_case_has_no_interval():
    (row,) = summarise_shares({"m": WITHOUT}, AREAS, np.array(["a"] * 3))
    assert np.isnan(row.interior.low) and str(row.interior) == "58.3"
    assert row.beside_figure().splitlines()[1] == "of the heat on the"


def test_a_model_without_any_heat_is_refused():
    with pytest.raises(ValueError, match="m: no image has any heat on its chromosome"):
        summarise_shares({"m": np.array([NAN] * 3)}, AREAS, CASES)


def test_table_and_file_say_the_same(tmp_path, capsys):
    rows = summarise_shares({"without": WITHOUT, "with": WITH}, AREAS, CASES)
    print_shares(rows)
    assert "82.5" in capsys.readouterr().out
    with open(write_shares(rows, tmp_path / "new" / "h.csv"), newline="") as file:
        first, second = csv.DictReader(file)
    assert first["model"] == "without" and first["difference"] == ""
    assert float(second["interior_of_chromosome"]) == pytest.approx(82.5)
    assert float(second["difference_low"]) < float(second["difference"]) == 45
