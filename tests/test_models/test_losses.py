"""SupConFocalLoss, SoftmaxFocalLoss, SCLLoss: settings, messages, two processes."""

import logging
import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import mmscl  # noqa: F401
from mmscl.functional import focal_loss, scl_loss

LABELS = torch.arange(6).repeat(2)


def embeddings(seed=0, rows=12):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 8, generator=generator, dtype=torch.float64)


def build(**kwargs):
    return MODELS.build(dict(type="SupConFocalLoss", **kwargs))


def test_settings_reach_the_mathematics():
    e = embeddings()
    loss = build(gamma=1.0, scale=7.0, pairs="cross", loss_weight=3.0)
    expected = 3 * scl_loss(e, LABELS, 1.0, 7.0, "cross")
    torch.testing.assert_close(loss(e, LABELS), expected)
    cross_entropy = 3 * scl_loss(e, LABELS, 0.0, 7.0, "cross")
    torch.testing.assert_close(loss(e, LABELS, gamma=0.0), cross_entropy)


def test_learnable_scale_learns_and_stays_in_its_range():
    loss = build(scale="learnable", scale_init=10.0, scale_range=(5.0, 20.0))
    assert loss.scale.item() == pytest.approx(10.0)
    loss(embeddings(), LABELS).backward()
    assert loss.log_scale.grad.abs() > 0
    with torch.no_grad():
        loss.log_scale.fill_(10.0)
    assert loss.scale.item() == 20.0


def test_a_batch_without_a_pair_says_so_once(caplog):
    logger = MMLogger.get_instance("test_losses")
    logger.addHandler(caplog.handler)
    loss = build()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert loss(embeddings(rows=4), torch.arange(4)) == 0
    messages = [r.getMessage() for r in caplog.records if "positive pair" in r.message]
    assert len(messages) == 1 and "PairedKaryotypeSampler" in messages[0]


@pytest.mark.parametrize(
    "kwargs, message",
    [
        (dict(pairs="four"), "SupConFocalLoss.pairs: expected one of .* got 'four'"),
        (dict(gamma=-1), "SupConFocalLoss.gamma: expected >= 0, got -1"),
        (dict(scale=0), "SupConFocalLoss.scale: .* got 0"),
        (dict(scale="learned"), "'learnable', got 'learned'"),
        (dict(scale="learnable", scale_init=200.0), "scale_init: .* got 200"),
    ],
)
def test_wrong_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_softmax_focal_loss_has_class_weights():
    logits, target = embeddings()[:, :6], LABELS
    alpha = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    loss = MODELS.build(dict(type="SoftmaxFocalLoss", alpha=alpha, loss_weight=10.0))
    expected = 10 * focal_loss(logits, target, 2.0, torch.tensor(alpha))
    torch.testing.assert_close(loss(logits, target), expected)
    assert loss(logits.half(), target).dtype == torch.float32
    with pytest.raises(ValueError, match="SoftmaxFocalLoss.gamma: .* got -2"):
        MODELS.build(dict(type="SoftmaxFocalLoss", gamma=-2))


def test_scl_loss_is_equation_4_on_the_scores():
    logits = embeddings()
    loss = MODELS.build(dict(type="SCLLoss", lambda1=0.5, lambda2=2.0))
    expected = 0.5 * scl_loss(logits, LABELS, 2.0, 1 / 0.07) + 4 * focal_loss(
        logits, LABELS
    )
    torch.testing.assert_close(loss(logits, LABELS, avg_factor=12), expected)


def network():
    torch.manual_seed(0)
    return nn.Linear(8, 5, bias=False).double()


def two_process_gradient(rank, port, images, queue):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(1)
    model = DistributedDataParallel(network())
    loss = build(gather=True)
    half = slice(0, 12) if rank == 0 else slice(12, 24)
    value = loss(model(images[half]), LABELS)
    value.backward()
    queue.put((rank, value.item(), model.module.weight.grad.tolist()))
    dist.barrier()
    dist.destroy_process_group()


def test_gathered_ranks_have_the_gradient_of_one_process():
    images = embeddings(rows=24)
    alone = network()
    value = build()(alone(images), LABELS.repeat(2))
    value.backward()
    context = mp.get_context("spawn")
    queue = context.Queue()
    port = 29400 + os.getpid() % 500
    ranks = [
        context.Process(target=two_process_gradient, args=(r, port, images, queue))
        for r in range(2)
    ]
    for process in ranks:
        process.start()
    answers = [queue.get(timeout=120) for _ in ranks]
    for process in ranks:
        process.join(30)
    for _, loss, grad in answers:
        assert loss == pytest.approx(value.item(), rel=1e-9)
        torch.testing.assert_close(
            torch.tensor(grad, dtype=torch.float64),
            alone.weight.grad,
            rtol=1e-6,
            atol=1e-12,
        )
