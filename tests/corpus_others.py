"""BMP, JPEG, GIF, WebP, PNM and JPEG 2000, right and wrong."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from corpus_case import (
    HEIGHT,
    HUGE,
    NEVER_WRONG,
    SIZE,
    WIDTH,
    Case,
    over_white,
    readable,
    refused,
    stack,
)
from image_writers import bmp_of, bmp_rows, grey_palette, packed_rows, pillow
from PIL import Image


def bmps(grey: np.ndarray) -> Iterator[Case]:
    rows, four = bmp_rows(grey), stack(grey, grey, grey, 0 * grey)
    mask = (grey > 127).astype(np.uint8) * 255
    bits, fours = bmp_rows(packed_rows(grey, 1)), bmp_rows(packed_rows(grey, 4))
    black_and_white, inverse = grey_palette(2), grey_palette(256)[::-1]
    inverse = inverse[1:] + inverse[:1]
    old = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26 + 768)
    old += struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 8)
    old += bytes(np.repeat(np.arange(256), 3).tolist()) + rows
    upside_down = bmp_of((WIDTH, -HEIGHT), bmp_rows(grey[::-1]))
    for name, data, want in (
        ("grey", bmp_of(SIZE, rows), grey),
        ("from the top", upside_down, grey),
        ("24 bit", bmp_of(SIZE, bmp_rows(four[..., :3]), 24), grey),
        ("32 bit", bmp_of(SIZE, bmp_rows(four), 32), grey),
        ("1 bit", bmp_of(SIZE, bits, 1, palette=black_and_white), mask),
        ("4 bit", bmp_of(SIZE, fours, 4, palette=grey_palette(16)), (grey >> 4) * 17),
        ("palette backwards", bmp_of(SIZE, rows, palette=inverse), 255 - grey),
        ("all colours listed", bmp_of(SIZE, rows, listed=256), grey),
        ("OS 2", old, grey),
        ("with a tail", bmp_of(SIZE, rows) + b"tail" * 99, grey),
    ):
        yield readable(f"bmp {name}.bmp", data, want)
    few = grey_palette(256)[: 4 * 200]
    dark = np.minimum(grey, 199)
    data = bmp_of(SIZE, bmp_rows(dark), palette=few, listed=200)
    yield readable("bmp 200 colours.bmp", data, dark)
    for size in ((HUGE, HUGE), (2**31 - 1, 2**31 - 1), (2**31 - 1, -(2**31)), (0, 5)):
        name = f"bmp of {size[0]} x {size[1]}.bmp"
        yield refused(name, bmp_of(size, rows), "its header declares")
    masks = struct.pack("<III", 0xFF, 0xFF00, 0xFF0000)
    good = bmp_of(SIZE, rows)
    for name, data, says in (
        (
            "colour fields",
            bmp_of(SIZE, bmp_rows(four), 32, 3, masks=masks),
            "of 32 bits",
        ),
        ("16 bit", bmp_of(SIZE, bmp_rows(grey.astype(np.uint16)), 16), "of 16 bits"),
        ("run length", bmp_of(SIZE, b"\0\1", packing=1), "the compression 1"),
        ("bomb", bmp_of((4000, 4000), b"\0\1", packing=1), "the compression 1"),
        ("9 bit", bmp_of(SIZE, rows, 9), "of 9 bits"),
        (
            "no palette",
            bmp_of(SIZE, rows, palette=b""),
            "does not hold its 256 colours",
        ),
        ("10 colours", bmp_of(SIZE, rows, listed=10), "has colour 255 but 10 are"),
        ("negative width", bmp_of((-WIDTH, HEIGHT), rows), "its header declares"),
        ("twice as high", bmp_of((WIDTH, 2 * HEIGHT), rows), "pixels end at byte"),
        ("pixels elsewhere", good[:10] + b"\0\0\1\0" + good[14:], "pixels end at byte"),
        ("pixels at 0", good[:10] + bytes(4) + good[14:], "256 colours"),
    ):
        yield refused(f"bmp {name}.bmp", data, says)


def jpegs(grey: np.ndarray) -> Iterator[Case]:
    data = pillow(grey, "JPEG", quality=95)
    want = np.asarray(Image.open(io.BytesIO(data)))
    colour = Image.fromarray(stack(grey, grey, grey))
    upright = Image.Exif()
    upright[274] = 6
    turned = pillow(grey, "JPEG", quality=95, exif=upright)
    yield readable("jpeg grey.jpg", data, want, 2)
    yield readable("jpeg rgb.jpg", pillow(colour, "JPEG", quality=95), want, 2)
    slow = pillow(grey, "JPEG", quality=95, progressive=True)
    yield readable("jpeg progressive.jpeg", slow, want, 2)
    yield readable("jpeg turned in EXIF only.jpg", turned, want, 2)
    yield readable("jpeg with a tail.jpg", data + b"tail" * 99, want, 2)
    yield readable("jpeg padded.jpg", data[:2] + b"\xff" * 9 + data[2:], want, 2)
    inks = [Image.fromarray(plane) for plane in (*[0 * grey] * 3, 255 - grey)]
    ink = pillow(Image.merge("CMYK", inks), "JPEG")
    yield refused("jpeg cmyk.jpg", ink, "a JPEG of 4 colours")
    at = ink.index(b"Adobe")
    yield refused("jpeg ycck.jpg", ink[: at + 11] + b"\2" + ink[at + 12 :], "4 colours")
    at = data.index(b"\xff\xc0")

    def frame(marker: int, bits: int, height: int, width: int) -> bytes:
        body = struct.pack(">BBHBHH", 0xFF, marker, 11, bits, height, width)
        return data[:at] + body + data[at + len(body) :]

    for name, broken, says in (
        ("bomb", frame(0xC0, 8, HUGE, HUGE), f"declares {HUGE} x {HUGE} pixels"),
        ("of no rows", frame(0xC0, 8, 0, WIDTH), f"declares {WIDTH} x 0 pixels"),
        ("12 bit", frame(0xC1, 12, HEIGHT, WIDTH), "a JPEG of 12 bits"),
        ("lossless", frame(0xC3, 8, HEIGHT, WIDTH), "the coding 0xC3"),
        ("arithmetic", frame(0xC9, 8, HEIGHT, WIDTH), "the coding 0xC9"),
        ("no end", data[:-2], "has no end"),
        ("half an end", data[:-1], "has no end"),
        ("many scans", data[:-2] + b"\xff\xda\0\2" * 201 + data[-2:], "of 202 scans"),
        ("no frame", data[:2] + data[data.index(b"\xff\xda") :], "no frame header"),
        ("no marker", data[:20] + b"\0" + data[20:], "no marker at byte 20"),
        ("no tables", data[:2] + data[at:], "cannot be decoded"),
    ):
        yield refused(f"jpeg {name}.jpg", broken, says)


def gifs_and_webps(grey: np.ndarray) -> Iterator[Case]:
    """Suffix .png: a suffix says nothing, and data sets know no .gif and .webp."""
    other, colour = Image.fromarray(255 - grey), Image.fromarray(stack(*[grey] * 3))
    for name, data in (
        ("still", pillow(grey, "GIF")),
        ("animated", pillow(grey, "GIF", save_all=True, append_images=[other])),
        (
            "white is clear",
            pillow(Image.fromarray(grey).convert("P"), "GIF", transparency=255),
        ),
        ("with a comment", pillow(grey, "GIF", comment=b"x" * 600)),
    ):
        # OpenCV reads GIF since 4.11.
        yield Case(f"gif {name}.png", data, NEVER_WRONG, grey)
    data = pillow(grey, "GIF")
    for width, height, says in (
        (HUGE, HUGE, f"declares {HUGE} x {HUGE} pixels"),
        (WIDTH + 9, HEIGHT, "does not fill its canvas"),
        (0, 0, "declares 0 x 0 pixels"),
    ):
        broken = data[:6] + struct.pack("<HH", width, height) + data[10:]
        yield refused(f"gif of {width} x {height}.png", broken, says)
    yield refused("gif without a picture.png", data[:781] + b";", "holds no picture")
    lossless = pillow(colour, "WEBP", lossless=True)
    yield readable("webp lossless.png", lossless, grey)
    lossy = pillow(colour, "WEBP", quality=100)
    yield readable("webp lossy.png", lossy, grey, 40)
    frames = dict(save_all=True, append_images=[other.convert("RGB")], lossless=True)
    animated = pillow(colour, "WEBP", **frames)
    yield readable("webp animated.png", animated, grey)
    alpha = np.where(grey == 255, 0, 200).astype(np.uint8)
    data = Image.fromarray(stack(grey, grey, grey, alpha))
    data = pillow(data, "WEBP", lossless=True, exact=True)
    yield readable("webp with alpha.png", data, over_white(grey, alpha))
    for name, data in (
        ("lossless", lossless[:21] + b"\xff" * 4 + lossless[25:]),
        ("lossy", lossy[:26] + b"\xff" * 4 + lossy[30:]),
        ("animated", animated[:24] + b"\xff" * 6 + animated[30:]),
    ):
        yield refused(f"webp bomb {name}.png", data, "pixels, more than the 16,777,216")
    yield refused("webp that is sound.png", b"RIFF\x99\0\0\0WAVEfmt " + bytes(99))


def pnms(grey: np.ndarray) -> Iterator[Case]:
    body, mask = grey.tobytes(), (grey > 127).astype(np.uint8) * 255
    size, bits = b"%d %d" % SIZE, packed_rows(255 - mask, 1).tobytes()
    text = b" ".join(b"%d" % level for level in grey.ravel()) + b"\n"
    deep = (grey.astype(np.uint16) * 257).astype(">u2").tobytes()
    for name, data, want in (
        ("P5", b"P5\n" + size + b"\n255\n" + body, grey),
        ("P5 comment", b"P5\n# two\n# lines\n" + size + b"\n255\n" + body, grey),
        ("P5 16 bit", b"P5 " + size + b" 65535\n" + deep, grey),
        ("P4", b"P4\n" + size + b"\n" + bits, mask),
        ("P6", b"P6\n" + size + b"\n255\n" + stack(*[grey] * 3).tobytes(), grey),
        ("P2", b"P2\n" + size + b"\n255\n" + text, grey),
    ):
        yield readable(f"pnm {name}.pgm", data, want)
    for name, data, says in (
        ("white is 100", b"P5 " + size + b" 100\n" + body, "white level is 100"),
        ("white is 4095", b"P5 " + size + b" 4095\n" + deep, "white level is 4095"),
        ("white is 0", b"P5 " + size + b" 0\n" + body, "white level is 0"),
        ("bomb", b"P5 60000 60000 255\n", "declares 60000 x 60000 pixels"),
        ("bomb of bits", b"P1 60000 60000\n1 0", "declares 60000 x 60000 pixels"),
        ("of 0 x 0", b"P5 0 0 255\n", "declares 0 x 0 pixels"),
        ("of -5 x 5", b"P5 -5 5 255\n" + body, "no size and white level"),
        ("of 10 to the 20", b"P5 %d 5 255\n" % 10**20 + body, "no size and white"),
        ("of words", b"P5 wide high white\n" + body, "no size and white level"),
        ("comment without end", b"P5 #" + b"x" * 9999, "no size and white level"),
        ("too short", b"P5 " + size + b" 255\n" + body[:-9], "cannot be decoded"),
        ("text too short", b"P2 " + size + b" 255\n" + text[:999], "cannot be decoded"),
        ("of any kind", b"P7\nWIDTH 5\nHEIGHT 5\nENDHDR\n", "not an image"),
        ("of floats", b"Pf\n" + size + b"\n-1.0\n" + body * 4, "not an image"),
    ):
        yield refused(f"pnm {name}.pgm", data, says)


def jpeg_2000s(grey: np.ndarray) -> Iterator[Case]:
    data = pillow(grey, "JPEG2000")
    deep = grey.astype(np.uint16) * 257
    yield readable("jpeg 2000.jp2", data, grey)
    yield readable("jpeg 2000 bare.jp2", pillow(grey, "JPEG2000", no_jp2=True), grey)
    yield readable("jpeg 2000 rgb.jp2", pillow(stack(*[grey] * 3), "JPEG2000"), grey)
    yield readable("jpeg 2000 16 bit.jp2", pillow(deep, "JPEG2000"), grey)
    at = data.index(b"\xff\x4f\xff\x51") + 8
    size, depth = struct.pack(">II", HUGE, HUGE), at + 34
    for name, broken, says in (
        ("bomb", data[:at] + size + data[at + 8 :], f"declares {HUGE} x {HUGE}"),
        ("12 bit", data[:depth] + b"\x0b" + data[depth + 1 :], "the depths [11]"),
        ("signed", data[:depth] + b"\x87" + data[depth + 1 :], "the depths [135]"),
        ("without a picture", data[: at - 8] + bytes(99), "holds no picture"),
    ):
        yield refused(f"jpeg 2000 {name}.jp2", broken, says)
    two = pillow(Image.merge("LA", [Image.fromarray(grey)] * 2), "JPEG2000")
    yield refused("jpeg 2000 of two.jp2", two, "of 2 channels")
