"""The karyogram of one cell, as a laboratory prints it: PNG and PDF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmscl.datasets.manifest import TYPES
from mmscl.files import replaced
from mmscl.visualization.karyogram_layout import lay_out
from mmscl.visualization.page import Page


@dataclass(frozen=True)
class KaryogramCrop:
    """One chromosome of a karyogram.

    Attributes:
        image: H x W uint8 on white, p arm up: of `display_crop`.
        type: '1'..'22', 'X' or 'Y'; '' puts it into the tray.
        confidence: Of the type, 0..1; NaN is not known. Printed where ``review``.
        review: Whether a person should look at it: it is marked.
        label: Printed small below it, such as the number of its row; '' prints none.
        centromere: Its row in ``image``; None takes the place where the ideogram of
            the type has it.
        length: In pixels of ``image``, for the places that are empty; 0 takes the
            height.
    """

    image: np.ndarray
    type: str = ""
    confidence: float = math.nan
    review: bool = False
    label: str = ""
    centromere: float | None = None
    length: float = 0.0

    def __post_init__(self) -> None:
        shape, kind = np.shape(self.image), getattr(self.image, "dtype", None)
        if len(shape) != 2 or 0 in shape or kind != np.uint8:
            raise ValueError(
                f"KaryogramCrop.image: expected a grey image, H x W uint8, got {kind} "
                f"of shape {shape}; display_crop() makes one"
            )
        if self.type not in ("", *TYPES):
            raise ValueError(
                "KaryogramCrop.type: expected 1..22, X, Y or '' (not placed), got "
                f"{self.type!r}"
            )
        if self.confidence < 0 or self.confidence > 1:
            raise ValueError(
                f"KaryogramCrop.confidence: expected 0..1, got {self.confidence}"
            )
        if self.centromere is not None and not 0 <= self.centromere <= shape[0] - 1:
            raise ValueError(
                "KaryogramCrop.centromere: expected a row of the image, 0.."
                f"{shape[0] - 1}, got {self.centromere}"
            )


@dataclass(frozen=True)
class Karyogram:
    """What is drawn of one cell.

    Attributes:
        title: Above, such as the case and the cell.
        iscn: Karyotype in ISCN text, above at the right; '' prints none.
        crops: Of one cell, all at the resolution of their common image. Homologues
            stand in the order in which they come.
        notes: Lines below.
        scale: Millimetres on paper of one pixel of a crop; None takes the largest at
            which the cell fits an A4 page, so that cells look alike.
    """

    title: str
    iscn: str = ""
    crops: Sequence[KaryogramCrop] = ()
    notes: Sequence[str] = field(default=())
    scale: float | None = None

    def __post_init__(self) -> None:
        if not len(self.crops):
            raise ValueError(
                f"karyogram of {self.title!r}: expected one or more crops, got none"
            )
        if self.scale is not None and not self.scale > 0:
            raise ValueError(
                f"Karyogram.scale: expected millimetres a pixel > 0, got {self.scale}"
            )


def draw_karyogram(karyogram: Karyogram) -> Page:
    """Lay a cell out on a page.

    Rows 1 2 3 | 4 5, 6 .. 12, 13 14 15 | 16 17 18, 19 20 | 21 22 | X Y (ISCN groups A
    to G, sex chromosomes last); homologues side by side; the centromeres of a row on
    one line; all crops at one scale. A dashed grey box stands where a homologue is
    missing. Crops to look at again have a dashed frame and their confidence. Crops
    without a type lie below, in the tray.

    The page is A4 landscape. Where the cell does not fit at a scale at which it can be
    read, the page grows. A crop that is far longer than its cell's others, such as a
    whole metaphase, is drawn smaller, and its factor is printed below it.
    """
    return lay_out(karyogram)


def karyogram_png(karyogram: Karyogram) -> bytes:
    """The karyogram as a PNG file's bytes, 200 dpi."""
    return draw_karyogram(karyogram).to_png()


def write_karyogram(
    karyogram: Karyogram,
    png_path: str | Path | None = None,
    pdf_path: str | Path | None = None,
) -> None:
    """Write the karyogram as PNG (200 dpi), as PDF (letters as text) or both.

    Each file appears whole or not at all; their folders are made.

    Args:
        karyogram: The cell.
        png_path, pdf_path: The files; None leaves one out.
    """
    page = draw_karyogram(karyogram)
    for path, made in ((png_path, page.to_png), (pdf_path, page.to_pdf)):
        if path is not None:
            with replaced(path) as part:
                part.write_bytes(made())
