"""JPEG 2000, in its box format (JP2) or as a bare codestream."""

from __future__ import annotations

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    damaged,
    unpack,
    unsupported,
)


def read_jpeg_2000(data: bytes) -> Header:
    """Size from the codestream; 8 or 16 bits without sign."""
    at = data.find(b"\xff\x4f\xff\x51")  # start of codestream, then its size
    if at < 0:
        raise damaged("the JPEG 2000 holds no picture")
    right, bottom, left, top = unpack(">IIII", data, at + 8)
    check_size(right - left, bottom - top)
    (channels,) = unpack(">H", data, at + 40)
    depths = set(unpack(f">{channels * 'Bxx'}", data, at + 42))
    if channels not in (1, 3, 4) or len(depths) > 1 or not depths <= {7, 15}:
        raise unsupported(
            f"a JPEG 2000 of {channels} channels with the depths {sorted(depths)}"
        )
    return Header(right - left, bottom - top)
