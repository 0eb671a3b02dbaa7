"""A classifier that straightens what it sees."""

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401
from mmscl.config import ConfigError
from mmscl.models.comparators.axis_sampling import sample_along


def build(**more):
    torch.manual_seed(0)
    settings = dict(
        type="StraighteningClassifier",
        backbone=dict(type="TimmEncoder", model_name="resnet10t"),
        axis=dict(points=4, channels=8),
        head=dict(type="SCLHead", loss=None, embed_dims=16),
        straight_size=(48, 32),
    )
    return MODELS.build(settings | more)


@pytest.fixture(scope="module")
def model():
    return build()


def samples(found=(True, False), polarity=(1, 0)):
    y = torch.linspace(-0.6, 0.6, 4)
    points = torch.stack([0.3 * y, y], dim=1).numpy()
    made = []
    for label, (own, up) in enumerate(zip(found, polarity, strict=True)):
        meta = dict(img_path=f"{label}.png", axis_points=points, axis_found=own)
        if up is not None:
            meta["polarity_label"] = up
        made.append(DataSample(metainfo=meta).set_gt_label(label))
    return made


def test_losses_of_all_tasks_reach_both_networks(model):
    model.train().zero_grad()
    losses = model.loss(torch.randn(2, 1, 64, 32), samples())
    assert set(losses) == {"loss_axis", "loss_cls", "loss_polarity", "axis_error"}
    sum(v for k, v in losses.items() if "loss" in k).backward()
    for part in (model.axis.model.conv1, model.axis.heat[-1], model.polarity):
        assert part.weight.grad.abs().sum() > 0
    assert next(model.backbone.parameters()).grad.abs().sum() > 0


def test_the_classification_trains_the_axis_once_it_is_not_taught():
    images = torch.randn(2, 1, 64, 32)
    seen = {}
    for taught in (0, 10):
        model = build(taught_steps=taught)
        losses = model.loss(images, samples(found=(True, True)))
        losses["loss_cls"].backward()
        grad = model.axis.heat[-1].weight.grad
        seen[taught] = 0 if grad is None else grad.abs().sum()
    assert seen[0] > 0 and seen[10] == 0


def test_it_is_taught_along_the_target(model):
    images = torch.randn(2, 1, 64, 32)
    given = samples(found=(True, True))
    points = torch.stack([torch.as_tensor(s.axis_points) for s in given])
    model.eval()
    seen = []
    handle = model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args))
    model.loss(images, given)
    handle.remove()
    torch.testing.assert_close(seen[0][0], sample_along(images, points, (48, 32)))


def test_prediction(model):
    model.eval()
    with torch.no_grad():
        predicted = model.predict(torch.randn(2, 1, 64, 32))
    assert predicted[0].pred_score.shape == (24,)
    assert predicted[0].pred_axis_points.shape == (4, 2)
    assert float(predicted[0].pred_polarity.sum()) == pytest.approx(1)


def test_predictions_come_from_the_found_axis(model):
    model.eval()
    images = torch.randn(2, 1, 64, 32)
    with torch.no_grad():
        points, _ = model.axis(images)
        straight = sample_along(images, points, (48, 32))
        features = model.backbone(straight)[0]
        torch.testing.assert_close(model.extract_feat(images)[0], features)
        torch.testing.assert_close(model(images), model.head(features))


def test_types_alone_where_the_polarity_is_not_known(model):
    with pytest.raises(ConfigError, match="0.png: its polarity is not.*model.pol"):
        model.loss(torch.randn(2, 1, 64, 32), samples(polarity=(None, 1)))
    alone = build(polarity_weight=0)
    losses = alone.loss(torch.randn(2, 1, 64, 32), samples(polarity=(None, None)))
    assert "loss_polarity" not in losses
    assert "pred_polarity" not in alone.eval().predict(torch.randn(1, 1, 64, 32))[0]


def test_samples_without_key_points_are_named(model):
    bare = [DataSample(metainfo=dict(img_path="b.png")).set_gt_label(0)]
    with pytest.raises(ConfigError, match="b.png: .* Put dict.type='AxisPoints'"):
        model.loss(torch.randn(1, 1, 64, 32), bare)


def test_a_batch_of_round_ones_is_finite(model):
    losses = model.loss(torch.randn(2, 1, 64, 32), samples(found=(False, False)))
    assert "axis_error" not in losses
    assert all(torch.isfinite(value) for value in losses.values())


def test_weights_out_of_range():
    with pytest.raises(ValueError, match="axis_weight: expected > 0, got 0"):
        build(axis_weight=0)
    with pytest.raises(ValueError, match="polarity_weight: expected >= 0, got -1"):
        build(polarity_weight=-1)


def test_it_trains_with_scl_too():
    model = build(head=dict(type="SCLHead", loss=dict(type="SupConFocalLoss")))
    pairs = [*samples(), *samples()]
    assert "loss_con" in model.loss(torch.randn(4, 1, 64, 32), pairs)
