"""The polarity head: opposite answers for a flip, on a classifier that stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from tiny_run import make_config, run, write_crops
from trained import unsettle

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets import ChromosomeCanvas, SyntheticKaryotypes
from mmscl.models.polarity import PolarityHead
from mmscl.models.scoring import BatchScorer
from mmscl.training import train

BACKBONE = dict(type="TimmEncoder", model_name="resnet10t", channels=(8, 16, 24, 32))
HEAD = dict(type="PolarityHead", hidden_dims=16)


def build(polarity_head=HEAD, **kwargs):
    torch.manual_seed(0)
    settings = dict(
        type="SCLClassifier",
        backbone=dict(BACKBONE),
        head=dict(type="SCLHead", embed_dims=8),
        polarity_head=polarity_head,
        predict_embedding=True,
    )
    return unsettle(MODELS.build(settings | kwargs))


def plain(model, **kwargs):
    """The same classifier without the head."""
    other = build(None, **kwargs)
    other.load_state_dict(
        {k: v for k, v in model.state_dict().items() if not k.startswith("polarity_")}
    )
    return other


def images(number=5):
    return torch.randn(number, 1, 48, 32, generator=torch.Generator().manual_seed(2))


def polarity(samples):
    return torch.stack([sample.pred_polarity for sample in samples])


def samples(labels):
    found = []
    for label in labels:
        meta = dict(img_path="a.png", polarity_label=label)
        found.append(DataSample(metainfo=meta).set_gt_label(0))
    return found


# Predictions


@pytest.mark.parametrize("mirror", [False, True])
def test_an_image_and_its_flip_get_opposite_answers(mirror):
    model, image = build(mirror=mirror), images()
    with torch.no_grad():
        here = polarity(model.predict(image))
        there = polarity(model.predict(image.flip(-2)))
    torch.testing.assert_close(here, there.flip(1))
    torch.testing.assert_close(here.sum(1), torch.ones(5))
    assert here[:, 1].std() > 1e-5


def test_left_and_right_do_not_matter_with_mirror():
    model, image = build(mirror=True), images()
    with torch.no_grad():
        here, there = (polarity(model.predict(x)) for x in (image, image.flip(-1)))
    torch.testing.assert_close(here, there)


@pytest.mark.parametrize("mirror", [False, True])
def test_the_head_changes_no_score_and_no_embedding(mirror):
    model, image = build(mirror=mirror), images()
    other = plain(model, mirror=mirror)
    with torch.no_grad():
        for one, two in zip(model.predict(image), other.predict(image), strict=True):
            assert torch.equal(one.pred_score, two.pred_score)
            assert torch.equal(one.embedding, two.embedding)
            assert "pred_polarity" not in two
        assert torch.equal(model(image), other(image))


def test_orient_classifies_the_view_that_is_up():
    image = torch.cat([images(), images().flip(-2)])
    model = build(orient=True)
    as_it_is = plain(model)
    with torch.no_grad():
        found = model.predict(image)
        here, there = (as_it_is.predict(x) for x in (image, image.flip(-2)))
    up = polarity(found)[:, 1] >= 0.5
    assert up.any() and not up.all()
    for row, is_up in enumerate(up.tolist()):
        want = (here if is_up else there)[row]
        assert torch.equal(found[row].pred_score, want.pred_score)
        assert torch.equal(found[row].embedding, want.embedding)
    scores = torch.stack([sample.pred_score for sample in found])
    torch.testing.assert_close(scores[:5], scores[5:])  # however it lies


@pytest.mark.parametrize("orient", [False, True])
def test_the_scorer_gives_what_predict_gives(orient):
    model, image = build(mirror=True, orient=orient), images()
    scorer = BatchScorer(model)
    scorer.embeddings = True
    with torch.no_grad():
        scores, up, embeddings = scorer(image)
        for row, sample in enumerate(model.predict(image)):
            assert torch.equal(scores[row], sample.pred_score)
            assert torch.equal(up[row], sample.pred_polarity[1])
            assert torch.equal(embeddings[row], sample.embedding)


def test_any_encoder_and_any_head_of_types():
    settings = dict(
        backbone=dict(type="mmpretrain.ResNet", depth=18, in_channels=1),
        head=dict(type="LinearClsHead", num_classes=5),
        predict_embedding=False,
    )
    model, image = build(**settings), torch.randn(3, 1, 32, 32)
    other = plain(model, **settings)
    with torch.no_grad():
        found = model.predict(image)
        for one, two in zip(found, other.predict(image), strict=True):
            assert torch.equal(one.pred_score, two.pred_score)
        flipped = polarity(model.predict(image.flip(-2)))
        scores, up = BatchScorer(model)(image)
    torch.testing.assert_close(polarity(found), flipped.flip(1))
    torch.testing.assert_close(up, polarity(found)[:, 1])
    assert scores.shape == (3, 5)


# Training


def test_the_loss_is_the_logistic_loss_of_the_difference():
    model = build().train()
    model._trained = True
    model.polarity_head.eval()  # no dropout
    image, labels = images(4), [1, 0, 1, 0]
    losses = model.loss(image, samples(labels))
    with torch.no_grad():
        up = polarity(model.eval().predict(image))[:, 1]
    right = torch.where(torch.tensor(labels) == 1, up, 1 - up)
    torch.testing.assert_close(losses["loss_polarity"], -right.log().mean())
    assert losses["polarity_accuracy"] == (right > 0.5).float().mean()


def test_only_the_head_gets_a_gradient_and_changes():
    model = build().train()
    model._trained = True
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), 0.1, weight_decay=0.5)
    for _ in range(2):
        model.loss(images(), samples([1, 0, 1, 1, 0]))["loss_polarity"].backward()
        optimizer.step()
    after = model.state_dict()
    for name, value in before.items():
        same = torch.equal(value, after[name])
        assert same != name.startswith("polarity_head."), name


def drawn(seed, number=48):
    """Images (B, 1, 64, 32) of drawn chromosomes, upright."""
    cells = SyntheticKaryotypes(cases=1, cells_per_case=2, seed=seed)
    canvas = ChromosomeCanvas(size=(64, 32), extent=144)
    crops = [canvas(cells.get_data_info(row))["img"] for row in range(number)]
    return (torch.from_numpy(np.stack(crops)).float()[:, None] - 127.5) / 127.5


def test_it_learns_which_end_of_a_drawn_chromosome_is_up():
    """From the mean of each row of an image; other cells than it was trained on."""

    def evidence(images):
        views = (images, images.flip(-2))
        up, down = (head(view.mean(dim=(1, 3))) for view in views)
        return up - down

    torch.manual_seed(0)
    upright, new = torch.cat([drawn(seed) for seed in range(8)]), drawn(9)
    head = PolarityHead(in_channels=upright.shape[2]).train()
    optimizer = torch.optim.AdamW(head.parameters(), 5e-3)
    for _ in range(150):
        shown = upright[torch.randperm(len(upright))[:48]]
        labels = torch.randint(0, 2, (48,))
        shown[labels == 0] = shown[labels == 0].flip(-2)
        optimizer.zero_grad()
        found = head.loss(evidence(shown), samples(labels.tolist()))
        found["loss_polarity"].backward()
        optimizer.step()
    head.eval()
    right = (evidence(new) > 0).float().mean()
    assert right > 0.75, right  # chance is 0.5, of 48
    assert ((evidence(new.flip(-2)) > 0) != (evidence(new) > 0)).all()


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    write_crops(folder)
    return folder


def polarity_config(crops: Path, work_dir: Path) -> Config:
    """The tiny run on a trained classifier, whose weights are in start.pth."""
    cfg = make_config(crops, work_dir, epochs=1)
    cfg.model.backbone = dict(BACKBONE)
    for phase in ("train", "val"):
        steps = cfg[f"{phase}_dataloader"].dataset.pipeline
        steps.insert(1, dict(type="FlipPolarity", prob=0.5, upright=True))
        steps[-1].meta_keys = ("img_path", "polarity_label")
    start = crops / "start.pth"
    torch.save(unsettle(MODELS.build(cfg.model)).state_dict(), start)
    cfg.model.polarity_head = dict(HEAD)
    cfg.val_evaluator = [dict(type="ChromosomeMetric"), dict(type="PolarityMetric")]
    cfg.load_from = str(start)
    return cfg


def test_a_run_trains_the_head_and_leaves_the_classifier(crops, tmp_path):
    cfg = polarity_config(crops, tmp_path / "run")
    start = torch.load(cfg.load_from, weights_only=True)
    runner = train(cfg)
    state = runner.model.state_dict()
    below = {k: v for k, v in state.items() if not k.startswith("polarity_head.")}
    assert below.keys() == start.keys()
    assert all(torch.equal(value, start[name]) for name, value in below.items())
    accuracy = runner.message_hub.get_scalar("val/polarity_accuracy").current()
    assert 0 <= accuracy <= 100


def test_a_start_that_is_not_there_is_told_before_anything_is_read(crops, tmp_path):
    cfg = polarity_config(crops, tmp_path / "run")
    cfg.load_from = str(tmp_path / "no.pth")
    cfg.train_dataloader.dataset.data_root = str(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="load_from: .*no.pth, which does not exist"):
        train(cfg)


def test_without_a_trained_classifier_nothing_is_trained(crops, tmp_path):
    cfg = polarity_config(crops, tmp_path / "run")
    with pytest.raises(ConfigError, match="were not loaded: set load_from"):
        run(cfg)


def test_the_checkpoint_of_another_model_is_no_start(crops, tmp_path):
    cfg = polarity_config(crops, tmp_path / "run")
    state = torch.load(cfg.load_from, weights_only=True)
    del state["head.embedding.weight"]
    state["head.classifier.bias"] = torch.zeros(3)
    torch.save(state, tmp_path / "other.pth")
    cfg.load_from = str(tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="2 tensors .* first: head.embedding.wei"):
        train(cfg)


# What cannot be meant


def test_a_crop_of_unknown_polarity():
    model = build().train()
    model._trained = True
    with pytest.raises(ConfigError, match="b.png: its polarity is not known.*PackInp"):
        model.loss(images(1), [DataSample(metainfo=dict(img_path="b.png"))])


@pytest.mark.parametrize(
    "settings, error, words",
    [
        (
            dict(polarity_head=None, orient=True),
            ConfigError,
            "orient=True: SCLClassifier has no polarity_head",
        ),
        (dict(polarity_head=dict(hidden_dims=0)), ValueError, "hidden_dims: .* got 0"),
        (dict(polarity_head=dict(dropout=1)), ValueError, "dropout: .* got 1"),
        (
            dict(type="SiameseClassifier"),
            ValueError,
            "SiameseClassifier.polarity_head: expected None",
        ),
    ],
)
def test_settings_that_cannot_be_meant(settings, error, words):
    with pytest.raises(error, match=words):
        build(**settings)


def test_a_head_alone_needs_its_channels():
    with pytest.raises(ValueError, match="PolarityHead.in_channels: .* got None"):
        MODELS.build(dict(type="PolarityHead"))
