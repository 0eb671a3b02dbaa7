"""ChromosomeDataset: manifest -> samples, through mmengine's and mmpretrain's ways."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import (
    ConcatDataset,
    RepeatDataset,
    default_collate,
    worker_init_fn,
)
from mmpretrain.registry import DATASETS
from torch.utils.data import DataLoader, Subset

import mmscl  # noqa: F401  registers the components
from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.crop_buffer import CropBuffer
from mmscl.datasets.images import ImageError, foreground_mask
from mmscl.datasets.manifest import TYPES, Manifest, ManifestError
from mmscl.datasets.stream import Draw

META = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
AUGMENT = dict(type="ChromosomeAugment", preset="mmscl", size=32, extent=48)
PIPELINE = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", size=32, extent=48),
    dict(type="PackInputs", meta_keys=META),
]
RANDOM = [PIPELINE[0], AUGMENT, PIPELINE[2]]
ROWS = [  # type, case, cell, site, split, height of the chromosome
    ("1", "p1", "a", "A", "train", 40),
    ("21", "p1", "a", "A", "train", 12),
    ("X", "p1", "b", "A", "train", 30),
    ("1", "p2", "a", "B", "test", 20),
    ("Y", "p2", "a", "B", "test", 10),
]


def crop(height: int, width: int = 8) -> np.ndarray:
    image = np.full((height, width), 90, np.uint8)
    image[::3] = 60
    return np.pad(image, 2, constant_values=255)


@pytest.fixture
def root(tmp_path):
    """A folder with five crops, two cases, two sites, and their manifest."""
    kinds, cases, cells, sites, splits, heights = zip(*ROWS, strict=True)
    paths = [f"{index}.png" for index in range(len(ROWS))]
    for path, height in zip(paths, heights, strict=True):
        cv2.imwrite(str(tmp_path / path), crop(height))
    columns = dict(
        path=paths, type=kinds, case=cases, cell=cells, site=sites, split=splits
    )
    Manifest(columns).write(tmp_path / "manifest.csv")
    return tmp_path


def build(root, **settings) -> ChromosomeDataset:
    return ChromosomeDataset(data_root=str(root), **settings)


def test_builds_from_a_config_by_either_name(root):
    for name in ("ChromosomeDataset", "mmscl.ChromosomeDataset"):
        assert len(DATASETS.build(dict(type=name, data_root=str(root)))) == 5


def test_info_of_a_row(root):
    info = build(root).get_data_info(2)
    assert info == dict(
        img_path=str(root / "2.png"),
        gt_label=22,
        sample_idx=2,
        case="p1",
        cell="b",
        homolog="",
        polarity="",
        site="A",
    )
    assert type(info["case"]) is str and type(info["gt_label"]) is int
    assert build(root).get_data_info(-1)["sample_idx"] == 4
    with pytest.raises(IndexError):
        build(root).get_data_info(5)


def test_labels_and_classes(root):
    dataset = build(root)
    assert dataset.get_gt_labels().dtype == np.int64
    assert dataset.get_gt_labels().tolist() == [0, 20, 22, 0, 23]
    assert [dataset.get_cat_ids(i) for i in range(5)] == [[0], [20], [22], [0], [23]]
    assert dataset.metainfo["classes"] == dataset.CLASSES == TYPES
    assert dataset.class_to_idx["Y"] == 23


@pytest.mark.parametrize(
    "choice,rows",
    [
        (dict(split="train"), [0, 1, 2]),
        (dict(sites=["B"]), [3, 4]),
        (dict(cases=["p1"]), [0, 1, 2]),
        (dict(types=["1", "Y"]), [0, 3, 4]),
        (dict(split="train", types=["1"]), [0]),
    ],
)
def test_choice_of_rows(root, choice, rows):
    dataset = build(root, **choice)
    paths = [dataset.get_data_info(i)["img_path"] for i in range(len(dataset))]
    assert paths == [str(root / f"{row}.png") for row in rows]


def test_choice_that_does_not_exist_is_an_error(root):
    with pytest.raises(ManifestError, match="'C'.*'A', 'B'"):
        build(root, sites=["C"])


def test_sample_after_the_pipeline(root):
    packed = build(root, pipeline=PIPELINE)[3]
    assert packed["inputs"].shape == (1, 32, 32)
    assert packed["inputs"].dtype == torch.uint8
    sample = packed["data_samples"]
    assert sample.gt_label.item() == 0
    assert (sample.case, sample.cell, sample.site) == ("p2", "a", "B")
    assert sample.img_path == str(root / "3.png")
    assert sample.ori_shape == (24, 12) and sample.img_shape == (32, 32)


def test_stock_pipeline_of_mmpretrain(root):
    dataset = build(
        root,
        pipeline=[
            dict(type="LoadImageFromFile"),
            dict(type="Resize", scale=32),
            dict(type="PackInputs"),
        ],
    )
    assert dataset[0]["inputs"].shape == (3, 32, 32)


def test_absolute_path_in_the_manifest_stays(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    Manifest(dict(path=[str(root / "0.png")], type=["1"])).write(elsewhere / "m.csv")
    dataset = build(elsewhere, ann_file="m.csv", pipeline=PIPELINE)
    assert dataset.get_data_info(0)["img_path"] == str(root / "0.png")
    assert dataset[0]["inputs"].shape == (1, 32, 32)


def test_cache_gives_the_same_samples_without_the_files(root):
    plain = build(root, pipeline=PIPELINE)
    expected = [plain[i]["inputs"] for i in range(5)]
    cached = build(root, pipeline=PIPELINE, cache=True)
    for file in root.glob("*.png"):
        file.unlink()
    for index in range(5):
        assert torch.equal(cached[index]["inputs"], expected[index])


def test_writing_into_a_sample_leaves_the_cache_alone(root):
    dataset = build(root, cache=True)
    dataset.get_data_info(0)["img"][:] = 0
    np.testing.assert_array_equal(dataset.get_data_info(0)["img"], crop(40))


def test_crop_buffer_holds_crops_of_any_size():
    crops = [np.full(shape, i, np.uint8) for i, shape in enumerate([(3, 5), (1, 1)])]
    crops.append(np.arange(12, dtype=np.uint8).reshape(3, 4).T)
    buffer = CropBuffer()
    for one in crops:
        buffer.append(one)
    buffer.freeze()
    assert len(buffer) == 3
    for index, one in enumerate(crops):
        np.testing.assert_array_equal(buffer[index], one)


def test_cell_size_is_the_median_of_the_cell(root):
    dataset = build(root, cell_size=True)
    roots = [np.sqrt(foreground_mask(crop(row[-1])).sum()) for row in ROWS]
    expected = [np.median(roots[:2])] * 2 + [roots[2]] + [np.median(roots[3:])] * 2
    got = [dataset.get_data_info(i)["cell_size"] for i in range(5)]
    np.testing.assert_allclose(got, expected)
    # Cells of one name in different cases are different cells.
    assert got[0] != got[3]


def test_cell_size_needs_cells(root):
    Manifest(dict(path=["0.png"], type=["1"])).write(root / "short.csv")
    with pytest.raises(ManifestError, match="cell_size=True needs the column 'case'"):
        build(root, ann_file="short.csv", cell_size=True)
    with pytest.raises(ValueError, match=r"all its chromosomes, but types=\['1'\]"):
        build(root, cell_size=True, types=["1"])


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_missing_manifest_says_how_to_prepare_it(tmp_path, folder):
    with pytest.raises(FileNotFoundError) as error:
        build(tmp_path / folder)
    message = str(error.value)
    state = "does not exist" if folder else "has no manifest"
    assert state in message and "docs/data.md" in message
    assert "python tools/prepare_dataset.py LAYOUT SOURCE --out" in message
    assert str(tmp_path / folder) in message


@pytest.mark.parametrize("test_mode", [False, True])
def test_unreadable_crop_stops_with_its_path(root, test_mode):
    (root / "1.png").write_bytes(b"no image")
    dataset = build(root, pipeline=PIPELINE, test_mode=test_mode)
    assert dataset[0]["inputs"].shape == (1, 32, 32)
    with pytest.raises(ImageError, match="1.png"):
        dataset[1]
    with pytest.raises(ImageError, match="1.png"):
        build(root, cache=True)


def swap(root, index: int) -> None:
    """Put another readable crop in the place of a row's."""
    cv2.imwrite(str(root / f"{index}.png"), crop(33, width=9))


CHANGED = r"1\.png: the file changed since this run read it first"


class TestChangedFiles:
    @pytest.mark.parametrize("test_mode", [False, True])
    def test_another_picture_stops_with_its_path_until_it_is_put_back(
        self, root, test_mode
    ):
        dataset = build(root, pipeline=PIPELINE, test_mode=test_mode)
        first = content(dataset.__getitems__(range(5)))
        old = (root / "1.png").read_bytes()
        swap(root, 1)
        with pytest.raises(ImageError, match=CHANGED):
            dataset[1]
        with pytest.raises(ImageError, match=CHANGED):
            dataset.__getitems__([0, 1])
        with pytest.raises(ImageError, match=CHANGED):
            dataset[-4]
        (root / "1.png").write_bytes(old)  # newer, and the same
        assert content(dataset.__getitems__(range(5))) == first

    def test_a_cut_file_has_changed(self, root):
        dataset = build(root, pipeline=PIPELINE)
        dataset[1]
        (root / "1.png").write_bytes((root / "1.png").read_bytes()[:-20])
        with pytest.raises(ImageError, match=CHANGED):
            dataset[1]

    def test_measuring_the_cells_is_a_first_read(self, root):
        dataset = build(root, pipeline=PIPELINE, cell_size=True)
        swap(root, 1)
        with pytest.raises(ImageError, match=CHANGED):
            dataset[1]

    @pytest.mark.parametrize("setting", [dict(watch_files=False), dict(cache=True)])
    def test_may_be_allowed_and_does_not_matter_with_a_cache(self, root, setting):
        dataset = build(root, pipeline=PIPELINE, **setting)
        dataset[1]
        swap(root, 1)
        height = 16 if setting.get("cache") else 37  # of the first, of the other
        assert dataset[1]["data_samples"].ori_shape[0] == height

    @pytest.mark.parametrize(
        "method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)]
    )
    def test_workers_know_what_others_read(self, root, method):
        """Of earlier epochs, or the main process."""
        dataset = build(root, pipeline=PIPELINE)
        settings = dict(batch_size=5, num_workers=1, collate_fn=list)
        assert len(list(DataLoader(dataset, **settings))) == 1
        swap(root, 1)
        again = DataLoader(dataset, **settings, multiprocessing_context=method)
        with pytest.raises(ImageError, match=CHANGED):
            next(iter(again))
        with pytest.raises(ImageError, match=CHANGED):
            dataset[1]

    def test_what_other_transforms_read_is_left_to_them(self, root):
        """Their samples hold what mmpretrain's do, and no more."""
        stock = build(root, pipeline=[dict(type="LoadImageFromFile")])
        loaded = build(root, pipeline=PIPELINE[:1])
        assert loaded[1].keys() == stock[1].keys() | {"background"}
        assert "file_check" not in build(root)[1]


def test_pipeline_that_gives_none_stops_with_the_path(root):
    nothing = [lambda results: None]
    with pytest.raises(ImageError, match="1.png: a transform .* returned None"):
        build(root, pipeline=nothing)[1]
    with pytest.raises(Exception, match="Cannot find valid image after 3"):
        build(root, pipeline=nothing, max_refetch=3)[1]


def test_other_classes_are_refused(root):
    with pytest.raises(ValueError, match="metainfo.classes .* got .'a', 'b'"):
        build(root, metainfo=dict(classes=("a", "b")))
    assert build(root, metainfo=dict(lab="A")).metainfo["lab"] == "A"


def test_lazy_init_reads_nothing(tmp_path):
    dataset = build(tmp_path / "nowhere", lazy_init=True)
    assert dataset.metainfo["classes"] == TYPES
    assert "initialized" in repr(dataset)
    with pytest.raises(FileNotFoundError):
        dataset.full_init()


def test_repr_names_the_rows(root):
    text = repr(build(root, split="test", pipeline=PIPELINE))
    assert "split='test'" in text and "manifest.csv" in text
    assert "ChromosomeCanvas" in text and "Number of samples: \t2" in text


def test_get_subset_points_to_the_way_out(root):
    for call in (build(root).get_subset, build(root).get_subset_):
        with pytest.raises(NotImplementedError, match="torch.utils.data.Subset"):
            call(2)


def test_mmengines_wrappers(root):
    one, two = build(root, split="train"), build(root, split="test")
    joined = ConcatDataset([one, two])
    assert len(joined) == 5 and joined.get_data_info(3)["case"] == "p2"
    repeated = RepeatDataset(two, times=3)
    assert len(repeated) == 6 and repeated.get_data_info(5)["gt_label"] == 23


def test_subclass_that_draws_its_crops():
    class Drawn(ChromosomeDataset):
        def load_manifest(self):
            return Manifest(dict(path=["a", "b"], type=["3", "Y"]))

        def load_crop(self, index):
            return crop(20 + index)

    for cache in (False, True):
        dataset = Drawn(pipeline=PIPELINE, cache=cache)
        assert dataset[1]["data_samples"].ori_shape == (25, 12)


@pytest.mark.parametrize("cache", [False, True])
def test_workers_with_one_seed_draw_the_same(root, cache):
    dataset = build(root, pipeline=RANDOM, cache=cache)

    def epoch(seed):
        loader = DataLoader(
            dataset,
            batch_size=5,
            num_workers=1,
            collate_fn=list,
            worker_init_fn=lambda i: worker_init_fn(i, 1, 0, seed),
        )
        return torch.stack([item["inputs"] for batch in loader for item in batch])

    assert torch.equal(epoch(1), epoch(1))
    assert not torch.equal(epoch(1), epoch(2))


def content(packed: list[dict]) -> list[tuple]:
    """What is compared of packed samples."""
    return [
        (
            one["inputs"].shape,
            one["inputs"].numpy().tobytes(),
            one["data_samples"].metainfo,
            one["data_samples"].gt_label.tolist(),
        )
        for one in packed
    ]


# Random transforms of mmpretrain between ours.
MIXED = [
    PIPELINE[0],
    dict(type="RandomFlip", prob=0.5),
    dict(type="GreyJitter", contrast=0.5, noise=9.0),
    dict(type="ChromosomeCanvas", size=40, extent=48, rotation=90),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomCrop", crop_size=32),
    PIPELINE[2],
]


class TestBatches:
    """``__getitems__``, which torch's DataLoader prefers to ``__getitem__``."""

    @pytest.mark.parametrize("cache", [False, True])
    def test_batch_is_what_its_rows_are(self, root, cache):
        stock = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=32)]
        for pipeline in (PIPELINE, [*PIPELINE, dict], [*stock, PIPELINE[2]]):
            dataset = build(root, pipeline=pipeline, cache=cache)
            rows = [3, 0, -1, 3]
            batch = dataset.__getitems__(rows)
            assert content(batch) == content([dataset[row] for row in rows])
            assert type(batch[0]["data_samples"].sample_idx) is int

    def test_without_a_pipeline(self, root):
        dataset = build(root)
        assert dataset.__getitems__([1, 2]) == [dataset[1], dataset[2]]

    def test_transforms_run_on_the_batch(self, root, monkeypatch):
        dataset = build(root, pipeline=PIPELINE)
        canvas, calls = dataset.pipeline.transforms[1], []
        whole = canvas.transform_batch
        monkeypatch.setattr(
            canvas,
            "transform_batch",
            lambda samples, rng: calls.append(len(samples)) or whole(samples, rng),
        )
        loader = DataLoader(dataset, batch_size=2, collate_fn=default_collate)
        shapes = [tuple(batch["inputs"].shape) for batch in loader]
        assert shapes == [(2, 1, 32, 32), (2, 1, 32, 32), (1, 1, 32, 32)]
        assert calls == [2, 2, 1]

    def test_global_seed_governs_without_keys(self, root):
        dataset, batches = build(root, pipeline=RANDOM, cache=True), []
        for seed in (1, 1, 2):
            np.random.seed(seed)
            batches.append(content(dataset.__getitems__(range(5))))
        assert batches[0] == batches[1] != batches[2]

    @pytest.mark.parametrize("pipeline", [RANDOM, MIXED])
    @pytest.mark.parametrize("workers", [0, 2])
    def test_key_of_the_batch_decides_in_any_process(self, root, pipeline, workers):
        dataset = build(root, pipeline=pipeline, cache=True)
        batches = [
            [Draw(row, (7, 0, 1, number, row)) for row in range(5)]
            for number in (0, 1, 0)
        ]
        np.random.seed(workers)
        before = str(np.random.get_state())
        loader = DataLoader(
            dataset, batch_sampler=batches, num_workers=workers, collate_fn=list
        )
        first, second, again = (content(batch) for batch in loader)
        assert first == again != second
        assert first == content(dataset.__getitems__(batches[0]))
        assert str(np.random.get_state()) == before

    def test_parts_of_a_pipeline_do_not_draw_the_same(self, root):
        flips = []

        def flip(results):
            flips.append(np.random.rand())
            return results

        steps = [PIPELINE[0], flip, dict(type="GreyJitter"), flip]
        dataset = build(root, pipeline=steps)
        dataset.__getitems__([Draw(row, (7, 0, 0, 0, row)) for row in range(2)])
        assert len(set(flips)) == 4

    def test_one_by_one_follows_the_keys_too(self, root):
        dataset = build(root, pipeline=RANDOM, max_refetch=3)
        batch = [Draw(row, (7, 0, 0, 0, row)) for row in range(3)]
        first = content(dataset.__getitems__(batch))
        assert first == content(dataset.__getitems__(batch))
        batch = [Draw(row, (8, 0, 0, 0, row)) for row in range(3)]
        assert first != content(dataset.__getitems__(batch))

    def test_unreadable_crop_stops_with_its_path(self, root):
        (root / "1.png").write_bytes(b"no image")
        with pytest.raises(ImageError, match="1.png"):
            build(root, pipeline=PIPELINE).__getitems__([0, 1, 2])

    def test_none_stops_with_the_path_or_is_replaced(self, root):
        def drop_first(results):
            return None if results["sample_idx"] == 1 else results

        steps = [PIPELINE[0], drop_first, *PIPELINE[1:]]
        with pytest.raises(ImageError, match="1.png: a transform .* returned None"):
            build(root, pipeline=steps).__getitems__([0, 1])
        with pytest.raises(ImageError, match="1.png: a transform .* returned None"):
            build(root, pipeline=steps, max_refetch=9, test_mode=True).__getitems__([1])
        batch = build(root, pipeline=steps, max_refetch=9).__getitems__([0, 1])
        assert batch[1]["data_samples"].sample_idx != 1

    def test_subclass_with_its_own_way_keeps_it(self, root):
        class Marked(ChromosomeDataset):
            def prepare_data(self, idx):
                return super().prepare_data(idx) | dict(mark=idx)

        dataset = Marked(data_root=str(root), pipeline=PIPELINE)
        assert [one["mark"] for one in dataset.__getitems__([2, 4])] == [2, 4]

    def test_subset_of_torch(self, root):
        dataset = build(root, pipeline=PIPELINE)
        loader = DataLoader(Subset(dataset, [4, 2]), batch_size=2, collate_fn=list)
        assert content(next(iter(loader))) == content([dataset[4], dataset[2]])

    @pytest.mark.parametrize("cache", [False, True])
    def test_pickled_dataset_gives_the_same(self, root, cache):
        """Workers that are spawned get the dataset, and its indices, by pickle."""
        dataset = build(root, pipeline=RANDOM, cache=cache)
        batch = [Draw(row, (7, 0, 0, 0, row)) for row in range(5)]
        copy, indices = pickle.loads(pickle.dumps((dataset, batch)))
        expected = content(dataset.__getitems__(batch))
        assert content(copy.__getitems__(indices)) == expected
