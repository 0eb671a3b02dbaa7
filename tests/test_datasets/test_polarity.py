"""Polarity labels: from the manifest or from upright crops, turned by flips."""

from __future__ import annotations

import numpy as np
import pytest
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets import ChromosomeDataset, FlipPolarity, SyntheticKaryotypes
from mmscl.datasets.images import ImageError
from mmscl.datasets.transforms.pipeline_error import PipelineError


def crop():
    image = np.full((6, 4), 255, np.uint8)
    image[1, 1:3] = 10  # a mark above the middle
    return image


def sample(polarity=""):
    return dict(img=crop(), img_path="a.png", polarity=polarity, background=255)


@pytest.mark.parametrize("prob, turned", [(0.0, False), (1.0, True)])
@pytest.mark.parametrize("told, label", [("up", 1), ("down", 0)])
def test_a_flip_turns_picture_and_label(prob, turned, told, label):
    result = FlipPolarity(prob)(sample(told))
    assert result["polarity_label"] == (1 - label if turned else label)
    expected = crop()[::-1] if turned else crop()
    np.testing.assert_array_equal(result["img"], expected)


def test_the_manifest_goes_before_the_assumption():
    flip = FlipPolarity(0, upright=True)
    assert flip(sample("down"))["polarity_label"] == 0
    assert flip(sample(""))["polarity_label"] == 1


def test_a_batch_is_turned_as_often_as_asked_and_labels_follow():
    samples = [sample("up") for _ in range(4000)]
    rng = np.random.default_rng(0)
    out = FlipPolarity(0.3).transform_batch(samples, rng)
    labels = np.array([one["polarity_label"] for one in out])
    above = np.array([one["img"][1, 1] == 10 for one in out])
    np.testing.assert_array_equal(labels == 1, above)
    # standard deviation of the share: 0.007
    assert abs((labels == 0).mean() - 0.3) < 0.03


@pytest.mark.parametrize("told", ["", "p", "Up"])
def test_an_unknown_polarity_is_an_error(told):
    with pytest.raises(
        ImageError, match=f"a.png: .* got '{told}'. Fill the column, or"
    ):
        FlipPolarity()(sample(told))


def test_wrong_probability():
    with pytest.raises(ValueError, match="FlipPolarity.prob: .* got 1.5"):
        FlipPolarity(1.5)


@pytest.mark.parametrize(
    "canvas",
    [
        dict(type="ChromosomeCanvas", size=16, vflip=0.5),
        dict(type="ChromosomeCanvas", size=16, rotation=90),
        dict(type="ChromosomeAugment", preset="paper", size=16),
        dict(type="ChromosomeAugment", preset="mmscl-metaphase", size=16),
    ],
)
def test_a_canvas_that_would_make_labels_wrong_is_refused(canvas):
    labelled = FlipPolarity(0, upright=True)(sample())
    wrong = "behind FlipPolarity's back; expected vflip=0"
    with pytest.raises(PipelineError, match=wrong):
        TRANSFORMS.build(canvas)(labelled)
    steps = [dict(type="FlipPolarity"), canvas]
    with pytest.raises(PipelineError, match=wrong):
        ChromosomeDataset(pipeline=steps, lazy_init=True)
    ChromosomeDataset(pipeline=steps[::-1], lazy_init=True)  # turned before labelled


def test_a_canvas_that_keeps_up_and_down_is_taken():
    labelled = FlipPolarity(0, upright=True)(sample())
    canvas = dict(type="ChromosomeCanvas", size=16, rotation=(0, 45), hflip=0.5)
    assert TRANSFORMS.build(canvas)(labelled)["img"].shape == (16, 16)


@pytest.mark.parametrize("on_device", [False, True])
def test_labels_reach_the_model_from_a_data_set(on_device):
    steps = [
        dict(type="LoadChromosome"),
        dict(type="FlipPolarity", prob=1.0),
        dict(type="ChromosomeAugment", preset="mmscl", size=32, on_device=on_device),
        dict(type="PackInputs", meta_keys=("polarity_label",)),
    ]
    cell = SyntheticKaryotypes(cases=1, cells_per_case=1, pipeline=steps, types=["1"])
    batch = cell.__getitems__([0, 1])
    assert [one["data_samples"].polarity_label for one in batch] == [0, 0]
