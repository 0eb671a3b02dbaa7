"""The feature network has the published layers, widths and sizes."""

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmscl.models.comparators import GridMaxPool, VarifocalFeatures
from mmscl.models.comparators.wide_resnet import WideUnit

#: WRN-28-10 for CIFAR-10, as its authors and all re-implementations count it.
WRN_28_10 = 36_479_194


@pytest.fixture(scope="module")
def features():
    with torch.device("meta"):
        return VarifocalFeatures()


def test_it_has_the_weights_of_wrn_28_10(features):
    # which has a layer 640 -> 10 with bias, and three colours where this has grey
    rest = 640 * 10 + 10 + 2 * 9 * 16
    assert sum(p.numel() for p in features.parameters()) == WRN_28_10 - rest


def test_maps_have_the_published_sizes(features):
    seen = []
    for part in (features.stem, *features.blocks):
        part.register_forward_hook(lambda m, i, out: seen.append(tuple(out.shape[1:])))
    (maps,) = features(torch.zeros(1, 1, 256, 256, device="meta"))
    assert seen == [(16, 256, 256), (160, 128, 128), (320, 64, 64), (640, 32, 32)]
    assert GridMaxPool(4)(maps).shape == (1, 10_240)
    (maps,) = features(torch.zeros(1, 1, 128, 128, device="meta"))
    assert maps.shape == (1, 640, 16, 16)
    assert GridMaxPool(4)(maps).shape == (1, 10_240)
    assert [len(block) for block in features.blocks] == [4, 4, 4]


def test_the_shortcut_is_taken_after_the_first_bn_and_relu():
    torch.manual_seed(0)
    unit = WideUnit(3, 5, 2).eval()
    unit.bn1.running_mean.normal_()
    x = torch.randn(2, 3, 8, 8)
    active = (x - unit.bn1.running_mean[:, None, None]) / (1 + unit.bn1.eps) ** 0.5
    active = active.clamp_min(0)
    inner = F.conv2d(active, unit.conv1.weight, stride=2, padding=1)
    inner = (inner / (1 + unit.bn2.eps) ** 0.5).clamp_min(0)
    expected = F.conv2d(inner, unit.conv2.weight, padding=1)
    expected = expected + F.conv2d(active, unit.shortcut.weight, stride=2)
    torch.testing.assert_close(unit(x), expected)


def test_a_unit_that_keeps_the_shape_adds_its_input():
    unit = WideUnit(4, 4, 1)
    assert unit.shortcut is None
    torch.nn.init.zeros_(unit.conv2.weight)
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(unit(x), x)


@pytest.mark.parametrize("side, kernel", [(32, 8), (16, 4)])
def test_the_grid_is_the_papers_max_pooling(side, kernel):
    maps = torch.randn(2, 3, side, side)
    expected = F.max_pool2d(maps, kernel).flatten(1)
    assert torch.equal(GridMaxPool(4)((maps,)), expected)


def test_g_net_trains_with_scl():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type="SCLClassifier",
            backbone=dict(type="VarifocalFeatures", channels=(4, 6, 8), units=1),
            neck=dict(type="GridMaxPool", grid=4),
            head=dict(type="SCLHead", embed_dims=5, loss=dict(type="SupConFocalLoss")),
        )
    )
    assert model.head.embedding.in_features == 8 * 16
    images = torch.randn(4, 1, 48, 32)
    assert model.extract_feat(images, "embedding").shape == (4, 5)
    samples = [DataSample().set_gt_label(label) for label in (0, 1, 0, 1)]
    losses = model.loss(images, samples)
    assert losses["loss_con"] > 0 and losses["loss_cls"] > 0
    losses["loss_con"].backward()
    grad = model.backbone.stem.weight.grad
    assert torch.isfinite(grad).all() and grad.abs().sum() > 0


@pytest.mark.parametrize(
    "kwargs", [dict(units=0), dict(channels=()), dict(channels=(4, 0))]
)
def test_wrong_sizes_are_named(kwargs):
    with pytest.raises(ValueError, match="VarifocalFeatures: expected .* >= 1, got"):
        VarifocalFeatures(**kwargs)


def test_a_grid_finer_than_the_maps_is_refused():
    with pytest.raises(ValueError, match="expected maps of 4 x 4 or more, got 3 x 5"):
        GridMaxPool(4)(torch.zeros(1, 2, 3, 5))
    with pytest.raises(ValueError, match="GridMaxPool.grid: expected .* got 0"):
        GridMaxPool(0)
