"""report.html and the karyograms: whole, alone, and safe with any name."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_results import CASE, draw_results

from mmscl.results import KaryotypeResults
from mmscl.results.drawing import karyogram_of
from mmscl.results.writing import REPORT_WIDTH, shrink, write_karyotypes


class Page(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name: str) -> Iterator[dict]:
        return (attrs for tag, attrs in self.tags if tag == name)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    results = draw_results()
    run = dict(
        results.run,
        left_out=[
            dict(path="<script>alert(1)</script>.png", reason="the file is empty")
        ],
        warnings=["nothing is calibrated"],
        model=dict(
            name="tiny",
            members=[dict(name="one", sha256="ab"), dict(name="two", sha256=None)],
        ),
        settings=dict(amp=False, batch_size=32),
        split=None,
        cases_known=True,
        notes=[],
        other_files=["a.doc: not an image file", "b.doc: not an image file"],
    )
    out = tmp_path_factory.mktemp("made") / "Ergebnis 1"
    write_karyotypes(replace(results, run=run), out)
    return out


@pytest.fixture(scope="module")
def page(out) -> Page:
    return Page((out / "report.html").read_text("utf-8"))


def test_every_cell_has_its_karyogram_as_png_and_pdf(out):
    for cell in KaryotypeResults.open(out).cells:
        file = out / "karyograms" / cell.karyogram
        image = cv2.imread(f"{file}.png", cv2.IMREAD_GRAYSCALE)
        assert image.shape[1] > REPORT_WIDTH and image.min() < 50
        assert Path(f"{file}.pdf").read_bytes().startswith(b"%PDF-")
    assert len(list((out / "karyograms").iterdir())) == 4


def test_the_page_needs_nothing_from_elsewhere(out, page):
    assert not list(page.all("script")) and not list(page.all("link"))
    assert all(
        img["src"].startswith(("data:image/png;", "data:image/webp;"))
        for img in page.all("img")
    )
    for link in page.all("a"):
        target = link["href"]
        assert target.startswith("#") or (out / target).is_file(), target
    text = (out / "report.html").read_text("utf-8")
    assert not re.search(r"https?://|@import|url\(", text)
    assert page.open == []


def test_links_within_the_page_lead_somewhere(page):
    anchors = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    for link in page.all("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in anchors


def test_names_are_text_and_no_markup(page):
    assert CASE in page.text
    assert "<script>alert(1)</script>.png" in page.text
    assert not any(tag == "b" and attrs for tag, attrs in page.tags)


def test_it_says_what_it_cannot_tell_and_what_was_left_out(page):
    text = " ".join(page.text.split())
    assert "translocations, deletions, inversions and markers do not show" in text
    assert "not a medical device" in text
    assert "Not read as chromosomes: 1 file." in text and "the file is empty" in text
    assert "nothing is calibrated" in text
    assert "46,XX: 2" in text and "few cells" in text


def test_the_crops_for_review_stand_first_with_their_look_alikes(page):
    text = " ".join(page.text.split())
    assert text.index("All 2, the least sure first") < text.rindex("47 chromosomes")
    pictures = [img for img in page.all("img") if img.get("alt") == "crop 46"]
    assert len(pictures) == 1
    alike = [img for img in page.all("img") if img.get("alt") == "type 1"]
    assert len(alike) == 4  # crops 0 and 1 for each of two


def test_what_to_look_at_twice_stands_before_the_cases(page):
    sections = [attrs["id"] for attrs in page.all("section")]
    assert sections == ["first", "cases", "cells", "left-out", "run"]
    links = [link["href"] for link in page.all("a")][: len(sections)]
    assert links == [f"#{section}" for section in sections]


def test_how_it_was_made_is_told_in_words(page):
    text = " ".join(page.text.split("How this was made")[-1].split())
    assert "members: name: one sha256: ab name: two sha256: none" in text
    # A name and its value are cells of a table, without a space in between.
    assert "splitnone" in text and "cases knownyes" in text and "notesnone" in text
    assert "amp: no batch size: 32" in text
    assert "filesa.doc: not an image file b.doc: not an image file" in text
    assert not re.search(r"None|True|False|[\[\]{}']", text)


def test_pictures_of_the_page_are_those_of_the_crops(out, page):
    picture = next(img for img in page.all("img") if img.get("alt") == "crop 46")
    data = b64decode(picture["src"].partition(",")[2])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, KaryotypeResults.open(out).pictures[46])
    assert image.shape == (int(picture["height"]), int(picture["width"]))


def test_a_karyogram_of_corrected_types():
    results = draw_results(1)
    cell = results.cells[0]
    drawn = karyogram_of(results, cell)
    assert [crop.type for crop in drawn.crops].count("") == 1
    assert [crop.review for crop in drawn.crops].count(True) == 1
    drawn = karyogram_of(results, cell, {46: "21", 0: ""}, "46,XX,+21,-1")
    by_label = {crop.label: crop for crop in drawn.crops}
    assert by_label["46"].type == "21" and by_label["0"].type == ""
    assert not any(crop.review for crop in drawn.crops)
    assert drawn.iscn == "46,XX,+21,-1"


def test_a_karyogram_names_the_case_where_the_cell_does_not():
    results = draw_results(1)
    for case, cell, title in (("1", "12", "1, 12"), ("1", "1/2", "1/2")):
        row = replace(results.cells[0], case=case, cell=cell)
        crops = [replace(crop, case=case, cell=cell) for crop in results.crops]
        own = replace(results, crops=tuple(crops), cells=(row,))
        assert karyogram_of(own, row).title == title


def test_nothing_flagged_is_no_proof(tmp_path):
    results = draw_results(1)
    crops = tuple(replace(crop, needs_review=False) for crop in results.crops)
    write_karyotypes(replace(results, crops=crops), tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "No chromosome was flagged. That is no proof" in text


def test_small_pictures_are_not_enlarged():
    small = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
    decoded = cv2.imdecode(np.frombuffer(shrink(small), np.uint8), -1)
    assert decoded.shape == (20, 30, 3)
    large = cv2.imencode(".png", np.zeros((200, 4000), np.uint8))[1].tobytes()
    decoded = cv2.imdecode(np.frombuffer(shrink(large), np.uint8), -1)
    assert decoded.shape == (70, REPORT_WIDTH, 3)
