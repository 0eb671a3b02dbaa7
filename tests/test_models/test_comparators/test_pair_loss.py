"""The pair loss against plain loops over all pairs."""

import pytest
import torch

from mmscl.config import ConfigError
from mmscl.models.comparators import ContrastivePairLoss


def by_loops(embeddings, labels, margin):
    """Hadsell et al. (2006), Eq. 4, the mean over pairs of either kind."""
    unit = [e / e.norm() for e in embeddings]
    near, far = [], []
    for i in range(len(unit)):
        for j in range(i + 1, len(unit)):
            distance = (unit[i] - unit[j]).norm()
            if labels[i] == labels[j]:
                near.append(0.5 * distance**2)
            else:
                far.append(0.5 * (margin - distance).clamp_min(0) ** 2)
    return sum(near) / len(near) + sum(far) / len(far)


@pytest.mark.parametrize("margin", [0.5, 1.0, 2.0])
def test_value_and_gradient_are_those_of_the_loops(margin):
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    ours = torch.randn(7, 5, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    loss = ContrastivePairLoss(margin)(ours, labels)
    expected = by_loops(theirs, labels, margin)
    loss.backward(), expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_the_length_of_embeddings_does_not_count():
    embeddings, labels = torch.randn(6, 4), torch.arange(3).repeat(2)
    loss = ContrastivePairLoss()
    torch.testing.assert_close(
        loss(3 * embeddings, labels), loss(embeddings, labels), rtol=1e-5, atol=1e-6
    )


def test_equal_embeddings_have_a_finite_gradient():
    embeddings = torch.ones(4, 3, requires_grad=True)
    ContrastivePairLoss()(embeddings, torch.tensor([0, 1, 0, 1])).backward()
    assert embeddings.grad.isfinite().all()


def test_a_batch_without_both_kinds_of_pairs_is_refused():
    loss = ContrastivePairLoss()
    with pytest.raises(
        ConfigError, match="no type occurs twice in this batch of 4.*Pai"
    ):
        loss(torch.randn(4, 3), torch.arange(4))
    with pytest.raises(ConfigError, match="there is but one type in this batch of 4"):
        loss(torch.randn(4, 3), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize("margin", [0.0, -1.0, 2.5])
def test_a_margin_beyond_the_sphere_is_refused(margin):
    with pytest.raises(ValueError, match=r"margin: expected a number in \(0, 2\], got"):
        ContrastivePairLoss(margin)
