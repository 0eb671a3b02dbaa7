"""The share of images whose polarity is right."""

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from mmscl.evaluation import PolarityMetric


def sample(label, score):
    found = DataSample(metainfo={} if label is None else dict(polarity_label=label))
    found.set_gt_label(0)
    if score is not None:
        found.set_field(torch.tensor([1 - score, score]), "pred_polarity")
    return found


def test_it_is_the_share_of_right_ones_in_percent():
    evaluator = Evaluator([PolarityMetric()])
    evaluator.process([sample(1, 0.9), sample(0, 0.8), sample(0, 0.1), sample(1, 0.6)])
    assert evaluator.evaluate(4) == dict(polarity_accuracy=75.0)


@pytest.mark.parametrize(
    "label, score, message",
    [
        (1, None, "'pred_polarity' .*VarifocalHead"),
        (None, 0.5, "'polarity_label' .*FlipPolarity"),
    ],
)
def test_what_is_missing_is_named(label, score, message):
    with pytest.raises(KeyError, match=message):
        Evaluator([PolarityMetric()]).process([sample(label, score)])
