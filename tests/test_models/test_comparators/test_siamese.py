"""The Siamese network: pairs first, then types on an embedding that stays."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401
from mmscl.config import ConfigError
from mmscl.models.comparators import ContrastivePairLoss
from mmscl.models.comparators.siamese import PHASES

LABELS = torch.arange(4).repeat(2)
IMAGES = torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def build(**kwargs):
    torch.manual_seed(1)
    settings = dict(
        type="SiameseClassifier",
        backbone=dict(type="TimmEncoder", model_name="test_resnet"),
        head=dict(num_classes=4, embed_dims=6),
    )
    return MODELS.build(settings | kwargs)


def samples():
    return [DataSample().set_gt_label(int(label)) for label in LABELS]


def test_the_losses_of_the_phases():
    model = build().eval()
    embedding = model.extract_feat(IMAGES, "embedding")
    pairs = model(IMAGES, samples(), mode="loss")
    assert list(pairs) == ["loss_con", "contrastive_accuracy"]
    expected = ContrastivePairLoss()(embedding, LABELS)
    torch.testing.assert_close(pairs["loss_con"], expected)
    model.set_phase("classify")
    model.head.loss_cls = MODELS.build(dict(type="CrossEntropyLoss"))
    types = model(IMAGES, samples(), mode="loss")
    assert list(types) == ["loss_cls"]
    expected = F.cross_entropy(model.head.classifier(embedding), LABELS)
    torch.testing.assert_close(types["loss_cls"], expected)


@pytest.mark.parametrize("neck", [None, dict(type="GridMaxPool", grid=1)])
@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_changes_its_parts_and_no_other(phase, neck):
    backbone = dict(type="VarifocalFeatures", channels=(4, 4, 6), units=1)
    model = build(**(dict(neck=neck, backbone=backbone) if neck else {}))
    model.set_phase(phase)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    before = copy.deepcopy(model.state_dict())
    losses = model(IMAGES, samples(), mode="loss")
    sum(value for key, value in losses.items() if "loss" in key).backward()
    optimizer.step()
    changed = [
        name
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    ]
    assert changed and all(name.startswith(PHASES[phase]) for name in changed)


def test_pairs_can_be_trained_by_scl():
    head = dict(num_classes=4, embed_dims=6, loss=dict(type="SupConFocalLoss"))
    model = build(head=head)
    losses = model(IMAGES, samples(), mode="loss")
    losses["loss_con"].backward()
    assert model.head.embedding.weight.grad.abs().max() > 0


def test_the_classifier_is_an_mlp_on_the_embedding():
    first, _, last = build().head.classifier
    assert (first.in_features, last.out_features) == (6, 4)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="SiameseClassifier.head.loss: .* got None"):
        build(head=dict(num_classes=4, loss=None))
    with pytest.raises(ValueError, match="set_phase: expected one of .* got 'pair'"):
        build().set_phase("pair")


def test_one_image_a_type_has_no_pairs():
    alone = [DataSample().set_gt_label(label) for label in range(8)]
    with pytest.raises(ConfigError, match="no type occurs twice"):
        build()(IMAGES, alone, mode="loss")
