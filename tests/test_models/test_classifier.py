"""SCLClassifier: stages, one-channel input, prediction, NaN, names."""

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401

BACKBONE = dict(type="TimmEncoder", model_name="resnet10t")


def build(**kwargs):
    torch.manual_seed(0)
    settings = dict(type="SCLClassifier", backbone=dict(BACKBONE)) | kwargs
    return MODELS.build(settings)


def samples(labels, path="a.png"):
    return [
        DataSample(metainfo=dict(img_path=path)).set_gt_label(label) for label in labels
    ]


def test_stages():
    model = build(head=dict(embed_dims=32)).eval()
    image = torch.randn(2, 1, 32, 32)
    assert model.extract_feat(image, "backbone")[0].shape == (2, 512)
    assert model.extract_feat(image, "neck")[0].shape == (2, 512)
    embedding = model.extract_feat(image, "embedding")
    assert embedding.shape == (2, 32)
    unit = model.extract_feat(image, "normalized_embedding")
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(model(image), model.head.classifier(embedding))
    with pytest.raises(ValueError, match="stage: expected one of .* got 'logits'"):
        model.extract_feat(image, "logits")


def test_both_names_resolve():
    assert type(build()) is type(build(type="mmscl.SCLClassifier"))


def test_channels_last_changes_rounding_only():
    image = torch.randn(2, 1, 32, 32)
    plain, last = build().eval(), build(channels_last=True).eval()
    torch.testing.assert_close(plain(image), last(image), rtol=1e-4, atol=1e-5)


def test_a_mirrored_image_gives_the_same_prediction():
    image = torch.randn(3, 1, 32, 16)
    plain, mirrored = build().eval(), build(mirror=True).eval()
    torch.testing.assert_close(mirrored(image), mirrored(image.flip(-1)))
    both = (plain(image) + plain(image.flip(-1))) / 2  # the layers above are linear
    torch.testing.assert_close(mirrored(image), both, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(plain(image), plain(image.flip(-1)), rtol=1e-3)


def test_training_sees_each_image_once():
    image = torch.randn(3, 1, 32, 16)
    labels = samples([0, 1, 2])
    losses = [
        build(mirror=mirror).train()(image, labels, mode="loss")["loss_cls"]
        for mirror in (False, True)
    ]
    assert losses[0] == losses[1]


def test_a_head_of_mmpretrain_works_too():
    model = build(head=dict(type="LinearClsHead", num_classes=5))
    assert model.head.in_channels == 512
    assert "loss" in model.loss(torch.randn(3, 1, 32, 32), samples([0, 1, 4]))


def test_three_channel_weights_load_into_one_channel():
    three = build(backbone=dict(BACKBONE, in_channels=3))
    one = build()
    one.load_state_dict(three.state_dict())
    image = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(
        one.eval()(image), three.eval()(image.repeat(1, 3, 1, 1)), rtol=1e-4, atol=1e-5
    )


def test_predict_gives_the_embedding_when_asked():
    model = build(predict_embedding=True).eval()
    sample = model.predict(torch.randn(1, 1, 32, 32))[0]
    assert sample.pred_score.shape == (24,) and sample.embedding.shape == (1024,)


def test_a_mistyped_backbone_is_named():
    with pytest.raises(KeyError, match="TimEncoder"):
        build(backbone=dict(type="TimEncoder", model_name="resnet10t"))
