"""Folded models compute the same; what cannot be folded stays as it is."""

from __future__ import annotations

import pytest
import timm
import torch
from mmpretrain.registry import MODELS
from torch import nn
from trained import unsettle

from mmscl.models.folding import fold_batch_norms


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def agree(folded: nn.Module, model: nn.Module, images: torch.Tensor) -> None:
    with torch.no_grad():
        got, expected = folded(images), model(images)
    got, expected = (x[-1] if isinstance(x, tuple) else x for x in (got, expected))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize(
    "name", ["resnet10t", "resnet18", "resnet50", "mobilenetv3_small_050", "dla34"]
)
def test_a_folded_model_computes_the_same_to_1e_5(name):
    """Batch norms with and without activation, depthwise and 1 x 1 convolutions."""
    torch.manual_seed(0)
    model = unsettle(timm.create_model(name, num_classes=0, in_chans=1))
    images = torch.randn(3, 1, 64, 64)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold_batch_norms(model, images[:2])
    assert norms(model) and norms(folded) == 0
    agree(folded, model, images)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_a_resnet_of_mmpretrain_is_folded():
    torch.manual_seed(0)
    settings = dict(
        type="mmpretrain.ResNet", depth=18, base_channels=8, stem_channels=8
    )
    model = unsettle(MODELS.build(settings))
    images = torch.randn(2, 3, 64, 64)
    folded = fold_batch_norms(model, images)
    assert norms(folded) == 0
    agree(folded, model, images)


def test_the_memory_layout_stays():
    model = unsettle(timm.create_model("resnet10t", num_classes=0))
    model.to(memory_format=torch.channels_last)
    folded = fold_batch_norms(model, torch.randn(1, 3, 32, 32))
    weight = folded.layer4[0].conv2.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_a_model_without_batch_norms_is_handed_back():
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=1).eval()
    assert fold_batch_norms(model, torch.randn(1, 3, 32, 32)) is model


class TwoViews(nn.Module):
    """The same layers for an image and for its flip."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))

    def forward(self, x):
        return self.layers(x) - self.layers(x.flip(-2))


def test_layers_that_see_several_views_are_folded():
    torch.manual_seed(0)
    model, images = unsettle(TwoViews()), torch.randn(2, 1, 8, 8)
    folded = fold_batch_norms(model, images)
    assert norms(folded) == 0
    agree(folded, model, images)


class Twice(nn.Module):
    """The output of the convolution is read by the norm and by the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.conv(x)
        return self.norm(x) + x


class Shared(Twice):
    """One convolution under two norms."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x)) + self.other(self.conv(-x))


class Between(Twice):
    """An activation between the two."""

    def forward(self, x):
        return self.norm(self.conv(x).relu())


@pytest.mark.parametrize("kind", [Twice, Shared, Between])
def test_what_cannot_be_folded_is_handed_back(kind):
    torch.manual_seed(0)
    model = unsettle(kind())
    assert fold_batch_norms(model, torch.randn(2, 1, 8, 8)) is model


def test_norms_in_training_mode_are_not_folded():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).train()
    model[1].eval()
    assert fold_batch_norms(model, torch.randn(2, 1, 8, 8)) is not model
    model[1].train()
    assert fold_batch_norms(model, torch.randn(2, 1, 8, 8)) is model
