"""A cell's karyogram: everything is seen once, whole, at one scale, at its place."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.manifest import TYPES
from mmscl.visualization import (
    Karyogram,
    KaryogramCrop,
    draw_karyogram,
    karyogram_png,
    write_karyogram,
)
from mmscl.visualization.karyogram_rows import MARK, ROWS
from mmscl.visualization.page import PX, Page, Picture, text_width

NORMAL = [*(kind for kind in TYPES[:22] for _ in range(2)), "X", "Y"]


def rod(height: int, width: int = 12, level: int = 60) -> np.ndarray:
    """A dark box with three rows and columns of white around it."""
    return np.pad(np.full((height, width), level, np.uint8), 3, constant_values=255)


def crop(kind: str, **more) -> KaryogramCrop:
    """As long as the ideogram says, 0.5 px a Mb, centromere where it has it."""
    own = ideogram(kind)
    height = round(own.length / 2)
    more = {"centromere": 3 + own.centromere * (height - 1)} | more
    return KaryogramCrop(rod(height), kind, 0.9, **more)


def cell(kinds=NORMAL, **more) -> Karyogram:
    return Karyogram("Case 7, cell 2", "46,XY", [crop(kind) for kind in kinds], **more)


def boxes(page: Page) -> np.ndarray:
    """Left, top, right, bottom of each picture, in mm."""
    return np.array(
        [
            (p.x, p.y, p.x + p.image.shape[1] / PX, p.y + p.image.shape[0] / PX)
            for p in page.pictures
        ]
    )


def letters(page: Page) -> np.ndarray:
    """The same of each text; letters have no more than 0.8 of their size above."""
    found = []
    for text in page.texts:
        wide = text_width(text.text, text.size, text.bold)
        left = text.x - dict(left=0, center=0.5, right=1)[text.align] * wide
        found.append((left, text.y - text.size * 0.28, left + wide, text.y))
    return np.array(found)


def overlaps(places: np.ndarray) -> list[tuple[int, int]]:
    slack = 0.15  # a pixel
    return [
        (i, j)
        for (i, a), (j, b) in itertools.combinations(enumerate(places), 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > slack
        and min(a[3], b[3]) - max(a[1], b[1]) > slack
    ]


def check_readable(page: Page) -> None:
    """All on the page, nothing over anything else."""
    places = np.concatenate([boxes(page), letters(page)])
    assert places[:, :2].min() >= 5
    assert (
        places[:, 2].max() <= page.width - 5 and places[:, 3].max() <= page.height - 5
    )
    assert overlaps(places) == []
    for line in page.lines:
        for x, y in ((line.x0, line.y0), (line.x1, line.y1)):
            assert 5 <= x <= page.width - 5 and 5 <= y <= page.height - 5
            inside = (
                (boxes(page)[:, :2] + 0.15 < (x, y))
                & (boxes(page)[:, 2:] - 0.15 > (x, y))
            ).all(axis=1)
            assert not inside.any()


def text_at(page: Page, text: str) -> tuple[float, float]:
    return next((t.x, t.y) for t in page.texts if t.text == text)


def test_types_stand_in_their_rows_in_order():
    page = draw_karyogram(cell())
    for row in ROWS:
        places = [text_at(page, kind) for group in row for kind in group]
        assert len({y for _, y in places}) == 1
        assert [x for x, _ in places] == sorted(x for x, _ in places)
    heads = [text_at(page, row[0][0])[1] for row in ROWS]
    assert heads == sorted(heads)
    x = dict((kind, text_at(page, kind)[0]) for kind in ("2", "3", "4"))
    assert x["4"] - x["3"] > 1.4 * (x["3"] - x["2"])  # groups are told apart


def test_homologues_stand_side_by_side_above_their_type():
    page = draw_karyogram(cell())
    for number, kind in enumerate(TYPES[:22]):
        first, second = boxes(page)[2 * number : 2 * number + 2]
        assert first[2] < second[0]
        middle = (first[0] + second[2]) / 2
        assert middle == pytest.approx(text_at(page, kind)[0], abs=0.15)
        assert first[3] < text_at(page, kind)[1]


def test_the_centromeres_of_a_row_are_on_one_line():
    page = draw_karyogram(cell())
    places = dict(zip(NORMAL, boxes(page), strict=True))
    for row in ROWS:
        at = [
            places[k][1] + ideogram(k).centromere * (places[k][3] - places[k][1])
            for group in row
            for k in group
        ]
        assert np.ptp(at) < 0.5  # half a pixel of the crop, in mm


def test_without_a_centromere_it_is_where_the_ideogram_has_it():
    known = draw_karyogram(cell())
    crops = [replace(one, centromere=None) for one in cell().crops]
    unknown = draw_karyogram(Karyogram("Case 7, cell 2", "46,XY", crops))
    assert boxes(unknown) == pytest.approx(boxes(known), abs=1e-6)


def test_all_crops_have_one_scale():
    karyogram = cell()
    page = draw_karyogram(karyogram)
    heights = np.array([one.image.shape[0] - 6 for one in karyogram.crops])
    drawn = np.array([picture.image.shape[0] for picture in page.pictures])
    ratio = drawn / heights
    assert np.abs(ratio - np.median(ratio)).max() < 1 / heights.min()
    given = draw_karyogram(replace(karyogram, scale=0.1))
    assert given.pictures[0].image.shape[0] == pytest.approx(
        0.1 * heights[0] * PX, abs=1
    )


@pytest.mark.parametrize(
    "kinds, size",
    [
        (NORMAL, (297, 210)),
        ([*NORMAL, "21"], (297, 210)),
        (["1", "5", "21"], (297, 210)),
        (NORMAL * 2, None),
        (["1"] * 60, None),
    ],
    ids=["46", "trisomy", "three", "tetraploid", "sixty of one type"],
)
def test_everything_is_readable(kinds, size):
    karyogram = cell(kinds)
    crops = [
        replace(one, label=f"{n:06d}", review=n % 3 == 0)
        for n, one in enumerate(karyogram.crops)
    ]
    page = draw_karyogram(replace(karyogram, crops=crops, notes=["a note " * 60]))
    assert len(page.pictures) == len(kinds)
    assert size in (None, (page.width, page.height))
    check_readable(page)


def test_hundreds_in_the_tray_make_the_page_longer():
    tray = [replace(crop(NORMAL[n % 46]), type="", label=str(n)) for n in range(300)]
    karyogram = cell()
    page = draw_karyogram(replace(karyogram, crops=[*karyogram.crops, *tray]))
    assert page.width == 297 and page.height > 210
    assert "Not placed: 300" in [text.text for text in page.texts]
    assert {str(n) for n in range(300)} <= {text.text for text in page.texts}
    check_readable(page)


def test_a_crop_far_too_large_is_whole_and_says_its_factor():
    whole = KaryogramCrop(rod(700, 900), "", label="8")
    page = draw_karyogram(replace(cell(), crops=[*cell().crops, whole]))
    alone = draw_karyogram(cell())
    check_readable(page)
    text = next(text.text for text in page.texts if text.text.startswith("8 ×"))
    normal = page.pictures[0].image.shape[0] / (crop("1").image.shape[0] - 6)
    factor = page.pictures[-1].image.shape[0] / 700 / normal
    assert float(text.split("×")[1]) == pytest.approx(factor, rel=0.06)
    assert page.pictures[0].image.shape[0] > 0.5 * alone.pictures[0].image.shape[0]


def dashes(page: Page) -> int:
    return sum(line.color == "#999999" and line.width == 0.5 for line in page.lines)


def test_a_missing_homologue_leaves_an_empty_place_of_its_size():
    one = draw_karyogram(cell([kind for kind in NORMAL if kind != "9"]))
    grey = [(line.x0, line.y0) for line in one.lines if line.color == "#999999"]
    x, _ = text_at(one, "9")
    assert grey and all(abs(left - x) < 20 for left, _ in grey)
    high = max(y for _, y in grey) - min(y for _, y in grey)
    eight = boxes(one)[NORMAL.index("8")]
    ratio = ideogram("9").length / ideogram("8").length
    assert high == pytest.approx(ratio * (eight[3] - eight[1]), rel=0.1)
    assert dashes(draw_karyogram(cell())) == 0


def test_a_second_x_or_a_y_is_not_missed_but_the_only_x_is():
    assert dashes(draw_karyogram(cell([*NORMAL[:44], "X"]))) == 0
    assert dashes(draw_karyogram(cell([*NORMAL[:44], "Y"]))) > 0


def test_uncertain_ones_are_framed_and_carry_their_confidence():
    crops = list(cell().crops)
    crops[6] = replace(crops[6], review=True, confidence=0.618)
    crops[9] = replace(crops[9], review=True, confidence=float("nan"))
    page = draw_karyogram(replace(cell(), crops=crops))
    marks = {text.text: text for text in page.texts if text.color == MARK}
    assert sorted(marks) == ["62 %", "?"]
    frame = [line for line in page.lines if line.color == MARK]
    left, top, right, bottom = boxes(page)[6]
    own = [line for line in frame if left - 1 < line.x0 < right + 1]
    assert min(line.y0 for line in own) < top < bottom < max(line.y1 for line in own)
    assert any("looked at again" in text.text for text in page.texts)
    plain = draw_karyogram(cell())
    assert not any(line.color == MARK for line in plain.lines)
    assert not any("looked at again" in text.text for text in plain.texts)


def test_tray_crops_are_not_marked_one_by_one():
    crops = [*cell().crops, replace(crop("3"), type="", review=True)]
    page = draw_karyogram(replace(cell(), crops=crops))
    assert not any(line.color == MARK for line in page.lines)


def test_a_tray_alone_is_drawn():
    crops = [replace(crop(kind), type="") for kind in ("1", "21")]
    page = draw_karyogram(Karyogram("only a tray", crops=crops))
    check_readable(page)
    assert len(page.pictures) == 2


def test_png_and_pdf_show_the_same(tmp_path):
    png, pdf = tmp_path / "new" / "a.png", tmp_path / "new" / "a.pdf"
    crops = [
        replace(one, image=np.maximum(one.image, 60 + n))
        for n, one in enumerate(cell().crops)
    ]
    karyogram = Karyogram("Case 7", "46,XY", crops, notes=["Ångström < & >"])
    write_karyogram(karyogram, png, pdf)
    assert {path.name for path in png.parent.iterdir()} == {"a.png", "a.pdf"}
    assert png.read_bytes() == karyogram_png(karyogram)
    image = cv2.imread(str(png))
    assert image.shape == (1654, 2339, 3)
    page = draw_karyogram(karyogram)
    for picture in page.pictures:
        top, left = round(picture.y * PX), round(picture.x * PX)
        height, width = picture.image.shape
        part = image[top : top + height, left : left + width]
        assert (part == picture.image[:, :, None]).all()
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-") and data.count(b"/Subtype /Image") == 46
    assert b"/FontFile2" in data  # letters are letters of an embedded font
    assert re.search(rb"/MediaBox \[ 0 0 841.8\d* 595.2\d* \]", data)


def test_the_same_cell_is_the_same_file(tmp_path):
    for name in "ab":
        write_karyogram(cell(), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    for end in ("png", "pdf"):
        first, second = (tmp_path / f"{name}.{end}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_one_of_both_and_a_failure_leaves_nothing(tmp_path, monkeypatch):
    write_karyogram(cell(), png_path=tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]

    def full(*args):
        raise OSError("disk full")

    monkeypatch.setattr(Page, "to_pdf", full)
    with pytest.raises(OSError, match="disk full"):
        write_karyogram(cell(), pdf_path=tmp_path / "b.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_iscn_text_goes_on_behind_commas_alone():
    lost = [f"-{kind}" for kind in TYPES[:22] for _ in range(2)]
    iscn = ",".join(["2", "X", "-X", *lost])
    page = draw_karyogram(replace(cell(), iscn=iscn))
    lines = [text.text for text in page.texts if text.bold and text.size == 12]
    assert len(lines) > 1 and "".join(lines) == iscn
    assert all(line.endswith(",") for line in lines[:-1])
    check_readable(page)


def test_a_picture_in_the_png_stays_beside_its_neighbour():
    page = Page(20, 20, "", [Picture(5, 5, rod(4)), Picture(5.2, 5, rod(4))])
    image = cv2.imdecode(np.frombuffer(page.to_png(), np.uint8), 0)
    assert (image < 255).sum() == 4 * 14  # white margins hide nothing


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: KaryogramCrop(np.zeros((3, 3, 3), np.uint8)),
            "image: .* got uint8 of",
        ),
        (lambda: KaryogramCrop(np.zeros((3, 3))), "image: .* got float64 of"),
        (lambda: KaryogramCrop(rod(9), "23"), "type: expected 1..22, X, Y .* '23'"),
        (lambda: KaryogramCrop(rod(9), "1", 90.0), "confidence: expected 0..1, got 90"),
        (
            lambda: KaryogramCrop(rod(9), centromere=15.0),
            "centromere: .* 0..14, got 15",
        ),
        (lambda: Karyogram("a", crops=[]), "karyogram of 'a': expected one or more"),
        (lambda: cell(scale=0.0), "scale: expected millimetres a pixel > 0, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()
