"""ChromosomeDataset(once=...): transforms that run on each crop before the cache."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from bent_chromosomes import ball, draw
from torch.utils.data import DataLoader

from mmscl.datasets import ChromosomeDataset, SyntheticKaryotypes
from mmscl.datasets.images import ImageError, find_background, foreground_mask
from mmscl.datasets.manifest import Manifest
from mmscl.datasets.straightening import find_axis
from mmscl.datasets.transforms import Straighten

KINDS = ("1", "5", "9", "21", "X")
LOAD = dict(type="LoadChromosome")
STRAIGHTEN = dict(type="Straighten")
CANVAS = dict(type="ChromosomeCanvas", size=(96, 48), extent=144, cell_size=31)
PACK = dict(type="PackInputs", meta_keys=("sample_idx", "img_path", "img_shape"))


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    """Bent ones, on white and on black, and a round one that has no axis."""
    bent = [draw(kind, 60).image for kind in KINDS[:-1]]
    return [bent[0], 255 - bent[1], *bent[2:], ball()]


@pytest.fixture(scope="module")
def root(tmp_path_factory, crops):
    """A folder with the crops, all of one cell, and their manifest."""
    root = tmp_path_factory.mktemp("crops")
    paths = [f"{index}.png" for index in range(len(crops))]
    for path, crop in zip(paths, crops, strict=True):
        cv2.imwrite(str(root / path), crop)
    columns = dict(path=paths, type=KINDS, case=["p"] * 5, cell=["a"] * 5)
    Manifest(columns).write(root / "manifest.csv")
    return root


def build(root, **settings) -> ChromosomeDataset:
    return ChromosomeDataset(data_root=str(root), **settings)


def test_it_needs_the_cache():
    with pytest.raises(ValueError, match=r"ChromosomeDataset.once: .* need cache=True"):
        ChromosomeDataset(once=[STRAIGHTEN], lazy_init=True)
    ChromosomeDataset(once=[], lazy_init=True)


def test_each_crop_is_transformed_exactly_once(root):
    seen: list[str] = []

    def note(sample: dict) -> dict:
        seen.append(sample["img_path"])
        return sample

    dataset = build(root, cache=True, once=[note], pipeline=[LOAD])
    paths = [str(root / f"{index}.png") for index in range(len(KINDS))]
    assert seen == paths
    for _ in range(3):
        dataset.__getitems__(range(len(KINDS)))
        dataset[0]
    dataset.full_init()
    assert seen == paths


def test_nothing_runs_before_the_data_set_is_initialised(root):
    def refuse(sample: dict) -> dict:
        raise RuntimeError("ran")

    dataset = build(root, cache=True, once=[refuse], lazy_init=True)
    with pytest.raises(RuntimeError, match="ran"):
        dataset.full_init()


@pytest.mark.parametrize("measure", [True, "axis"])
def test_images_are_those_of_the_pipeline_without_a_cache(root, measure):
    canvas = CANVAS if measure is True else dict(CANVAS, cell_size=None)
    scale = [] if measure is True else [dict(type="NormalizeLength", cell_size=61)]
    late = [*scale, canvas, PACK]
    slow = build(root, cell_size=measure, pipeline=[LOAD, STRAIGHTEN, *late])
    once = dict(cache=True, once=[STRAIGHTEN])
    fast = build(root, cell_size=measure, pipeline=[LOAD, *late], **once)
    images = [one["inputs"] for one in slow.__getitems__(range(len(KINDS)))]
    again = [one["inputs"] for one in fast.__getitems__(range(len(KINDS)))]
    assert torch.equal(torch.stack(images), torch.stack(again))
    assert torch.equal(fast[3]["inputs"], images[3])
    bent = build(root, cell_size=measure, pipeline=[LOAD, *late])
    assert not torch.equal(bent[0]["inputs"], images[0])


def test_what_comes_out_of_the_cache_is_straight(root, crops):
    dataset = build(root, cache=True, once=[STRAIGHTEN])
    for index, crop in enumerate(crops):
        info = dataset.get_data_info(index)
        alone = Straighten()(dict(img=crop, background=find_background(crop)))
        np.testing.assert_array_equal(info["img"], alone["img"])
        assert info["background"] == find_background(crop)
    assert abs(find_axis(dataset.get_data_info(0)["img"]).bend) < 5
    np.testing.assert_array_equal(dataset.get_data_info(4)["img"], crops[4])


def test_the_cell_is_measured_on_the_crops_as_they_are(root, crops):
    def halve(sample: dict) -> dict:
        sample["img"] = np.ascontiguousarray(sample["img"][::2, ::2])
        return sample

    dataset = build(root, cache=True, once=[halve], cell_size=True)
    areas = [np.count_nonzero(foreground_mask(crop)) for crop in crops]
    expected = np.median(np.sqrt(areas))
    assert dataset.get_data_info(0)["cell_size"] == pytest.approx(expected)


def test_a_transform_that_gives_none_stops_with_the_path(root):
    with pytest.raises(ImageError, match=r"0\.png: .* returned None"):
        build(root, cache=True, once=[lambda sample: None])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image.astype(np.float32), r"got float32 of shape \(\d+, \d+\)"),
        (lambda image: image[..., None].repeat(3, 2), r"got uint8 of shape \(.*, 3\)"),
    ],
    ids=["floats", "colours"],
)
def test_what_the_cache_cannot_keep_stops_with_the_path(root, change, words):
    def spoil(sample: dict) -> dict:
        return dict(sample, img=change(sample["img"]))

    expected = r"0\.png: ChromosomeDataset\.once: the cache keeps H x W uint8, "
    with pytest.raises(ImageError, match=expected + words):
        build(root, cache=True, once=[spoil])


def test_an_error_of_a_transform_has_the_path(root):
    strict = dict(STRAIGHTEN, no_axis="error")
    with pytest.raises(ImageError, match=r"4\.png: Straighten finds round"):
        build(root, cache=True, once=[strict])


def test_two_workers_see_what_the_main_process_sees(root):
    settings = dict(cache=True, once=[STRAIGHTEN], cell_size=True)
    dataset = build(root, pipeline=[LOAD, CANVAS, PACK], **settings)

    def epoch(workers: int) -> torch.Tensor:
        loader = DataLoader(dataset, 2, num_workers=workers, collate_fn=list)
        return torch.stack([one["inputs"] for batch in loader for one in batch])

    assert torch.equal(epoch(2), epoch(0))


def test_drawn_crops_go_through_them_too():
    def white(sample: dict) -> dict:
        return dict(sample, img=np.full_like(sample["img"], 255))

    one = dict(cases=1, cells_per_case=1, types=["1"])
    drawn = SyntheticKaryotypes(**one, once=[white])
    assert (drawn.get_data_info(0)["img"] == 255).all()
