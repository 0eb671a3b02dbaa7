"""Figures of straightening: each step is there, and in its place."""

import numpy as np
import pytest
from bent_chromosomes import draw, ring, rod

from mmscl.datasets.straightening import NoAxisError, sharma_steps
from mmscl.datasets.transforms import NormalizeLength
from mmscl.visualization import (
    plot_lengths,
    plot_sharma,
    plot_straightening,
    save_figure,
)


def texts(axis) -> str:
    return " ".join(text.get_text() for text in axis.texts)


def test_a_row_a_crop_with_its_measures():
    images = [draw("1", 40).image, draw("6", -60).image]
    figure = plot_straightening(images, ["1", "6"])
    axes = np.array(figure.axes).reshape(2, 5)
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["1", "6"]
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), images[1])
    line = axes[0, 2].lines[0].get_xydata()
    height, width = images[0].shape
    assert (line >= -2).all() and line[:, 0].max() < width + 2
    assert line[-1, 1] - line[0, 1] > 0.8 * height
    assert "bend" in texts(axes[0, 4]) and "length" in texts(axes[0, 4])


def test_it_wants_crops_names_and_axes():
    with pytest.raises(ValueError, match="a name for each, got 1 and 2"):
        plot_straightening([rod()], ["a", "b"])
    with pytest.raises(ValueError, match="expected one or more crops"):
        plot_straightening([])
    with pytest.raises(NoAxisError, match="a ring"):
        plot_straightening([ring()])


def test_every_step_of_sharmas(tmp_path):
    steps = sharma_steps(draw("1", 80).image, 255)
    figure = plot_sharma(steps)
    titles = [axis.get_title() for axis in figure.axes[:9]]
    assert [t[0] for t in titles[1:]] == list("124445" + "67")
    assert all(axis.images or axis.lines for axis in figure.axes[:9])
    np.testing.assert_array_equal(figure.axes[8].images[0].get_array(), steps.result)
    assert f"{steps.fill:.2f}" in figure.axes[2].get_xlabel()
    cut = figure.axes[5].lines[0].get_xydata()
    np.testing.assert_allclose(cut.mean(axis=0), steps.centre)
    assert save_figure(figure, tmp_path / "a.png")[0].stat().st_size > 10_000


@pytest.mark.parametrize(
    "image, reason",
    [(rod(), "straight: it fills 1.00"), (ring(), "a ring: its hole takes")],
    ids=["straight", "ring"],
)
def test_what_is_left_as_it_is_says_why(image, reason):
    figure = plot_sharma(sharma_steps(image, 255))
    assert reason in texts(figure.axes[3]).replace("\n", " ")
    assert [axis.get_title() for axis in figure.axes[3:9]] == [""] * 6
    # All is inside: neither the reason nor a title pushes the pictures aside.
    figure.canvas.draw()
    for axis in figure.axes[:4]:
        box = axis.get_tightbbox()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_lengths_before_and_after():
    crops = [rod(80, 13), rod(40, 13)]
    scaled = [
        NormalizeLength(30)(dict(img=crop, cell_size=60.0))["img"] for crop in crops
    ]
    figure = plot_lengths(crops, scaled, ["1", "21"])
    assert len(figure.axes) == 4
    spans = {round(float(np.ptp(axis.get_ylim())), 6) for axis in figure.axes}
    spans |= {round(float(np.ptp(axis.get_xlim())), 6) for axis in figure.axes}
    assert len(spans) == 1
    with pytest.raises(ValueError, match="got 2, 1 and 2"):
        plot_lengths(crops, scaled[:1], ["1", "21"])
