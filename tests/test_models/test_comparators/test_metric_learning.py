"""Losses of pytorch-metric-learning through the adapter, against plain loops."""

import math
from importlib import util

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import mmscl  # noqa: F401
from mmscl.config import ConfigError

LABELS = torch.arange(4).repeat(2)
EMBEDDINGS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
SUPCON = dict(loss=dict(type="SupConLoss", temperature=0.1))
TRIPLET = dict(
    loss=dict(type="TripletMarginLoss", margin=0.2), miner=dict(type="BatchHardMiner")
)
ARCFACE = dict(
    loss=dict(
        type="ArcFaceLoss", num_classes=4, embedding_size=6, margin=28.6, scale=64
    )
)


def build(**kwargs):
    torch.manual_seed(2)
    return MODELS.build(dict(type="MetricLearningLoss", **kwargs))


def test_supcon_is_the_papers_equation_2():
    """Khosla et al. (NeurIPS 2020), L_out: the sum over positives outside the log."""
    unit = F.normalize(EMBEDDINGS)
    terms = []
    for i in range(8):
        others = [a for a in range(8) if a != i]
        total = sum(math.exp(unit[i] @ unit[a] / 0.1) for a in others)
        positives = [p for p in others if LABELS[p] == LABELS[i]]
        logs = [math.log(math.exp(unit[i] @ unit[p] / 0.1) / total) for p in positives]
        terms.append(-sum(logs) / len(logs))
    loss = build(**SUPCON)(EMBEDDINGS, LABELS)
    assert loss.item() == pytest.approx(sum(terms) / 8, rel=1e-5)


def test_triplets_take_the_hardest_of_each_image():
    """Farthest of its type, nearest of another; the mean over violated margins."""
    unit = F.normalize(EMBEDDINGS)
    terms = []
    for i in range(8):
        distance = (unit - unit[i]).norm(dim=1)
        same = LABELS == LABELS[i]
        farthest = max(distance[j].item() for j in range(8) if same[j] and j != i)
        nearest = min(distance[j].item() for j in range(8) if not same[j])
        terms.append(max(0.0, farthest - nearest + 0.2))
    violated = [term for term in terms if term > 0]
    loss = build(**TRIPLET)(EMBEDDINGS, LABELS)
    assert loss.item() == pytest.approx(sum(violated) / len(violated), rel=1e-4)


def test_arcface_widens_the_angle_to_the_own_centre():
    loss = build(**ARCFACE)
    centres = F.normalize(loss.loss.W, dim=0)
    cosine = F.normalize(EMBEDDINGS) @ centres
    own = F.one_hot(LABELS, 4).bool()
    angle = cosine.acos() + own * math.radians(28.6)
    assert angle.max() < math.pi
    expected = F.cross_entropy(64 * angle.cos(), LABELS)
    torch.testing.assert_close(loss(EMBEDDINGS, LABELS), expected, rtol=1e-4, atol=1e-4)
    assert [p.shape for p in loss.parameters()] == [(6, 4)]


@pytest.mark.parametrize("settings", [SUPCON, TRIPLET, ARCFACE])
def test_the_same_classifier_takes_each(settings):
    """SCLHead: the loss, weighted by lambda1, beside the classification loss."""
    loss = dict(type="MetricLearningLoss", **settings)
    torch.manual_seed(3)
    head = MODELS.build(
        dict(type="SCLHead", num_classes=4, in_channels=6, embed_dims=6, loss=loss)
        | dict(lambda1=0.5)
    )
    samples = [DataSample().set_gt_label(int(label)) for label in LABELS]
    losses = head.loss(EMBEDDINGS, samples)
    assert set(losses) == {"loss_con", "contrastive_accuracy", "loss_cls"}
    expected = 0.5 * head.loss_con(head.pre_logits(EMBEDDINGS), LABELS)
    torch.testing.assert_close(losses["loss_con"], expected)
    losses["loss_con"].backward()
    assert head.embedding.weight.grad.abs().max() > 0
    assert all(p.grad is not None for p in head.loss_con.parameters())


@pytest.mark.parametrize("settings", [SUPCON, TRIPLET])
def test_one_image_a_type_gives_zero_and_says_so_once(settings, monkeypatch):
    said = []
    logger = MMLogger.get_instance("test_metric_learning")
    monkeypatch.setattr(MMLogger, "get_current_instance", lambda: logger)
    monkeypatch.setattr(logger, "warning", said.append)
    loss = build(**settings)
    embeddings = EMBEDDINGS.clone().requires_grad_()
    for _ in range(2):
        value = loss(embeddings, torch.arange(8))
        value.backward()
        assert value.item() == 0
    assert embeddings.grad.abs().max() == 0
    assert len(said) == 1 and "no type occurs twice" in said[0]


def test_one_image_a_type_is_enough_for_arcface():
    settings = dict(ARCFACE["loss"], num_classes=8)
    assert build(loss=settings)(EMBEDDINGS, torch.arange(8)).item() > 0


def test_half_precision_is_computed_in_float32():
    value = build(**SUPCON)(EMBEDDINGS.bfloat16(), LABELS)
    assert value.dtype == torch.float32


def test_parts_of_a_loss_are_built_too():
    cosine = dict(TRIPLET["loss"], distance=dict(type="CosineSimilarity"))
    loss = build(loss=cosine, loss_weight=2.0)
    assert type(loss.loss.distance).__name__ == "CosineSimilarity"
    half = build(loss=cosine)(EMBEDDINGS, LABELS)
    torch.testing.assert_close(loss(EMBEDDINGS, LABELS), 2 * half)


def test_a_missing_library_is_named(monkeypatch):
    real = util.find_spec
    monkeypatch.setattr(
        util,
        "find_spec",
        lambda name: None if name == "pytorch_metric_learning" else real(name),
    )
    with pytest.raises(ConfigError, match=r"not installed: pip install -e '.\[compara"):
        build(**SUPCON)


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(loss=dict(type="SupConLos")), "no 'SupConLos' in its losses; did you me"),
        (dict(loss=dict(type="SupConLoss", temp=1)), "loss: SupConLoss: .*'temp'"),
        (dict(loss=dict(temperature=1)), "loss: expected a dict with 'type', got"),
        (
            dict(SUPCON, miner=dict(type="BatchHard")),
            "miner: .* has no 'BatchHard' in its miners",
        ),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        build(**settings)


def test_a_loss_made_for_another_embedding_is_refused():
    with pytest.raises(ConfigError, match="embedding_size=6, but the embedding has 5"):
        build(**ARCFACE)(EMBEDDINGS[:, :5], LABELS)
