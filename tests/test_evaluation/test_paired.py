"""The paired case bootstrap against plain loops, known values and simulated truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mmscl.evaluation import (
    Predictions,
    PredictionTableError,
    confusion_matrix,
    paired_differences,
)
from mmscl.evaluation.measures import auc_one_vs_rest, precision_recall_f1

TYPES = ("1", "2", "X")


def draw(rng, labels, cases, skill, decimals=1) -> Predictions:
    """Scores with ties, better with more skill."""
    scores = rng.normal(size=(len(labels), len(TYPES)))
    scores[np.arange(len(labels)), labels] += skill
    scores = np.round(scores, decimals).astype(np.float32)
    return Predictions(
        types=TYPES,
        path=np.array([f"{number:05}.png" for number in range(len(labels))]),
        case=np.asarray(cases),
        cell=np.asarray(cases),
        site=np.full(len(labels), "A"),
        labels=np.asarray(labels),
        predicted=scores.argmax(1),
        scores=scores,
    )


def take(table: Predictions, rows) -> Predictions:
    columns = ("path", "case", "cell", "site", "labels", "predicted", "scores")
    return replace(table, **{name: getattr(table, name)[rows] for name in columns})


def measure(table: Predictions) -> dict[str, float]:
    """The measures that testing reports, as fractions."""
    confusion = confusion_matrix(table.labels, table.predicted, len(TYPES))
    return dict(
        accuracy=np.mean(table.labels == table.predicted),
        recall=np.nanmean(precision_recall_f1(confusion)[1]),
        auc=np.nanmean(auc_one_vs_rest(table.labels, table.scores)),
    )


@pytest.fixture
def tables():
    """Two classifiers under two seeds; 6 cases of unequal size, no X in some."""
    rng = np.random.default_rng(5)
    cases = np.repeat(["a", "b", "c", "d", "e", "f"], [5, 9, 12, 7, 4, 11])
    labels = rng.integers(0, 2, len(cases))
    labels[(cases == "b") | (cases == "f")] = rng.integers(0, 3, 20)
    ours = [draw(rng, labels, cases, 1.5) for _ in range(2)]
    theirs = [draw(rng, labels, cases, 1.0) for _ in range(2)]
    return ours, theirs


def test_values_are_the_differences_of_the_reported_measures(tables):
    ours, theirs = tables
    found = paired_differences(ours, theirs, resamples=10)
    for name, difference in found.items():
        expected = np.mean([measure(t)[name] for t in ours]) - np.mean(
            [measure(t)[name] for t in theirs]
        )
        assert difference.value == pytest.approx(100 * expected, abs=1e-9), name
        assert (difference.cases, difference.unit) == (6, "case")


def test_interval_equals_that_of_a_plain_loop_over_resampled_tables(tables):
    ours, theirs = tables
    found = paired_differences(ours, theirs, resamples=60, confidence=0.8, seed=3)
    names = np.unique(ours[0].case)
    rows = [np.flatnonzero(ours[0].case == name) for name in names]
    rng = np.random.default_rng(3)
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(60):
        times = rng.multinomial(6, np.full(6, 1 / 6))
        chosen = np.concatenate(
            [np.repeat(r, t) for r, t in zip(rows, times, strict=True)]
        )
        for name in found:
            with np.errstate(invalid="ignore"):
                gained = [
                    measure(take(a, chosen))[name] - measure(take(b, chosen))[name]
                    for a, b in zip(ours, theirs, strict=True)
                ]
            drawn[name].append(100 * np.mean(gained))
    for name, difference in found.items():
        expected = np.quantile(drawn[name], (0.1, 0.9))
        np.testing.assert_allclose(difference[1:3], expected, atol=1e-9, err_msg=name)


def test_equal_tables_differ_by_nothing(tables):
    for difference in paired_differences(tables[0], tables[0], resamples=50).values():
        assert difference[:3] == (0, 0, 0)


def test_swapped_tables_give_the_opposite(tables):
    forth = paired_differences(*tables, resamples=99)
    back = paired_differences(*reversed(tables), resamples=99)
    for name in forth:
        np.testing.assert_allclose(forth[name].value, -back[name].value)
        np.testing.assert_allclose(forth[name].low, -back[name].high)


def test_the_order_of_rows_does_not_matter(tables):
    ours, theirs = tables
    rows = np.random.default_rng(0).permutation(len(ours[0]))
    shuffled = [take(table, rows) for table in theirs]
    expected = paired_differences(ours, theirs, resamples=50)
    assert paired_differences(ours, shuffled, resamples=50) == expected


def test_one_case_has_no_interval(tables):
    one = [[replace(t, case=np.full(len(t), "a")) for t in arm] for arm in tables]
    for difference in paired_differences(*one, resamples=20).values():
        assert np.isfinite(difference.value) and difference.cases == 1
        assert np.isnan(difference.low) and np.isnan(difference.high)


def test_images_without_a_case_are_drawn_one_by_one(tables):
    alone = [[replace(t, case=np.full(len(t), "")) for t in arm] for arm in tables]
    found = paired_differences(*alone, resamples=20)["accuracy"]
    assert (found.unit, found.cases) == ("image", len(tables[0][0]))


def test_interval_over_seeds_is_students(tables):
    ours, theirs = tables
    few = paired_differences(ours, theirs, resamples=5)["accuracy"]
    assert np.isnan(few.seeds_low) and np.isnan(few.seeds_high)
    three = paired_differences([*ours, theirs[0]], [*theirs, ours[0]], resamples=5)
    gained = [
        100 * (measure(a)["accuracy"] - measure(b)["accuracy"])
        for a, b in zip([*ours, theirs[0]], [*theirs, ours[0]], strict=True)
    ]
    expected = stats.t.interval(0.95, 2, np.mean(gained), stats.sem(gained))
    np.testing.assert_allclose(three["accuracy"][3:5], expected)


@pytest.mark.slow
def test_interval_covers_the_truth_about_as_often_as_it_says():
    """400 experiments of 40 cases whose gain varies by case around +5 points.

    The standard error of a share of 0.95 in 400 is 0.011; percentile intervals of 40
    clusters cover a little less than they say. An interval over images (the same
    tables without cases) must fail, because the images of a case go together.
    """
    rng = np.random.default_rng(1)
    cases = np.repeat([f"c{i:02}" for i in range(40)], 30)
    covered = dict(case=0, image=0)
    for _ in range(400):
        labels = rng.integers(0, 3, len(cases))
        gain = np.repeat(rng.normal(0.05, 0.15, 40).clip(-0.5, 0.5), 30)
        right = [rng.random(len(cases)) < 0.5 + share for share in (gain, 0 * gain)]
        pair = [
            replace(
                draw(rng, labels, cases, 0),
                predicted=np.where(hits, labels, (labels + 1) % 3),
            )
            for hits in right
        ]
        for unit in covered:
            used = pair
            if unit == "image":
                used = [replace(t, case=np.full(len(t), "")) for t in pair]
            found = paired_differences(
                [used[0]], [used[1]], 400, measures=["accuracy"]
            )["accuracy"]
            # the mean of the clipped normal is 5 by symmetry up to 0.03 points
            covered[unit] += found.low <= 5 <= found.high
    assert 0.90 <= covered["case"] / 400 <= 0.98
    assert covered["image"] / 400 < 0.87


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: take(t, slice(1, None)), r"1 in the first alone, such as 00000.png"),
        (lambda t: replace(t, types=("1", "2", "Y")), "of different types"),
        (lambda t: replace(t, labels=(t.labels + 1) % 3), "give it different types"),
        (lambda t: replace(t, case=t.case[::-1]), "give it different cases"),
        (
            lambda t: replace(t, path=np.array(["x.png", *t.path[1:-1], "x.png"])),
            "x.png: twice in one prediction table",
        ),
    ],
)
def test_tables_that_cannot_be_paired_are_refused(tables, change, message):
    ours, theirs = tables
    with pytest.raises(PredictionTableError, match=message):
        paired_differences(ours, [theirs[0], change(theirs[1])], resamples=5)


def test_unknown_types_and_half_known_cases_are_refused(tables):
    ours, theirs = tables
    unknown = [replace(ours[0], labels=np.where(ours[0].labels == 2, -1, 0))]
    with pytest.raises(PredictionTableError, match="true type is not known"):
        paired_differences(unknown, unknown)
    half = [replace(ours[0], case=np.where(ours[0].case == "a", "", "b"))]
    with pytest.raises(PredictionTableError, match="no case, while 43 of 48 images"):
        paired_differences(half, half)


def test_arguments_out_of_range_are_refused(tables):
    ours, theirs = tables
    with pytest.raises(ValueError, match="one a seed, got 2 and 1"):
        paired_differences(ours, theirs[:1])
    with pytest.raises(ValueError, match="got 0 and 0.95"):
        paired_differences(ours, theirs, resamples=0)
    with pytest.raises(ValueError, match=r"measures: .* got \['f2'\]"):
        paired_differences(ours, theirs, measures=["f2"])
