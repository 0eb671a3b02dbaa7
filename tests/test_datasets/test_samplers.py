"""Properties of the index stream of PairedKaryotypeSampler."""

import hashlib
import itertools
import random
import tracemalloc

import numpy as np
import pytest
import torch
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.dist import sync_random_seed
from mmpretrain.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader, Dataset, Subset

from mmscl.datasets import samplers
from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.manifest import TYPES, Manifest, ManifestError
from mmscl.datasets.pairing import CrossGroup, Items, SameGroup, TupleStream
from mmscl.datasets.samplers import PAIRINGS, PairedKaryotypeSampler


class Labelled(Dataset):
    """A plain torch dataset; an item is its index."""

    def __init__(self, labels):
        self.targets = list(labels)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return index


class FromTable(ChromosomeDataset):
    """ChromosomeDataset on a manifest in memory."""

    def __init__(self, columns, **kwargs):
        self._table = columns
        super().__init__(**kwargs)

    def load_manifest(self):
        return Manifest(self._table, source="table.csv").select(split=self.split)


def cells(males=3, females=3, cells_a_case=2):
    """Complete cells: two homologues of each autosome, XY or XX."""
    columns = {name: [] for name in ("path", "type", "case", "cell", "split")}
    for case in range(males + females):
        for cell, kind in itertools.product(range(cells_a_case), TYPES):
            male = case < males
            copies = {"X": 1 if male else 2, "Y": int(male)}.get(kind, 2)
            for copy in range(copies):
                columns["path"].append(f"{case}/{cell}/{kind}{copy}.png")
                columns["type"].append(kind)
                columns["case"].append(f"case{case}")
                columns["cell"].append(str(cell))  # the same names in every case
                columns["split"].append("train")
    return columns


def uneven(sizes=(5, 8, 3, 1, 2)):
    return Labelled(
        np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    )


def blocks(sampler):
    """(blocks, karyotypes, classes)"""
    shape = (-1, sampler.karyotypes_per_batch, sampler.classes_per_batch)
    return np.array(list(sampler)).reshape(shape)


def at_rank(monkeypatch, rank, world):
    monkeypatch.setattr(samplers, "get_dist_info", lambda: (rank, world))


def test_a_block_is_m_karyotypes_in_class_order():
    data = uneven()
    for m in (1, 2, 3):
        sampler = PairedKaryotypeSampler(
            data, seed=1, steps_per_epoch=7, karyotypes_per_batch=m
        )
        found = blocks(sampler)
        assert found.shape == (7, m, 5)
        assert (np.array(data.targets)[found] == np.arange(5)).all()


def test_length_is_exact():
    sampler = PairedKaryotypeSampler(uneven(), seed=1, steps_per_epoch=300)
    assert len(sampler) == len(list(sampler)) == 300 * 2 * 5
    assert sampler.block_size == 10


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_image_is_drawn_evenly_at_any_time_and_over_epochs(shuffle):
    data = uneven()
    sampler = PairedKaryotypeSampler(data, seed=3, steps_per_epoch=11, shuffle=shuffle)
    counts = np.zeros(len(data), int)
    for epoch in range(5):
        sampler.set_epoch(epoch)
        for block in blocks(sampler):
            np.add.at(counts, block.ravel(), 1)
            for number in range(5):
                own = counts[np.array(data.targets) == number]
                assert own.max() - own.min() <= 1 or len(own) == 1


def test_a_pair_differs_unless_the_class_has_one_image():
    found = blocks(PairedKaryotypeSampler(uneven(), seed=0, steps_per_epoch=400))
    same = (found[:, 0] == found[:, 1]).mean(axis=0)
    assert same.tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_tuple_streams_of_any_size(width, shuffle):
    for size in (1, 2, 3, 4, 7, 10, 13):
        numbers = np.arange(size)
        rules = [
            Items(size, width),
            SameGroup(numbers // 2, numbers // 2, width),
        ]
        if size >= 3 * width:
            rules.append(CrossGroup(numbers // 3 % (width + 1), width))
        for items in rules:
            stream = TupleStream(items, (0,), shuffle)
            rows = stream.take(np.arange(2 * stream.superpass + 3))
            if size >= width:
                assert all(len(set(row)) == width for row in rows)
            counts = np.cumsum([np.bincount(r, minlength=size) for r in rows], axis=0)
            if items.usable == size:
                assert np.ptp(counts, axis=1).max() <= (1 if width <= 2 else 2)
            again = TupleStream(items, (0,), shuffle)
            np.testing.assert_array_equal(
                again.take(np.array([len(rows) - 1])), rows[-1:]
            )


def test_passes_are_shuffled_anew():
    rows = TupleStream(Items(40, 2), (0,), True).take(np.arange(60)).reshape(3, 40)
    assert len({tuple(row) for row in rows}) == 3
    assert all(sorted(row) == list(range(40)) for row in rows)


@pytest.mark.parametrize(
    ("pairing", "digests"),
    [
        ("random", ("8740bbc0", "03d3424f")),
        ("cross_case", ("64b820a2", "86ed7164")),
        ("same_cell", ("147abea8", "cd1e9c5e")),
    ],
)
def test_a_seed_gives_the_stream_it_always_gave(pairing, digests):
    """A run that an earlier version began is resumed with the images that come next.

    Digests of the version that sorted all labels at once. They rest on numpy's
    `Generator.permutation` too: if they all change with a new numpy, that did.
    """
    for width, digest in zip((2, 3), digests, strict=True):
        sampler = PairedKaryotypeSampler(
            range(600),
            seed=5,
            steps_per_epoch=50,
            karyotypes_per_batch=width,
            pairing=pairing,
            missing="skip",
            labels=np.arange(600) ** 2 % 7,  # 0, 1, 2, 4
            cases=np.arange(600) // 40,
            cells=np.arange(600) // 20,
        )
        sampler.set_epoch(3)
        stream = np.array(list(sampler), "<i4").tobytes()
        assert hashlib.sha256(stream).hexdigest()[:8] == digest


def test_the_same_seed_gives_the_same_stream_and_others_differ():
    def stream(seed, epoch=0):
        sampler = PairedKaryotypeSampler(uneven(), seed=seed, steps_per_epoch=20)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert stream(0) == stream(0)
    assert stream(0) != stream(1)
    assert stream(0) != stream(0, epoch=1)


def test_global_generators_are_neither_read_nor_moved():
    def reseed(seed):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)

    def states():
        return (
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.get_rng_state().tolist(),
        )

    reseed(0)
    before = states()
    first = list(PairedKaryotypeSampler(uneven(), seed=5, steps_per_epoch=20))
    assert states() == before
    reseed(1)
    assert first == list(PairedKaryotypeSampler(uneven(), seed=5, steps_per_epoch=20))


def test_workers_change_nothing():
    data = uneven()
    streams = []
    for workers in (0, 2):
        sampler = PairedKaryotypeSampler(data, seed=2, steps_per_epoch=6)
        loader = DataLoader(data, batch_size=10, sampler=sampler, num_workers=workers)
        streams.append([batch.tolist() for batch in loader])
        assert len(loader) == 6
    assert streams[0] == streams[1]


@pytest.mark.parametrize("classes", [None, 3])
def test_ranks_share_out_the_stream_of_one_process(monkeypatch, classes):
    kwargs = dict(seed=4, classes_per_batch=classes)
    whole = PairedKaryotypeSampler(uneven(), steps_per_epoch=12, **kwargs)
    whole.set_epoch(2)
    expected = blocks(whole)
    for rank in range(3):
        at_rank(monkeypatch, rank, 3)
        part = PairedKaryotypeSampler(uneven(), steps_per_epoch=4, **kwargs)
        part.set_epoch(2)
        np.testing.assert_array_equal(blocks(part), expected[rank::3])


def test_ranks_never_draw_the_same_block(monkeypatch):
    data = Labelled(np.repeat(np.arange(4), 500))
    seen = []
    for rank in range(2):
        at_rank(monkeypatch, rank, 2)
        seen.append(set(PairedKaryotypeSampler(data, seed=0, steps_per_epoch=100)))
    assert not seen[0] & seen[1]


def test_seed_is_agreed_on_when_not_given(monkeypatch):
    monkeypatch.setattr(samplers, "sync_random_seed", lambda: 77)
    assert PairedKaryotypeSampler(uneven()).seed == 77
    assert sync_random_seed is not samplers.sync_random_seed


@pytest.mark.parametrize("skipped", [0, 10, 17, 1290, 1500, 1509])
@pytest.mark.parametrize("classes", [None, 3])
def test_skip_gives_the_tail_once(skipped, classes):
    def make():
        return PairedKaryotypeSampler(
            uneven(), seed=1, steps_per_epoch=151, classes_per_batch=classes
        )

    full = list(make())
    sampler = make()
    sampler.skip(min(skipped, len(sampler) - 1))
    assert list(sampler) == full[min(skipped, len(sampler) - 1) :]
    assert list(sampler) == full


def test_skip_over_epochs_goes_on_as_an_uninterrupted_run():
    def make():
        return PairedKaryotypeSampler(uneven(), seed=1, steps_per_epoch=4)

    def run(sampler, epochs):  # as mmengine's endless dataloader, from its epoch 0
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            yield from sampler

    resumed = make()
    resumed.skip(2 * len(resumed) + 7)
    assert list(run(make(), 4))[2 * len(resumed) + 7 :] == list(run(resumed, 2))
    with pytest.raises(ValueError, match="num_samples: expected >= 0, got -1"):
        resumed.skip(-1)


def test_iterator_keeps_its_epoch():
    sampler = PairedKaryotypeSampler(uneven(), seed=1, steps_per_epoch=300)
    expected = list(sampler)
    iterator = iter(sampler)
    sampler.set_epoch(1)
    assert list(iterator) == expected


def test_classes_per_batch_draws_classes_evenly_without_replacement():
    data = Labelled(np.repeat(np.arange(200), 3))
    sampler = PairedKaryotypeSampler(
        data, seed=0, steps_per_epoch=260, classes_per_batch=24
    )
    found = blocks(sampler)
    classes = np.array(data.targets)[found]
    assert (classes[:, 0] == classes[:, 1]).all()
    assert (np.diff(classes[:, 0], axis=1) > 0).all()  # distinct, in class order
    counts = np.zeros(200, int)
    for row in classes[:, 0]:
        counts[row] += 1
        assert np.ptp(counts) <= 2
    assert (found[:, 0] != found[:, 1]).all()
    images = np.bincount(found.ravel(), minlength=600).reshape(200, 3)
    assert np.ptp(images, axis=1).max() <= 1


def test_cross_case_pairs_are_of_different_cases():
    data = FromTable(cells())
    for m in (2, 3):
        sampler = PairedKaryotypeSampler(
            data,
            seed=0,
            steps_per_epoch=50,
            karyotypes_per_batch=m,
            pairing="cross_case",
        )
        found = data.manifest["case"][blocks(sampler)]
        for first, second in itertools.combinations(range(m), 2):
            assert (found[:, first] != found[:, second]).all()


def test_cross_case_draws_evenly_what_finds_partners():
    # Class 0: cases of 3 + 2 + 2 images go round; class 1: 6 + 1 + 1, of the six only
    # two at a time find partners.
    labels = [0] * 7 + [1] * 8
    cases = list("aaabbcc") + list("aaaaaabc")
    sampler = PairedKaryotypeSampler(
        Labelled(labels), seed=0, steps_per_epoch=210, pairing="cross_case", cases=cases
    )
    found = blocks(sampler)
    assert (np.array(cases)[found[:, 0]] != np.array(cases)[found[:, 1]]).all()
    counts = np.bincount(found.ravel(), minlength=15)
    assert counts[:7].tolist() == [60] * 7
    assert counts[13:].tolist() == [210 // 2] * 2 or counts[13:].sum() == 210
    assert counts[7:13].min() > 0


def test_cross_case_partners_change():
    labels, cases = [0] * 40, np.repeat(np.arange(10), 4)
    sampler = PairedKaryotypeSampler(
        Labelled(labels),
        seed=0,
        steps_per_epoch=1500,
        pairing="cross_case",
        cases=cases,
    )
    pairs = {frozenset(pair) for pair in cases[blocks(sampler)[:, :, 0]].tolist()}
    assert len(pairs) == 10 * 9 // 2


def test_cross_site_halves_each_pair_between_two_laboratories():
    # Twelve images of a type in one laboratory, two in the other, all in use.
    labels, sites = np.repeat([0, 1], 14), (["a"] * 12 + ["b"] * 2) * 2
    sampler = PairedKaryotypeSampler(
        Labelled(labels), seed=0, steps_per_epoch=120, pairing="cross_site", sites=sites
    )
    found = blocks(sampler)
    place = np.array(sites)[found]
    assert (place[:, 0] != place[:, 1]).all()
    counts = np.bincount(found.ravel(), minlength=28).reshape(2, 14)
    assert (counts[:, 12:] == 60).all()
    assert counts[:, :12].min() > 0


def test_cross_site_pairs_at_random_what_one_laboratory_has(capsys):
    labels, sites = [0, 0, 0, 0, 1, 1, 1], list("aabbaaa")
    sampler = PairedKaryotypeSampler(
        Labelled(labels), seed=0, steps_per_epoch=9, pairing="cross_site", sites=sites
    )
    told = capsys.readouterr().out
    assert "fewer than 2 sites have the types (sites) '1' (1)" in told
    found = blocks(sampler)
    place = np.array(sites)[found]
    assert (place[:, 0, 0] != place[:, 1, 0]).all()
    assert (found[:, 0, 1] != found[:, 1, 1]).all()


def test_cross_site_of_one_laboratory_is_refused():
    with pytest.raises(ValueError, match="cross_site.*no type.*another laboratory"):
        PairedKaryotypeSampler(
            Labelled([0, 0, 1, 1]), seed=0, pairing="cross_site", sites=["a"] * 4
        )


def test_same_cell_pairs_homologues_then_the_case_then_any():
    data = FromTable(cells())
    found = blocks(
        PairedKaryotypeSampler(data, seed=0, steps_per_epoch=60, pairing="same_cell")
    )
    case, cell = data.manifest["case"][found], data.manifest["cell"][found]
    same_case = case[:, 0] == case[:, 1]
    same_cell = same_case & (cell[:, 0] == cell[:, 1])
    assert same_cell[:, :22].all()  # autosomes
    assert same_case.all()  # X and Y of a male: its other cell
    assert not same_cell[:, 23].any()
    assert 0 < same_cell[:, 22].mean() < 1
    single = FromTable(cells(males=4, females=0, cells_a_case=1))
    found = blocks(
        PairedKaryotypeSampler(single, seed=0, steps_per_epoch=10, pairing="same_cell")
    )
    assert (found[:, 0] != found[:, 1]).all()  # then any


def test_same_cell_takes_two_of_a_trisomy_at_random():
    labels, held = [0] * 6, [0, 0, 0, 1, 1, 1]
    found = blocks(
        PairedKaryotypeSampler(
            Labelled(labels),
            seed=0,
            steps_per_epoch=300,
            pairing="same_cell",
            cases=["a"] * 6,
            cells=held,
        )
    )[:, :, 0]
    pairs = {tuple(sorted(pair)) for pair in found.tolist()}
    assert {(0, 1), (0, 2), (1, 2), (3, 4)} <= pairs
    inside = np.array(held)[found]
    assert np.mean(inside[:, 0] == inside[:, 1]) == pytest.approx(2 / 3)


def test_missing_types_are_named_or_skipped():
    columns = cells(males=0)
    with pytest.raises(
        ValueError,
        match=r"types 'Y' in FromTable\(split='train', ann_file='.*'\)"
        r".*missing='skip'",
    ):
        PairedKaryotypeSampler(FromTable(columns, split="train"), seed=0)
    sampler = PairedKaryotypeSampler(FromTable(columns), seed=0, missing="skip")
    assert sampler.classes.tolist() == list(range(23))
    assert sampler.block_size == 46


def test_missing_cases_say_what_to_do():
    columns = cells()
    del columns["case"]
    with pytest.raises(ManifestError, match="cross_case.*case.*table.csv"):
        PairedKaryotypeSampler(FromTable(columns), seed=0, pairing="cross_case")
    with pytest.raises(
        TypeError,
        match="needs the case of each image, but Labelled has no manifest.*`cases`",
    ):
        PairedKaryotypeSampler(uneven(), seed=0, pairing="cross_case")
    with pytest.raises(ValueError, match=r"cross_case.*fewer.*'1' \(1\)"):
        PairedKaryotypeSampler(
            Labelled([0, 0, 1, 1]),
            seed=0,
            pairing="cross_case",
            cases=["a", "b", "a", "a"],
        )


@pytest.mark.parametrize(
    "kwargs, error, text",
    [
        (
            dict(pairing="homologues"),
            ValueError,
            "pairing: expected one of .*'homologues'",
        ),
        (dict(missing="ignore"), ValueError, "missing: expected one of"),
        (dict(steps_per_epoch=0), ValueError, "steps_per_epoch: expected an int >= 1"),
        (dict(steps_per_epoch=1.5), TypeError, "steps_per_epoch: expected an int"),
        (dict(karyotypes_per_batch=0), ValueError, "karyotypes_per_batch: expected"),
        (
            dict(classes_per_batch=6),
            ValueError,
            "classes_per_batch: expected at most 5",
        ),
        (dict(seed=-1), ValueError, "seed: expected a number >= 0"),
        (
            dict(labels=[0, 1]),
            ValueError,
            "labels: expected one value for each of the 19",
        ),
        (dict(labels=[0.0] * 19), TypeError, "labels: expected integers, got float64"),
        (dict(labels=[-1] * 19), ValueError, "labels: expected class indices >= 0"),
    ],
)
def test_wrong_arguments_are_named(kwargs, error, text):
    with pytest.raises(error, match=text):
        PairedKaryotypeSampler(uneven(), **{"seed": 0, **kwargs})


def test_datasets_without_labels_or_images():
    with pytest.raises(TypeError, match="list does not tell the class.*`labels`"):
        PairedKaryotypeSampler([1, 2], seed=0)
    with pytest.raises(ValueError, match="No images in Labelled"):
        PairedKaryotypeSampler(Labelled([]), seed=0)

    class Many(Labelled):
        targets = property(lambda self: (_ for _ in ()).throw(AttributeError))

        def __init__(self):
            pass

        def __len__(self):
            return 2

        def get_cat_ids(self, index):
            return [0, 1]

    with pytest.raises(TypeError, match="expected one class, got"):
        PairedKaryotypeSampler(Many(), seed=0)
    named = Labelled([0, 3])
    named.classes = ["a", "b"]
    with pytest.raises(ValueError, match="below 2, the number of classes.*got 3"):
        PairedKaryotypeSampler(named, seed=0)


def test_wrapped_datasets():
    def labels(sampler, outer):
        return [outer.get_data_info(i)["gt_label"] for i in sampler]

    table = FromTable(cells())
    other = FromTable(cells(males=2, females=1))
    want = list(range(24)) * 4
    for outer in (
        ConcatDataset([table, other]),
        RepeatDataset(table, times=2),
        ClassBalancedDataset(table, oversample_thr=0.05),
    ):
        sampler = PairedKaryotypeSampler(
            outer, seed=0, steps_per_epoch=2, pairing="cross_case"
        )
        assert labels(sampler, outer) == want
    half = Subset(table, list(range(0, len(table), 3)))
    found = list(PairedKaryotypeSampler(half, seed=0, steps_per_epoch=2))
    assert [table.get_cat_ids(half.indices[i])[0] for i in found] == want


def test_parts_of_a_concatenation_share_no_case():
    part = FromTable(cells(males=1, females=0))
    both = ConcatDataset([part, part])
    found = blocks(
        PairedKaryotypeSampler(both, seed=0, steps_per_epoch=5, pairing="cross_case")
    )
    assert ((found[:, 0] < len(part)) != (found[:, 1] < len(part))).all()


@pytest.mark.parametrize("site", [None, ""])
def test_a_part_that_names_no_site_is_of_one(site):
    columns = dict(type=["1", "2", "1", "2"], path=list("abcd"))
    part = FromTable(columns if site is None else dict(columns, site=[site] * 4))
    both = ConcatDataset([part, part])
    found = blocks(
        PairedKaryotypeSampler(
            both, seed=0, steps_per_epoch=5, pairing="cross_site", missing="skip"
        )
    )
    assert ((found[:, 0] < len(part)) != (found[:, 1] < len(part))).all()


def test_sites_that_are_named_for_some_images_alone_are_refused():
    columns = dict(type=["1", "2"] * 2, path=list("abcd"), site=["a", "a", "", "b"])
    with pytest.raises(ManifestError, match="cross_site.*site.*row 3"):
        PairedKaryotypeSampler(
            FromTable(columns), seed=0, pairing="cross_site", missing="skip"
        )


def test_registered_under_both_names_and_built_as_mmengine_does():
    sampler = DATA_SAMPLERS.build(
        dict(type="PairedKaryotypeSampler", steps_per_epoch=3),
        default_args=dict(dataset=uneven(), seed=0),
    )
    assert len(sampler) == 30
    assert DATA_SAMPLERS.get("mmscl.PairedKaryotypeSampler") is PairedKaryotypeSampler


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_memory_is_at_most_16_bytes_an_image(pairing):
    size = 46 * 5000
    cells = np.arange(size) // 46
    labels, cases, sites = np.arange(size) % 46 // 2, cells // 5, cells % 7
    tracemalloc.start()
    try:
        sampler = PairedKaryotypeSampler(
            range(size),
            seed=0,
            steps_per_epoch=2,
            pairing=pairing,
            labels=labels,
            cases=cases,
            cells=cells,
            sites=sites,
        )
        for _ in sampler:
            pass
        assert tracemalloc.get_traced_memory()[1] / size <= 16
    finally:
        tracemalloc.stop()
