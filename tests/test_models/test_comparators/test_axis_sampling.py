"""Straightening along key points: identities, scipy, finite differences."""

import numpy as np
import pytest
import torch
from bent_chromosomes import draw
from scipy.interpolate import CubicSpline

from mmscl.datasets.straightening import find_axis, straighten
from mmscl.datasets.transforms import AxisPoints
from mmscl.models.comparators.axis_sampling import _curve, sample_along


def upright(count: int, height: int, length: int) -> torch.Tensor:
    """Key points on the middle line, (1, K, 2)."""
    y = torch.linspace(-length / height, length / height, count, dtype=torch.float64)
    return torch.stack([torch.zeros_like(y), y], dim=1)[None]


def ink(image: np.ndarray) -> float:
    return float((255.0 - image).sum())


def test_an_upright_axis_changes_nothing():
    images = torch.rand(2, 1, 40, 21, dtype=torch.float64)
    points = upright(6, 40, 30).expand(2, -1, -1)
    straight = sample_along(images, points, (40, 21))
    torch.testing.assert_close(straight, images, atol=1e-9, rtol=0)


def test_the_curve_is_scipys_natural_spline():
    points = torch.rand(1, 5, 2, dtype=torch.float64)
    curve, slopes = _curve(points)
    places = np.linspace(0, 1, 64)
    spline = CubicSpline(np.linspace(0, 1, 5), points[0].numpy(), bc_type="natural")
    np.testing.assert_allclose(curve[0], spline(places), atol=1e-6)
    np.testing.assert_allclose(slopes[0], spline(places, 1), atol=1e-5)


@pytest.mark.parametrize("degrees", [40, -70])
def test_a_drawn_chromosome_becomes_straight(degrees):
    image = np.pad(draw("2", degrees).image, 20, constant_values=255)
    found = AxisPoints(count=12)(dict(img=image, background=255))
    images = torch.from_numpy(image)[None, None].double()
    points = torch.from_numpy(found["axis_points"])[None].double()
    size = (image.shape[0] + 20, 61)
    straight = sample_along(images, points, size)[0, 0].numpy()
    straight = np.rint(straight).clip(0, 255).astype(np.uint8)
    assert abs(find_axis(straight, 255).bend) < 6
    assert ink(straight) == pytest.approx(ink(straighten(image, 255).image), rel=0.04)


def test_gradients_against_finite_differences():
    torch.manual_seed(0)
    coarse = torch.rand(1, 1, 5, 4, dtype=torch.float64)
    images = torch.nn.functional.interpolate(coarse, (24, 16), mode="bicubic")
    points = upright(4, 24, 18) + 0.05 * torch.randn(1, 4, 2, dtype=torch.float64)
    images.requires_grad_()
    points.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda i, p: sample_along(i, p, (12, 8)), (images, points), atol=1e-4
    )


def test_points_in_one_place_are_finite():
    images = torch.rand(1, 1, 32, 32)
    points = torch.zeros(1, 6, 2, requires_grad=True)
    straight = sample_along(images, points, (32, 32))
    straight.sum().backward()
    assert torch.isfinite(straight).all() and torch.isfinite(points.grad).all()


@pytest.mark.parametrize("top", [0, 24, 48], ids=["upper", "neither", "lower"])
def test_a_rod_keeps_its_length_where_it_touches_the_border(top):
    """Rows beyond the image are background, not the chromosome's last row again."""
    image = np.full((96, 64), 250, np.uint8)
    image[top : top + 48, 27:37] = 90
    found = AxisPoints(count=12)(dict(img=image, background=250))
    images = torch.from_numpy(image)[None, None].double()
    points = torch.from_numpy(found["axis_points"])[None].double()
    straight = sample_along(images, points, (96, 64))[0, 0]
    dark = straight < 170
    assert abs(int(dark.any(dim=1).sum()) - 48) <= 1
    assert int(dark.any(dim=0).sum()) == 10
    torch.testing.assert_close(straight[[0, -1]], torch.full_like(straight[:2], 250.0))


def test_beyond_the_image_each_channel_has_its_own_background():
    images = torch.tensor([0.7, -0.2])[None, :, None, None].repeat(1, 1, 32, 16)
    images[:, :, :20, 6:10] = 3.0
    straight = sample_along(images, upright(5, 32, 30).float(), (64, 64))
    beyond = straight[0, :, :15]  # the image's 32 rows are the middle ones of 64
    torch.testing.assert_close(beyond, images[0, :, :1, :1].expand_as(beyond))
