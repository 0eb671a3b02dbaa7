"""A page of pictures, letters and lines in millimetres -> PNG and PDF.

Drawn by Pillow and reportlab: a page of a hundred pictures takes matplotlib more than a
second, whatever is drawn once. Both get the same pictures at the same places and the
same letters (:mod:`mmscl.visualization.page_fonts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from mmscl.visualization.page_fonts import parts_by_font, pdf_font, pillow_font

# Letters for bytes, which reportlab codes in Python: a quarter of the time and size.
rl_config.useA85 = 0

#: Pixels of the PNG, and of the pictures in the PDF, an inch.
DPI = 200
#: Pixels and points of a millimetre.
PX, PT = DPI / 25.4, 72 / 25.4
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
            wide = text_width(text.text, text.size, text.bold)
            x = (text.x - _SHIFTS[text.align] * wide) * PX
            for file, letters in parts_by_font(text.text, text.bold):
                font = pillow_font(file, text.size / 72 * DPI)
                draw.text((x, text.y * PX), letters, text.color, font, anchor="ls")
                x += _part_width(file, letters, text.size) * PX
        pixels = np.asarray(image)[:, :, ::-1]
        done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 4])
        if not done:
            raise ValueError(
                f"a page of {shape[1]} x {shape[0]} pixels is too large for a PNG"
            )
        return data.tobytes()

    def to_pdf(self) -> bytes:
        """The page as PDF: letters and lines as vectors, pictures embedded."""
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
            parts = [(pdf_font(f), p) for f, p in parts_by_font(text.text, text.bold)]
            widths = [stringWidth(part, font, text.size) for font, part in parts]
            x = text.x * PT - _SHIFTS[text.align] * sum(widths)
            for (font, part), wide in zip(parts, widths, strict=True):
                canvas.setFont(font, text.size)
                canvas.drawString(x, size[1] - text.y * PT, part)
                x += wide
        canvas.showPage()
        canvas.save()
        return file.getvalue()


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in mm of a line of letters of ``size`` points."""
    return sum(
        _part_width(file, part, size) for file, part in parts_by_font(text, bold)
    )


def _part_width(file: str, part: str, size: float) -> float:
    # Measured large, where hinting does not round.
    return pillow_font(file, float(DPI)).getlength(part) / DPI * 25.4 * size / 72


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines no wider than ``width`` mm; words that are longer are cut.

    They are cut behind a comma if there is one: '-18,-1' and '9' in the next line would
    be other losses than '-18' and '-19'.
    """
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
            cut = word.rfind(",", 0, fits) + 1 or fits
            yield word[:cut]
            word = word[cut:]
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
