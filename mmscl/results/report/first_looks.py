"""The crops to look at twice first, each beside what it could be."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

import numpy as np

from mmscl.results.karyotype_results import KaryotypeResults
from mmscl.results.pictures import encode_png
from mmscl.results.rows import CropRow


@dataclass(frozen=True)
class Picture:
    """A picture within a page.

    Attributes:
        source: A data: address, which holds the PNG.
        width, height: In pixels.
        caption: Under it.
    """

    source: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class FirstLook:
    """A crop for review.

    Attributes:
        crop: Its row.
        anchor: Of its cell in the page.
        picture: Of itself.
        alike: Surely read crops that look most like it.
    """

    crop: CropRow
    anchor: str
    picture: Picture
    alike: list[Picture]


def first_looks(
    results: KaryotypeResults, anchors: dict[tuple[str, str], str], most: int
) -> list[FirstLook]:
    """The crops for review, the least sure first.

    Args:
        results: That were read.
        anchors: (case, cell) -> anchor in the page.
        most: How many at most.
    """
    asked = [crop for crop in results.crops if crop.needs_review]
    asked.sort(key=lambda crop: (crop.confidence, crop.crop))
    looks = []
    for crop in asked[:most]:
        alike = [results.crops[int(number)] for number in crop.look_alikes.split()]
        looks.append(
            FirstLook(
                crop,
                anchors[crop.case, crop.cell],
                embed(results.picture(crop), ""),
                [embed(results.picture(one), one.assigned) for one in alike],
            )
        )
    return looks


def embed(image: np.ndarray, caption: str) -> Picture:
    """A grey picture H x W uint8 for a page."""
    height, width = image.shape
    return Picture(embed_file(encode_png(image), "png"), width, height, caption)


def embed_file(data: bytes, kind: str) -> str:
    """The bytes of a picture as an address that holds them.

    Args:
        data: Of the file.
        kind: png or webp.
    """
    return f"data:image/{kind};base64," + b64encode(data).decode("ascii")
