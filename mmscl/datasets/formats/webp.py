"""WebP: a RIFF file of one of three kinds."""

from __future__ import annotations

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    check_with_pillow,
    damaged,
    unpack,
)


def read_webp(data: bytes) -> Header:
    """Size of the canvas; the file has its declared length and decodes to its end."""
    length, form, kind = unpack("<I4s4s", data, 4)
    if form != b"WEBP":
        raise damaged("a RIFF file that holds no WebP")
    if 8 + length > len(data):
        raise damaged(f"the WebP ends at byte {8 + length} of {len(data)}")
    if kind == b"VP8X":
        width, high, height, top = unpack("<HBHB", data, 24)
        size = (width + (high << 16) + 1, height + (top << 16) + 1)
    elif kind == b"VP8L":
        (packed,) = unpack("<I", data, 21)
        size = ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
    else:
        width, height = unpack("<HH", data, 26)
        size = (width & 0x3FFF, height & 0x3FFF)
    check_size(*size)
    return Header(*size, lambda image: check_with_pillow(data))
