"""Image files written byte by byte, so that tests know and can spoil each of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

# TIFF field type -> struct code.
_CODES = {1: "B", 3: "H", 4: "I", 11: "f", 12: "d", 16: "Q"}
Tags = dict[int, tuple[int, Sequence[float]] | None]


def pillow(image: np.ndarray | Image.Image, form: str, **options) -> bytes:
    """An image as Pillow writes it."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG with its checksum."""
    head = struct.pack(">I", len(body)) + kind + body
    return head + struct.pack(">I", zlib.crc32(kind + body))


def png_of(
    size: tuple[int, int],
    rows: bytes,
    bits: int = 8,
    colours: int = 0,
    extra: bytes = b"",
    after: bytes = b"",
    interlace: int = 0,
    piece: int = 1 << 30,
) -> bytes:
    """A PNG.

    Args:
        size: (width, height) that its header declares.
        rows: Filter byte and pixels of each row, one after the other.
        bits: Of a sample.
        colours: Colour type of the PNG standard.
        extra: Chunks before the pixels.
        after: Chunks after them.
        interlace: 1 for Adam7.
        piece: Compressed bytes in an IDAT chunk.
    """
    header = struct.pack(">IIBBBBB", *size, bits, colours, 0, 0, interlace)
    packed = zlib.compress(rows, 9)
    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]
    body = b"".join(chunk(b"IDAT", part) for part in pieces)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + extra + body + after + chunk(b"IEND", b"")


def png_rows(image: np.ndarray) -> bytes:
    """Rows with filter 0; ``H x W (x C)`` uint8 or uint16."""
    image = image.astype(image.dtype.newbyteorder(">"))
    return b"".join(b"\0" + row.tobytes() for row in image)


def packed_rows(image: np.ndarray, bits: int) -> np.ndarray:
    """The upper bits of uint8 pixels, packed: ``H x bytes``."""
    digits = np.unpackbits(image[:, :, None], axis=2)[:, :, :bits]
    return np.packbits(digits.reshape(len(image), -1), axis=1)


def adam7(image: np.ndarray) -> bytes:
    """Rows of the seven passes of an interlaced PNG."""
    passes = (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    )
    return b"".join(
        png_rows(image[top::down, left::right]) for top, left, down, right in passes
    )


def bmp_of(
    size: tuple[int, int],
    rows: bytes,
    bits: int = 8,
    packing: int = 0,
    palette: bytes | None = None,
    listed: int = 0,
    masks: bytes = b"",
) -> bytes:
    """A BMP of the usual header (40 bytes); rows: from the bottom, padded to 4."""
    if palette is None:
        palette = grey_palette(256) if bits == 8 else b""
    start = 54 + len(masks) + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    sizes = (bits, packing, len(rows), 0, 0, listed, 0)
    head += struct.pack("<IiiHHIIiiII", 40, *size, 1, *sizes)
    return head + masks + palette + rows


def bmp_rows(image: np.ndarray) -> bytes:
    """Rows from the bottom, padded to 4 bytes."""
    rows = [row.tobytes() for row in image[::-1]]
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


def grey_palette(colours: int) -> bytes:
    """Blue, green, red, 0 of evenly spaced levels."""
    levels = np.linspace(0, 255, colours).astype(np.uint8)
    return np.stack([levels, levels, levels, 0 * levels], 1).tobytes()


def tiff_tags(
    image: np.ndarray, colours: int = 1, packing: int = 1, rows: int | None = None
) -> Tags:
    """The tags that an image (H x W or H x W x C, uint8 or uint16) needs."""
    height, width = image.shape[:2]
    samples = image.shape[2] if image.ndim == 3 else 1
    return {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8 * image.itemsize] * samples),
        259: (3, [packing]),
        262: (3, [colours]),
        277: (3, [samples]),
        278: (4, [rows or height]),
    }


def strips_of(image: np.ndarray, rows: int | None = None) -> list[bytes]:
    """Pixels in strips of so many rows; the last may have fewer."""
    rows = rows or len(image)
    return [image[at : at + rows].tobytes() for at in range(0, len(image), rows)]


def tiff_of(
    *pages: tuple[Tags, list[bytes]],
    order: str = "<",
    big: bool = False,
    loop: bool = False,
) -> bytes:
    """A TIFF, the tags of each page behind its strips.

    Args:
        pages: Tags (type, values; None leaves one out) and strips of each page. The
            places and lengths of the strips are filled in if not given.
        order: '<' or '>'.
        big: BigTIFF.
        loop: The last page is followed by the first.
    """
    word, inline = ("Q", 8) if big else ("I", 4)
    out = bytearray(b"II" if order == "<" else b"MM")
    out += struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if big else b""
    out += b"" if big else struct.pack(f"{order}HI", 42, 0)
    link = first = len(out) - inline
    for index, (given, strips) in enumerate(pages):
        starts = [_append(out, strip) for strip in strips]
        place, length = (324, 325) if 322 in given else (273, 279)
        own = {place: (4, starts), length: (4, [len(strip) for strip in strips])}
        entries = b""
        for tag, field in sorted({**own, **given}.items()):
            if field is None:
                continue
            kind, values = field
            body = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
            if len(body) > inline:
                body = struct.pack(order + word, _append(out, body))
            entries += struct.pack(f"{order}HH{word}", tag, kind, len(values))
            entries += body.ljust(inline, b"\0")
        count = len(entries) // (20 if big else 12)
        table = struct.pack(order + ("Q" if big else "H"), count) + entries
        at = _append(out, table + bytes(inline))
        struct.pack_into(order + word, out, link, at)
        link = at + len(table)
        first = at if index == 0 else first
    if loop:
        struct.pack_into(order + word, out, link, first)
    return bytes(out)


def _append(out: bytearray, body: bytes) -> int:
    """Puts body on an even place; gives the place."""
    out += bytes(len(out) % 2)
    out += body
    return len(out) - len(body)


def pack_bits(body: bytes) -> bytes:
    """PackBits without runs."""
    parts = (body[at : at + 128] for at in range(0, len(body), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def lzw_strip(image: np.ndarray) -> bytes:
    """The only strip of an image, as libtiff compresses it with LZW."""
    data = pillow(image, "TIFF", compression="tiff_lzw")
    tags = Image.open(io.BytesIO(data)).tag_v2
    return data[tags[273][0] :][: tags[279][0]]
