"""Boxes are where the paper puts them; both gradients agree as far as they can."""

import numpy as np
import pytest
import torch

from mmscl.datasets import SyntheticKaryotypes
from mmscl.datasets.images import foreground_mask
from mmscl.models.comparators.varifocal_crop import covering_boxes, crop_boxes


def ramps(height, width):
    """An image (1, 2, H, W) whose values are x and y of the pixels' centres."""
    x = torch.arange(width, dtype=torch.float64) + 0.5
    y = torch.arange(height, dtype=torch.float64) + 0.5
    return torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)])[None]


def blob(side, x, y, spread):
    """A Gaussian hill (1, 1, side, side) in float64."""
    at = torch.arange(side, dtype=torch.float64) + 0.5
    across = torch.exp(-(((at - x) / spread) ** 2))
    down = torch.exp(-(((at - y) / spread) ** 2))
    return (down[:, None] * across)[None, None]


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.25, 0.75, 0.5), (0.5, 0.5, 1.0)]
)
def test_a_box_lies_where_the_paper_says(box):
    """T1 = 64, T2 = 128 in 256: centre T1 + u T2, half side T1 / 2 (1 + ul)."""
    ux, uy, ul = box
    crop = crop_boxes(
        ramps(256, 256), torch.tensor([box], dtype=torch.float64), (128, 128)
    )
    half = 64 / 2 * (1 + ul)
    step = 2 * half / 128
    for axis, centre in enumerate((64 + ux * 128, 64 + uy * 128)):
        line = crop[0, axis, 0] if axis == 0 else crop[0, axis, :, 0]
        expected = centre - half + (torch.arange(128) + 0.5) * step
        # pixels whose centre is beyond that of the image's last one cannot be told
        expected = expected.clamp(0.5, 255.5)
        torch.testing.assert_close(line, expected.double())


def test_a_box_has_the_proportions_of_the_image():
    box = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64)
    crop = crop_boxes(ramps(80, 40), box, (10, 10))
    assert crop[0, 0, 0, [0, -1]].tolist() == [15.5, 24.5]  # 10 of 40 across
    assert crop[0, 1, [0, -1], 0].tolist() == [31.0, 49.0]  # 20 of 80 down


def test_the_look_up_has_its_true_gradient():
    torch.manual_seed(0)
    images = torch.randn(2, 1, 12, 12, dtype=torch.float64, requires_grad=True)
    boxes = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda i, b: crop_boxes(i, b, (5, 4)), (images, boxes)
    )


def test_the_mask_changes_only_the_rim_of_the_crop():
    torch.manual_seed(0)
    images = torch.randn(3, 1, 64, 64)
    boxes = torch.rand(3, 3)
    plain, masked = (
        crop_boxes(images, boxes, (32, 32), kind) for kind in ("sample", "mask")
    )
    torch.testing.assert_close(plain[..., 4:-4, 4:-4], masked[..., 4:-4, 4:-4])
    assert not torch.allclose(plain, masked)


def mean_gradient(gradient, image, box, offsets=40):
    """Gradient of the crop's mean brightness by the box, over places in a pixel."""
    side = image.shape[-1]
    total = torch.zeros(3, dtype=torch.float64)
    for number in range(offsets):
        moved = box.clone()
        moved[:, :2] += number / offsets / (side / 2)  # from one pixel to the next
        moved.requires_grad_()
        crop_boxes(image, moved, (64, 64), gradient).mean().backward()
        total += moved.grad[0] / offsets
    return total


@pytest.mark.parametrize("at", [(40, 30), (24, 33), (30, 41)])
def test_both_gradients_pull_the_box_to_the_same_side(at):
    """By the divergence theorem: moving a box gains what enters at one edge, and loses
    what leaves at the other, which is all that a mask can see. It sees half of it: the
    outer half of each logistic edge is not in the crop."""
    image = blob(64, *at, 5.0)
    box = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64)
    sample, mask = (mean_gradient(kind, image, box) for kind in ("sample", "mask"))
    largest = float(sample[:2].abs().max())
    assert largest > 0.1
    torch.testing.assert_close(2 * mask[:2], sample[:2], rtol=0, atol=0.05 * largest)


def test_the_gradients_of_the_size_differ_by_the_brightness():
    """A larger box holds more (the mask's view), but shows it smaller (the look-up's):
    the mean is the sum over the area, whose derivative adds -2 mean / (1 + ul)."""
    image = blob(64, 36.0, 33.0, 8.0)
    box = torch.tensor([[0.5, 0.5, 0.2]], dtype=torch.float64)
    sample, mask = (mean_gradient(kind, image, box) for kind in ("sample", "mask"))
    brightness = float(crop_boxes(image, box, (64, 64)).mean())
    difference = float(2 * mask[2] - sample[2])
    assert difference == pytest.approx(2 * brightness / 1.2, rel=0.05)


def test_a_masks_gradient_depends_on_the_place_within_a_pixel():
    """Why the look-up is the default: at k = 10 a mask sees a pixel or it does not."""
    image = blob(64, 44.0, 32.0, 6.0)
    found = []
    for shift in (0.0, 0.5 / 32):
        box = torch.tensor([[0.5 + shift, 0.5, 0.0]], dtype=torch.float64)
        box.requires_grad_()
        crop_boxes(image, box, (64, 64), "mask").mean().backward()
        found.append(float(box.grad[0, 0]))
    assert min(found) > 0
    assert max(found) > 5 * min(found)


def test_the_target_just_covers_a_centred_square():
    image = torch.full((1, 1, 64, 64), 255.0)
    image[..., 22:42, 28:36] = 90.0  # 10 pixels to each side of the middle
    # T1 / 2 (1 + ul) = 10 with T1 = 16
    torch.testing.assert_close(
        covering_boxes(image), torch.tensor([[0.5, 0.5, 10 / 8 - 1]])
    )
    image[..., 10:42, 28:36] = 90.0  # 22 up: more than the largest box
    found = covering_boxes(image)[0]
    torch.testing.assert_close(found, torch.tensor([0.5, 0.5, 0.95]))


def test_a_blank_image_has_the_smallest_box():
    found = covering_boxes(torch.full((2, 1, 32, 32), 7.0))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.5, 0.05]] * 2))


@pytest.mark.parametrize("side", ["upper", "lower", "left", "right"])
def test_a_chromosome_that_touches_the_border_has_the_largest_box(side):
    """To cover it the box would have to be the whole image; the largest is half."""
    image = torch.full((1, 1, 64, 64), 255.0)
    image[..., :40, 20:44] = 90.0
    if side in ("lower", "right"):
        image = image.flip(2)
    if side in ("left", "right"):
        image = image.transpose(2, 3)
    found = covering_boxes(image)[0]
    torch.testing.assert_close(found, torch.tensor([0.5, 0.5, 0.95]))


def test_the_target_covers_what_the_data_set_calls_foreground():
    """On a drawn cell the box is that of the mask from Otsu's threshold, to a pixel."""
    steps = [dict(type="LoadChromosome")]
    steps += [
        dict(type="ChromosomeCanvas", size=96, extent=288),
        dict(type="PackInputs"),
    ]
    cell = SyntheticKaryotypes(
        cases=1, cells_per_case=1, abnormal_rate=0.0, pipeline=steps
    )
    images = torch.stack([sample["inputs"] for sample in cell])
    sides = []
    for image in images[:, 0].numpy():
        rows, columns = np.nonzero(foreground_mask(image))
        edges = np.concatenate([rows, rows + 1, columns, columns + 1]) - 48
        sides.append(np.abs(edges).max())
    expected = np.clip(np.array(sides) / 12 - 1, 0.05, 0.95)  # T1 / 2 = 12
    assert 0.05 < expected.mean() < 0.95
    found = covering_boxes(images.float())[:, 2].numpy()
    np.testing.assert_allclose(found, expected, atol=1.01 / 12)


@pytest.mark.parametrize("scale, shift", [(1.0, 0.0), (0.02, -3.0), (-0.02, 1.0)])
def test_the_target_is_the_same_on_any_grey_scale(scale, shift):
    image = torch.full((1, 1, 64, 64), 250.0)
    image[..., 20:44, 28:36] = 90.0
    image[..., 20:24, 28:36] = 190.0  # a pale end
    torch.testing.assert_close(
        covering_boxes(scale * image + shift), covering_boxes(image)
    )


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"boxes \(B, 3\), got \(1, 1, 8, 8\) and \(1"):
        crop_boxes(torch.zeros(1, 1, 8, 8), torch.zeros(1, 4), (4, 4))
    with pytest.raises(ValueError, match="gradient: expected one of .* got 'stn'"):
        crop_boxes(torch.zeros(1, 1, 8, 8), torch.zeros(1, 3), (4, 4), "stn")
