"""PNG: every kind of it, and what the standard forbids."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from corpus_case import (
    HEIGHT,
    HUGE,
    SIZE,
    WIDTH,
    Case,
    over_white,
    readable,
    refused,
    stack,
)
from image_writers import adam7, chunk, packed_rows, pillow, png_of, png_rows
from PIL import Image


def png_images(grey: np.ndarray) -> Iterator[Case]:
    rows, alpha = png_rows(grey), np.where(grey == 255, 0, 200).astype(np.uint8)
    seen, deep = over_white(grey, alpha), grey.astype(np.uint16) * 257
    colour, mask = stack(grey, grey, grey), (grey > 127).astype(np.uint8) * 255
    yield readable("png grey.png", png_of(SIZE, rows), grey)
    yield readable("png pieces.png", png_of(SIZE, rows, piece=50), grey)
    yield readable("png interlaced.png", png_of(SIZE, adam7(grey), interlace=1), grey)
    yield readable("png with a tail.png", png_of(SIZE, rows) + b"tail" * 99, grey)
    yield readable("png too many rows.png", png_of(SIZE, rows * 2), grey)
    for kind, body in (
        (b"gAMA", struct.pack(">I", 45455)),
        (b"tEXt", b"Title\0chromosome"),
        (b"zTXt", b"Title\0\0" + zlib.compress(bytes(10**7))),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(10**6))),
        (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    ):
        name = f"png chunk {kind.decode()}.png"
        yield readable(name, png_of(SIZE, rows, extra=chunk(kind, body)), grey)
    for bits in (1, 2, 4):
        packed, levels = png_rows(packed_rows(grey, bits)), 2**bits - 1
        want = (grey >> (8 - bits)).astype(int) * 255 // levels
        yield readable(f"png grey {bits} bit.png", png_of(SIZE, packed, bits), want)
        palette = np.repeat(np.arange(levels + 1) * 255 // levels, 3)
        palette = chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        data = png_of(SIZE, packed, bits, 3, palette)
        yield readable(f"png palette {bits} bit.png", data, want)
    inverse = chunk(b"PLTE", bytes(np.repeat(np.arange(256)[::-1], 3).tolist()))
    yield readable("png palette.png", png_of(SIZE, rows, 8, 3, inverse), 255 - grey)
    clear = inverse + chunk(b"tRNS", b"\xff" * 255)  # the last index stays opaque
    yield readable("png palette alpha.png", png_of(SIZE, rows, 8, 3, clear), 255 - grey)
    clear = inverse + chunk(b"tRNS", bytes(255) + b"\xff")
    want = np.where(grey == 255, 0, 255)
    yield readable("png palette clear.png", png_of(SIZE, rows, 8, 3, clear), want)
    yield readable("png 16 bit.png", png_of(SIZE, png_rows(deep), 16), grey)
    yield readable("png rgb.png", png_of(SIZE, png_rows(colour), 8, 2), grey)
    deep_colour = stack(deep, deep, deep)
    yield readable(
        "png rgb 16 bit.png", png_of(SIZE, png_rows(deep_colour), 16, 2), grey
    )
    clear = chunk(b"tRNS", b"\0\xff" * 3)
    data = png_of(SIZE, png_rows(colour), 8, 2, clear)
    yield readable("png rgb white is clear.png", data, grey)
    for kind, image in (("grey", [grey, alpha]), ("rgb", [grey] * 3 + [alpha])):
        colours = 4 if kind == "grey" else 6
        data = png_of(SIZE, png_rows(stack(*image)), 8, colours)
        yield readable(f"png {kind} with alpha.png", data, seen)
        image = [channel.astype(np.uint16) * 257 for channel in image]
        data = png_of(SIZE, png_rows(stack(*image)), 16, colours)
        yield readable(f"png {kind} with alpha 16 bit.png", data, seen)
    frames = dict(save_all=True, append_images=[Image.fromarray(255 - grey)])
    yield readable("png animated.png", pillow(grey, "PNG", **frames), grey)
    frames["default_image"] = True
    yield readable("png animated, still first.png", pillow(grey, "PNG", **frames), grey)
    yield readable("png mask.png", pillow(Image.fromarray(mask > 0), "PNG"), mask)
    for size in ((1, 1), (1, 300), (300, 1)):
        flat = np.full(size[::-1], 9, np.uint8)
        data = png_of(size, png_rows(flat))
        yield readable(f"png {size[0]} x {size[1]}.png", data, flat)
    large = np.full((4096, 4096), 255, np.uint8)
    data = png_of((4096, 4096), png_rows(packed_rows(large[:, :512], 8)[:, :512]), 1)
    yield readable("png as large as allowed.png", data, large)


def png_errors(grey: np.ndarray) -> Iterator[Case]:
    rows, good = png_rows(grey), png_of(SIZE, png_rows(grey))
    clear = chunk(b"tRNS", b"\0\xff")
    says = "one grey level of the PNG is declared transparent"
    yield refused("png grey clear.png", png_of(SIZE, rows, extra=clear), says)
    unseen = png_rows(stack(grey, 0 * grey))
    says = "every pixel is transparent"
    yield refused("png all transparent.png", png_of(SIZE, unseen, 8, 4), says)
    dim = png_rows(grey.astype(np.uint16) * 16)
    yield refused("png 12 bit of 16.png", png_of(SIZE, dim, 16), "4080 of 65535")
    says = f"declares {HUGE} x {HUGE} pixels, more than the 16,777,216 that are read"
    yield refused("png bomb declared.png", png_of((HUGE, HUGE), rows), says)
    blank = (b"\0" + bytes(2000)) * 16000  # 16000 x 16000 pixels of 1 bit: 35 kB
    says = "declares 16000 x 16000 pixels"
    yield refused("png bomb.png", png_of((16000, 16000), blank, 1), says)
    for size in ((0, 0), (0, HEIGHT), (WIDTH, 0), (2**31, 1), (2**32 - 1, 2**32 - 1)):
        data = png_of(size, rows)
        yield refused(f"png of {size[0]} x {size[1]}.png", data, "its header declares")
    for name, data in (
        ("3 bits", png_of(SIZE, rows, 3)),
        ("colour type 5", png_of(SIZE, rows, 8, 5)),
        ("too few rows", png_of(SIZE, rows[: len(rows) // 2])),
        ("one byte short", png_of(SIZE, rows[:-1])),
        ("no rows", png_of(SIZE, b"")),
        ("unknown filter", png_of(SIZE, rows.replace(b"\0", b"\x09"))),
        ("interlaced in name", png_of(SIZE, rows, interlace=1)),
        ("interlaced otherwise", png_of(SIZE, rows, interlace=2)),
        ("no palette", png_of(SIZE, rows, 8, 3)),
        ("unknown chunk", png_of(SIZE, rows, extra=chunk(b"ABCD", b"x"))),
        ("two headers", png_of(SIZE, rows, extra=good[8:33])),
        ("no header", good[:8] + good[33:]),
        ("no pixels", good[:33] + chunk(b"IEND", b"")),
        ("pixels are no zlib", good[:33] + chunk(b"IDAT", b"x" * 99) + good[-12:]),
        ("header of 12 bytes", good[:8] + chunk(b"IHDR", good[16:28]) + good[33:]),
        ("length of 2 GB", good[:33] + b"\x7f\xff\xff\xff" + good[37:]),
        ("text line ends", good.replace(b"\r\n", b"\n", 1)),
    ):
        yield refused(f"png {name}.png", data)
    text = chunk(b"tEXt", b"Title\0chromosome")
    commented = png_of(SIZE, rows, extra=text)
    for kind in (b"IHDR", b"tEXt", b"IDAT", b"IEND"):
        spoilt = bytearray(commented)
        at = commented.index(kind)
        spoilt[at + 4 + struct.unpack_from(">I", commented, at - 4)[0]] ^= 1
        name = f"png wrong checksum {kind.decode()}.png"
        yield refused(name, bytes(spoilt), "the checksum of the PNG's chunk at byte")
