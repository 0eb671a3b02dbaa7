"""Decodes every listed file once: what cannot be read is left out, by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmscl.datasets.images import ImageError, find_background, read_crop
from mmscl.datasets.sources.listing import Listing, SourceError

#: Wraps the records while they are gone through, to show how far they are.
Progress = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class ImageFacts:
    """What one decode tells about an image.

    Attributes:
        digest: Hash of size and grey levels: equal for equal pictures, whatever the
            file format, compression or number of equal channels.
        size: (height, width) in pixels.
        background: Grey level along the border, 0..255.
    """

    digest: str
    size: tuple[int, int]
    background: int


def decode(
    listing: Listing, strict: bool = False, progress: Progress = iter
) -> list[ImageFacts]:
    """Facts of every record's image; unreadable ones move to ``listing.left_out``.

    Args:
        listing: Changed in place: keeps the records that could be decoded.
        strict: Stop at the first unreadable file instead.
        progress: Wrapper around the sequence of records.

    Returns:
        One entry for each record that is kept, in order.

    Raises:
        ImageError: ``strict``, and a file cannot be read.
        SourceError: No file can be read.
    """
    kept, facts = [], []
    for record in progress(listing.records):
        try:
            crop = read_crop(listing.root / record["path"])
        except ImageError as error:
            if strict:
                raise
            reason = str(error).removeprefix(f"{listing.root / record['path']}: ")
            listing.leave_out(record["path"], f"unreadable: {reason}")
            continue
        kept.append(record)
        facts.append(_facts(crop))
    if not kept:
        raise SourceError(
            f"{listing.root}: none of its {len(listing.records)} images can be read; "
            f"the first is {listing.records[0]['path']}"
        )
    listing.records = kept
    return facts


def _facts(crop: np.ndarray) -> ImageFacts:
    height, width = crop.shape
    digest = hashlib.blake2b(f"{height}x{width}:".encode(), digest_size=16)
    digest.update(crop.tobytes())
    return ImageFacts(digest.hexdigest(), (height, width), find_background(crop))
