"""BMP: uncompressed pixels, whose end follows from the header."""

from __future__ import annotations

import numpy as np

from mmscl.datasets.formats.header import (
    Header,
    check_size,
    damaged,
    unpack,
    unsupported,
)


def read_bmp(data: bytes) -> Header:
    """Size; uncompressed, 1, 4, 8, 24 or 32 bits, complete, its colours all listed."""
    start, length = unpack("<II", data, 10)
    if length == 12:  # OS/2
        width, height, _, bits = unpack("<HHHH", data, 18)
        packing = listed = 0
    else:
        width, height, _, bits, packing, listed = unpack("<iiHHI12xI", data, 18)
    height = abs(height)
    check_size(width, height)
    if packing or bits not in (1, 4, 8, 24, 32):
        raise unsupported(f"a BMP of {bits} bits with the compression {packing}")
    row = (width * bits + 31) // 32 * 4
    if start + row * height > len(data):
        raise damaged(
            f"the BMP's pixels end at byte {start + row * height} of {len(data)}"
        )
    if bits <= 8:
        colours = listed or 1 << bits
        if start < 14 + length + colours * (3 if length == 12 else 4):
            raise damaged(f"the BMP does not hold its {colours} colours")
        if colours < 1 << bits:
            rows = np.frombuffer(data, np.uint8, row * height, start)
            _check_colours(rows.reshape(height, row), width, bits, colours)
    return Header(width, height)


def _check_colours(rows: np.ndarray, width: int, bits: int, colours: int) -> None:
    """Every index into the palette is below ``colours``; rows: (H, bytes) uint8."""
    digits = np.unpackbits(rows, axis=1)[:, : width * bits].reshape(-1, bits)
    index = np.packbits(digits, axis=1)[:, 0] >> (8 - bits)
    if index.max() >= colours:
        raise damaged(
            f"a pixel of the BMP has colour {index.max()} but {colours} are listed"
        )
