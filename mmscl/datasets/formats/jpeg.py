"""JPEG: its segments from the first to the last. Its pixels have no checksum."""

from __future__ import annotations

import re

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    damaged,
    unpack,
    unsupported,
)

# Scans of a progressive JPEG: encoders write about ten. Each costs a pass over the
# whole picture, so a small file of many scans would take hours.
_MAX_SCANS = 200
# A marker; in the pixels, FF is followed by 00, or by D0..D7 where they restart.
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_SCAN, _END = 0xDA, 0xD9
# Huffman and quantisation tables, lines, restarts, comments, application data.
_TABLES = {0xC4, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def read_jpeg(data: bytes) -> Header:
    """Size; grey or colour (not CMYK) with 8 bits, complete, of a usual coding."""
    at, scans, header = 2, 0, None
    while True:
        match = (_MARKER.search if scans else _MARKER.match)(data, at)
        if match is None:
            what = "end (EOI marker)" if scans else f"marker at byte {at}"
            raise damaged(f"the JPEG has no {what}")
        marker, at = match[1][0], match.end()
        if marker == _END:
            break
        if marker in _FRAMES:
            header = _read_frame(data, at, marker)
        elif marker == _SCAN:
            scans += 1
        elif marker not in _TABLES:
            raise damaged(f"the JPEG has an unknown marker at byte {at}")
        at += unpack(">H", data, at)[0]
    if scans > _MAX_SCANS:
        raise unsupported(f"a JPEG of {scans} scans")
    if header is None or not scans:
        raise damaged("the JPEG has no frame header or no pixels")
    return header


def _read_frame(data: bytes, at: int, marker: int) -> Header:
    bits, height, width, channels = unpack(">BHHB", data, at + 2)
    if marker > 0xC2 or bits != 8:
        raise unsupported(f"a JPEG of {bits} bits with the coding 0x{marker:X}")
    if channels not in (1, 3):
        raise unsupported(f"a JPEG of {channels} colours (CMYK)")
    check_size(width, height)
    return Header(width, height)
