"""What the first page of a TIFF declares, and whether its pixels are in the file.

libtiff (inside OpenCV) fills what a strip lacks with zeros and says so only in its log,
knows sample formats that OpenCV does not scale, and multiplies colours by their alpha.
Strips beyond those that the picture needs may be missing: the vendor's TIFFs of the
'DataNew' set declare two, the second behind the end of the file, and need one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from operator import add
from struct import Struct

import numpy as np

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    check_with_pillow,
    damaged,
    unpack,
    unsupported,
)

# TIFF 6.0 field types that hold whole numbers, and those of BigTIFF: bytes, code.
_WHOLE = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I"), 16: (8, "Q")}
# Tag, kind, number of values and, skipped, the values or their place: of an entry of a
# TIFF and a BigTIFF, and one value of an entry, each in both byte orders.
_ENTRY = {
    order + word: Struct(f"{order}HH{word}{Struct(order + word).size}x")
    for order in "<>"
    for word in "IQ"
}
_ONE = {order + code: Struct(order + code) for order in "<>" for code in "BHI"}
# What OpenCV decodes: none, CCITT, LZW, JPEG, Deflate, PackBits. An unknown compression
# comes out all black.
_NONE, _JPEG, _DEFLATE = 1, 7, (8, 32946)
# CCITT, LZW and PackBits have no checksum: libtiff fills what a strip lacks with zeros.
_FILLED_UP = (2, 3, 4, 5, 32773)
_PACKINGS = (_NONE, _JPEG, *_DEFLATE, *_FILLED_UP)
# Of a tag: the palette of 16 bits. 4096 x 4096 pixels in tiles of 16 x 16 need 65,536.
_MOST_VALUES = 3 * 2**16
_WHITE_IS_ZERO, _PALETTE, _YCBCR = 0, 3, 6
# Photometric interpretation -> samples of a pixel that come out right: grey (two
# kinds), RGB and RGBA, palette, YCbCr. Not CMYK (5) and Lab (8), not grey with alpha.
# What the missing rest of a strip decodes to.
_BLACK = {_WHITE_IS_ZERO: 255, 1: 0, 2: 0}
_SAMPLES = {_WHITE_IS_ZERO: (1,), 1: (1,), 2: (3, 4), _PALETTE: (1,), _YCBCR: (3,)}


class _Page:
    """Tags of the first page (IFD): numbers by tag."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._order = order = "<" if data[:1] == b"I" else ">"
        big = data[2:4] in (b"+\0", b"\0+")
        self._word, inline = ("Q", 8) if big else ("I", 4)
        (start,) = unpack(order + self._word, data, 8 if big else 4)
        (entries,) = unpack(order + ("Q" if big else "H"), data, start)
        start += 8 if big else 2
        layout = _ENTRY[order + self._word]
        end = start + entries * layout.size
        if end > len(data):
            raise damaged(f"the TIFF's tags end behind byte {len(data)}, its end")
        # Tag -> kind, number of values, place of those that fit in the entry.
        self._entries: dict[int, tuple[int, int, int]] = {}
        at = start + layout.size - inline
        for tag, kind, count in layout.iter_unpack(data[start:end]):
            if tag not in self._entries:  # of two, libtiff takes the first
                self._entries[tag] = kind, count, at
            at += layout.size

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, default: Sequence[int] = ()) -> Sequence[int]:
        """All values of a tag, or the default."""
        entry = self._entries.get(tag)
        if entry is None:
            return default
        kind, count, at = entry
        if kind not in _WHOLE or count < 1:
            raise damaged(f"tag {tag} of the TIFF holds no whole number")
        if count > _MOST_VALUES:
            raise unsupported(f"tag {tag} of the TIFF holds {count} values")
        size, code = _WHOLE[kind]
        if count == 1 and size <= 4:  # in the entry, most of all
            return _ONE[self._order + code].unpack_from(self.data, at)
        if count > 1 and count * size > (4 if self._word == "I" else 8):
            (at,) = unpack(self._order + self._word, self.data, at)
            if at + count * size > len(self.data):
                raise damaged(f"tag {tag} of the TIFF ends behind the end of the file")
        return unpack(f"{self._order}{count}{code}", self.data, at)

    def number(self, tag: int, default: int | None = None) -> int:
        """First value of a tag; without a default, the tag has to be there."""
        values = self.numbers(tag, () if default is None else (default,))
        if not values:
            raise damaged(f"the TIFF lacks the tag {tag}")
        return values[0]


def read_tiff(data: bytes) -> Header:
    """Size of the first page; its kind comes out right and its strips are there."""
    page = _Page(data)
    width, height = page.number(256), page.number(257)
    check_size(width, height)
    bits, samples = page.numbers(258, (1,)), page.number(277, 1)
    colours, separate = page.number(262), page.number(284, 1) == 2
    packing = page.number(259, _NONE)
    _check_kind(page, bits, samples, colours, separate)
    if packing not in _PACKINGS:
        raise unsupported(f"a TIFF of the compression {packing}")
    depth = bits[0] if separate else bits[0] * samples
    strips = _strips(page, width, height, depth, samples if separate else 1)
    if colours != _YCBCR:  # its colours may have fewer pixels
        _check_strips(data, strips, packing)
    if packing in _FILLED_UP:
        black = _BLACK.get(colours) if page.number(274, 1) == 1 else None
        rows = 1 if 322 in page else page.number(278, height)
        return Header(width, height, partial(_check_ends, data, black, rows))
    return Header(width, height, _check_alpha if samples == 4 else None)


def _check_kind(
    page: _Page, bits: Sequence[int], samples: int, colours: int, separate: bool
) -> None:
    """Stops where OpenCV would give other grey levels than the file means."""
    if samples not in _SAMPLES.get(colours, ()):
        raise unsupported(
            f"a TIFF of {samples} samples a pixel with the photometric "
            f"interpretation {colours} (read are grey, RGB, RGBA and palettes)"
        )
    if not {1, 2, 4, 8, 16}.issuperset(bits) or not {1, 4}.issuperset(
        page.numbers(339, (1,))
    ):
        raise unsupported(
            f"a TIFF of {max(bits)} bits a sample, or with a sign or a decimal point"
        )
    if max(bits) > 8 and (colours == _WHITE_IS_ZERO or separate):
        raise unsupported(
            f"a TIFF of {max(bits)} bits whose white is zero or whose colours lie in "
            "separate planes"
        )
    if colours == _PALETTE and not page.numbers(320):
        raise damaged("the TIFF lacks its palette")
    if page.number(254, 0) & 1:
        raise unsupported("a TIFF whose first page is the preview of another")


def _strips(
    page: _Page, width: int, height: int, depth: int, planes: int
) -> list[tuple[int, int, int]]:
    """The strips (or tiles) that the picture needs; all lie in the file.

    Args:
        page: Where they are declared.
        width, height: Of the picture, in pixels.
        depth: Bits of a pixel in a strip.
        planes: Sets of strips: one a colour where colours are separate, else 1.

    Returns:
        First byte, number of bytes, and number of bytes that its pixels have.
    """
    tiled = 322 in page
    across, down = width, min(page.number(278, height), height)
    if tiled:
        across, down = page.number(322), page.number(323)
    if not across or not down:
        raise damaged("the TIFF has strips without pixels")
    columns, lines = -(-width // across), -(-height // down)
    if tiled:  # those at the right and below may be much larger than the picture
        check_size(across * columns, down * lines)
    needed = columns * lines * planes
    starts = page.numbers(324 if tiled else 273)
    lengths = page.numbers(325 if tiled else 279)
    if len(starts) < needed or len(lengths) < needed:
        listed = min(len(starts), len(lengths))
        raise damaged(f"the TIFF lists {listed} of the {needed} strips it needs")
    end = max(map(add, starts[:needed], lengths[:needed]))
    if end > len(page.data) or min(starts[:needed]) < 8:
        raise damaged(f"the TIFF's pixels end at byte {end} of {len(page.data)}")
    row = (across * depth + 7) // 8
    sizes = [row * down] * needed
    if not tiled:
        sizes[lines - 1 :: lines] = [row * ((height - 1) % down + 1)] * planes
    return list(zip(starts, lengths, sizes, strict=False))


def _check_strips(
    data: bytes, strips: Sequence[tuple[int, int, int]], packing: int
) -> None:
    """Stops at a strip that is too short, or that its checksum says is damaged."""
    if packing == _NONE and len(strips) > 2 and strips[0][1] != strips[1][1]:
        # libtiff then believes none of the lengths, and guesses.
        raise damaged("the first two strips of the TIFF differ in length")
    for number, (start, length, size) in enumerate(strips, 1):
        if not length or (packing == _NONE and length < size):
            raise damaged(f"strip {number} of the TIFF has {length} of {size} bytes")
        if packing in _DEFLATE:
            unpacker = zlib.decompressobj()
            try:
                # One byte more than needed, so that the checksum is reached.
                pixels = unpacker.decompress(data[start : start + length], size + 1)
            except zlib.error as error:
                raise damaged(f"strip {number} of the TIFF: {error}") from None
            if len(pixels) < size or (len(pixels) == size and not unpacker.eof):
                raise damaged(f"strip {number} of the TIFF ends too early")


def _check_alpha(image: np.ndarray) -> None:
    """Stops at half transparency: libtiff may have multiplied it into the colours."""
    if image.ndim == 3 and image.shape[2] == 4:
        alpha = image[:, :, 3]
        if ((alpha > 0) & (alpha < np.iinfo(alpha.dtype).max)).any():
            raise unsupported("a TIFF with half transparent pixels")


def _check_ends(data: bytes, black: int | None, rows: int, image: np.ndarray) -> None:
    """Stops at a compressed strip that libtiff could not decode to its end.

    Args:
        data: The file.
        black: What the missing rest of a strip decodes to; None if that is not known.
        rows: Rows of a strip; 1 for tiles.
        image: The decoded picture.
    """
    _check_alpha(image)
    ends = *image[rows - 1 :: rows, -1].flat, *image[-1, -1:].flat
    if black is None or black in ends:
        check_with_pillow(data)
