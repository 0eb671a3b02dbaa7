"""What all formats share: the declared size, its limit, the two kinds of refusal."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

#: Largest picture that is decoded, in pixels: 4096 x 4096. A crop of one chromosome has
#: less than 1000 x 1000.
MAX_PIXELS = 4096 * 4096
#: Environment variable that sets another limit.
MAX_PIXELS_VARIABLE = "MMSCL_MAX_PIXELS"


class Header(NamedTuple):
    """Size that a file declares, in pixels, and what is left to check.

    Attributes:
        width: Columns, before an orientation tag is applied.
        height: Rows.
        check: Looks at the decoded array, as OpenCV gives it; raises ValueError.
    """

    width: int
    height: int
    check: Callable[[np.ndarray], None] | None = None


def max_pixels() -> int:
    """The limit in use: MMSCL_MAX_PIXELS if that variable is set, else MAX_PIXELS.

    Raises:
        ValueError: The variable holds no number.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE, "")
    if not text:
        return MAX_PIXELS
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(
            f"the environment variable {MAX_PIXELS_VARIABLE} should be a number of "
            f"pixels >= 1 but is {text!r}"
        )
    return int(text)


def check_size(width: int, height: int) -> None:
    """Stops if a declared size has no pixels or more than are read.

    Raises:
        ValueError: Says size, limit and way out.
    """
    if width < 1 or height < 1:
        raise damaged(f"its header declares {width} x {height} pixels")
    if width * height > MAX_PIXELS and width * height > (limit := max_pixels()):
        raise ValueError(
            f"its header declares {width} x {height} pixels, more than the {limit:,} "
            "that are read; cut it into crops of one chromosome each, or, if the size "
            f"is right, set the environment variable {MAX_PIXELS_VARIABLE} to "
            f"{width * height} or more"
        )


def damaged(what: str) -> ValueError:
    """The error for a file that contradicts itself or ends too early."""
    return ValueError(
        f"cannot be decoded: {what}; the file is damaged or was not copied to its "
        "end, copy it again from its source"
    )


def unsupported(what: str) -> ValueError:
    """The error for a kind of picture that would not come out right."""
    return ValueError(
        f"cannot be decoded: {what}; save the picture as PNG, grey with 8 bits"
    )


def unpack(layout: str, data: bytes, at: int) -> tuple[Any, ...]:
    """``struct.unpack_from``; beyond the end of the file it is the file's fault."""
    try:
        return struct.unpack_from(layout, data, at)
    except (struct.error, OverflowError):
        raise damaged(
            f"it ends at byte {len(data)}, before all that it declares"
        ) from None


def check_with_pillow(data: bytes) -> None:
    """Decodes again with Pillow, which minds what OpenCV passes over.

    Not for every file: it takes 20 times longer.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data))
        except Exception:
            return  # of a kind that Pillow does not know: nothing is known against it
        try:
            picture.load()
        except Exception as error:
            raise damaged(f"its pixels end too early ({error})") from None
