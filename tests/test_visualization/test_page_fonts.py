"""Letters that DejaVu Sans lacks: of a font of the system, else by their number."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

from mmscl.visualization import page_fonts
from mmscl.visualization.page import PX, Page, Text, text_width
from mmscl.visualization.page_fonts import legible, parts_by_font

LETTERS = "病ก"  # one as wide as high, and one of a script whose letters join


def draw_box(pen) -> None:
    """As wide as high, 800 of 1000 units, without a gap on the left."""
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()


def make_font(path: Path, postscript: bool = False) -> str:
    """A font in which LETTERS are boxes, 1 em wide."""
    names = [".notdef", *(f"uni{ord(letter):04X}" for letter in LETTERS)]
    builder = FontBuilder(1000, isTTF=not postscript)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): f"uni{ord(c):04X}" for c in LETTERS})
    if postscript:
        pen = T2CharStringPen(1000, None)
        draw_box(pen)
        shapes = dict.fromkeys(names, pen.getCharString())
        builder.setupCFF("Boxes", {}, shapes, {})
    else:
        pen = TTGlyphPen(None)
        draw_box(pen)
        builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(dict(familyName="Boxes", styleName="Regular"))
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def install(monkeypatch):
    """Makes some files all the fonts that the system has."""

    def forget():
        for known in (page_fonts._system_font_of, parts_by_font, text_width):
            known.cache_clear()

    def install(*files: str) -> None:
        forget()
        monkeypatch.setattr(page_fonts, "system_fonts", lambda: files)

    yield install
    forget()


def test_without_a_font_letters_are_spelt_by_their_number(install, tmp_path):
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    install(str(tmp_path / "damaged.ttf"))
    assert legible("病 7\n2") == "<U+75C5> 7 2"
    assert legible("Ångström Ω Ж") == "Ångström Ω Ж"


def test_a_font_of_the_system_draws_them_in_png_and_pdf(install, tmp_path):
    install(font := make_font(tmp_path / "boxes.ttf"))
    assert legible("a病b") == "a病b"
    assert [part for _, part in parts_by_font("a病b", False)] == ["a", "病", "b"]
    assert text_width("病", 10) == pytest.approx(10 / 72 * 25.4)
    page = Page(40, 20, texts=[Text(20, 10, "病", 36, align="center")])
    image = cv2.imdecode(np.frombuffer(page.to_png(), np.uint8), 0)
    rows, columns = np.nonzero(image < 128)
    size = 0.8 * 36 / 72 * 25.4 * PX  # of the box
    assert np.ptp(rows) + 1 == pytest.approx(size, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(size, abs=1)
    # The letter has its middle at 20 mm, and its box begins with it.
    assert columns.min() == pytest.approx(20 * PX - size / 0.8 / 2, abs=1)
    pdf = page.to_pdf()
    assert b"+Boxes" in pdf and font.encode() not in pdf


def test_a_font_that_a_pdf_cannot_hold_is_not_taken(install, tmp_path):
    install(make_font(tmp_path / "boxes.otf", postscript=True))
    assert page_fonts._wide_letters(str(tmp_path / "boxes.otf")) == {ord("病")}
    assert legible("病") == "<U+75C5>"


def test_letters_that_join_are_spelt(install, tmp_path):
    install(make_font(tmp_path / "boxes.ttf"))
    assert legible("ก") == "<U+0E01>"


def test_the_fonts_of_this_system_have_one_order():
    files = page_fonts.system_fonts()
    assert list(files) == sorted(files) and all(Path(file).is_file() for file in files)
