"""Image files of chromosomes -> arrays of grey levels, their background, their shape.

Everything here works on one crop as ``H x W`` uint8, whatever the file held: vendor
TIFFs that Pillow calls truncated, RGB and RGBA copies of grey pictures, 16-bit scans,
white backgrounds (G-band) and black ones (Q-band, metaphases under fluorescence).
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmscl.datasets.formats import MAX_PIXELS, max_pixels, read_header

# Half width, in grey levels, of the band that counts as one background: JPEG and
# scanner noise around a flat background stays inside it.
BACKGROUND_SPREAD = 6
# A 16-bit file whose brightest pixel needs no more than 12 bits was saved without
# being stretched: dividing it by 257 would give an all but black crop.
UNSTRETCHED_16_BIT = 4096
_AT_ONCE = 2**20  # bytes
# Without O_NONBLOCK, to open a pipe waits for a writer. Not every system has all three.
_READ = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)


class ImageError(ValueError):
    """An image file that cannot be read; the message begins with its path."""


def read_crop(
    path: str | Path, file_check: Callable[[bytes], None] | None = None
) -> np.ndarray:
    """Grey levels of one chromosome image, ``H x W`` uint8.

    Decoded with OpenCV: two-strip vendor TIFFs that declare more than they hold (the
    'DataNew' set) are read, where Pillow refuses them. Of a file with several pages or
    frames the first is read. The orientation tag of a TIFF is applied, that of EXIF is
    not. What would not come out right is refused before it is decoded
    (:mod:`mmscl.datasets.formats`).

    Args:
        path: PNG, TIFF, BMP, JPEG, JPEG 2000, GIF, WebP, PBM, PGM or PPM.
        file_check: Gets the bytes of the file before anything else does; a ValueError
            of it becomes an ImageError.

    Raises:
        ImageError: The file is missing, empty, no image, incomplete, larger than
            ``MAX_PIXELS``, or of a kind that has no well-defined grey level (see
            :func:`to_grey`); or ``file_check`` refuses it.
    """
    try:
        data = _read_file(path)
        if file_check is not None:
            file_check(data)
        header = read_header(data)
        image = _decode(data)
        if header.check is not None:
            header.check(image)
        return to_grey(image)
    except OSError as error:
        raise ImageError(f"{path}: cannot be opened ({error.strerror})") from error
    except ValueError as error:
        raise ImageError(f"{path}: {error}") from error


def _read_file(path: str | Path) -> bytes:
    """All bytes of a file; a pipe, which might never end, is no file."""
    file = os.open(path, _READ)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("cannot be opened (not a file)")
        size = status.st_size
        # 16-bit RGBA has 8 bytes a pixel: no picture that is read needs more.
        if size > 8 * MAX_PIXELS and size > 8 * max_pixels():
            raise ValueError(
                f"the file has {size:,} bytes, more than a picture of "
                f"{max_pixels():,} pixels needs; cut it into crops of one chromosome "
                "each"
            )
        data = os.read(file, size + 1)
        if len(data) != size:  # some file systems give less at once, or it grows
            while more := os.read(file, _AT_ONCE):
                data += more
    finally:
        os.close(file)
    if not data:
        raise ValueError("the file is empty (0 bytes); copy it again from its source")
    return data


def _decode(data: bytes) -> np.ndarray:
    with _silence:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            image = None
    if image is None:
        raise ValueError(
            "cannot be decoded: the file is damaged or of a kind that OpenCV does not "
            "know; copy it again from its source, or save the picture as PNG, grey "
            "with 8 bits"
        )
    return image


def to_grey(image: np.ndarray) -> np.ndarray:
    """Grey levels of a decoded image; a picture stored in equal channels is unchanged.

    Args:
        image: ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` in BGR order or ``(H, W, 4)``
            BGRA, which is laid over white. uint8, bool, or uint16 in 0..65535, which
            is divided by 257.

    Returns:
        ``H x W`` uint8, 0..255, contiguous.

    Raises:
        ValueError: Another shape or dtype, no pixels, none that is not transparent,
            or 16-bit values that use no more than 12 bits (their white is unknown).
    """
    image = np.asarray(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ValueError(
            "expected an image of shape (H, W) or (H, W, 1, 3 or 4 channels) but got "
            f"{image.shape}"
        )
    if image.size == 0:
        raise ValueError(f"the image has no pixels: shape {image.shape}")
    image = _to_8_bit(image)
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    if image.shape[2] == 1:
        return np.ascontiguousarray(image[:, :, 0])
    grey = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_BGR2GRAY)
    if image.shape[2] == 4:
        if not image[:, :, 3].any():
            raise ValueError(
                "every pixel is transparent, so there is nothing to see; save the "
                "image without transparency"
            )
        alpha = image[:, :, 3].astype(np.float32) / 255
        grey = np.rint(grey * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return grey


def find_background(image: np.ndarray) -> int:
    """Grey level of the background, 0..255: the commonest level along the border.

    A tight crop's border is partly chromosome, but those pixels spread over many
    levels while the background holds one. Ties go to the more extreme level (nearer
    to white or black).

    Args:
        image: ``H x W`` uint8.
    """
    _check_crop(image)
    border = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    counts = np.bincount(border, minlength=256)
    window = np.ones(2 * BACKGROUND_SPREAD + 1, np.int64)
    near = np.convolve(counts, window, mode="same")
    # Levels 0..255 as distance from mid grey; the largest breaks ties.
    extremity = np.abs(2 * np.arange(256) - 255)
    peak = int(np.lexsort((extremity, near))[-1])
    in_band = border[np.abs(border.astype(np.int16) - peak) <= BACKGROUND_SPREAD]
    return int(np.median(in_band))


def foreground_mask(image: np.ndarray, background: int | None = None) -> np.ndarray:
    """Where the chromosome is: pixels that stand out from the background, in bool.

    The threshold is half of Otsu's on the distance from the background, so that pale
    bands and the blurred rim stay in, and never below ``BACKGROUND_SPREAD``. An image
    of one level has no foreground.

    Args:
        image: ``H x W`` uint8, on a light or a dark background.
        background: Its grey level, 0..255; None asks :func:`find_background`.

    Returns:
        ``H x W`` bool.
    """
    _check_crop(image)
    if background is None:
        background = find_background(image)
    elif not 0 <= background <= 255:
        raise ValueError(f"background: expected 0..255 but got {background}")
    distance = cv2.absdiff(image, np.full_like(image, background))
    otsu, _ = cv2.threshold(distance, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return distance > max(BACKGROUND_SPREAD, otsu / 2)


def _check_crop(image: np.ndarray) -> None:
    if image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(
            "expected a grey image, H x W uint8, but got "
            f"{image.dtype} of shape {image.shape}; to_grey() converts"
        )


def _to_8_bit(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    if image.dtype != np.uint16:
        raise ValueError(
            f"expected 8-bit or 16-bit grey levels but got {image.dtype}; "
            "save the image with 8 bits"
        )
    brightest = int(image[..., :3].max() if image.ndim == 3 else image.max())
    if 0 < brightest < UNSTRETCHED_16_BIT:
        raise ValueError(
            f"16-bit image whose brightest pixel is {brightest} of 65535: it was saved "
            "without being stretched and its white is unknown; save it with 8 bits"
        )
    # Rounded; 65535 + 128 would not fit.
    level, rest = np.divmod(image, np.uint16(257))
    return (level + (rest > 128)).astype(np.uint8)


class _SilentOpenCV:
    """OpenCV's log level is the process's: lower it while decoding, then put it back.

    Counts its users, so that threads that decode side by side restore what was there
    before the first of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._level = _log.setLogLevel(_log.LOG_LEVEL_SILENT)
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _log.setLogLevel(self._level)


_log = cv2.utils.logging
_silence = _SilentOpenCV()
