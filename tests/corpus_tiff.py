"""TIFF: kinds, strips and tags, right and wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from corpus_case import (
    ANYTHING,
    HEIGHT,
    HUGE,
    NEVER_WRONG,
    WIDTH,
    Case,
    readable,
    refused,
    stack,
)
from image_writers import (
    Tags,
    lzw_strip,
    pack_bits,
    packed_rows,
    pillow,
    strips_of,
    tiff_of,
    tiff_tags,
)
from PIL import Image

RGB, CMYK = 2, 5
LZW, DEFLATE, PACK_BITS = 5, 8, 32773
WHITE_IS_ZERO = {262: (3, [0])}
FAR = 10**6


def tiff(
    image: np.ndarray,
    change: Tags | None = None,
    strips: list[bytes] | None = None,
    colours: int = 1,
    packing: int = 1,
    rows: int | None = None,
    **form,
) -> bytes:
    """One page: its usual tags and what is changed in them."""
    tags = {**tiff_tags(image, colours, packing, rows), **(change or {})}
    return tiff_of((tags, strips or strips_of(image, rows)), **form)


def tiff_images(grey: np.ndarray) -> Iterator[Case]:
    """Kinds that come out right."""
    page, other = ((tiff_tags(i), strips_of(i)) for i in (grey, 255 - grey))
    deep = grey.astype("<u2") * 257
    mask = (grey > 127).astype(np.uint8) * 255
    bits, lines = {258: (3, [1])}, strips_of(packed_rows(mask, 1))
    levels = [257 * level for level in range(256)]
    palette = {262: (3, [3]), 320: (3, levels * 3)}
    colour = stack(grey, grey, grey)
    opaque = stack(grey, grey, grey, np.full_like(grey, 255))
    punched = stack(grey, grey, grey, np.where(grey == 255, 0, 255).astype(np.uint8))
    # As in the DataNew set: two strips are declared, one is needed and there.
    vendor = {33333: (3, [1]), 273: (4, [8, FAR]), 279: (4, [grey.size] * 2)}
    swapped = strips_of(deep.astype(">u2"))
    faxed = pillow(Image.fromarray(mask > 0), "TIFF", compression="group4")
    for name, data, want in (
        ("grey", tiff(grey), grey),
        ("big endian", tiff(grey, order=">"), grey),
        ("BigTIFF", tiff(grey, big=True), grey),
        ("BigTIFF big endian", tiff(grey, big=True, order=">"), grey),
        ("second of two strips missing", tiff(grey, vendor), grey),
        ("no rows per strip", tiff(grey, {278: None}), grey),
        ("4 billion rows", tiff(grey, {278: (4, [2**32 - 1])}), grey),
        ("short sizes", tiff(grey, {256: (3, [WIDTH])}), grey),
        ("byte sizes", tiff(grey, {257: (1, [HEIGHT])}), grey),
        ("strip too long", tiff(grey, {}, [grey.tobytes() + bytes(99)]), grey),
        ("tail", tiff(grey) + b"tail" * 99, grey),
        ("two pages", tiff_of(page, other), grey),
        ("pages in a circle", tiff_of(page, other, loop=True), grey),
        ("page after itself", tiff_of(page, loop=True), grey),
        ("white is zero", tiff(grey, WHITE_IS_ZERO), 255 - grey),
        ("1 bit", tiff(grey, bits, lines), mask),
        ("1 bit inverse", tiff(grey, {**bits, **WHITE_IS_ZERO}, lines), 255 - mask),
        ("16 bit", tiff(deep), grey),
        ("16 bit big endian", tiff(deep, {}, swapped, order=">"), grey),
        ("rgb", tiff(colour, colours=RGB), grey),
        ("planes", tiff(colour, {284: (3, [2])}, strips_of(grey) * 3, RGB), grey),
        ("rgba", tiff(opaque, colours=RGB), grey),
        ("rgba with holes", tiff(punched, {338: (3, [2])}, colours=RGB), grey),
        ("palette", tiff(grey, palette), grey),
        ("packbits", _packed(grey, PACK_BITS), grey),
        ("deflate", _packed(grey, DEFLATE), grey),
        ("lzw", _packed(grey, LZW), grey),
        ("lzw black", _packed(255 - grey, LZW), 255 - grey),
        ("lzw pillow", pillow(grey, "TIFF", compression="tiff_lzw"), grey),
        ("group 4", faxed, mask),
        ("tile", tiff_of(_tiled(grey, 64)), grey),
    ):
        yield readable(f"tiff {name}.tiff", data, want)
    yield from _strips_and_turns(grey)
    # What reads these depends on how OpenCV was built.
    four = strips_of(packed_rows(grey, 4))
    for name, data, want, near in (
        ("small tiles", tiff_of(_tiled(grey, 16)), grey, 0),
        ("4 bit", tiff(grey, {258: (3, [4])}, four), (grey >> 4) * 17, 0),
        ("jpeg", pillow(grey, "TIFF", compression="jpeg"), grey, 40),
        ("lzma", pillow(grey, "TIFF", compression="lzma"), grey, 0),
        ("zstd", pillow(grey, "TIFF", compression="zstd"), grey, 0),
    ):
        yield Case(f"tiff {name}.tif", data, NEVER_WRONG, want, near)


def _strips_and_turns(grey: np.ndarray) -> Iterator[Case]:
    for rows in (1, 3, 7, 39):
        yield readable(f"tiff strips of {rows}.tif", tiff(grey, rows=rows), grey)
        packed = [zlib.compress(part) for part in strips_of(grey, rows)]
        data = tiff(grey, WHITE_IS_ZERO, packed, packing=DEFLATE, rows=rows)
        yield readable(f"tiff deflated strips of {rows}.tif", data, 255 - grey)
    places = [8 + 32 * row for row in range(HEIGHT)]  # strips begin on even bytes
    backwards = {273: (4, places[::-1]), 279: (4, [WIDTH] * HEIGHT)}
    data = tiff(grey, backwards, strips_of(grey[::-1], 1), rows=1)
    yield readable("tiff strips backwards.tif", data, grey)
    difference = np.diff(grey.astype(np.int16), axis=1, prepend=0).astype(np.uint8)
    packed = [zlib.compress(difference.tobytes())]
    data = tiff(grey, {317: (3, [2])}, packed, packing=DEFLATE)
    yield readable("tiff deflated differences.tif", data, grey)
    for value, turned in (
        (2, grey[:, ::-1]),
        (3, grey[::-1, ::-1]),
        (4, grey[::-1]),
        (6, np.rot90(grey, -1)),
        (8, np.rot90(grey)),
    ):
        data = tiff(grey, {274: (3, [value])})
        yield readable(f"tiff orientation {value}.tif", data, turned)


def _packed(image: np.ndarray, packing: int) -> bytes:
    return tiff(image, {}, [_body(image, packing)], packing=packing)


def _body(image: np.ndarray, packing: int) -> bytes:
    if packing == LZW:
        return lzw_strip(image)
    return (zlib.compress if packing == DEFLATE else pack_bits)(image.tobytes())


def _tiled(grey: np.ndarray, side: int) -> tuple[Tags, list[bytes]]:
    tags = {**tiff_tags(grey), 278: None, 322: (3, [side]), 323: (3, [side])}
    padded = np.pad(grey, [(0, -length % side) for length in grey.shape])
    down, across = (range(0, length, side) for length in padded.shape)
    return tags, [
        padded[top : top + side, left : left + side].tobytes()
        for top in down
        for left in across
    ]


def tiff_kinds_that_come_out_wrong(grey: np.ndarray) -> Iterator[Case]:
    """Kinds that OpenCV reads as another picture, or not at all."""
    says = "its header declares"
    for width, height in ((HUGE, HUGE), (2**32 - 1, 2**32 - 1), (2**24 + 1, 1), (0, 9)):
        data = tiff(grey, {256: (4, [width]), 257: (4, [height])})
        yield refused(f"tiff of {width} x {height}.tif", data, says)
    tile = zlib.compress(bytes(4096**2))
    size = {256: (4, [1]), 257: (4, [4096**2]), 322: (4, [4096]), 323: (4, [4096])}
    tiles = {324: (4, [8] * 4096), 325: (4, [len(tile)] * 4096)}
    data = tiff(grey, {**size, **tiles}, [tile], packing=DEFLATE)
    yield refused("tiff bomb of tiles.tif", data, says)
    row = zlib.compress(bytes(HUGE))  # 3.6 GB of zeros in 0.5 MB
    places = {273: (4, [8] * HUGE), 279: (4, [len(row)] * HUGE)}
    size = {256: (4, [HUGE]), 257: (4, [HUGE])}
    data = tiff(grey, {**places, **size}, [row], packing=DEFLATE, rows=1)
    yield refused("tiff bomb.tif", data, says)
    for form, code in ((3, "f2"), (3, "f4"), (3, "f8"), (2, "i1"), (2, "i2")):
        levels = (grey / 255).astype(code)
        data = tiff(levels, {339: (3, [form])})
        yield refused(f"tiff {code}.tif", data, "with a sign or a decimal point")
    for bits in (10, 12, 14, 32):
        data = tiff(grey, {258: (3, [bits])}, [bytes(bits * grey.size)])
        yield refused(f"tiff {bits} bits.tif", data, f"a TIFF of {bits} bits a sample")
    deep = grey.astype("<u2") * 257
    deep_colour, deep_planes = stack(deep, deep, deep), strips_of(deep) * 3
    for name, data, says in (
        ("16 bit inverse", tiff(deep, WHITE_IS_ZERO), "whose white is zero"),
        ("planes", tiff(deep_colour, {284: (3, [2])}, deep_planes, RGB), "separate"),
        ("12 bit of 16", tiff(deep // 257 * 16), "pixel is 4080 of 65535"),
        ("palette missing", tiff(grey, {262: (3, [3])}), "lacks its palette"),
        ("no interpretation", tiff(grey, {262: None}), "lacks the tag 262"),
        ("unknown compression", tiff(grey, packing=999), "the compression 999"),
        ("preview first", tiff(grey, {254: (4, [1])}), "the preview of another"),
        ("no whole size", tiff(grey, {256: (11, [31])}), "tag 256 of the TIFF holds"),
    ):
        yield refused(f"tiff {name}.tif", data, says)
    half = np.full_like(grey, 128)
    for name, channels, colours in (
        ("grey with alpha", [grey, half], 1),
        ("three greys", [grey] * 3, 1),
        ("rgb of one", [grey], RGB),
        ("rgb of five", [grey] * 5, RGB),
        ("cmyk", [0 * grey] * 3 + [255 - grey], CMYK),
        ("lab", [grey, half, half], 8),
        ("mask", [grey], 4),
        ("raw of a camera", [grey], 32803),
    ):
        data = tiff(stack(*channels), colours=colours)
        yield refused(f"tiff {name}.tif", data, f"{len(channels)} samples a pixel with")
    for meaning in (0, 1, 2):
        data = tiff(stack(grey, grey, grey, half), {338: (3, [meaning])}, colours=RGB)
        yield refused(f"tiff half transparent {meaning}.tif", data, "half transparent")


def tiff_strips(grey: np.ndarray) -> Iterator[Case]:
    """Strips and tags that are not where they should be."""
    length, places = 10 * WIDTH, [8 + 10 * WIDTH * index for index in range(4)]
    for name, change, says in (
        ("first elsewhere", {273: (4, [FAR, *places[1:]])}, "end at byte 1000310 of"),
        ("last elsewhere", {273: (4, [*places[:3], FAR])}, "end at byte 1000310 of"),
        ("half of the last", {279: (4, [length] * 3 + [9999])}, "end at byte 10937 of"),
        ("at 0", {273: (4, [0, *places[1:]])}, "pixels end at"),
        ("last too short", {279: (4, [length] * 3 + [length - 9])}, "strip 4 of the"),
        ("all too short", {279: (4, [length - 9] * 4)}, "strip 1 of the TIFF has 301"),
        ("of 0 bytes", {279: (4, [0] * 4)}, "strip 1 of the TIFF has 0 of 310"),
        ("of 4 GB", {279: (4, [2**32 - 1] * 4)}, "pixels end at"),
        ("first longer", {279: (4, [length + 9, *[length] * 3])}, "differ in length"),
        ("3 of 4 listed", {273: (4, places[:3])}, "lists 3 of the 4 strips"),
        ("3 of 4 lengths", {279: (4, [length] * 3)}, "lists 3 of the 4 strips"),
        ("not listed", {273: None}, "lists 0 of the 4"),
        ("no lengths", {279: None}, "lists 0 of the 4"),
        ("of no rows", {278: (4, [0])}, "without pixels"),
        ("too low", {257: (4, [2 * HEIGHT])}, "lists 4 of the 8"),
        ("too narrow", {256: (4, [2 * WIDTH])}, "has 310 of 620 bytes"),
    ):
        data = tiff(grey, change, rows=10)
        yield refused(f"tiff strips {name}.tiff", data, says)
    for name, packing in (("deflate", DEFLATE), ("lzw", LZW), ("packbits", PACK_BITS)):
        yield from _spoilt_strips(name, packing, grey)
    good = tiff(grey)
    first = struct.pack("<HHHI", 9, 256, 4, 1)  # 9 tags, the first is the width
    for name, data in (
        ("at 0", good[:4] + bytes(4) + good[8:]),
        ("at the end", good[:4] + struct.pack("<I", len(good)) + good[8:]),
        ("at 4 GB", good[:4] + b"\xff" * 4 + good[8:]),
        ("too many", good.replace(first, b"\xff\xff" + first[2:])),
    ):
        yield refused(f"tiff tags {name}.tif", data)
    one, many = struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 273, 4, 2**31)
    data = good.replace(one, many)
    yield refused("tiff tags of 2 billion strips.tif", data, "2147483648 values")
    big = tiff(grey, big=True)
    yield refused("tiff tags at 2 to the 64.tif", big[:8] + b"\xff" * 8 + big[16:])


def _spoilt_strips(name: str, packing: int, grey: np.ndarray) -> Iterator[Case]:
    """A compressed strip that ends early, at three places, in three kinds of TIFF."""
    body = _body(grey, packing)
    kinds = {"": {}, "inverse ": WHITE_IS_ZERO, "turned ": {274: (3, [6])}}
    for share in (20, 50, 90):
        strip = [body[: share * len(body) // 100]]
        for kind, change in kinds.items():
            data = tiff(grey, change, strip, packing=packing)
            says = "end too early" if packing != DEFLATE else "strip 1 of the TIFF"
            yield refused(f"tiff {name} {kind}{share} %.tif", data, says)
    data = tiff(grey, {279: (4, [FAR])}, [body], packing=packing)
    yield refused(f"tiff {name} beyond the end.tif", data, "pixels end at byte")
    data = tiff(grey, {}, [body[:9] + b"\xff" * 30 + body[39:]], packing=packing)
    yield Case(f"tiff {name} spoilt.tif", data, ANYTHING)
