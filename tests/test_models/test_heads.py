"""SCLHead: the terms of Eq. 4, the baseline, the warm-up, predictions."""

import pytest
import torch
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401
from mmscl.functional import focal_loss, scl_loss

LABELS = torch.arange(4).repeat(2)
FEATURES = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


def build(**kwargs):
    torch.manual_seed(1)
    settings = dict(num_classes=4, in_channels=6, embed_dims=5) | kwargs
    return MODELS.build(dict(type="SCLHead", **settings))


def samples():
    return [DataSample().set_gt_label(int(label)) for label in LABELS]


def test_losses_are_equation_4_and_5():
    # lambda2 = 2 times two batches, each with the mean over its rows
    head = build(lambda1=0.5, lambda2=2.0)
    losses = head.loss((FEATURES,), samples())
    embedding = head.pre_logits(FEATURES)
    torch.testing.assert_close(
        losses["loss_con"], 0.5 * scl_loss(embedding, LABELS, 2.0, 1 / 0.07)
    )
    torch.testing.assert_close(
        losses["loss_cls"], 4 * focal_loss(head.classifier(embedding), LABELS)
    )
    assert losses["scale"].item() == pytest.approx(1 / 0.07)
    assert 0 <= losses["contrastive_accuracy"] <= 1


def test_the_baseline_is_the_same_network_with_one_term():
    head, baseline = build(), build(loss=None)
    assert head.state_dict().keys() == baseline.state_dict().keys()
    losses = baseline.loss(FEATURES, samples())
    assert list(losses) == ["loss_cls"]
    torch.testing.assert_close(
        losses["loss_cls"], head.loss(FEATURES, samples())["loss_cls"]
    )


def test_in_the_warm_up_both_losses_are_cross_entropy():
    head = build(warmup_iters=10, warmup_lambda1=0.1)
    hub = MessageHub.get_instance("test_heads_warm_up")
    hub.update_info("iter", 9)
    warm = head.loss(FEATURES, samples())
    embedding = head.pre_logits(FEATURES)
    torch.testing.assert_close(
        warm["loss_con"], 0.1 * scl_loss(embedding, LABELS, 0.0, 1 / 0.07)
    )
    torch.testing.assert_close(
        warm["loss_cls"], 2 * focal_loss(head.classifier(embedding), LABELS, 0.0)
    )
    hub.update_info("iter", 10)
    torch.testing.assert_close(
        head.loss(FEATURES, samples())["loss_cls"],
        2 * focal_loss(head.classifier(embedding), LABELS),
    )


@pytest.mark.parametrize("classifier", ["linear", "mlp"])
def test_predict_fills_scores_label_and_embedding(classifier):
    head = build(classifier=classifier, predict_embedding=True).eval()
    filled = samples()
    out = head.predict(FEATURES, filled)
    assert out[0] is filled[0]
    scores = torch.stack([sample.pred_score for sample in out])
    torch.testing.assert_close(scores, head(FEATURES).softmax(1))
    assert [s.pred_label.item() for s in out] == scores.argmax(1).tolist()
    torch.testing.assert_close(out[3].embedding, head.pre_logits(FEATURES)[3])
    assert "embedding" not in build().predict(FEATURES)[0]


def test_any_classification_loss_of_mmpretrain():
    label_smooth = dict(type="LabelSmoothLoss", label_smooth_val=0.1, num_classes=4)
    for loss_cls in (dict(type="CrossEntropyLoss"), label_smooth):
        losses = build(loss_cls=loss_cls).loss(FEATURES, samples())
        assert losses["loss_cls"].isfinite()


@pytest.mark.parametrize(
    "kwargs, message",
    [
        (dict(in_channels=None), "SCLHead.in_channels: .* got None"),
        (dict(classifier="deep"), "SCLHead.classifier: .* got 'deep'"),
        (dict(lambda1=-1), "SCLHead.lambda1: expected >= 0, got -1"),
        (
            dict(warmup_iters=5, loss_cls=dict(type="CrossEntropyLoss")),
            "SCLHead.warmup_iters: .* loss_cls is CrossEntropyLoss",
        ),
    ],
)
def test_wrong_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
