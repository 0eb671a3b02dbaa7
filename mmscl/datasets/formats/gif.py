"""GIF: the canvas and the first picture on it."""

from __future__ import annotations

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    damaged,
    unpack,
    unsupported,
)


def read_gif(data: bytes) -> Header:
    """Size of the canvas; the first picture covers it."""
    width, height, flags = unpack("<HHB", data, 6)
    check_size(width, height)
    at = 13 + (flags >> 7) * 3 * (2 << (flags & 7))
    while (kind := unpack("B", data, at)[0]) == 0x21:  # extensions
        at += 2
        while length := unpack("B", data, at)[0]:
            at += 1 + length
        at += 1
    if kind != 0x2C:
        raise damaged("the GIF holds no picture")
    if unpack("<HHHH", data, at + 1) != (0, 0, width, height):
        raise unsupported("a GIF whose first picture does not fill its canvas")
    return Header(width, height)
