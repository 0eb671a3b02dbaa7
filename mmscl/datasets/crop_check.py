"""Pictures that are no crop of one chromosome are told before they are read as one."""

from __future__ import annotations

import cv2
import numpy as np

from mmscl.datasets.images import BACKGROUND_SPREAD, find_background, foreground_mask

#: Parts of the foreground that make a picture of many objects. Crops of Pki-3, DataNew
#: and BioImLab (4,462 drawn at random) have five at most; a metaphase has some 46.
MOST_PARTS = 8
#: The area of the foreground over the square of half its greatest width: 4 x length /
#: width of a rod. The crops of the three sets have 54 at most; chromosomes that touch
#: in a metaphase have more. A dense heap has less: its size in the cell tells it.
MOST_SLENDER = 75.0
#: Pixels below which a part is a speck.
_SPECK = 20
#: Least share of the border on the background's level: the tightest crop of Pki-3 has
#: 0.26, a photo whose ground is no ground some hundredths.
LEAST_GROUND = 0.15


def why_no_chromosome(image: np.ndarray) -> str:
    """Why a picture cannot be the crop of one chromosome; '' if it may be.

    It cannot tell a chromosome from another dark spot on an even ground: such a crop
    is for the classifier, and for people to look at.

    Args:
        image: H x W uint8.
    """
    background = find_background(image)
    mask = foreground_mask(image, background).view(np.uint8)
    parts = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    areas = parts[:, cv2.CC_STAT_AREA]
    if areas.max(initial=0) < _SPECK:
        return "no chromosome in it: nothing stands out from the background"
    border = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    away = np.abs(border.astype(np.int16) - background)
    if (away <= BACKGROUND_SPREAD).mean() < LEAST_GROUND:
        return (
            "no chromosome on an even background: a photo perhaps; give crops of one "
            "chromosome each"
        )
    large = int((areas >= _SPECK).sum())
    if large >= MOST_PARTS:
        return (
            f"shows {large} separate objects, a whole metaphase perhaps; cut it into "
            "crops of one chromosome each"
        )
    if _slenderness(mask) > MOST_SLENDER:
        return (
            "shows many objects that touch, a whole metaphase perhaps; cut it into "
            "crops of one chromosome each"
        )
    return ""


def _slenderness(mask: np.ndarray) -> float:
    """Area of a mask (H x W, 0 or 1, some set) over its greatest half-width squared."""
    framed = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    half = float(cv2.distanceTransform(closed, cv2.DIST_L2, cv2.DIST_MASK_5).max())
    return int(closed.sum()) / half**2
