"""A figure is written whole, as pixels and as vectors, alike on every machine."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmscl.datasets.manifest import TYPES
from mmscl.visualization import save_figure
from mmscl.visualization.palette import GROUP_OF, color_of, marker_of
from mmscl.visualization.style import LOOKS, looks, style


def figure() -> Figure:
    with style():
        made = Figure(figsize=(2, 1))
        made.text(0.5, 0.5, "chromosome 21")
    return made


def test_one_call_writes_png_at_300_dpi_and_svg_with_letters(tmp_path):
    paths = save_figure(figure(), tmp_path / "new" / "fig.3")
    assert [path.name for path in paths] == ["fig.3.png", "fig.3.svg"]
    assert cv2.imread(str(paths[0])).shape == (300, 600, 3)
    text = paths[1].read_text("utf-8")
    assert ">chromosome 21</text>" in text
    assert ElementTree.fromstring(text).get("width") == "144pt"
    assert [p.name for p in (tmp_path / "new").iterdir() if p.suffix == ".part"] == []


@pytest.mark.parametrize("name", ["fig.png", "fig.SVG"])
def test_an_ending_chooses_one_format(tmp_path, name):
    assert save_figure(figure(), tmp_path / name) == [tmp_path / name]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    head = (tmp_path / name).read_bytes()[:8]
    assert (head == b"\x89PNG\r\n\x1a\n") == name.endswith("png")


def test_a_failure_leaves_the_old_figure(tmp_path):
    (tmp_path / "fig.png").write_text("old")

    class Broken(Figure):
        def savefig(self, *args, **kwargs):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_figure(Broken(), tmp_path / "fig.png")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_same_figure_is_the_same_file_whatever_the_user_has_set(tmp_path):
    first = [p.read_bytes() for p in save_figure(figure(), tmp_path / "a")]
    with mpl.rc_context({"font.size": 20, "font.family": "serif", "savefig.dpi": 50}):
        second = [p.read_bytes() for p in save_figure(figure(), tmp_path / "b")]
    assert first == second
    assert not re.search(rb"<dc:date>", first[1])


def test_series_differ_without_colour_too():
    for one, other in itertools.combinations(LOOKS, 2):
        assert one.marker != other.marker and one.line != other.line
    with pytest.raises(ValueError, match="at most 6 series in one figure, got 7"):
        looks(7)


def linear(color: str) -> np.ndarray:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB, white D65 (CIE 15)."""
    matrix = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    x, y, z = np.array(matrix) @ rgb / [0.9505, 1, 1.089]
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_24_colours_are_told_apart():
    colors = {name: lab(linear(color_of(name))) for name in TYPES}
    for one, other in itertools.combinations(TYPES, 2):
        assert np.linalg.norm(colors[one] - colors[other]) > 18, (one, other)


# Machado, Oliveira, Fernandes 2009 (doi:10.1109/TVCG.2009.113), severity 1.
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]


@pytest.mark.parametrize("seen", [DEUTERANOPIA, PROTANOPIA], ids=["deutan", "protan"])
def test_what_dichromats_see_alike_has_another_marker(seen):
    colors = {
        n: lab(np.clip(np.array(seen) @ linear(color_of(n)), 0, 1)) for n in TYPES
    }
    for one, other in itertools.combinations(TYPES, 2):
        if np.linalg.norm(colors[one] - colors[other]) < 8:
            assert marker_of(one) != marker_of(other), (one, other)


def test_within_a_group_markers_differ():
    for one, other in itertools.combinations(TYPES, 2):
        if GROUP_OF[one] == GROUP_OF[other]:
            assert marker_of(one) != marker_of(other)
