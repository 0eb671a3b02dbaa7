"""A page of pictures, letters and lines in millimetres -> PNG and PDF.

Drawn by Pillow and reportlab: a page of a hundred pictures takes matplotlib more than a
second, whatever is drawn once. Both get the same pictures at the same places and the
same letters, DejaVu Sans, which comes with matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

# Letters for bytes, which reportlab codes in Python: a quarter of the time and size.
rl_config.useA85 = 0

#: Pixels of the PNG, and of the pictures in the PDF, an inch.
DPI = 200
#: Pixels and points of a millimetre.
PX, PT = DPI / 25.4, 72 / 25.4
_FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
_NAMES = {False: "mmscl-sans", True: "mmscl-sans-bold"}
_SHIFTS = {"left": 0.0, "center": 0.5, "right": 1.0}


@dataclass(frozen=True)
class Picture:
    """A grey picture at a place.

    Attributes:
        x, y: Upper left corner in mm from the page's.
        image: H x W uint8, one value a pixel of the PNG.
    """

    x: float
    y: float
    image: np.ndarray


@dataclass(frozen=True)
class Text:
    """One line of letters.

    Attributes:
        x, y: Where its baseline begins, has its middle or ends, in mm.
        text: Without line breaks.
        size: Of the letters, in points.
    """

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    color: str = "#000000"
    align: Literal["left", "center", "right"] = "left"


@dataclass(frozen=True)
class Line:
    """A level or upright line; coordinates in mm, width in points."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float = 0.6
    color: str = "#000000"


@dataclass
class Page:
    """What is on a page.

    Attributes:
        width, height: In mm.
    """

    width: float
    height: float
    title: str = ""
    pictures: list[Picture] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def to_png(self) -> bytes:
        """The page at 200 dpi, grey with coloured marks."""
        shape = round(self.height * PX), round(self.width * PX)
        paper = np.full(shape, 255, np.uint8)
        for picture in self.pictures:
            top, left = round(picture.y * PX), round(picture.x * PX)
            height, width = picture.image.shape
            part = paper[top : top + height, left : left + width]
            np.minimum(part, picture.image, out=part)
        image = Image.fromarray(paper).convert("RGB")
        draw = ImageDraw.Draw(image)
        for line in self.lines:
            ends = [value * PX for value in (line.x0, line.y0, line.x1, line.y1)]
            thick = max(1, round(line.width / 72 * DPI))
            draw.line([round(value) for value in ends], line.color, thick)
        for text in self.texts:
            x = text.x - _SHIFTS[text.align] * text_width(
                text.text, text.size, text.bold
            )
            font = _font(text.size, text.bold)
            draw.text((x * PX, text.y * PX), text.text, text.color, font, anchor="ls")
        pixels = np.asarray(image)[:, :, ::-1]
        done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 4])
        if not done:
            raise ValueError(
                f"a page of {shape[1]} x {shape[0]} pixels is too large for a PNG"
            )
        return data.tobytes()

    def to_pdf(self) -> bytes:
        """The page as PDF: letters and lines as vectors, pictures embedded."""
        _register_fonts()
        file = BytesIO()
        size = self.width * PT, self.height * PT
        canvas = Canvas(file, pagesize=size, pageCompression=1, invariant=True)
        canvas.setTitle(self.title)
        canvas.setCreator("mmscl")
        for picture in self.pictures:
            height, width = (side / DPI * 72 for side in picture.image.shape)
            x, y = (round(value * PX) / DPI * 72 for value in (picture.x, picture.y))
            reader = ImageReader(Image.fromarray(picture.image))
            canvas.drawImage(reader, x, size[1] - y - height, width, height)
        for line in self.lines:
            canvas.setStrokeColor(HexColor(line.color))
            canvas.setLineWidth(line.width)
            x0, x1 = line.x0 * PT, line.x1 * PT
            canvas.line(x0, size[1] - line.y0 * PT, x1, size[1] - line.y1 * PT)
        for text in self.texts:
            canvas.setFillColor(HexColor(text.color))
            canvas.setFont(_NAMES[text.bold], text.size)
            put = dict(
                left=canvas.drawString,
                center=canvas.drawCentredString,
                right=canvas.drawRightString,
            )[text.align]
            put(text.x * PT, size[1] - text.y * PT, text.text)
        canvas.showPage()
        canvas.save()
        return file.getvalue()


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in mm of a line of letters of ``size`` points."""
    # Measured large, where hinting does not round.
    return _font(72.0, bold).getlength(text) / DPI * 25.4 * size / 72


def legible(text: str) -> str:
    """One line in which what the font lacks is spelt by its number: <U+4E2D>.

    DejaVu Sans has Latin, Greek, Cyrillic and more, but no Chinese, Japanese, Korean.
    """
    known = _letters()
    line = " ".join(text.split())
    spelt = (c if ord(c) in known else f"<U+{ord(c):04X}>" for c in line)
    return "".join(spelt)


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines no wider than ``width`` mm; words that are longer are cut."""
    lines: list[str] = []
    line = ""
    for word in _short_words(text.split(), width, size, bold):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size, bold) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _short_words(
    words: Iterable[str], width: float, size: float, bold: bool
) -> Iterable[str]:
    for word in words:
        while text_width(word, size, bold) > width and len(word) > 1:
            fits = len(word) - 1
            while fits > 1 and text_width(word[:fits], size, bold) > width:
                fits -= 1
            yield word[:fits]
            word = word[fits:]
        yield word


def dashed_box(
    x: float, y: float, width: float, height: float, color: str, line: float = 0.8
) -> list[Line]:
    """A frame of dashes of 1 mm, corners closed, as lines."""
    right, bottom = x + width, y + height
    level = [
        Line(start, at, stop, at, line, color)
        for start, stop in _dashes(x, right)
        for at in (y, bottom)
    ]
    upright = [
        Line(at, start, at, stop, line, color)
        for start, stop in _dashes(y, bottom)
        for at in (x, right)
    ]
    return level + upright


def _dashes(low: float, high: float) -> list[tuple[float, float]]:
    """Dashes of about 1 mm with such gaps, beginning and ending with a dash."""
    count = 2 * max(round((high - low) / 2), 1) + 1
    edges = np.linspace(low, high, count + 1).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


@lru_cache(maxsize=64)
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_file(bold)), size / 72 * DPI)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    fonts = (FT2Font(str(_font_file(bold))).get_charmap() for bold in _FILES)
    return frozenset.intersection(*map(frozenset, fonts))


def _font_file(bold: bool) -> Path:
    return Path(matplotlib.get_data_path(), "fonts", "ttf", _FILES[bold])


@lru_cache(maxsize=1)
def _register_fonts() -> None:
    for bold, name in _NAMES.items():
        pdfmetrics.registerFont(TTFont(name, str(_font_file(bold))))
