"""Sharma's network: the published layers."""

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

import mmscl  # noqa: F401
from mmscl.models.comparators import SharmaFeatures

FILTERS = [64, 64, 32, 32, 16, 16, 8, 8]


def test_the_published_layers():
    net = SharmaFeatures()
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [conv.out_channels for conv in convolutions] == FILTERS
    assert {conv.kernel_size for conv in convolutions} == {(3, 3)}
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    # 120 is halved four times, rounding down: 60, 30, 15, 7.
    assert [(m.in_features, m.out_features) for m in linear] == [
        (8 * 7 * 7, 1024),
        (1024, 512),
    ]
    kinds = [type(m).__name__ for m in net.blocks[0]]
    assert kinds == ["Conv2d", "ReLU", "Conv2d", "ReLU", "Dropout", "MaxPool2d"]
    # A convolution has 9 in out weights and out biases, a layer in out and out.
    pairs = zip([1, *FILTERS[:-1]], FILTERS, strict=True)
    expected = sum(9 * one * other + other for one, other in pairs)
    expected += 392 * 1024 + 1024 + 1024 * 512 + 512
    assert sum(p.numel() for p in net.parameters()) == expected


def test_features_lie_between_0_and_1():
    net = SharmaFeatures((96, 48))
    net.eval()  # gives None: mmpretrain's backbones do not return themselves
    features = net(torch.randn(2, 1, 96, 48))[0]
    assert features.shape == (2, 512)
    assert 0 < features.min() and features.max() < 1


def test_an_untrained_network_tells_images_apart():
    """With torch's own draw the features are the same to five digits."""
    torch.manual_seed(0)
    net = SharmaFeatures((48, 24))
    net.eval()
    bars = torch.ones(6, 1, 48, 24)
    for row, bar in enumerate(bars):
        bar[:, 4 + 3 * row : 44 - 3 * row, 8:16] = -1.0
    assert net(bars)[0].std(dim=0).mean() > 0.01


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="input_size: expected 16 pixels or more"):
        SharmaFeatures(12)
    with pytest.raises(ValueError, match=r"images of \(120, 120\) pixels, got \(96"):
        SharmaFeatures()(torch.zeros(1, 1, 96, 48))


@pytest.mark.parametrize("contrast", [None, dict(type="SupConFocalLoss")])
def test_it_trains_with_and_without_scl(contrast):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type="SCLClassifier",
            backbone=dict(type="SharmaFeatures", input_size=32),
            head=dict(type="SCLHead", loss=contrast, embed_dims=16),
        )
    )
    samples = [DataSample().set_gt_label(label) for label in (0, 1, 0, 1)]
    losses = model.loss(torch.randn(4, 1, 32, 32), samples)
    assert ("loss_con" in losses) == (contrast is not None)
    losses["loss_con" if contrast else "loss_cls"].backward()
    grad = model.backbone.blocks[0][0].weight.grad
    assert torch.isfinite(grad).all() and grad.abs().sum() > 0
