"""PBM, PGM and PPM: a header of text, then pixels."""

from __future__ import annotations

import re

from mmscl.datasets.formats.header import Header, check_size, damaged, unsupported

# Text headers (PNM) are short; no search goes further.
_PNM_HEADER = 1024
_PNM_FIELD = rb"(?:\s|#[^\n]*\n)+(\d{1,9})"
_PNM_MASK = re.compile(rb"P[14]" + 2 * _PNM_FIELD)
_PNM_GREY = re.compile(rb"P[2356]" + 3 * _PNM_FIELD)


def read_pnm(data: bytes) -> Header:
    """Size of a PBM, PGM or PPM; white is 255 or 65535 (OpenCV scales nothing)."""
    pattern = _PNM_MASK if data[1:2] in (b"1", b"4") else _PNM_GREY
    match = pattern.match(data[:_PNM_HEADER])
    if match is None:
        raise damaged("its header holds no size and white level")
    width, height, *white = map(int, match.groups())
    check_size(width, height)
    if white and white[0] not in (255, 65535):
        raise unsupported(f"its white level is {white[0]}, not 255 or 65535")
    return Header(width, height)
