"""Key points from heat maps."""

import pytest
import torch

from mmscl.models.comparators.axis_net import AxisNet, axis_loss, mean_points


@pytest.fixture(scope="module")
def net() -> AxisNet:
    torch.manual_seed(0)
    return AxisNet("hrnet_w18_small", points=5, channels=8).eval()


def test_shapes(net):
    points, heat = net(torch.randn(2, 1, 64, 32))
    assert points.shape == (2, 5, 2) and heat.shape == (2, 5, 16, 8)
    assert points.abs().max() < 1


def test_sides_that_the_branches_cannot_share_are_named(net):
    with pytest.raises(ValueError, match=r"multiples of 32 pixels, got \(96, 48\)"):
        net(torch.zeros(1, 1, 96, 48))


def test_weights_of_timm_survive_init_weights(net):
    before = net.model.conv1.weight.clone()
    net.init_weights()
    torch.testing.assert_close(net.model.conv1.weight, before)


def test_wrong_settings():
    with pytest.raises(ValueError, match="expected a timm HRNet .* got 'resnet10t'"):
        AxisNet("resnet10t")
    with pytest.raises(ValueError, match="expected a timm HRNet .* got 'hrnet_w1'"):
        AxisNet("hrnet_w1")
    with pytest.raises(ValueError, match="AxisNet.points: expected 3 or more, got 2"):
        AxisNet(points=2)


def test_the_mean_of_a_sharp_heat_map_is_its_peak():
    heat = torch.zeros(1, 1, 8, 4)
    heat[0, 0, 2, 3] = 50.0
    # Centres of 4 columns over -1..1: -0.75, -0.25, 0.25, 0.75; of 8 rows: -0.875 ...
    torch.testing.assert_close(mean_points(heat)[0, 0], torch.tensor([0.75, -0.375]))


def normal_heat(targets: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The heat maps that the loss wants, in plain loops."""
    heat = torch.zeros(*targets.shape[:2], *size)
    for b in range(targets.shape[0]):
        for k in range(targets.shape[1]):
            for row in range(size[0]):
                for column in range(size[1]):
                    x = (targets[b, k, 0] + 1) / 2 * size[1] - 0.5 - column
                    y = (targets[b, k, 1] + 1) / 2 * size[0] - 0.5 - row
                    heat[b, k, row, column] = -0.5 * (x * x + y * y)
    return heat


def test_the_loss_is_zero_at_its_target_and_grows_away_from_it():
    targets = torch.tensor([[[0.1, -0.2], [0.0, 0.3]]])
    heat = normal_heat(targets, (24, 24))
    found = torch.tensor([True])
    assert axis_loss(heat, targets, targets, found) < 1e-4
    near = axis_loss(heat, targets, targets + 0.1, found)
    far = axis_loss(heat, targets, targets + 0.3, found)
    assert 0.1 < near < far
    # One heat map pixel: 1/2 of divergence for a spread of one, 1 of distance.
    moved = targets + torch.tensor([2 / 24, 0.0])
    assert axis_loss(heat, targets, moved, found) == pytest.approx(1.5, abs=0.05)


def test_what_has_no_axis_does_not_count():
    heat = torch.randn(2, 3, 6, 6, requires_grad=True)
    targets = torch.zeros(2, 3, 2)
    points = mean_points(heat)
    one = axis_loss(heat[:1], points[:1], targets[:1], torch.tensor([True]))
    both = axis_loss(heat, points, targets, torch.tensor([True, False]))
    torch.testing.assert_close(one, both)
    none = axis_loss(heat, points, targets, torch.tensor([False, False]))
    none.backward()
    assert none == 0 and torch.isfinite(heat.grad).all()
