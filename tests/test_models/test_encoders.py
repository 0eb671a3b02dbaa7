"""Any backbone gives (B, F); timm's weights survive; freezing and layer depth."""

import pytest
import timm
import torch
from mmpretrain.registry import MODELS
from torch import nn

import mmscl  # noqa: F401
from mmscl.models.encoders import TimmEncoder, pool_features

TIMM = {
    "resnet10t": dict(),
    "vit_tiny_patch16_224": dict(img_size=32),
    "swin_tiny_patch4_window7_224": dict(img_size=32, window_size=4),
    "davit_tiny": dict(),
    "mobilenetv3_small_050": dict(),
}
NATIVE = [
    (dict(type="ResNet", depth=18, in_channels=1), 512),
    (dict(type="VisionTransformer", arch="deit-tiny", img_size=32, in_channels=1), 192),
    (
        dict(
            type="VisionTransformer",
            arch="deit-tiny",
            img_size=32,
            in_channels=1,
            out_type="raw",
        ),
        192,
    ),
    (
        dict(
            type="SwinTransformer",
            arch="tiny",
            img_size=32,
            in_channels=1,
            pad_small_map=True,
        ),
        768,
    ),
    (dict(type="ConvNeXt", arch="atto", in_channels=1), 320),
]


def classifier(backbone, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type="SCLClassifier", backbone=backbone, **kwargs))


@pytest.mark.parametrize("name", TIMM)
def test_timm_models_give_what_their_own_classifier_reads(name):
    torch.manual_seed(0)
    encoder = TimmEncoder(name, **TIMM[name]).eval()
    torch.manual_seed(0)
    plain = timm.create_model(name, in_chans=1, num_classes=0, **TIMM[name]).eval()
    image = torch.randn(2, 1, 32, 32)
    expected = plain.forward_head(plain.forward_features(image), pre_logits=True)
    torch.testing.assert_close(encoder(image)[0], expected)


@pytest.mark.parametrize("name", TIMM)
def test_mmpretrains_timm_backbone_is_pooled_in_its_own_layout(name):
    backbone = dict(type="TIMMBackbone", model_name=name, in_channels=1, **TIMM[name])
    model = classifier(backbone).eval()
    features = model.extract_feat(torch.randn(2, 1, 32, 32))[0]
    assert features.shape == (2, model.head.embedding.in_features)
    assert features.shape[1] >= 192  # not the 7 columns of a map


@pytest.mark.parametrize("backbone, width", NATIVE)
def test_mmpretrains_own_backbones(backbone, width):
    model = classifier(dict(backbone)).eval()
    assert model.extract_feat(torch.randn(2, 1, 32, 32))[0].shape == (2, width)
    assert model.head.embedding.in_features == width


def test_finding_the_width_leaves_the_model_as_it_was():
    model = classifier(dict(type="TimmEncoder", model_name="resnet10t"))
    assert model.training and all(m.training for m in model.backbone.modules())
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert norm.num_batches_tracked == 0


def test_outputs_that_are_no_features_are_refused():
    with pytest.raises(ValueError, match="expected features .*got .2, 3, 4, 5, 6."):
        pool_features(torch.zeros(2, 3, 4, 5, 6), nn.Identity())


def test_weights_of_timm_survive_init_weights(tmp_path):
    weights = tmp_path / "resnet10t.pth"
    torch.manual_seed(3)
    source = timm.create_model("resnet10t", in_chans=3, num_classes=7)
    torch.save(source.state_dict(), weights)
    model = classifier(
        dict(type="TimmEncoder", model_name="resnet10t", pretrained=str(weights))
    )
    model.init_weights()
    loaded = model.backbone.model.state_dict()
    torch.testing.assert_close(
        loaded["layer1.0.conv1.weight"], source.state_dict()["layer1.0.conv1.weight"]
    )
    torch.testing.assert_close(
        loaded["conv1.0.weight"],
        source.state_dict()["conv1.0.weight"].sum(1, keepdim=True),
    )


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224"])
def test_frozen_layers_do_not_train(name):
    encoder = TimmEncoder(name, frozen_layers=2, **TIMM[name]).train()
    frozen = [n for n, p in encoder.named_parameters() if not p.requires_grad]
    assert frozen and len(frozen) < len(list(encoder.parameters()))
    assert all(encoder.get_layer_depth(n)[0] < 2 for n in frozen)
    whole = TimmEncoder(name, frozen_layers=-1, **TIMM[name]).train()
    assert not any(p.requires_grad for p in whole.parameters())
    norms = [m for m in whole.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(m.training for m in norms)


def test_layer_decay_reaches_every_parameter():
    from mmengine.optim import build_optim_wrapper

    model = classifier(
        dict(type="TimmEncoder", model_name="vit_tiny_patch16_224", img_size=32)
    )
    wrapper = build_optim_wrapper(
        model,
        dict(
            type="OptimWrapper",
            optimizer=dict(type="AdamW", lr=1.0, weight_decay=0.05),
            constructor="mmpretrain.LearningRateDecayOptimWrapperConstructor",
            paramwise_cfg=dict(layer_decay_rate=0.5),
        ),
    )
    groups = [g for g in wrapper.param_groups if "param_name" in g]
    rates = {g["param_name"]: g["lr"] for g in groups}
    assert len(rates) == len(list(model.parameters()))
    assert rates["head.embedding.weight"] == 1.0
    first = rates["backbone.model.patch_embed.proj.weight"]
    middle = rates["backbone.model.blocks.6.mlp.fc1.weight"]
    last = rates["backbone.model.blocks.11.mlp.fc1.weight"]
    assert first < middle < last < 1.0 and last == pytest.approx(middle * 2**5)


def test_mistyped_names_and_ranges_are_named():
    with pytest.raises(ValueError, match="no model 'resnet10x'; nearest.*resnet10t"):
        TimmEncoder("resnet10x")
    with pytest.raises(ValueError, match="frozen_layers: .* got 99"):
        TimmEncoder("resnet10t", frozen_layers=99)
