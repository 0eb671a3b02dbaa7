"""About 500 image files, good, odd and broken, each with what should come of it.

`corpus(seed)` is deterministic: the seed draws the picture, the bytes that are damaged
and the random files. Encoders that compress (zlib, Pillow) may give other bytes in
another version; what is expected stays.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from corpus_case import ANYTHING, HEIGHT, NEVER_WRONG, SIZE, WIDTH, Case, refused, stack
from corpus_others import bmps, gifs_and_webps, jpeg_2000s, jpegs, pnms
from corpus_png import png_errors, png_images
from corpus_tiff import tiff_images, tiff_kinds_that_come_out_wrong, tiff_strips
from image_writers import (
    bmp_of,
    bmp_rows,
    pillow,
    png_of,
    png_rows,
    strips_of,
    tiff_of,
    tiff_tags,
)


def picture(seed: int) -> np.ndarray:
    """A banded chromosome on white, H x W uint8; its darkest level is above 50."""
    generator = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH), 255, np.uint8)
    bands = generator.integers(60, 200, HEIGHT - 10).astype(np.uint8)
    grain = generator.integers(0, 20, (HEIGHT - 10, WIDTH - 10), dtype=np.uint8)
    image[5:-5, 5:-5] = bands[:, None] + grain
    return image


@cache
def corpus(seed: int = 0) -> tuple[Case, ...]:
    """All cases."""
    grey = picture(seed)
    whole = dict(_whole_files(grey))
    return (
        *png_images(grey),
        *png_errors(grey),
        *tiff_images(grey),
        *tiff_kinds_that_come_out_wrong(grey),
        *tiff_strips(grey),
        *bmps(grey),
        *jpegs(grey),
        *gifs_and_webps(grey),
        *pnms(grey),
        *jpeg_2000s(grey),
        *_cut(whole, grey),
        *_damaged(whole, grey, np.random.default_rng(seed)),
        *_no_images(grey, np.random.default_rng(seed)),
    )


def write_corpus(folder: Path, seed: int = 0) -> dict[str, Case]:
    """Writes every file into the folder; cases by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in corpus(seed):
        (folder / case.name).write_bytes(case.data)
    return {case.name: case for case in corpus(seed)}


def _whole_files(grey: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """One good file a format, to be cut and damaged."""
    colour = stack(grey, grey, grey)
    yield "png.png", png_of(SIZE, png_rows(grey))
    yield "tiff.tif", tiff_of((tiff_tags(grey, rows=7), strips_of(grey, 7)))
    yield "tiff lzw.tif", pillow(grey, "TIFF", compression="tiff_lzw")
    yield "tiff deflate.tif", pillow(grey, "TIFF", compression="tiff_adobe_deflate")
    yield "bmp.bmp", bmp_of(SIZE, bmp_rows(grey))
    yield "jpeg.jpg", pillow(grey, "JPEG", quality=95)
    yield "jpeg progressive.jpg", pillow(grey, "JPEG", quality=95, progressive=True)
    yield "gif.png", pillow(grey, "GIF")
    yield "webp.png", pillow(colour, "WEBP", lossless=True)
    yield "pgm.pgm", b"P5 %d %d 255\n" % SIZE + grey.tobytes()
    yield "jpeg 2000.jp2", pillow(grey, "JPEG2000")


def _cut(whole: dict[str, bytes], grey: np.ndarray) -> Iterator[Case]:
    """What an interrupted copy leaves."""
    for name, data in whole.items():
        size = len(data)
        for kept in (
            1,
            2,
            4,
            9,
            16,
            30,
            size // 4,
            size // 2,
            3 * size // 4,
            size - 60,
        ):
            yield refused(f"cut at {kept} {name}", data[:kept])
        near = 40 if "jpeg" in name else 0
        yield Case(f"cut by 1 {name}", data[:-1], NEVER_WRONG, grey, near)


def _damaged(
    whole: dict[str, bytes], grey: np.ndarray, generator: np.random.Generator
) -> Iterator[Case]:
    """What a bad disk leaves. Only PNG has checksums."""
    for name, data in whole.items():
        expect = NEVER_WRONG if name == "png.png" else ANYTHING
        half = len(data) // 2
        yield refused(f"first bytes 0 {name}", bytes(4) + data[4:])
        yield refused(f"twice the first byte {name}", data[:1] + data)
        yield Case(
            f"second half 0 {name}", data[:half].ljust(len(data), b"\0"), expect, grey
        )
        for index in range(3):
            spoilt = bytearray(data)
            for at in generator.integers(8, len(data), 3):
                spoilt[at] ^= 1 << int(generator.integers(8))
            yield Case(f"bits turned {index} {name}", bytes(spoilt), expect, grey)


def _no_images(grey: np.ndarray, generator: np.random.Generator) -> Iterator[Case]:
    good = png_of(SIZE, png_rows(grey))
    yield refused("empty.png", b"", "the file is empty (0 bytes)")
    array = io.BytesIO()
    np.save(array, grey)
    for name, data in (
        ("one zero", b"\0"),
        ("zeros", bytes(4096)),
        ("ones", b"\xff" * 4096),
        ("web page", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
        ("git lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
        ("text in UTF-16", "chromosome".encode("utf-16")),
        ("gzip", gzip.compress(good, mtime=0)),
        ("numpy", array.getvalue()),
        ("drawing", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("pdf", b"%PDF-1.7\n" + bytes(99)),
        ("program", b"\x7fELF\2\1\1" + bytes(99)),
        ("zip", b"PK\3\4" + bytes(99)),
        ("dicom", bytes(128) + b"DICM" + bytes(99)),
        ("icon", pillow(grey, "ICO")),
        ("targa", pillow(grey, "TGA")),
        ("heic", b"\0\0\0\x18ftypheic" + bytes(99)),
        ("avif", b"\0\0\0\x18ftypavif" + bytes(99)),
        ("exr", b"v/1\1" + bytes(99)),
        ("hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 5 +X 5\n" + bytes(99)),
        ("sun raster", b"\x59\xa6\x6a\x95" + struct.pack(">7I", 5, 5, 8, 25, 1, 0, 0)),
        *((f"random {n}", generator.bytes(2000)) for n in range(5)),
    ):
        yield refused(f"no image {name}.png", data, "not an image, or a damaged one")
