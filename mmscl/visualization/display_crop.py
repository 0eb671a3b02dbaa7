"""A file's crop -> the picture that people see of it: dark on white, straight, p up."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmscl.datasets.ideogram import ideogram
from mmscl.datasets.images import find_background
from mmscl.datasets.manifest import TYPES
from mmscl.datasets.straightening import (
    Centromere,
    EmptyCropError,
    NoAxisError,
    Straight,
    axis_of,
    find_centromere,
    find_outline,
    straighten_along,
)
from mmscl.datasets.straightening.outline import PAD, Outline

_POLARITIES = ("up", "down", "")
# Where the type is known, constrictions count from this depth on: of real crops more
# are found near the ideogram's place than with the default, and few elsewhere
# (docs/straightening.md).
_LEAST_DEPTH = 0.04
# Half of the blur of an outline: what lies this near to it belongs to the chromosome.
_RIM = 2


@dataclass(frozen=True)
class DisplayCrop:
    """One chromosome as it is shown: in a karyogram, a report, the correcting page.

    Attributes:
        image: H x W uint8, white (255) around a dark chromosome, p arm up if the
            polarity was known.
        length: Along the axis from tip to tip in pixels; of a crop without an axis its
            height, of an empty one 0.
        centromere: Row of the centromere in ``image``; None where none was found.
        centromere_index: Length of the upper arm / length, 0..1; None likewise.
        not_straight: Why it could not be made straight; '' if it was.
    """

    image: np.ndarray
    length: float
    centromere: float | None
    centromere_index: float | None
    not_straight: str = ""


def display_crop(
    image: np.ndarray, kind: str = "", polarity: str = "", straight: bool = True
) -> DisplayCrop:
    """Make the picture of a crop that people see.

    1. Dark on white: a dark background (Q-band, fluorescence) is inverted, so that the
       bright bands print dark as G-bands do. What is not the chromosome becomes white.
    2. Straight along its medial axis, one pixel of the crop to one of the picture. A
       ring, a round or an empty crop stays as it lies, and ``not_straight`` says why.
    3. Turned by half a turn if its p arm is down. It is no mirror image.
    4. The centromere is looked for on the straight chromosome; a known type helps.

    Args:
        image: H x W uint8, on a light or a dark background.
        kind: Type, '1'..'22', 'X' or 'Y'; '' does not know it.
        polarity: 'up' or 'down', where the p arm is in ``image``; '' does not know it,
            and leaves the upper end up.
        straight: False leaves bends as they are, and finds no centromere.

    Raises:
        ValueError: Another type or polarity, or not a grey image.

    Example:
        >>> crop = np.full((60, 20), 255, np.uint8)
        >>> crop[5:55, 4:16] = 90
        >>> round(display_crop(crop).length)
        50
    """
    if kind not in ("", *TYPES):
        raise ValueError(f"kind: expected 1..22, X, Y or '' (not known), got {kind!r}")
    if polarity not in _POLARITIES:
        raise ValueError(f"polarity: expected one of {_POLARITIES}, got {polarity!r}")
    image = _dark_on_white(image)
    try:
        outline = find_outline(image, 255)
    except NoAxisError as error:
        return _as_it_lies(image, polarity, error)
    image = _without_surroundings(image, outline)
    if not straight:
        return _as_it_lies(image, polarity, "was not asked for")
    try:
        axis = axis_of(outline)
    except NoAxisError as error:
        return _as_it_lies(image, polarity, error)
    found = straighten_along(image, 255, outline, axis)
    if polarity == "down":
        turned = np.ascontiguousarray(found.image[::-1, ::-1])
        start = len(turned) - 1 - found.start - found.length
        widths = np.ascontiguousarray(found.widths[::-1])
        found = found._replace(image=turned, widths=widths, start=start)
    centromere = _centromere(found, kind, polarity)
    if centromere is None:
        return DisplayCrop(found.image, found.length, None, None)
    return DisplayCrop(
        found.image, found.length, centromere.row, float(centromere.position)
    )


def _centromere(found: Straight, kind: str, polarity: str) -> Centromere | None:
    """Where it is, near the place of a known type; either end may be up if not told."""
    if not kind:
        return find_centromere(found)
    place = ideogram(kind).centromere
    places = [place] if polarity else [place, 1 - place]
    return find_centromere(found, places, _LEAST_DEPTH)


def _dark_on_white(image: np.ndarray) -> np.ndarray:
    """Grey levels moved so that the background is 255 and the chromosome darker."""
    background = find_background(image)
    if background < 128:
        image, background = cv2.bitwise_not(image), 255 - background
    if background == 255:
        return image
    levels = np.arange(256) * (255 / background)
    return cv2.LUT(image, np.rint(np.minimum(levels, 255)).astype(np.uint8))


def _without_surroundings(image: np.ndarray, outline: Outline) -> np.ndarray:
    """White beyond the outline and its blurred rim."""
    side = 2 * _RIM + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    near = cv2.dilate(outline.mask, disc)[PAD:-PAD, PAD:-PAD]
    return np.where(near > 0, image, np.uint8(255))


def _as_it_lies(
    image: np.ndarray, polarity: str, why: NoAxisError | str
) -> DisplayCrop:
    """The crop without straightening, cut to what is not white."""
    left, top, width, height = cv2.boundingRect(cv2.bitwise_not(image))
    if height:
        image = image[top : top + height, left : left + width]
    length = 0.0 if isinstance(why, EmptyCropError) else float(height)
    image = np.pad(image, 1, constant_values=255)
    if polarity == "down":
        image = np.ascontiguousarray(image[::-1, ::-1])
    return DisplayCrop(image, length, None, None, str(why))
