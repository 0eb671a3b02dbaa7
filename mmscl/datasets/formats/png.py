"""PNG: the only format here with checksums; every chunk is checked."""

from __future__ import annotations

import zlib

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    damaged,
    unpack,
    unsupported,
)


def read_png(data: bytes) -> Header:
    """Size; every chunk up to IEND is there and its checksum right."""
    layout = ">4x4sIIBB"  # of IHDR, the first chunk: kind, width, height, bits, colours
    kind, width, height, _, colours = unpack(layout, data, 8)
    if kind != b"IHDR":
        raise damaged("the PNG does not begin with its header (IHDR)")
    check_size(width, height)
    view, at = memoryview(data), 8
    while kind != b"IEND":
        length, kind = unpack(">I4s", data, at)
        (checksum,) = unpack(">I", data, at + 8 + length)
        if zlib.crc32(view[at + 4 : at + 8 + length]) != checksum:
            raise damaged(f"the checksum of the PNG's chunk at byte {at} is wrong")
        if kind == b"tRNS" and colours == 0:
            raise unsupported("one grey level of the PNG is declared transparent")
        at += 12 + length
    return Header(width, height)
