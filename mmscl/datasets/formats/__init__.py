"""What an image file declares, checked before OpenCV decodes it.

OpenCV reserves memory for any size that a header declares, and gives some pictures
wrong without a word: with levels that are scaled or inverted otherwise, without their
transparency, black where pixels are missing. Each format has a reader here that looks
at header and completeness, in microseconds, and refuses what would not come out right.
Damage inside a JPEG, BMP, GIF, WebP or TIFF cannot be seen: they have no checksum.
"""

from __future__ import annotations

from mmscl.datasets.formats.bmp import read_bmp
from mmscl.datasets.formats.gif import read_gif
from mmscl.datasets.formats.header import MAX_PIXELS, Header, max_pixels
from mmscl.datasets.formats.jpeg import read_jpeg
from mmscl.datasets.formats.jpeg_2000 import read_jpeg_2000
from mmscl.datasets.formats.png import read_png
from mmscl.datasets.formats.pnm import read_pnm
from mmscl.datasets.formats.tiff import read_tiff
from mmscl.datasets.formats.webp import read_webp

__all__ = ["MAX_PIXELS", "Header", "max_pixels", "read_header"]

# How a file begins -> its reader; the commonest kinds of crops first.
_READERS = {
    b"II*\0": read_tiff,
    b"MM\0*": read_tiff,
    b"\x89PNG\r\n\x1a\n": read_png,
    b"BM": read_bmp,
    b"\xff\xd8\xff": read_jpeg,
    b"II+\0": read_tiff,
    b"MM\0+": read_tiff,
    b"\0\0\0\x0cjP  \r\n\x87\n": read_jpeg_2000,
    b"\xff\x4f\xff\x51": read_jpeg_2000,
    b"GIF87a": read_gif,
    b"GIF89a": read_gif,
    b"RIFF": read_webp,
    **{b"P%d" % kind: read_pnm for kind in range(1, 7)},
}


def read_header(data: bytes) -> Header:
    """Size and remaining checks of an image file.

    Args:
        data: The whole file.

    Raises:
        ValueError: No image of a known kind, an incomplete one, one of more than
            ``MAX_PIXELS``, or one that OpenCV would not read right. The message has
            the way out, but not the path.
    """
    for start, read in _READERS.items():
        if data.startswith(start):
            return read(data)
    raise ValueError(
        "cannot be decoded; not an image, or a damaged one (it does not begin like a "
        "PNG, TIFF, BMP, JPEG, JPEG 2000, GIF, WebP, PBM, PGM or PPM); copy it again "
        "from its source, or save the picture as PNG"
    )
