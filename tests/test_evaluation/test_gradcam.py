"""Heat maps find what was planted, in every layout that a backbone may have."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.config import ConfigError
from mmscl.evaluation.gradcam import grid_of, heat_maps, last_map, to_map
from mmscl.models.encoders import pool_features

pytest.importorskip("pytorch_grad_cam")

SIZE = (64, 32)  # not square: rows and columns cannot be exchanged unseen
BLOB = 16

SWIN = "swin_tiny_patch4_window7_224"
TWO_STAGES = dict(depths=(1, 1), num_heads=(2, 2), window_size=4)
MM_TWO_STAGES = dict(
    arch=dict(embed_dims=24, depths=[1, 1], num_heads=[2, 2]),
    in_channels=1,
    window_size=4,
    out_indices=(1,),
)
# Backbone whose features are a mean over its map, and the module that gives the map.
POOLED = {
    "timm resnet": (
        dict(
            type="TimmEncoder",
            model_name="resnet10t",
            output_stride=8,
            channels=(16, 16, 32, 32),
        ),
        "backbone.model.layer4",
    ),
    "timm swin": (
        dict(
            type="TimmEncoder",
            model_name=SWIN,
            img_size=SIZE,
            embed_dim=24,
            **TWO_STAGES,
        ),
        "backbone.model.norm",
    ),
    "timm davit": (
        dict(
            type="TimmEncoder",
            model_name="davit_tiny",
            embed_dims=(24, 48),
            **TWO_STAGES,
        ),
        "backbone.model.stages.1",
    ),
    "mmpretrain's TIMMBackbone": (
        dict(
            type="TIMMBackbone",
            model_name=SWIN,
            in_channels=1,
            img_size=SIZE,
            embed_dim=24,
            **TWO_STAGES,
        ),
        "backbone.timm_model.norm",
    ),
    "mmpretrain resnet": (
        dict(
            type="ResNet",
            depth=18,
            in_channels=1,
            base_channels=16,
            stem_channels=16,
            num_stages=2,
            out_indices=(1,),
            strides=(1, 2),
            dilations=(1, 1),
        ),
        "backbone.layer2",
    ),
    "mmpretrain swin": (
        dict(type="SwinTransformer", img_size=SIZE, **MM_TWO_STAGES),
        "backbone.norm1",
    ),
    "mmpretrain davit": (dict(type="DaViT", **MM_TWO_STAGES), "backbone.norm1"),
}


class Readout(nn.Module):
    """Logits from the pooled features: class 1 is what a blob adds to a blank."""

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = MODELS.build(backbone)
        self.eval()
        with torch.no_grad():
            blobs, _ = planted(list(corners()))
            blank = self.features(blobs[:1] * 0)[0]
            difference = self.features(blobs).mean(0) - blank
            # nothing of it is in a blank place
            difference = difference - (
                (difference @ blank) / (blank @ blank).clamp(min=1e-12) * blank
            )
        self.weight = torch.stack([-difference, difference])

    def features(self, images: Tensor) -> Tensor:
        return pool_features(self.backbone(images), self.backbone)

    def forward(self, images: Tensor) -> Tensor:
        return self.features(images) @ self.weight.T


def corners():
    """Upper left corners of all places of a blob."""
    for row in range(0, SIZE[0], BLOB):
        for column in range(0, SIZE[1], BLOB):
            yield row, column


def planted(places) -> tuple[Tensor, np.ndarray]:
    """Blank images with a striped blob each, and the blobs' middles."""
    images = torch.zeros(len(places), 1, *SIZE)
    stripes = (torch.arange(BLOB) // 2 % 2) * 2.0 - 1
    for image, (row, column) in zip(images, places, strict=True):
        image[0, row : row + BLOB, column : column + BLOB] = stripes
    return images, np.array(places) + (BLOB - 1) / 2


def peaks(heat: np.ndarray) -> np.ndarray:
    """Middle of the hottest pixels of each map: (B, 2)."""
    return np.array([np.argwhere(h >= 0.999 * h.max()).mean(axis=0) for h in heat])


@pytest.mark.parametrize("name", POOLED)
def test_the_peak_follows_a_planted_blob(name):
    backbone, layer = POOLED[name]
    model = Readout(backbone)
    assert last_map(model) == layer
    places = list(corners())
    images, middles = planted(places)
    heat = heat_maps(model, images, torch.ones(len(places), dtype=torch.int64))
    assert heat.shape == (len(places), *SIZE) and heat.dtype == np.float32
    assert np.isfinite(heat).all() and (heat >= 0).all()
    off = np.abs(peaks(heat) - middles).max(axis=1)
    assert (off < BLOB / 2).all(), off


def hand_set(vit: nn.Module, stem: nn.Conv2d, block: nn.Module, norms: list) -> None:
    """A class token that averages the brightness of the patches, and nothing else."""
    for parameter in vit.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        stem.weight[0] = 1 / stem.weight[0].numel()
        width = vit.cls_token.shape[-1]
        block.attn.qkv.weight[2 * width :] = torch.eye(width)
        block.attn.proj.weight.copy_(torch.eye(width))
    for owner, norm in norms:
        setattr(owner, norm, nn.Identity())


class Brightness(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        first = pool_features(self.backbone(images), self.backbone)[:, 0]
        return torch.stack([-first, first], dim=1)


def timm_vit() -> nn.Module:
    encoder = MODELS.build(
        dict(
            type="TimmEncoder",
            model_name="vit_tiny_patch16_224",
            img_size=SIZE,
            patch_size=8,
            depth=1,
            embed_dim=12,
            num_heads=1,
        )
    )
    vit, block = encoder.model, encoder.model.blocks[0]
    hand_set(vit, vit.patch_embed.proj, block, [(block, "norm1"), (vit, "norm")])
    return encoder


def mmpretrain_vit() -> nn.Module:
    vit = MODELS.build(
        dict(
            type="VisionTransformer",
            arch=dict(
                embed_dims=12, num_layers=1, num_heads=1, feedforward_channels=12
            ),
            img_size=SIZE,
            patch_size=8,
            in_channels=1,
        )
    )
    block = vit.layers[0]
    hand_set(vit, vit.patch_embed.projection, block, [(block, "ln1"), (vit, "ln1")])
    return vit


@pytest.mark.parametrize("make", [timm_vit, mmpretrain_vit])
def test_the_peak_follows_a_blob_through_a_class_token(make):
    torch.manual_seed(0)
    model = Brightness(make()).eval()
    places = np.array(list(np.ndindex(8, 4)))
    images = torch.zeros(len(places), 1, *SIZE)
    for image, (row, column) in zip(images, 8 * places, strict=True):
        image[:, row : row + 8, column : column + 8] = 1
    heat = heat_maps(model, images, torch.ones(len(places), dtype=torch.int64))
    # the class token is no patch: the map is 8 x 4, its peak the blob's middle
    np.testing.assert_allclose(peaks(heat), 8 * places + 3.5, atol=3)
    against = heat_maps(model, images, torch.zeros(len(places), dtype=torch.int64))
    assert against.max() == 0


@pytest.mark.parametrize("layer", [None, "backbone.layers.0.ffn"])
def test_heat_is_not_scaled_and_leaves_no_trace(layer):
    model = Brightness(mmpretrain_vit()).eval()
    image = torch.zeros(1, 1, *SIZE)
    image[..., :8, :8] = 1
    once = heat_maps(model, image, torch.tensor([1]), layer)
    if layer is None:
        twice = heat_maps(model, 2 * image, torch.tensor([1]), layer)
        np.testing.assert_allclose(twice, 2 * once, rtol=1e-5)
        assert once.max() > 0
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_can_be_named():
    backbone, _ = POOLED["mmpretrain resnet"]
    model = Readout(backbone)
    images, middles = planted([(48, 16)])
    label = torch.tensor([1])
    first = heat_maps(model, images, label, "backbone.layer1")
    assert np.abs(peaks(first) - middles).max() < BLOB / 2
    with pytest.raises(ConfigError, match="--layer backbone.nix.*backbone.layer1"):
        heat_maps(model, images, label, "backbone.nix")
    model.flat = nn.Flatten()
    model.features = lambda x: model.flat(nn.functional.adaptive_avg_pool2d(
        model.backbone(x)[-1], 1))  # fmt: skip
    with pytest.raises(ConfigError, match=r"flat: expected a module.*got \(1, 32\)"):
        heat_maps(model, images, label, "flat")


def test_unknown_families_are_asked_for_a_layer():
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(1, 2, 3))
    with pytest.raises(ConfigError, match="Sequential: its last map.*--layer.*: 0"):
        last_map(model)
    encoder = dict(type="TimmEncoder", model_name="mobilenetv3_small_050")
    model.backbone = MODELS.build(encoder)
    with pytest.raises(ConfigError, match="its last map is not known.*conv_stem"):
        last_map(model)


def test_tokens_become_the_grid_of_the_image():
    vit = nn.Module()
    vit.num_prefix_tokens = 1
    tokens = torch.arange(33.0)[None, :, None].expand(1, 33, 5)
    found = to_map(tokens, vit, (64, 32))
    assert found.shape == (1, 5, 8, 4)
    np.testing.assert_array_equal(found[0, 0], np.arange(1, 33).reshape(8, 4))
    swin = nn.Module()
    swin.output_fmt = "NHWC"
    assert to_map(torch.zeros(1, 8, 4, 5), swin, (64, 32)).shape == (1, 5, 8, 4)
    assert to_map(torch.zeros(1, 5, 8, 4), nn.Module(), (64, 32)).shape == (1, 5, 8, 4)


def test_grids_come_close_to_the_proportions_of_the_image():
    assert grid_of(196, (224, 224)) == (14, 14)
    assert grid_of(32, (64, 32)) == (8, 4)
    assert grid_of(2, (64, 64)) == (1, 2)  # what padding leaves of 1.5 x 1.5
    with pytest.raises(ConfigError, match="37 tokens make no grid over an image of 64"):
        grid_of(37, (64, 32))


def test_without_grad_cam_the_way_out_is_named(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("pytorch_grad_cam"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r'grad-cam.*pip install -e "\.\[figures\]"'):
        heat_maps(nn.Module(), torch.zeros(1, 1, 8, 8), torch.tensor([0]))
