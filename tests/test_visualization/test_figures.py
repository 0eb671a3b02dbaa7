"""Each figure shows the numbers it was given, at a size that can be printed."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_tables import K, smallest_letter, texts
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.intervals import wilson_interval
from mmscl.karyotype import risk_coverage
from mmscl.visualization import (
    EmbeddingMap,
    plot_confusion,
    plot_confusion_change,
    plot_curves,
    plot_embedding,
    plot_heatmaps,
    plot_recall,
    plot_risk,
)
from mmscl.visualization.confusion import worst_pairs
from mmscl.visualization.curves import moving_mean, spread
from mmscl.visualization.embedding import keep_apart
from mmscl.visualization.palette import color_of
from mmscl.visualization.style import FULL_HEIGHT, TWO_COLUMNS

NAMES = ("embedding", "one embedding", "confusion", "one confusion", "change") + (
    "recall",
    "curves",
    "heat",
    "one heat",
    "many heats",
    "long names",
)


def counts(**cells: int) -> np.ndarray:
    """10 images right of each type, and some wrong: t4_5=3 is 3 of type 4 called 5."""
    matrix = 10 * np.eye(K, dtype=np.int64)
    for name, number in cells.items():
        true, called = name[1:].split("_")
        matrix[TYPES.index(true), TYPES.index(called)] += number
        matrix[TYPES.index(true), TYPES.index(true)] -= number
    return matrix


def maps(number: int = 2) -> dict[str, EmbeddingMap]:
    rng = np.random.default_rng(0)
    types = np.repeat(TYPES, 5)
    return {
        f"model {i}": EmbeddingMap(rng.normal(size=(len(types), 2)), types, f"said {i}")
        for i in range(number)
    }


def curve(n: int = 50, high: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    steps = 10 * np.arange(1, n + 1)
    return steps, high * np.exp(-steps / 200)


def all_figures() -> dict:
    image = np.full((32, 16), 255, np.uint8)
    heat = np.zeros((8, 4))
    heat[2, 1] = 1
    a, b = counts(t4_5=3), counts(t4_5=1)
    return {
        "embedding": plot_embedding(maps(), "note"),
        "one embedding": plot_embedding(maps(1), "note"),
        "confusion": plot_confusion({"a": a, "b": b, "c": a}, "title"),
        "one confusion": plot_confusion({"a": a}),
        "change": plot_confusion_change({"a": a, "b": b}, "title"),
        "recall": plot_recall({"a": a, "b": b}, "title"),
        "curves": plot_curves({"loss": {"a": curve(), "b": curve(30)}}, "title"),
        "heat": plot_heatmaps([image] * 3, list("123"), {"m": [heat] * 3}, {"m": "n"}),
        "one heat": plot_heatmaps([image], ["1"], {"m": [heat]}, note="note " * 40),
        "many heats": plot_heatmaps(
            [np.full((224, 224), 255, np.uint8)] * 6,
            list("123456"),
            {f"swin_small_patch4_window7 {i}": [heat] * 6 for i in range(8)},
            {"swin_small_patch4_window7 1": "interior 99.9 %\n(99.9 to 99.9)"},
            "note " * 40,
        ),
        "long names": plot_recall({"a long name " * 4: a, "another name " * 3: b}),
    }


@pytest.fixture(scope="module")
def figures():
    return all_figures()


@pytest.mark.parametrize("name", NAMES)
def test_letters_of_7_points_on_a_page(figures, name):
    figure = figures[name]
    width, height = figure.get_size_inches()
    assert width <= TWO_COLUMNS + 1e-6 and height <= FULL_HEIGHT + 1e-6
    assert smallest_letter(figure) >= 7
    FigureCanvasAgg(figure).draw()  # lays the figure out
    # What is written ends within the figure.
    box = figure.get_tightbbox()
    assert box.x0 >= -0.02 and box.x1 <= width + 0.02
    assert box.y0 >= -0.02 and box.y1 <= height + 0.02


def test_embedding_labels_types_at_their_median_and_colours_them():
    rng = np.random.default_rng(0)
    centres = (
        np.stack(np.meshgrid(np.arange(6), np.arange(4)), -1).reshape(-1, 2) * 10.0
    )
    types = np.repeat(TYPES, 7)
    places = np.repeat(centres, 7, axis=0) + rng.normal(size=(len(types), 2))
    figure = plot_embedding({"m": EmbeddingMap(places, types, "caption")})
    axis = figure.axes[0]
    found = {text.get_text(): text.get_position() for text in axis.texts}
    assert list(found) == list(TYPES)
    for name in TYPES:
        median = np.median(places[types == name], axis=0)
        np.testing.assert_allclose(found[name], median)
    drawn = {to_hex(c.get_facecolor()[0]): c.get_offsets() for c in axis.collections}
    for name in TYPES:
        np.testing.assert_allclose(drawn[color_of(name)], places[types == name])
    assert "caption" in texts(figure)


def test_names_are_moved_apart_and_no_further():
    places = [np.array(p, float) for p in [(0, 0), (0, 0), (0.5, 0), (9, 9)]]
    moved = keep_apart(places, 1.0)
    gaps = np.linalg.norm(moved[:, None] - moved[None], axis=2)[np.triu_indices(4, 1)]
    assert gaps.min() > 0.99
    np.testing.assert_array_equal(moved[3], (9, 9))
    np.testing.assert_array_equal(keep_apart(places[2:], 1.0), places[2:])


def test_confusion_prints_shares_and_leaves_empty_rows_blank():
    matrix = counts(t4_5=3)
    matrix[TYPES.index("Y")] = 0
    figure = plot_confusion({"model": matrix})
    axis = figure.axes[0]
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert written == {(4, 3): "30", (3, 3): "70"}
    shown = axis.images[0].get_array()
    assert shown.mask[TYPES.index("Y")].all() and shown.mask.sum() == K
    assert "model (230 images)" in texts(figure)


def test_change_lists_the_worst_pairs_and_marks_their_sign():
    before, after = counts(t4_5=5, t21_22=1), counts(t4_5=2, t21_22=2)
    pairs = [str(pair) for pair in worst_pairs(before, after)]
    assert pairs == ["4 called 5: 5 \u2192 2", "21 called 22: 1 \u2192 2"]
    figure = plot_confusion_change({"a": before, "b": after})
    said = "\n".join(texts(figure))
    assert "All confusions: 6 \u2192 4" in said and pairs[0] in said
    change = next(ax for ax in figure.axes if ax.get_title().startswith("change"))
    signs = {text.get_position(): text.get_text() for text in change.texts}
    # (column, row): 4 called 5 fell, 21 called 22 rose, their diagonals the other way
    minus = "\N{MINUS SIGN}"
    assert signs == {(4, 3): minus, (3, 3): "+", (21, 20): "+", (20, 20): minus}
    value = change.images[0].get_array()[3, 4]
    assert value == pytest.approx(-30)  # points: 5 of 10 less to 2 of 10


def test_confusion_refuses_other_matrices():
    good = counts()
    with pytest.raises(ValueError, match="at least one matrix, got none"):
        plot_confusion({})
    with pytest.raises(
        ValueError, match=r"m: expected a matrix \(24, 24\), got \(2, 2"
    ):
        plot_confusion({"m": np.eye(2)})
    with pytest.raises(ValueError, match="expected two matrices, got 1"):
        plot_confusion_change({"m": good})
    more = good.copy()
    more[3, 3] += 1
    with pytest.raises(ValueError, match="different images: type 4 has 10 and 11"):
        plot_confusion_change({"a": good, "b": more})


def test_recall_shows_wilsons_intervals_with_y_apart():
    figure = plot_recall({"model": counts(t4_5=3)})
    axis = figure.axes[0]
    line = axis.containers[0]
    x, y = line.lines[0].get_data()
    assert y[3] == pytest.approx(70) and y[0] == 100
    lower, upper = wilson_interval(np.array([7]), np.array([10]))
    (_, low), (_, high) = line.lines[2][0].get_segments()[3]
    assert (low, high) == (pytest.approx(100 * lower[0]), pytest.approx(100 * upper[0]))
    gaps = np.diff(x)
    assert np.allclose(gaps[:-1], 1) and gaps[-1] > 1.5
    assert "model: macro recall 98.8 %, 10 to 10 images a type" in texts(figure)
    with pytest.raises(ValueError, match="at least one matrix"):
        plot_recall({})
    with pytest.raises(ValueError, match="m: expected a matrix"):
        plot_recall({"m": np.eye(3)})


def test_curves_name_each_run_at_its_end_and_keep_the_raw_values():
    a, b = curve(high=3), curve(high=1)
    figure = plot_curves({"loss": {"with SCL": a, "without": b}})
    axis = figure.axes[0]
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), a[1])
    assert axis.lines[1].get_linestyle() != axis.lines[3].get_linestyle()
    assert axis.get_yscale() == "log"
    heights = {text.get_text(): text.xy[1] for text in axis.texts}
    assert heights["with SCL"] > heights["without"]
    measured = plot_curves({"validation accuracy (%)": {"r": (a[0], a[1])}}).axes[0]
    assert measured.get_ylabel() == "accuracy (%)" and measured.get_yscale() == "linear"
    with pytest.raises(ValueError, match="at least one curve in each panel"):
        plot_curves({"loss": {}})
    with pytest.raises(
        ValueError, match="loss, r: expected values, the curve is empty"
    ):
        plot_curves({"loss": {"r": (np.array([]), np.array([]))}})


def test_risk_ends_where_most_errors_are_found():
    confidence = np.linspace(1, 0, 200)
    right = np.ones(200, bool)
    right[[150, 199]] = False  # one of two errors among the 49 least sure
    figure = plot_risk({"test": risk_coverage(confidence, right)})
    caught, risk = figure.axes
    assert caught.get_xlim() == (0, pytest.approx(25))
    (line,) = caught.lines
    reviewed, found = line.get_data()
    assert found[np.searchsorted(-reviewed, -10)] == 50
    assert risk.lines[0].get_ydata()[-1] == pytest.approx(1)  # 2 of 200, unseen
    with pytest.raises(ValueError, match="expected at least one curve"):
        plot_risk({})


def test_moving_mean_keeps_lines_and_averages_noise():
    line = np.linspace(5, 1, 100)
    np.testing.assert_allclose(moving_mean(line), line)
    noise = np.random.default_rng(0).normal(size=1000)
    # inside it is the plain mean over the 101 points around
    assert moving_mean(noise)[500] == pytest.approx(noise[450:551].mean())
    np.testing.assert_array_equal(moving_mean(noise[:5]), noise[:5])


def test_spread_keeps_the_order():
    moved = spread({"a": 0.5, "b": 0.5, "c": 0.51, "d": 0.0}, apart=0.1)
    assert moved["d"] == 0.0
    ordered = sorted(moved.values())
    assert min(np.diff(ordered)) >= 0.099 and moved["c"] == ordered[-1]


def test_heatmap_lays_the_heat_over_the_image():
    image = np.full((32, 16), 200, np.uint8)
    heat = np.zeros((8, 4))
    heat[6, 3] = 2.0
    nothing = np.zeros((8, 4))
    figure = plot_heatmaps(
        [image, image], ["4", "X"], {"with SCL": [heat, nothing]}, {"with SCL": "61 %"}
    )
    said = texts(figure)
    for expected in ("original", "with SCL", "4", "X", "61 %", "no heat"):
        assert expected in said
    axis = figure.axes[2]
    photo, warm = axis.images
    assert warm.get_extent() == [-0.5, 15.5, 31.5, -0.5]
    assert warm.get_array().max() == 1 and axis.get_ylim() == (31.5, -0.5)
    # the contours lie where the heat is: the cell of rows 24..27, columns 12..15
    middle = np.concatenate(axis.collections[0].get_paths()[-1].vertices).reshape(-1, 2)
    assert np.abs(middle.mean(axis=0) - (13.5, 25.5)).max() < 1.5
    with pytest.raises(ValueError, match="labels: expected 1 entries, got 2"):
        plot_heatmaps([image], ["4", "X"], {"m": [heat]})
    with pytest.raises(ValueError, match="m: expected 1 entries, got 0"):
        plot_heatmaps([image], ["4"], {"m": []})
    with pytest.raises(ValueError, match="at least one image and one model"):
        plot_heatmaps([], [], {})


def test_embedding_refuses_other_input():
    types = np.array(["1", "2"])
    good = EmbeddingMap(np.zeros((2, 2)), types, "")
    with pytest.raises(ValueError, match="expected one or two maps, got 3"):
        plot_embedding({"a": good, "b": good, "c": good})
    with pytest.raises(ValueError, match=r"m: expected places of shape \(2, 2\)"):
        plot_embedding({"m": EmbeddingMap(np.zeros((3, 2)), types, "")})
    with pytest.raises(ValueError, match=r"m: expected the types .* got \['23'\]"):
        plot_embedding({"m": EmbeddingMap(np.zeros((1, 2)), np.array(["23"]), "")})
