"""The order of training images, from any position on, with the key of each image.

A run that was killed goes on as if nothing had happened only if the images that come
next, and what the augmentation does to them, follow from the position alone: (seed,
rank, epoch, batch, place in the batch). Then no worker has a state worth saving, and
any number of workers gives the same images.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from typing import Any

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from torch.utils.data import DataLoader, get_worker_info

from mmscl.datasets.ahead import made_ahead


class Draw(int):
    """A dataset index that knows its place in the stream of training images.

    Attributes:
        key: (seed, rank, epoch, batch, place in the batch), all >= 0. Random numbers
            seeded by it are the same in every worker and after every resume.
    """

    key: tuple[int, ...]

    def __new__(cls, index: int, key: tuple[int, ...]) -> Draw:
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

    def __reduce__(self) -> tuple:
        return Draw, (int(self), self.key)


def batch_generator(indices: Sequence[int]) -> np.random.Generator | None:
    """The random numbers of a batch: a generator of its own, the same every time.

    Args:
        indices: Of one batch; None is returned if they are no `Draw`.
    """
    first = indices[0] if len(indices) else None
    if not isinstance(first, Draw):
        return None
    return np.random.Generator(np.random.SFC64(list(first.key[:-1])))


@contextmanager
def keyed_globals(index: int) -> Iterator[None]:
    """Within it python's, numpy's and torch's generators follow from an image's key.

    So any transform, whatever it draws from, gives the same image in every worker and
    after every resume. In the main process the generators are put back after it: the
    model's dropout and a batch's mixup draw from them. An index without a key leaves
    everything as it is.
    """
    if not isinstance(index, Draw):
        yield
        return
    before = None
    if get_worker_info() is None:
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seeds = np.random.SeedSequence(index.key).generate_state(4)
    random.seed(int(seeds[0]))
    np.random.seed(seeds[1:3])
    # Not torch.manual_seed, which seeds the GPUs too.
    torch.default_generator.manual_seed(int(seeds[3]))
    try:
        yield
    finally:
        if before is not None:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.set_rng_state(before[2])


class KeyedStream:
    """Batches of a dataloader from any position on, with keyed randomness.

    Takes over the dataloader: its batch sampler yields `Draw`s, a dataset that knows
    nothing of keys has the global generators seeded for each image, iterators leave
    torch's global generator as it is. Without workers a thread makes the next batch
    during the step, where the dataset draws by keys alone. Workers leave SIGINT and
    SIGTERM to the main process, so that it can save its state first: `close` ends them.

    Args:
        dataloader: Of a map-style dataset, with any sampler.
        seed: The run's seed; ranks differ by themselves.
    """

    def __init__(self, dataloader: DataLoader, seed: int) -> None:
        self.dataloader = dataloader
        self.batches = _KeyedBatches(dataloader.batch_sampler, (seed, get_rank()))
        isolate(dataloader, ignored=(signal.SIGINT, signal.SIGTERM))
        # Persistent workers that mmengine's loop may have begun know no keys.
        self._iterator: Any = dataloader._iterator
        self.close()
        # DataLoader guards these two against mistakes, not against replacement.
        object.__setattr__(dataloader, "batch_sampler", self.batches)
        if not hasattr(dataloader.dataset, "__getitems__"):
            keyed = _KeyedDataset(dataloader.dataset)
            object.__setattr__(dataloader, "dataset", keyed)

    def epoch(self, epoch: int, done: int = 0) -> Iterator[Any]:
        """The batches of an epoch.

        Args:
            epoch: Its number, from 0.
            done: Batches to leave out at its start; nothing of them is loaded.
        """
        self.batches.start(epoch, done)
        self._iterator = iter(self.dataloader)
        if self.dataloader.num_workers == 0 and self._draws_by_keys():
            self._iterator = made_ahead(self._iterator, count=1)
        return self._iterator

    def _draws_by_keys(self) -> bool:
        asked = getattr(self.dataloader.dataset, "draws_by_keys", None)
        return asked is not None and asked()

    def close(self) -> None:
        """End workers or thread: Python's own way at exit, SIGTERM, would not."""
        for name in ("_shutdown_workers", "close"):  # of workers, of a thread
            end = getattr(self._iterator, name, None)
            if end is not None:
                end()
        self._iterator = self.dataloader._iterator = None

    def endless(self, done: int = 0) -> Iterator[Any]:
        """Batches of one epoch after the other.

        Args:
            done: Batches to leave out at the start.
        """
        sampler = getattr(self.batches, "sampler", None)
        if isinstance(sampler, InfiniteSampler):  # one epoch without an end
            first, rest = 0, done
        else:
            first, rest = divmod(done, len(self.batches))
        for epoch in count(first):
            yield from self.epoch(epoch, rest)
            rest = 0


def isolate(
    dataloader: DataLoader, ignored: tuple[int, ...] = (signal.SIGINT,)
) -> None:
    """Let a dataloader's iterators neither read nor move the run's global state.

    An iterator draws a seed for its workers from torch's global generator, the one of
    dropout: a resumed run, which makes other iterators, would then train differently.

    Args:
        dataloader: Any.
        ignored: Signals that its workers leave to the main process; Ctrl-C reaches
            them too. Others end them, also where the main process catches them.
    """
    dataloader.generator = torch.Generator().manual_seed(0)
    if dataloader.num_workers > 0:
        dataloader.worker_init_fn = partial(
            _init_worker, dataloader.worker_init_fn, ignored
        )


class _KeyedBatches:
    """A batch sampler's batches, as `Draw`s, from a position on."""

    def __init__(self, batches: Any, key: tuple[int, int]) -> None:
        self._batches, self._key = batches, key
        self._epoch = self._done = 0

    def start(self, epoch: int, done: int) -> None:
        """Set the position of the next `iter`, in this and the inner sampler."""
        self._epoch, self._done = epoch, done
        for sampler in (self._batches, getattr(self._batches, "sampler", None)):
            set_epoch = getattr(sampler, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        batches = islice(enumerate(self._batches), self._done, None)
        return self._keyed(batches, (*self._key, self._epoch))

    @staticmethod
    def _keyed(
        batches: Iterator[tuple[int, list[int]]], key: tuple[int, ...]
    ) -> Iterator[list[Draw]]:
        for number, batch in batches:
            yield [Draw(index, (*key, number, i)) for i, index in enumerate(batch)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._batches, name)


class _KeyedDataset:
    """A dataset whose images are made from generators seeded by their key."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        with keyed_globals(index):
            return self._dataset[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._dataset, name)


def _init_worker(inner: Any, ignored: tuple[int, ...], worker_id: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    if inner is not None:
        inner(worker_id)
