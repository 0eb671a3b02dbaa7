"""Rows of a manifest -> samples for mmengine and mmpretrain."""

from __future__ import annotations

import os.path as osp
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from mmengine.dataset import Compose, force_full_init
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS, TRANSFORMS

from mmscl.datasets.cell_measure import check_measure, measure_cell, measure_crop
from mmscl.datasets.checksums import FileChecksums
from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.crop_buffer import CropBuffer
from mmscl.datasets.images import ImageError, find_background, read_crop
from mmscl.datasets.manifest import TYPES, Manifest
from mmscl.datasets.stream import batch_generator, keyed_globals
from mmscl.datasets.transforms.batching import (
    batch_form,
    returned_none,
    run_pipeline,
)
from mmscl.datasets.transforms.loading import LoadChromosome
from mmscl.datasets.transforms.polarity import check_flips
from mmscl.datasets.transforms.randomness import generator
from mmscl.registry import register

_OPTIONAL = ("case", "cell", "homolog", "polarity", "site")
_PROGRESS_SECONDS = 10.0
#: Where a subclass may have its own way with each sample.
_ONE_BY_ONE = ("__getitem__", "prepare_data")


@register(DATASETS)
class ChromosomeDataset(BaseDataset):
    """Chromosome crops described by a manifest (docs/data.md).

    A sample starts as a dict with ``img_path`` (str), ``gt_label`` (int, 0..23),
    ``sample_idx`` (int), ``case``, ``cell``, ``homolog``, ``polarity`` and ``site``
    (str, '' where the manifest has no such column); with ``img`` (H x W uint8) and
    ``background`` (its grey level) when the crop is in memory, and ``cell_size``
    (float, pixels) when asked for. Then the pipeline runs, for a DataLoader on whole
    batches as far as its transforms can. Everything is kept in numpy arrays, so that
    forked workers share it and memory is O(rows).

    Two departures from mmpretrain's BaseDataset, both because a random other image
    in the place of a broken one would break a karyotype pair without a word:
    ``max_refetch`` is 0, and a pipeline that returns None is an error that names
    the file.

    Args:
        ann_file: The manifest, relative to ``data_root``.
        data_root: Folder of the manifest; relative paths in it start here.
        split: 'train', 'val' or 'test'; None takes every row.
        pipeline: Transforms (ours or mmpretrain's).
        sites: Laboratories to keep; None keeps all.
        cases: Cases (patients) to keep; None keeps all.
        types: Chromosome types ('1'..'22', 'X', 'Y') to keep; None keeps all. The
            class index stays that of the 24 types.
        cache: Decode every selected crop once, at ``full_init``, into one uint8
            buffer (about 60 MB for 22,000 tight crops).
        once: Transforms without randomness that run on each crop before it goes into
            the cache, and not again: ``Straighten`` takes more time than the whole
            rest of a pipeline. Only with ``cache``; what they set besides ``img`` is
            not kept. A pipeline for testing has them behind LoadChromosome instead.
        cell_size: Measure the cell: the median, over the crops of one cell of one
            case, of the square root of the foreground area in pixels. A measure of
            magnification and condensation; ``ChromosomeCanvas(cell_size=...)`` uses
            it. 'axis' takes the lengths of the medial axes instead, for
            ``NormalizeLength``; crops without an axis do not count. Needs the columns
            case and cell, and all types.
        watch_files: Where a crop is read from its file each time (cache=False, the
            pipeline's LoadChromosome), end with an error that names a file whose
            content is not what it was at its first read, in whichever worker. 4 bytes
            of shared memory a row, and a checksum a read. False lets files change.
        test_mode: As in mmengine.
        metainfo: Further meta information; ``classes`` are always the 24 types.
        max_refetch: How many random other samples may replace one for which the
            pipeline returned None. 0, the default, is right for training in pairs.
        lazy_init: Do not read the manifest yet.

    Raises:
        FileNotFoundError: There is no manifest.
        ManifestError: A column, split, site, case or type is not there.
        PipelineError: The canvas would make the labels of FlipPolarity wrong.
        ImageError: A crop cannot be decoded, or its file changed since it was read
            first; the message has its path.

    Example:
        >>> dataset = ChromosomeDataset(data_root='data/pki3', split='train',
        ...                             pipeline=[dict(type='LoadChromosome')])
        ... # doctest: +SKIP
    """

    METAINFO = dict(classes=TYPES)
    _fully_initialized: bool

    def __init__(
        self,
        ann_file: str = "manifest.csv",
        data_root: str = "",
        split: str | None = None,
        pipeline: Sequence = (),
        sites: Sequence[str] | None = None,
        cases: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        cache: bool = False,
        once: Sequence = (),
        cell_size: bool | str = False,
        watch_files: bool = True,
        test_mode: bool = False,
        metainfo: dict | None = None,
        max_refetch: int = 0,
        lazy_init: bool = False,
    ) -> None:
        classes = (metainfo or {}).get("classes", TYPES)
        if tuple(classes) != tuple(TYPES):
            raise ValueError(
                f"metainfo.classes of {type(self).__name__}: expected the 24 types "
                f"'1'..'22', 'X', 'Y' in this order, got {classes!r}. To use fewer "
                "types, set `types`; for other classes, use a dataset of mmpretrain."
            )
        self.cell_measure = check_measure(f"{type(self).__name__}.cell_size", cell_size)
        if cell_size and types is not None:
            raise ValueError(
                f"cell_size={cell_size} measures a cell over all its chromosomes, but "
                f"types={list(types)!r} leaves some out: drop one of the two."
            )
        if once and not cache:
            raise ValueError(
                f"{type(self).__name__}.once: transforms that run once need cache=True,"
                " which keeps what they make; without it, put them into the pipeline"
            )
        self.once = Compose(
            [TRANSFORMS.build(t) if isinstance(t, dict) else t for t in once]
        )
        self.split = split
        self.sites, self.cases, self.types = sites, cases, types
        self.cache = cache
        self.cell_size = cell_size
        self.watch_files = watch_files
        self._crops: CropBuffer | None = None
        self._checksums: FileChecksums | None = None
        self._cell_sizes: np.ndarray | None = None
        super().__init__(
            ann_file=ann_file,
            data_root=osp.expanduser(data_root),
            metainfo=metainfo,
            serialize_data=False,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )
        check_flips(getattr(self.pipeline, "transforms", ()))

    def load_manifest(self) -> Manifest:
        """The selected rows. Subclasses that draw their own data override this.

        Raises:
            FileNotFoundError: There is no manifest; says how to make one.
            ManifestError: A selected split, site, case or type does not occur.
        """
        if not osp.isfile(self.ann_file):
            root = self.data_root or "."
            state = "has no manifest" if osp.isdir(root) else "does not exist"
            raise FileNotFoundError(
                f"{self.ann_file}: no such file (data_root={root!r} {state}). "
                f"{type(self).__name__} reads a manifest of chromosome crops. "
                "Prepare one with `python tools/prepare_dataset.py LAYOUT SOURCE "
                f"--out {root}` (layouts: docs/data.md), or point `data_root` "
                "and `ann_file` of the dataset in the config to where it is."
            )
        return Manifest.read(self.ann_file).select(
            split=self.split, sites=self.sites, cases=self.cases, types=self.types
        )

    def load_crop(self, index: int) -> np.ndarray | None:
        """The crop (H x W uint8) of a row, for subclasses that draw their crops.

        Args:
            index: Row of ``self.manifest``, 0 <= index < len(self).

        Returns:
            None here: the file ``img_path`` has the crop.
        """
        return None

    def full_init(self) -> None:
        """Read the manifest; decode and measure the crops where asked."""
        if self._fully_initialized:
            return
        self.manifest = self.load_manifest()
        self._labels = np.asarray(self.manifest.labels, dtype=np.int64)
        self._paths = self.manifest["path"]
        self._columns = {c: self.manifest[c] for c in _OPTIONAL if c in self.manifest}
        if self.cell_size:
            self.manifest.require("cell_size=True", "case", "cell")
        if self.watch_files and not self.cache:
            self._checksums = FileChecksums(len(self._labels))
        if self.cache or self.cell_size:
            self._read_all_crops()
        self._fully_initialized = True

    def _read_all_crops(self) -> None:
        """One pass over the crops for the cache and the size of the cells."""
        buffer = CropBuffer() if self.cache else None
        extents = np.zeros(len(self._labels))
        backgrounds = np.zeros(len(self._labels), np.uint8)
        for index, crop in enumerate(self._all_crops()):
            backgrounds[index] = background = find_background(crop)
            if self.cell_measure:
                extents[index] = measure_crop(crop, background, self.cell_measure)
            if buffer is not None:
                buffer.append(self._prepared(index, crop, background))
        self._backgrounds = backgrounds
        if buffer is not None:
            buffer.freeze()
            self._crops = buffer
        if self.cell_size:
            self._cell_sizes = _median_by_cell(
                extents, self._columns["case"], self._columns["cell"]
            )

    def _prepared(self, index: int, crop: np.ndarray, background: int) -> np.ndarray:
        """The crop as the transforms that run once leave it."""
        path = self.path_of(index)
        sample = self.once(dict(img=crop, background=background, img_path=path))
        if sample is None:
            raise returned_none(path)
        if sample["img"].dtype != np.uint8 or sample["img"].ndim != 2:
            raise ImageError(
                f"{path}: {type(self).__name__}.once: the cache keeps H x W uint8, got "
                f"{sample['img'].dtype} of shape {sample['img'].shape}"
            )
        return sample["img"]

    def _all_crops(self) -> Iterator[np.ndarray]:
        """Decode row by row; say how far it is when it takes long."""
        start = said = time.monotonic()
        total = len(self._labels)
        for index in range(total):
            crop = self.load_crop(index)
            if crop is None:
                crop = read_crop(self.path_of(index), self._check_of(index))
            yield crop
            now = time.monotonic()
            if now - said > _PROGRESS_SECONDS:
                said, done = now, index + 1
                eta = (now - start) / done * (total - done)
                print_log(
                    f"decoded {done} of {total} crops, {eta:.0f} s to go",
                    logger="current",
                )

    def path_of(self, index: int) -> str:
        """Path of a row's file; an absolute path in the manifest stays."""
        return osp.join(self.data_root, self._paths.item(index))

    def _check_of(self, index: int) -> Callable[[bytes], None] | None:
        """What compares the bytes of a row's file with those of its first read."""
        if self._checksums is None:
            return None
        return partial(self._checksums.check, index, self.path_of(index))

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """The sample of a row before the pipeline; see the class for its keys."""
        index = int(idx) + len(self._labels) if idx < 0 else int(idx)
        info = dict(
            img_path=self.path_of(index),
            gt_label=self._labels.item(index),
            sample_idx=index,
        )
        for name in _OPTIONAL:
            column = self._columns.get(name)
            info[name] = "" if column is None else column.item(index)
        if self._crops is not None:
            info["img"] = self._crops[index]
            info["background"] = self._backgrounds.item(index)
        elif (crop := self.load_crop(index)) is not None:
            info["img"] = crop
        if self._cell_sizes is not None:
            info["cell_size"] = self._cell_sizes.item(index)
            info["cell_measure"] = self.cell_measure
        return info

    @force_full_init
    def __getitems__(self, indices: Sequence[int]) -> list[dict]:
        """A batch: what torch's DataLoader asks for where it exists.

        Transforms that know batches (all of ours, and PackInputs) run on the whole
        batch, which is several times faster than image by image; others run on each
        image. The result is the same list of samples.

        Args:
            indices: B rows. `Draw`s among them decide all random numbers; without
                them these come from the global generators.

        Raises:
            ImageError: The pipeline gave None and no other sample may replace it.
        """
        if not self._runs_batches():
            return [self._get_keyed(index) for index in indices]
        rng = batch_generator(indices) or generator({})
        infos = [self._info_to_load(index) for index in indices]
        return run_pipeline(self.pipeline.transforms, infos, indices, rng)

    def draws_by_keys(self) -> bool:
        """Do all random numbers of a batch come from its keys (`Draw`)?

        Then a thread may make it while the main process trains. Transforms that work
        image by image draw from the global generators, as dropout does.
        """
        return self._runs_batches() and all(
            batch_form(transform) is not None for transform in self.pipeline.transforms
        )

    def _runs_batches(self) -> bool:
        """No subclass has its own way with a sample, and none may be replaced."""
        return (
            all(
                getattr(type(self), name) is getattr(ChromosomeDataset, name)
                for name in _ONE_BY_ONE
            )
            and isinstance(self.pipeline, Compose)
            and (self.test_mode or self.max_refetch == 0)
        )

    def _info_to_load(self, idx: int) -> dict:
        """`get_data_info`, with the check of the file for LoadChromosome."""
        info = self.get_data_info(idx)
        transforms = getattr(self.pipeline, "transforms", ())
        if "img" not in info and any(isinstance(t, LoadChromosome) for t in transforms):
            check = self._check_of(info["sample_idx"])
            return info if check is None else dict(info, file_check=check)
        return info

    def _get_keyed(self, index: int) -> dict:
        with keyed_globals(index):
            return self[index]

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline on one row.

        Raises:
            ImageError: The pipeline gave None and no other sample may replace it.
        """
        info = self._info_to_load(idx)
        path = info["img_path"]
        data = self.pipeline(info)
        if data is None and (self.test_mode or self.max_refetch == 0):
            raise returned_none(path)
        return data

    @force_full_init
    def __len__(self) -> int:
        return len(self._labels)

    @force_full_init
    def get_gt_labels(self) -> np.ndarray:
        """Class indices 0..23 of all rows: int64, shape (len(self),)."""
        return self._labels.copy()

    @force_full_init
    def get_cat_ids(self, idx: int) -> list[int]:
        """Class index of one row, in a list, as mmengine wants it."""
        return [int(self._labels[idx])]

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Not supported: the rows are chosen by the manifest's columns."""
        raise NotImplementedError(_NO_SUBSET.format(type(self).__name__))

    def get_subset(self, indices: Sequence[int] | int) -> BaseDataset:
        """Not supported: the rows are chosen by the manifest's columns."""
        raise NotImplementedError(_NO_SUBSET.format(type(self).__name__))

    def extra_repr(self) -> list[str]:
        """Lines for ``print(dataset)``."""
        chosen = dict(
            split=self.split, sites=self.sites, cases=self.cases, types=self.types
        )
        rows = ", ".join(f"{k}={v!r}" for k, v in chosen.items() if v is not None)
        return [
            f"Manifest: \t{self.ann_file}",
            f"Rows: \t{rows or 'all'}",
            f"Crops in memory: \t{'yes' if self.cache else 'no'}",
        ]


_NO_SUBSET = (
    "{}.get_subset is not supported: choose rows by `split`, `sites`, `cases` or "
    "`types`, or wrap the dataset in torch.utils.data.Subset."
)


def _median_by_cell(
    extents: np.ndarray, cases: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """Median of ``extents`` (n,) over the rows of the same case and cell: (n,)."""
    result = np.empty(len(extents))
    for rows in rows_by_cell(cases, cells):
        result[rows] = measure_cell(extents[rows])
    return result
