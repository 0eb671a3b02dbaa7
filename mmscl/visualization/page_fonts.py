"""Which font draws a letter of a page: DejaVu Sans, else one that the system has.

DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic and more, but no
Chinese, Japanese or Korean. Those letters stand for themselves, so any font will do
that Pillow and reportlab can both read. Other scripts are not looked for: their letters
join or change places, and a page puts them one after another.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
#: The first letter that is as wide as high (Unicode: East Asian Width).
_FIRST_WIDE = 0x1100
#: Fonts whose pictures of letters say nothing of the letters.
_EMPTY = re.compile(r"last.?resort|blank|notdef", re.IGNORECASE)


def legible(text: str) -> str:
    """One line in which what no font has is spelt by its number: <U+4E2D>."""
    line = " ".join(text.split())
    return "".join(c if _font_of(c, False) else f"<U+{ord(c):04X}>" for c in line)


@lru_cache(maxsize=4096)
def parts_by_font(text: str, bold: bool) -> tuple[tuple[str, str], ...]:
    """A line as (file of a font, letters), from left to right."""
    usual = str(_font_file(bold))
    grouped = groupby(text, lambda letter: _font_of(letter, bold) or usual)
    return tuple((file, "".join(letters)) for file, letters in grouped)


@lru_cache(maxsize=64)
def pillow_font(file: str, pixels: float) -> ImageFont.FreeTypeFont:
    """A font for Pillow, `pixels` high."""
    return ImageFont.truetype(file, pixels)


@lru_cache(maxsize=64)
def pdf_font(file: str) -> str:
    """The name of a font in reportlab, which knows it from now on."""
    pdfmetrics.registerFont(TTFont(file, file))
    return file


def _font_of(letter: str, bold: bool) -> str | None:
    if ord(letter) in _usual_letters():
        return str(_font_file(bold))
    return _system_font_of(letter)


@lru_cache(maxsize=4096)
def _system_font_of(letter: str) -> str | None:
    """The first font of the system that has a wide letter; None if none has."""
    if unicodedata.east_asian_width(letter) not in "WF":
        return None
    fonts = (file for file in system_fonts() if ord(letter) in _wide_letters(file))
    return next((file for file in fonts if _draws(file, letter)), None)


@lru_cache(maxsize=1)
def system_fonts() -> tuple[str, ...]:
    """Files of the fonts that the system has, in the same order each time."""
    from matplotlib.font_manager import findSystemFonts  # slow, and rarely asked

    return tuple(sorted(f for f in findSystemFonts() if not _EMPTY.search(f)))


@lru_cache(maxsize=1024)
def _wide_letters(file: str) -> frozenset[int]:
    try:
        letters = FT2Font(file).get_charmap()
    except (OSError, RuntimeError):  # damaged, or no font
        return frozenset()
    return frozenset(code for code in letters if code >= _FIRST_WIDE)


def _draws(file: str, letter: str) -> bool:
    """Whether both can draw it; reportlab takes no PostScript outlines (Noto CJK)."""
    try:
        pillow_font(file, 20.0).getlength(letter)
        return ord(letter) in pdfmetrics.getFont(pdf_font(file)).face.charToGlyph
    except Exception:  # fonts of the system may be damaged in any way
        return False


@lru_cache(maxsize=1)
def _usual_letters() -> frozenset[int]:
    fonts = (FT2Font(str(_font_file(bold))).get_charmap() for bold in _FILES)
    return frozenset.intersection(*map(frozenset, fonts))


def _font_file(bold: bool) -> Path:
    return Path(matplotlib.get_data_path(), "fonts", "ttf", _FILES[bold])
