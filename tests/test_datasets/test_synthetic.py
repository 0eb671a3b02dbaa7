"""The embedded data set: biology, determinism, the dataset and the files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmpretrain.registry import DATASETS

from mmscl.datasets.ideogram import ACROCENTRICS, STAINS, ideogram
from mmscl.datasets.manifest import TYPES, Manifest
from mmscl.datasets.metaphase import SITES, draw_cell, draw_crop, draw_karyotype
from mmscl.datasets.synthetic import SyntheticKaryotypes, write_karyotypes

NORMAL = dict(abnormal_rate=0.0)


# Ideogram -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "relative", "centromere"),
    # hg38: % of the haploid autosomes + X; p arm / total, %.
    [
        ("1", 8.21, 49.6),
        ("13", 3.77, 15.5),
        ("21", 1.54, 25.7),
        ("X", 5.15, 39.1),
        ("Y", 1.89, 18.2),
    ],
)
def test_lengths_and_centromeres_are_those_of_hg38(kind, relative, centromere):
    total = sum(ideogram(name).length for name in TYPES if name != "Y")
    assert 100 * ideogram(kind).length / total == pytest.approx(relative, abs=0.006)
    assert 100 * ideogram(kind).centromere == pytest.approx(centromere, abs=0.06)


def test_every_stain_of_the_table_has_an_uptake():
    assert {s for name in TYPES for s in ideogram(name).stains} == set(STAINS)
    assert {k for k in TYPES if "stalk" in ideogram(k).stains} == set(ACROCENTRICS)


def test_at_850_bands_the_profile_is_the_table():
    bands = ideogram("7")
    profile = bands.profile(20001, 850)
    edges = np.cumsum(bands.lengths)
    middles = (edges - bands.lengths / 2) / bands.length
    at_middle = profile[np.round(middles * 20000).astype(int)]
    np.testing.assert_allclose(at_middle, bands.uptake, atol=1e-6)


def test_fewer_bands_are_seen_at_lower_levels():
    def bands(level):
        slope = np.diff(ideogram("1").profile(1000, level))
        slope = slope[np.abs(slope) > 1e-6]
        return int((np.diff(np.sign(slope)) != 0).sum())

    assert bands(400) < bands(550) < bands(700)
    means = [ideogram("1").profile(1000, level).mean() for level in (400, 850)]
    assert means[0] == pytest.approx(means[1], abs=0.01)  # merging keeps the stain


@pytest.mark.parametrize("level", [399, 851])
def test_level_out_of_range(level):
    with pytest.raises(ValueError, match=f"level: expected 400 to 850 .* got {level}"):
        ideogram("1").profile(10, level)


def test_unknown_type():
    with pytest.raises(ValueError, match="type: expected .* got '23'"):
        ideogram("23")


# Karyotypes ---------------------------------------------------------------------------


def test_normal_karyotypes_have_46_chromosomes_and_both_sexes_occur():
    sexes = set()
    for case in range(20):
        kinds = [kind for kind, _ in draw_karyotype(0, "A", case, 0.0)]
        assert len(kinds) == 46
        assert all(kinds.count(kind) == 2 for kind in TYPES[:22])
        sexes.add("".join(k for k in kinds if k in "XY"))
    assert sexes == {"XX", "XY"}


def test_abnormal_karyotypes_are_the_known_ones_and_as_frequent_as_asked():
    allowed_sex = {"XX", "XY", "X", "XXY", "XYY", "XXX"}
    counts = []
    for case in range(400):
        kinds = [kind for kind, _ in draw_karyotype(0, "A", case, 0.25)]
        extra = [k for k in TYPES[:22] if kinds.count(k) != 2]
        sex = "".join(k for k in kinds if k in "XY")
        assert set(extra) <= {"13", "18", "21"} and sex in allowed_sex
        assert not (extra and sex not in ("XX", "XY"))
        counts.append(len(kinds) != 46)
    # Binomial(400, 0.25): standard deviation 0.022.
    assert np.mean(counts) == pytest.approx(0.25, abs=0.07)


def test_a_case_stays_abnormal_or_normal_when_the_rate_rises():
    def normal(rate):
        return {c for c in range(60) if len(draw_karyotype(1, "A", c, rate)) == 46}

    assert normal(0.5) <= normal(0.1)


def test_homologue_numbers_count_from_one_within_a_type():
    pairs = draw_karyotype(0, "B", 3, 0.0)
    assert len(set(pairs)) == len(pairs)
    assert {homolog for kind, homolog in pairs if kind == "5"} == {"1", "2"}


# Drawing ------------------------------------------------------------------------------


def test_the_same_key_draws_the_same_cell_whatever_the_global_generators_do():
    np.random.seed(1)
    first = draw_cell(3, "A", 2, 1, **NORMAL)
    np.random.seed(2)
    np.random.rand(7)
    second = draw_cell(3, "A", 2, 1, **NORMAL)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize(
    "other", [(1, "A", 0, 0), (0, "B", 0, 0), (0, "A", 1, 0), (0, "A", 0, 1)]
)
def test_seed_site_case_and_cell_each_change_the_picture(other):
    a = draw_crop(0, "A", 0, 0, "3", "1").image
    b = draw_crop(*other, "3", "1").image
    assert a.shape != b.shape or (a != b).any()


def test_drawing_leaves_the_global_generator_alone():
    state = np.random.get_state()[1].copy()
    draw_crop(0, "A", 0, 0, "3", "1")
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.fixture(scope="module")
def cells():
    return {
        site: [c for case in range(4) for c in draw_cell(0, site, case, 0, 0.0)]
        for site in SITES
    }


def test_crops_are_tight_grey_images_on_white(cells):
    for site, crops in cells.items():
        for crop in crops:
            assert crop.image.dtype == np.uint8 and crop.image.ndim == 2
            margin = SITES[site].margin
            ink = cv2.boundingRect((crop.image < 255).astype(np.uint8))
            height, width = crop.image.shape
            assert ink == (margin, margin, width - 2 * margin, height - 2 * margin)
            assert crop.polarity == "up"


def test_areas_follow_the_relative_lengths(cells):
    for crops in cells.values():
        area = [
            np.mean([(c.image < 245).sum() for c in crops if c.type == kind])
            for kind in TYPES[:23]
        ]  # Y may be missing in so few cells
        length = [ideogram(kind).length for kind in TYPES[:23]]
        assert np.corrcoef(area, length)[0, 1] > 0.97


def test_sites_differ_as_the_laboratories_they_resemble(cells):
    heights = {s: np.median([c.image.shape[0] for c in cells[s]]) for s in cells}
    greys = {
        s: np.mean([c.image[c.image < 245].mean() for c in cells[s]]) for s in cells
    }
    # Medians of the public crops: 62 rows (Pki-3) and 48 rows (DataNew).
    assert heights["A"] == pytest.approx(62, abs=9)
    assert heights["B"] == pytest.approx(48, abs=8)
    assert greys["B"] > greys["A"] + 10


def test_the_short_arm_is_up(cells):
    """The stain along the crop agrees better with p -> q than with q -> p."""
    agree = []
    for crop in cells["A"]:
        if crop.type in ("4", "5", "18", "9", "17"):
            image = 255.0 - crop.image
            rows = image.sum(1) / np.maximum((image > 10).sum(1), 1)
            want = ideogram(crop.type).profile(len(rows), 500)
            agree.append(
                np.corrcoef(rows, want)[0, 1] > np.corrcoef(rows[::-1], want)[0, 1]
            )
    assert np.mean(agree) > 0.8


def test_unknown_site_and_rate():
    with pytest.raises(ValueError, match=r"site: expected one of \['A', 'B'\].*'C'"):
        draw_cell(0, "C", 0, 0)
    with pytest.raises(ValueError, match="abnormal_rate: .* got 2"):
        draw_karyotype(0, "A", 0, 2)


# Dataset ------------------------------------------------------------------------------


def test_dataset_is_built_by_name_and_holds_what_draw_cell_draws():
    dataset = DATASETS.build(
        dict(type="SyntheticKaryotypes", cases=2, cells_per_case=2, seed=5, **NORMAL)
    )
    assert len(dataset) == 2 * 2 * 46
    crops = [
        c
        for case in range(2)
        for cell in range(2)
        for c in draw_cell(5, "A", case, cell, **NORMAL)
    ]
    for index in (0, 50, 183):
        info = dataset.get_data_info(index)
        np.testing.assert_array_equal(info["img"], crops[index].image)
        assert info["gt_label"] == TYPES.index(crops[index].type)
        assert (info["site"], info["polarity"]) == ("A", "up")
        assert info["homolog"] == crops[index].homolog


def test_splits_are_disjoint_in_cases_and_more_cases_move_nobody():
    def manifest(cases, split):
        dataset = SyntheticKaryotypes(cases, 1, split=split, lazy_init=True)
        return dataset.load_manifest()

    parts = {
        split: set(manifest(40, split)["case"]) for split in ("train", "val", "test")
    }
    assert sum(map(len, parts.values())) == 40 == len(set.union(*parts.values()))
    for split, cases in parts.items():
        assert cases <= set(manifest(60, split)["case"])


def test_types_are_chosen_and_drawn_alike():
    few = SyntheticKaryotypes(1, 1, types=["X", "7"], **NORMAL)
    assert set(few.get_gt_labels()) == {6, 22}
    np.testing.assert_array_equal(
        few.get_data_info(0)["img"], draw_crop(0, "A", 0, 0, "7", "1").image
    )


def test_an_empty_split_names_the_way_out():
    with pytest.raises(ValueError, match="split='.*' .* is empty: .* Raise `cases`"):
        for split in ("train", "val"):  # one case cannot be in both
            SyntheticKaryotypes(1, 1, split=split, types=["1"])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dict(cases=0), "cases: expected an int >= 1, got 0"),
        (dict(cells_per_case=1.5), "cells_per_case: expected an int >= 1, got 1.5"),
        (dict(seed=-1), "seed: expected an int >= 0, got -1"),
        (dict(site="Z"), "site: expected one of .* got 'Z'"),
        (dict(abnormal_rate=5), "abnormal_rate: expected a share .* got 5"),
    ],
)
def test_bad_settings_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        SyntheticKaryotypes(lazy_init=True, **bad)


# Files --------------------------------------------------------------------------------


def test_written_files_are_the_crops_of_the_dataset(tmp_path):
    path = write_karyotypes(tmp_path, site="B", cases=1, seed=2, **NORMAL)
    manifest = Manifest.read(path)
    dataset = SyntheticKaryotypes(1, 1, site="B", seed=2, **NORMAL)
    assert len(manifest) == 46 == len(list(tmp_path.rglob("*.png")))
    for index in (0, 45):
        image = cv2.imread(str(tmp_path / manifest["path"][index]), 0)
        np.testing.assert_array_equal(image, dataset.get_data_info(index)["img"])


def test_ogh_layout_is_split_folders_of_256_canvases(tmp_path):
    manifest = Manifest.read(write_karyotypes(tmp_path, cases=2, layout="ogh"))
    for path, split in zip(manifest["path"], manifest["split"], strict=True):
        assert path.split("/")[0] == split
        image = cv2.imread(str(tmp_path / path), 0)
        assert image.shape == (256, 256) and image[0, 0] == 255
        assert image[96:160, 96:160].min() < 255


def test_canvas_too_small_and_unknown_layout(tmp_path):
    with pytest.raises(ValueError, match="canvas: a crop of .* does not fit into 20"):
        write_karyotypes(tmp_path, cases=1, canvas=20)
    with pytest.raises(ValueError, match="layout: expected one of .* got 'zip'"):
        write_karyotypes(tmp_path, layout="zip")
