"""The loss against plain-loop transcriptions, known values and degenerate input."""

import math

import pytest
import torch
import torch.nn.functional as F
from reference import ceiling, equation_3, general_form

from mmscl.functional import (
    contrastive_accuracy,
    count_karyotypes,
    focal_loss,
    scl_loss,
    scl_loss_two_blocks,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def grad_of(function, x):
    x = x.clone().requires_grad_()
    value = function(x)
    value.backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("scale", [1.0, 14.0])
def test_two_blocks_equal_equation_3_in_value_and_gradient(dtype, gamma, scale):
    torch.manual_seed(0)
    e = torch.randn(12, 5, dtype=dtype)
    ours = grad_of(lambda x: scl_loss_two_blocks(x[:6], x[6:], gamma, scale), e)
    plain = grad_of(lambda x: equation_3(x[:6], x[6:], gamma, scale), e)
    torch.testing.assert_close(ours, plain, rtol=TOLERANCE[dtype], atol=1e-6)


@pytest.mark.parametrize("pairs", ["all", "upper", "cross"])
@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2, 0, 1, 2],
        [0, 0, 1, 1, 2, 2],
        [5, 3, 5, 9, 3, 5, 5, 1],
        [0, 1, 2, 3, 3],
        [7, 7, 7],
        [2, 0, 1, 2, 0, 1, 0, 1, 2],
    ],
)
def test_any_batch_equals_the_general_form(pairs, labels):
    torch.manual_seed(1)
    labels = torch.tensor(labels)
    e = torch.randn(len(labels), 4, dtype=torch.float64)
    ours = grad_of(lambda x: scl_loss(x, labels, 2.0, 8.0, pairs), e)
    plain = grad_of(lambda x: general_form(x, labels, 2.0, 8.0, pairs), e)
    torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-12)


def test_the_authors_three_terms():
    torch.manual_seed(2)
    e = torch.randn(8, 3, dtype=torch.float64)
    labels = torch.arange(4).repeat(2)
    plain = equation_3(e[:4], e[4:], 2.0, 5.0, which=((0, 1), (0, 0), (1, 1)))
    torch.testing.assert_close(scl_loss(e, labels, 2.0, 5.0, "upper"), plain)


def test_block_order_and_class_major_order_are_alike():
    torch.manual_seed(3)
    e = torch.randn(48, 16, dtype=torch.float64)
    block = torch.arange(24).repeat(2)
    major = torch.arange(48).view(2, 24).T.reshape(-1)
    torch.testing.assert_close(scl_loss(e, block), scl_loss(e[major], block[major]))


def test_scale_of_the_embeddings_does_not_matter():
    torch.manual_seed(4)
    e = torch.randn(8, 6, dtype=torch.float64)
    labels = torch.arange(4).repeat(2)
    stretched = e * torch.rand(8, 1, dtype=torch.float64).add(0.1)
    torch.testing.assert_close(scl_loss(e, labels), scl_loss(stretched, labels))


def test_equal_embeddings_give_the_entropy_of_chance():
    # every softmax is uniform: FL = (1 - 1/N)^2 log N in each of 8 terms
    e = torch.ones(8, 3, dtype=torch.float64)
    labels = torch.arange(4).repeat(2)
    expected = 8 * (1 - 1 / 4) ** 2 * math.log(4)
    assert scl_loss(e, labels).item() == pytest.approx(expected)


def test_without_a_scale_the_positive_cannot_pass_the_ceiling():
    # DOMAIN note: e / (e + 23 / e) = 0.243; no embedding reaches more
    assert ceiling(24) == pytest.approx(0.2431, abs=1e-4)
    e = torch.eye(24, dtype=torch.float64).repeat(2, 1)  # all negatives at cosine 0
    loss = scl_loss(e, torch.arange(24).repeat(2), gamma=0.0)
    assert loss.item() / 8 > -math.log(ceiling(24))


@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 0, 1, 2], [0, 0, 1, 1, 1, 2], [3] * 6, [0, 1, 2, 3, 4, 5]]
)
@pytest.mark.parametrize("case", ["equal", "zero", "huge", "one_zero"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_degenerate_batches_are_finite_in_value_and_gradient(labels, case, gamma):
    torch.manual_seed(5)
    e = {
        "equal": torch.ones(6, 4),
        "zero": torch.zeros(6, 4),
        "huge": torch.randn(6, 4) * 1e10,
        "one_zero": torch.randn(6, 4) * torch.tensor([[0.0]] + [[1.0]] * 5),
    }[case]
    value, grad = grad_of(lambda x: scl_loss(x, torch.tensor(labels), gamma, 100.0), e)
    assert torch.isfinite(value) and torch.isfinite(grad).all()


def test_far_blocks_do_not_underflow():
    # view 2 is opposite to view 1, at scale 200 its exponentials are all tiny
    e = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [1.0, 0.2]])
    labels = torch.tensor([0, 1, 0, 2])
    value, grad = grad_of(lambda x: scl_loss(x, labels, 0.0, 200.0), e)
    plain = general_form(e.double(), labels, 0.0, 200.0)
    assert value.item() == pytest.approx(plain.item(), rel=1e-4)
    assert torch.isfinite(grad).all()


def test_no_positive_pair_is_zero_with_a_gradient():
    value, grad = grad_of(lambda x: scl_loss(x, torch.arange(4)), torch.randn(4, 3))
    assert value == 0 and (grad == 0).all()


def test_half_precision_is_computed_in_float32():
    torch.manual_seed(6)
    e, labels = torch.randn(8, 6), torch.arange(4).repeat(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = scl_loss(e, labels, 2.0, 14.0)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, scl_loss(e, labels, 2.0, 14.0))
    half = scl_loss(e.bfloat16(), labels, 2.0, 14.0)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, scl_loss(e.bfloat16().float(), labels, 2.0, 14.0))


def test_gamma_zero_is_cross_entropy_and_alpha_weighs():
    torch.manual_seed(7)
    logits, target = torch.randn(6, 4), torch.tensor([0, 3, 2, 2, 1, 0])
    torch.testing.assert_close(
        focal_loss(logits, target, gamma=0), F.cross_entropy(logits, target)
    )
    rows = focal_loss(logits, target, reduction="none")
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(
        focal_loss(logits, target, alpha=weight, reduction="sum"),
        (rows * weight[target]).sum(),
    )
    torch.testing.assert_close(
        focal_loss(logits, target, alpha=0.25), rows.mean() * 0.25
    )


def test_contrastive_accuracy_counts_nearest_of_another_view():
    # 0a-0b are near; 1a's nearest other-view image is 0b; 2 occurs once
    e = torch.tensor([[1.0, 0], [0.6, 0.8], [0.5, -1], [1, 0.1], [-1, 0.3]])
    labels = torch.tensor([0, 1, 2, 0, 1])
    # rows that count: 0a hit, 1a miss, 0b hit (0a), 1b: others 0a -1, 1a -.35 -> hit
    assert contrastive_accuracy(e, labels).item() == pytest.approx(3 / 4)
    assert torch.isnan(contrastive_accuracy(e[:3], labels[:3]))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: scl_loss(torch.ones(3), torch.zeros(3)), "embeddings .B, D."),
        (lambda: scl_loss(torch.ones(3, 2), torch.zeros(2)), "got .3, 2. and .2,."),
        (
            lambda: scl_loss(torch.ones(2, 2), torch.zeros(2).long(), pairs="four"),
            "pairs: expected one of .* got 'four'",
        ),
        (
            lambda: scl_loss_two_blocks(torch.ones(2, 2), torch.ones(3, 2)),
            "two tensors of one shape",
        ),
        (
            lambda: focal_loss(torch.ones(2, 2), torch.zeros(3).long()),
            "logits .B, N. and target",
        ),
        (
            lambda: focal_loss(torch.ones(2, 2), torch.zeros(2).long(), gamma=-1),
            "gamma: expected a number >= 0, got -1",
        ),
        (
            lambda: focal_loss(
                torch.ones(2, 2), torch.zeros(2).long(), reduction="avg"
            ),
            "reduction: .* got 'avg'",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("pairs", ["all", "upper", "cross"])
@pytest.mark.parametrize("views", [2, 3])
def test_the_written_gradient_is_that_of_finite_differences(pairs, gamma, views):
    """Of the embeddings, one of them all but zero, and of the scale."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(4 * views, 5, generator=generator, dtype=torch.float64)
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    labels = torch.arange(4).repeat(views)

    def loss(embeddings, scale):
        return scl_loss(embeddings, labels, gamma, scale, pairs)

    assert torch.autograd.gradcheck(loss, (embeddings.requires_grad_(), scale))
    short = embeddings.detach().clone()
    short[0] *= 1e-9 / short[0].norm()
    plain = short.clone().requires_grad_()
    loss(plain, scale).backward()
    # x / 1e-6 is linear there: along itself the gradient is not zero
    unit = torch.cat([short[:1] / 1e-6, torch.nn.functional.normalize(short[1:])])
    unit.requires_grad_()
    scores = 3.0 * unit @ unit.T
    rows = scores.view(views, 4, views, 4).log_softmax(3)
    log_pt = rows.diagonal(dim1=1, dim2=3)
    weight = {"all": 2 * torch.ones(views, views), "cross": 2 - 2 * torch.eye(views)}
    weight = weight.get(pairs, 1 + torch.eye(views)).double()[:, :, None]
    focal = -((1 - log_pt.exp()) ** gamma) * log_pt
    (focal * weight).sum().mul(4 / views**2 / 4).backward()
    torch.testing.assert_close(plain.grad[0], unit.grad[0] / 1e-6)


@pytest.mark.parametrize(
    ("labels", "number"),
    [([3, 1, 3, 1], 2), ([3, 1, 1, 3], 0), ([5, 5], 2), ([1, 2, 1], 0), ([], 0)],
)
def test_karyotypes_are_counted_where_they_follow_each_other(labels, number):
    assert count_karyotypes(torch.tensor(labels, dtype=torch.long)) == number
