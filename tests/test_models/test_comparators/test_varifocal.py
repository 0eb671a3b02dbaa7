"""Varifocal-Net: published sizes, phases that train their parts alone, its losses."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401
from mmscl.config import ConfigError
from mmscl.models.comparators.varifocal import PHASES
from mmscl.models.comparators.varifocal_crop import covering_boxes
from mmscl.models.scoring import BatchScorer

TYPES = 4
LABELS = [0, 1, 2, 3, 0, 1, 2, 3]
POLARITY = [0, 1, 1, 0, 1, 1, 0, 0]


def build(**kwargs):
    torch.manual_seed(0)
    settings = dict(
        type="VarifocalClassifier",
        backbone=dict(channels=(4, 6, 8), units=1, stem_channels=3),
        head=dict(num_classes=TYPES, hidden_dims=7),
        box_dims=5,
    )
    return MODELS.build(settings | kwargs)


def samples(polarity=True):
    found = []
    for label, up in zip(LABELS, POLARITY, strict=True):
        known = dict(polarity_label=up) if polarity else {}
        sample = DataSample(metainfo=dict(img_path=f"{label}.png", **known))
        found.append(sample.set_gt_label(label))
    return found


def images():
    generator = torch.Generator().manual_seed(1)
    blank = torch.full((8, 1, 64, 64), 2.0)
    blank[..., 20:44, 26:38] = torch.randn(8, 1, 24, 12, generator=generator)
    return blank


def test_the_published_network_has_these_weights():
    with torch.device("meta"):
        model = MODELS.build(dict(type="VarifocalClassifier"))
    count = {
        name: sum(p.numel() for p in model.get_submodule(name).parameters())
        for name in (
            "backbone local_backbone localiser head.global head.local head.fused"
        ).split()
    }
    maps, fields = 640, 16
    features = maps * fields  # 10,240
    linear = features * 24 + 24 + features * 2 + 2
    assert count["backbone"] == count["local_backbone"] == 36_472_496
    assert count["localiser"] == maps * 64 * 1024 + 1024 + 1024 * 3 + 3
    assert count["head.global"] == count["head.local"] == linear
    assert count["head.fused"] == sum(
        20_480 * 512 + 512 + 512 * number + number for number in (24, 2)
    )
    assert sum(count.values()) == sum(p.numel() for p in model.parameters())


def test_the_published_network_has_these_sizes():
    seen = {}
    with torch.device("meta"):
        model = MODELS.build(dict(type="VarifocalClassifier")).eval()
        for name in ("backbone", "local_backbone", "localiser"):
            model.get_submodule(name).register_forward_hook(
                lambda m, given, out, name=name: seen.update({name: given[0].shape})
            )
        model.head.output = "fused"
        (feats,) = model.extract_feat(torch.zeros(2, 1, 256, 256))
        assert feats.shape == (2, 20_480)
        assert model.head(feats).shape == (2, 24)
        assert model.head.pre_logits(feats).shape == (2, 512)
    assert seen["backbone"] == (2, 1, 256, 256)
    assert seen["localiser"] == (2, 640, 32, 32)
    assert seen["local_backbone"] == (2, 1, 128, 128)


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_changes_its_parts_and_no_other(phase):
    """Weights and batch-norm statistics, with an optimizer that would decay all."""
    model = build()
    model.set_phase(phase)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    before = copy.deepcopy(model.state_dict())
    losses = model(images(), samples(), mode="loss")
    sum(losses.values()).backward()
    optimizer.step()
    changed = {
        name
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name]) and name != "head.trained"
    }
    parts, _ = PHASES[phase]
    assert changed
    assert all(name.startswith(parts) for name in changed)
    learnt = {n for n, p in model.named_parameters() if n.startswith(parts)}
    assert learnt <= changed


def test_frozen_parts_stay_in_evaluation_mode():
    model = build()
    model.set_phase("local")
    for _ in range(2):
        model.train()
        assert model.training and model.local_backbone.training
        assert not model.backbone.training and not model.localiser.training
        model.eval()
        assert not model.local_backbone.training


@pytest.mark.parametrize("phase", ["global", "local", "fused"])
def test_the_loss_is_type_and_half_the_polarity(phase):
    model = build()
    model.set_phase(phase)
    model.eval()
    losses = model(images(), samples(), mode="loss")
    (feats,) = model.extract_feat(images())
    classifiers = getattr(model.head, phase)
    torch.testing.assert_close(
        losses["loss_type"],
        F.cross_entropy(classifiers["types"](feats), torch.tensor(LABELS)),
    )
    torch.testing.assert_close(
        losses["loss_polarity"],
        0.5 * F.cross_entropy(classifiers["polarity"](feats), torch.tensor(POLARITY)),
    )


@pytest.mark.parametrize("gradient", ["sample", "mask"])
def test_the_loss_of_l_net_moves_the_box(gradient):
    model = build(crop_gradient=gradient)
    model.set_phase("locate")
    model.train()
    sum(model(images(), samples(), mode="loss").values()).backward()
    last = model.localiser.layers[-1]
    assert last.bias.grad.abs().max() > 0 and last.bias.grad.isfinite().all()
    assert all(p.grad is None for p in model.local_backbone.parameters())


def test_the_pre_training_brings_the_box_to_its_target():
    model = build()
    model.set_phase("box")
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    target = covering_boxes(images())
    assert 0.1 < target[0, 2] < 0.9
    for _ in range(60):
        optimizer.zero_grad()
        model(images(), [], mode="loss")["loss_box"].backward()
        optimizer.step()
    torch.testing.assert_close(model.find_boxes(images()), target, atol=0.03, rtol=0)


def test_the_box_stays_on_the_chromosome_while_l_net_learns():
    """With the rates of the reduced config; at equal rates it moves off by 0.06."""
    hooks = Config.fromfile("configs/comparators/varifocal_pki3.py").custom_hooks
    phases = next(one.phases for one in hooks if one.type == "PhaseHook")
    turns = next(one for one in phases if "locate" in one.train)
    pictures, gold = images(), samples()
    model = build(box_dims=32)
    with torch.no_grad():
        model.backbone.bn.weight.mul_(5)  # maps as large as those of a trained G-Net
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(100):
        name, rate = "box", 0.003
        if step >= 60:
            name = turns.train[step % 2]
            rate = 0.01 * turns.rates[name][0]
        optimizer.param_groups[0]["lr"] = rate
        model.set_phase(name)
        model.train()
        optimizer.zero_grad()
        sum(model(pictures, gold, mode="loss").values()).backward()
        optimizer.step()
    target = covering_boxes(pictures)
    torch.testing.assert_close(model.find_boxes(pictures), target, atol=0.02, rtol=0)


@pytest.mark.parametrize("phase", ["global", "locate", "fused"])
def test_a_checkpoint_predicts_with_the_output_that_it_has_trained(phase):
    model = build(predict_embedding=True)
    model.set_phase(phase)
    model.eval()
    expected = model(images(), mode="predict")
    torch.manual_seed(5)
    other = build(predict_embedding=True).eval()
    assert other.head.output == "global"
    other.load_state_dict(model.state_dict())
    assert other.head.output == model.head.output == PHASES[phase][1]
    for ours, theirs in zip(other(images(), mode="predict"), expected, strict=True):
        assert torch.equal(ours.pred_score, theirs.pred_score)
        assert torch.equal(ours.pred_polarity, theirs.pred_polarity)
        assert torch.equal(ours.embedding, theirs.embedding)
        assert ours.pred_score.sum().item() == pytest.approx(1, abs=1e-6)
        assert ours.pred_label.item() == ours.pred_score.argmax()


def test_the_scorer_of_new_crops_gives_what_predict_gives():
    model = build(predict_embedding=True)
    model.set_phase("fused")
    scorer = BatchScorer(model)
    scorer.embeddings = True
    with torch.no_grad():
        scores, embeddings = scorer(images())
    for row, sample in enumerate(model(images(), mode="predict")):
        torch.testing.assert_close(scores[row], sample.pred_score)
        torch.testing.assert_close(embeddings[row], sample.embedding)
    unit = model.extract_feat(images(), "normalized_embedding")
    torch.testing.assert_close(unit, F.normalize(embeddings))
    assert model.extract_feat(images(), "backbone")[0].shape == (8, 8, 8, 8)


def test_channels_last_changes_rounding_only():
    plain, last = build().eval(), build(channels_last=True).eval()
    for model in (plain, last):
        model.head.output = "fused"
    torch.testing.assert_close(plain(images()), last(images()), rtol=1e-4, atol=1e-5)


def test_unknown_polarity_is_an_error_that_says_what_to_do():
    with pytest.raises(ConfigError, match="0.png: its polarity is not known.*FlipPol"):
        build()(images(), samples(polarity=False), mode="loss")


def test_types_alone_can_be_trained():
    model = build(head=dict(num_classes=TYPES, hidden_dims=7, polarity_weight=0))
    losses = model(images(), samples(polarity=False), mode="loss")
    assert list(losses) == ["loss_type"]
    assert "pred_polarity" not in model.eval()(images(), mode="predict")[0]


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="crop_gradient: expected one of .* 'box'"):
        build(crop_gradient="box")
    with pytest.raises(ValueError, match="set_phase: expected one of .* got 'local2'"):
        build().set_phase("local2")
    with pytest.raises(ValueError, match="stage: expected one of .* got 'logits'"):
        build().extract_feat(images(), "logits")
    with pytest.raises(ValueError, match="VarifocalHead.in_channels: .* got None"):
        MODELS.build(dict(type="VarifocalHead"))
    with pytest.raises(ValueError, match="polarity_weight: expected >= 0, got -1"):
        MODELS.build(dict(type="VarifocalHead", in_channels=2, polarity_weight=-1))
    with pytest.raises(ValueError, match="GridMaxPool: expected maps of 8 x 8"):
        build().find_boxes(torch.zeros(1, 1, 32, 32))
