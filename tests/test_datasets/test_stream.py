"""Batches from any position on: made in a thread where that cannot change them."""

import threading

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmpretrain.registry import TRANSFORMS
from tiny_run import write_crops  # registers DrawFromAll, too
from torch.utils.data import DataLoader

from mmscl.datasets import ChromosomeDataset
from mmscl.datasets.images import ImageError
from mmscl.datasets.stream import KeyedStream

OURS = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", size=(16, 8)),
    dict(type="PackInputs"),
]
STOCK = [OURS[0], dict(type="DrawFromAll"), *OURS[1:]]


class Where:
    """Notes the threads that make batches."""

    def __init__(self):
        self.threads = set()

    def transform_batch(self, samples, rng):
        self.threads.add(threading.current_thread().name)
        return samples

    def __call__(self, sample):
        return self.transform_batch([sample], None)[0]


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    root = tmp_path_factory.mktemp("crops")
    write_crops(root)
    return root


def make_stream(crops, pipeline, seed=0):
    data = ChromosomeDataset(data_root=str(crops), split="train", pipeline=pipeline)
    data.full_init()
    where = Where()
    data.pipeline.transforms.insert(1, where)
    loader = DataLoader(
        data, 8, sampler=DefaultSampler(data, seed=0), collate_fn=pseudo_collate
    )
    return KeyedStream(loader, seed), where


def pixels(stream, epoch=0, done=0):
    batches = [torch.stack(list(b["inputs"])) for b in stream.epoch(epoch, done)]
    stream.close()
    return torch.cat(batches)


def test_a_thread_makes_the_batches_and_draws_nothing_from_the_global_generators(crops):
    stream, where = make_stream(crops, OURS)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    whole = pixels(stream)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    assert where.threads == {"mmscl_ahead_0"}
    # 72 images, as if they had been made here, from any position on
    direct = [
        torch.stack([s["inputs"] for s in stream.dataloader.dataset.__getitems__(rows)])
        for rows in batches_of(stream)
    ]
    assert torch.equal(whole, torch.cat(direct)) and len(whole) == 72
    assert torch.equal(pixels(stream, done=3), whole[24:])
    assert not torch.equal(pixels(stream, epoch=1), whole)


def batches_of(stream):
    stream.batches.start(0, 0)
    return list(stream.batches)


def test_transforms_that_draw_from_the_global_generators_stay_in_the_main_thread(crops):
    assert TRANSFORMS.get("DrawFromAll")
    stream, where = make_stream(crops, STOCK)
    first = pixels(stream)
    assert where.threads == {threading.main_thread().name}
    torch.manual_seed(5)
    assert torch.equal(pixels(stream), first)


def test_an_error_of_the_thread_comes_out_and_closing_ends_it(crops, tmp_path):
    stream, _ = make_stream(crops, OURS)
    batches = stream.epoch(0)
    next(batches)
    names = [thread.name for thread in threading.enumerate()]
    assert "mmscl_ahead_0" in names
    stream.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "mmscl_ahead_0" not in names
    write_crops(tmp_path)
    stream, _ = make_stream(tmp_path, OURS)
    (tmp_path / "0_X.png").unlink()
    with pytest.raises(ImageError, match="0_X.png: cannot be opened"):
        pixels(stream)
