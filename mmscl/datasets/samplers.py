"""The sampler that feeds supervised contrastive learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from mmpretrain.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmscl.datasets.columns import class_names, image_column, images_by_class, labels_of
from mmscl.datasets.pairing import CrossGroup, Items, SameGroup, TupleStream
from mmscl.registry import register

PAIRINGS = ("random", "cross_case", "cross_site", "same_cell")
#: Blocks made at once: the cost of one numpy call is shared, the first comes soon.
_WINDOW = 128
#: Values spread over at most so many times their number are grouped by counting.
_DENSE = 4


@register(DATA_SAMPLERS)
class PairedKaryotypeSampler(Sampler):
    """Indices in blocks of whole karyotypes: one image of every type, m times.

    Supervised contrastive learning (arXiv 2312.07623, section 2) takes two batches B1
    and B2 that hold one image of each of the N types. The index stream of one epoch:

    1. The stream is a row of blocks. A block is m = ``karyotypes_per_batch``
       karyotypes of N indices: the types of the first in class order, then those of
       the second, and so on. Place k of each karyotype has the same type.
    2. Each type has an endless stream of m-tuples of its images. It shuffles the
       images, deals them out m at a time, and shuffles again when they are used up:
       at any time the draws of two images of a type differ by at most one (by two for
       m > 2). The images of a tuple differ, unless the type has fewer than m images:
       then they repeat in turn.
    3. Block g takes tuple g of each type. With ``classes_per_batch`` = N smaller than
       the number of classes, the classes of the blocks are drawn the same way, each
       as often as any other, and a class moves on by one tuple when it is drawn.
    4. In epoch e, rank r of w yields the blocks (e S + s) w + r for s = 0..S-1, with
       S = ``steps_per_epoch``. So no two ranks and no two epochs share a block, and w
       processes see in one epoch what one process sees in w.

    Everything follows from the seed, the epoch and the rank: the global generators
    are neither read nor moved, the number of workers changes nothing. All ranks need
    the same seed and the same dataset. Not guaranteed: that each image is seen in
    every epoch (a type with more images than 2 S takes longer to go round).

    ``pairing`` decides which images make a tuple (a pair, for m = 2):

    - ``'random'``: any of the type.
    - ``'cross_case'``: of m different cases (patients), always. Where one case has
      more than 1/m of the images of a type, each round draws a random part of them,
      as many as find partners.
    - ``'cross_site'``: of m different sites (laboratories), in the same way: with
      two sites and m = 2, half of every batch is of either, however many images
      each has. Types that fewer than m sites have (the Y of a laboratory with women
      alone) are paired at random; they are named in the log.
    - ``'same_cell'``: homologues of one cell as far as they go; images whose cell has
      no further one (X and Y of a male, the third of three) are put with images of
      the same case in other cells, what then remains with any of the type. Where m
      does not divide the number of images of a type, m - 1 or fewer images a round
      sit out in turn, and their partners count as left alone.

    Args:
        dataset: Any dataset with labels: mmscl's, mmpretrain's, mmengine's wrappers,
            ``torch.utils.data`` Subset and ConcatDataset, torchvision and timm sets
            with ``targets``. Otherwise give ``labels``.
        seed: Seed, identical in all ranks; None agrees on a random one.
        steps_per_epoch: Blocks a rank yields in an epoch. Default from the paper.
        karyotypes_per_batch: Karyotypes in a block, m. 2 in the paper.
        pairing: 'random', 'cross_case', 'cross_site' or 'same_cell'.
        missing: 'error' refuses a dataset in which a type has no images, 'skip'
            leaves the type out of the blocks.
        shuffle: False deals images and classes in dataset order.
        classes_per_batch: Types in a karyotype; None takes all that have images.
        labels: Class index of each image (n,), for datasets that do not tell.
        cases: Case of each image (n,), any values; None asks ``dataset.manifest``.
        cells: Cell of each image (n,), told apart within a case; None as for cases.
        sites: Site of each image (n,); None as for cases.

    Raises:
        ValueError: An argument out of range; types without images; 'cross_case' with
            a type of fewer than m cases, 'cross_site' without any type of m sites.
        TypeError: The dataset does not tell labels (or cases, cells, sites).

    Example:
        >>> data = list(range(6))
        >>> sampler = PairedKaryotypeSampler(
        ...     data, seed=0, steps_per_epoch=1, labels=[0, 0, 0, 1, 1, 1])
        >>> [i // 3 for i in sampler]
        [0, 1, 0, 1]
    """

    def __init__(
        self,
        dataset: Sized,
        seed: int | None = None,
        steps_per_epoch: int = 2000,
        karyotypes_per_batch: int = 2,
        pairing: str = "random",
        missing: str = "error",
        shuffle: bool = True,
        classes_per_batch: int | None = None,
        labels: Sequence[int] | None = None,
        cases: Sequence | None = None,
        cells: Sequence | None = None,
        sites: Sequence | None = None,
    ) -> None:
        _check_positive(
            steps_per_epoch=steps_per_epoch, karyotypes_per_batch=karyotypes_per_batch
        )
        _check_choice("pairing", pairing, PAIRINGS)
        _check_choice("missing", missing, ("error", "skip"))
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.seed = int(sync_random_seed() if seed is None else seed)
        if self.seed < 0:
            raise ValueError(f"seed: expected a number >= 0 or None, got {seed}.")
        self.steps_per_epoch = steps_per_epoch
        self.karyotypes_per_batch = karyotypes_per_batch
        self.pairing = pairing
        self.shuffle = shuffle
        self.epoch = 0
        self._skipped_epochs = self._skipped_blocks = self._skipped_images = 0

        found = labels_of(dataset, labels)
        self._names = class_names(dataset, found)
        counts = np.bincount(found, minlength=len(self._names))
        #: Class indices that have images, ascending: (K,).
        self.classes = self._present(counts, missing)
        self.classes_per_batch = self._block_classes(classes_per_batch)
        images = images_by_class(found, counts)
        self._images = [images[number] for number in self.classes]
        self._streams = self._make_streams(cases, cells, sites)
        self._class_stream = TupleStream(
            Items(len(self.classes), self.classes_per_batch),
            (self.seed, 0),
            shuffle,
        )

    @property
    def block_size(self) -> int:
        """Indices of one block, m N: a batch size should be a multiple of it."""
        return self.karyotypes_per_batch * self.classes_per_batch

    def __len__(self) -> int:
        """Number of indices that this rank yields in an epoch."""
        return self.steps_per_epoch * self.block_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next ``iter``; 0 at first."""
        self.epoch = epoch

    def skip(self, num_samples: int) -> None:
        """Let the next ``iter`` start further on, once: for resuming.

        Args:
            num_samples: Indices of this rank already used, >= 0, counted from the
                start of the current epoch (not from where an iterator stands). More
                than ``len(self)`` skips whole epochs; later ``set_epoch`` calls then
                count from there, as mmengine's iteration loop needs it, whose own
                count starts at 0 after a resume.
        """
        if num_samples < 0:
            raise ValueError(f"num_samples: expected >= 0, got {num_samples}.")
        self._skipped_epochs, rest = divmod(num_samples, len(self))
        self._skipped_blocks, self._skipped_images = divmod(rest, self.block_size)

    def __iter__(self) -> Iterator[int]:
        # Not a generator itself: epoch and skip are read now, not at the first next.
        epoch = self.epoch + self._skipped_epochs
        step, offset = self._skipped_blocks, self._skipped_images
        self._skipped_blocks = self._skipped_images = 0
        return self._indices(epoch, step, offset)

    def _indices(self, epoch: int, step: int, offset: int) -> Iterator[int]:
        for start in range(step, self.steps_per_epoch, _WINDOW):
            stop = min(start + _WINDOW, self.steps_per_epoch)
            first = epoch * self.steps_per_epoch
            indices = self._blocks(first + start, first + stop).ravel().tolist()
            yield from indices[offset:]
            offset = 0

    def _blocks(self, start: int, stop: int) -> np.ndarray:
        """This rank's blocks of the steps start..stop-1: (steps, m, N) indices."""
        steps = np.arange(start, stop)
        slots, positions = self._classes_of(
            start * self.world_size, stop * self.world_size
        )
        slots, positions = (x[self.rank :: self.world_size] for x in (slots, positions))
        blocks = np.empty(
            (len(steps), self.classes_per_batch, self.karyotypes_per_batch), np.int32
        )
        for number in np.unique(slots):
            here = slots == number
            local = self._streams[number].take(positions[here])
            blocks[here] = self._images[number][local]
        return blocks.transpose(0, 2, 1)

    def _classes_of(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Classes of the global blocks start..stop-1, and how often each came before.

        Returns:
            Places in ``self.classes``, ascending in a block, and the position in that
            class's stream: both (stop - start, N).
        """
        total, drawn = len(self.classes), self.classes_per_batch
        blocks = np.arange(start, stop)
        if drawn == total:
            slots = np.broadcast_to(np.arange(total), (len(blocks), total))
            return slots, np.broadcast_to(blocks[:, None], slots.shape)
        # Over one chunk of the class stream each class is drawn equally often, so the
        # count before the chunk is known; the rest is counted within.
        stream = self._class_stream
        first = start // stream.length * stream.length
        slots = np.sort(stream.take(np.arange(first, stop)), axis=1)
        member = np.zeros((len(slots), total), np.int64)
        np.put_along_axis(member, slots.astype(np.int64), 1, axis=1)
        before = member.cumsum(axis=0) - member + first * drawn // total
        positions = np.take_along_axis(before, slots.astype(np.int64), axis=1)
        return slots[start - first :], positions[start - first :]

    def _make_streams(
        self, cases: Sequence | None, cells: Sequence | None, sites: Sequence | None
    ) -> list[TupleStream]:
        width = self.karyotypes_per_batch
        items: Sequence[Items]
        if self.pairing == "random":
            items = [Items(len(images), width) for images in self._images]
        elif self.pairing == "same_cell":
            case_ids = image_column(self.dataset, "case", cases, self._feature)
            cell_ids = image_column(self.dataset, "cell", cells, self._feature)
            items = [
                SameGroup(*_compact_levels(case_ids[i], cell_ids[i]), width)
                for i in self._images
            ]
        elif self.pairing == "cross_case":
            items = self._across_cases(cases, width)
        else:
            items = self._across_sites(sites, width)
        return [
            TupleStream(item, (self.seed, 1, int(number)), self.shuffle)
            for number, item in zip(self.classes, items, strict=True)
        ]

    def _across_cases(self, cases: Sequence | None, width: int) -> list[CrossGroup]:
        groups = self._groups("case", cases)
        if poor := self._poor(groups, width):
            raise ValueError(
                f"pairing='cross_case' needs images of karyotypes_per_batch={width} "
                f"or more cases for each type, but got fewer for (cases) {poor} in "
                f"{_where(self.dataset)}. Use pairing='random', or more cases."
            )
        return [CrossGroup(group, width) for group in groups]

    def _across_sites(self, sites: Sequence | None, width: int) -> list[Items]:
        groups = self._groups("site", sites)
        if all(group.max() + 1 < width for group in groups):
            raise ValueError(
                f"pairing='cross_site' needs images of karyotypes_per_batch={width} or "
                f"more sites, but no type in {_where(self.dataset)} has so many. Add "
                "the data of another laboratory, or use pairing='cross_case'."
            )
        if poor := self._poor(groups, width):
            print_log(
                f"pairing='cross_site': fewer than {width} sites have the types "
                f"(sites) {poor}, whose images are paired at random",
                logger="current",
            )
        return [
            CrossGroup(group, width)
            if group.max() + 1 >= width
            else Items(len(group), width)
            for group in groups
        ]

    def _groups(self, column: str, values: Sequence | None) -> list[np.ndarray]:
        """Case or site of the images of each class, as numbers 0, 1, ..."""
        ids = image_column(self.dataset, column, values, self._feature)
        return [_compact(ids[images]) for images in self._images]

    def _poor(self, groups: Sequence[np.ndarray], width: int) -> str:
        """Classes whose images are of fewer than `width` groups, for a message."""
        return ", ".join(
            f"{self._names[number]!r} ({group.max() + 1})"
            for number, group in zip(self.classes, groups, strict=True)
            if group.max() + 1 < width
        )

    @property
    def _feature(self) -> str:
        return f"PairedKaryotypeSampler(pairing='{self.pairing}')"

    def _present(self, counts: np.ndarray, missing: str) -> np.ndarray:
        absent = np.flatnonzero(counts == 0)
        if len(absent) == len(counts):
            raise ValueError(f"No images in {_where(self.dataset)}.")
        if len(absent) and missing == "error":
            names = ", ".join(repr(self._names[number]) for number in absent)
            raise ValueError(
                f"No images of the types {names} in {_where(self.dataset)}. A "
                "karyotype needs one of every type: check the data, choose another "
                "split, or train without these types by missing='skip' in the "
                "sampler."
            )
        return np.flatnonzero(counts)

    def _block_classes(self, classes_per_batch: int | None) -> int:
        total = len(self.classes)
        if classes_per_batch is None:
            return total
        _check_positive(classes_per_batch=classes_per_batch)
        if classes_per_batch > total:
            raise ValueError(
                f"classes_per_batch: expected at most {total}, the classes that have "
                f"images, got {classes_per_batch}."
            )
        return classes_per_batch


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name}: expected an int >= 1, got {value!r}.")
        if value < 1:
            raise ValueError(f"{name}: expected an int >= 1, got {value}.")


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: expected one of {choices}, got {value!r}.")


def _compact(values: np.ndarray) -> np.ndarray:
    """Group numbers 0, 1, ... in place of any values: uint16 or int32 (n,)."""
    if len(values) and np.issubdtype(values.dtype, np.integer):
        low, span = values.min(), int(np.ptp(values)) + 1
        if span <= _DENSE * len(values):  # counting, where a sort is slower
            offset = values - low
            used = np.zeros(span, bool)
            used[offset] = True
            numbers = np.cumsum(used, dtype=np.int32) - np.int32(1)
            return _narrow(numbers)[offset]
    return _narrow(np.unique(values, return_inverse=True)[1])


def _narrow(numbers: np.ndarray) -> np.ndarray:
    """Numbers >= 0 in 16 bits, or in 32 where there are more: memory is O(images)."""
    few = numbers.max(initial=0) < 2**16
    return numbers.astype(np.uint16 if few else np.int32, copy=False)


def _compact_levels(
    cases: np.ndarray, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cell of each image (n,), and case of each cell, as group numbers.

    A cell id counts within its case only.
    """
    case, cell = _compact(cases), _compact(cells)
    case_of = np.zeros(int(cell.max(initial=0)) + 1, case.dtype)
    case_of[cell] = case
    if not np.array_equal(case_of[cell], case):  # an id that several cases use
        cell = _compact(case.astype(np.int64) * len(case_of) + cell)
        case_of = np.zeros(int(cell.max(initial=0)) + 1, case.dtype)
        case_of[cell] = case
    return cell, case_of


def _where(dataset: Sized) -> str:
    """The dataset in an error message: its class, split and file, as far as known."""
    known = {n: getattr(dataset, n, None) for n in ("split", "ann_file", "data_root")}
    told = ", ".join(f"{n}={v!r}" for n, v in known.items() if v)
    return f"{type(dataset).__name__}({told})"
