from __future__ import annotations

import pytest

from mmscl.karyotype import Karyotype, mosaic_text


@pytest.mark.parametrize(
    "sex, changes, text",
    [
        ("XX", {}, "46,XX"),
        ("XY", {}, "46,XY"),
        ("XX", {"21": 1}, "47,XX,+21"),
        ("XY", {"18": 1}, "47,XY,+18"),
        ("X", {}, "45,X"),
        ("XXY", {}, "47,XXY"),
        ("XYY", {}, "47,XYY"),
        ("XXX", {}, "47,XXX"),
        ("XXXY", {}, "48,XXXY"),
        ("XX", {"16": -1}, "45,XX,-16"),
        ("XY", {"21": -1, "8": 1}, "46,XY,+8,-21"),
        ("XX", {"21": 2}, "48,XX,+21,+21"),
        ("XX", {"13": -2}, "44,XX,-13,-13"),
        ("Y", {}, "45,Y"),
        ("", {}, "44,?"),
        ("YX", {}, "46,XY"),
    ],
)
def test_text_of_a_cell(sex, changes, text):
    assert Karyotype.of(sex, changes).text == text


def test_normal_is_46_xx_or_46_xy_alone():
    assert Karyotype.of("XX").is_normal and Karyotype.of("XY").is_normal
    for other in (
        Karyotype.of("X"),
        Karyotype.of("YY"),
        Karyotype.of("XY", {"1": 1, "2": -1}),
    ):
        assert not other.is_normal


def test_types_become_counts_and_none_is_left_out():
    types = [k for k in range(22) for _ in range(2)] + [22, 23, 24]
    assert Karyotype.of_types(types) == Karyotype.of("XY")


def test_mosaics_put_the_largest_clone_first_and_the_normal_one_last():
    normal, turner = Karyotype.of("XX"), Karyotype.of("X")
    triple = Karyotype.of("XXX")
    assert mosaic_text([(normal, 20), (turner, 10)]) == "mos 45,X[10]/46,XX[20]"
    assert (
        mosaic_text([(triple, 3), (normal, 9), (turner, 5)])
        == "mos 45,X[5]/47,XXX[3]/46,XX[9]"
    )
    assert mosaic_text([(triple, 3)]) == "47,XXX"


@pytest.mark.parametrize(
    "clones, message",
    [
        ([], "one or more, each with a cell"),
        ([(Karyotype.of("X"), 0)], "each with a cell or more"),
        ([(Karyotype.of("X"), 1), (Karyotype.of("X"), 2)], "karyotypes that differ"),
    ],
)
def test_clones_that_are_none_are_refused(clones, message):
    with pytest.raises(ValueError, match=message):
        mosaic_text(clones)


def test_counts_that_are_none_are_refused():
    with pytest.raises(ValueError, match="expected 24 numbers >= 0"):
        Karyotype((1, 2))
    with pytest.raises(ValueError, match="expected 24 numbers >= 0"):
        Karyotype((-1,) + (2,) * 23)
