"""One G-banded chromosome: bands, two chromatids, a bent axis -> grey image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mmscl.datasets.ideogram import ACROCENTRICS, Ideogram

# Points of the straight chromosome per pixel of the image, along and across.
_FINE = 2
_STEP = 1.5  # pixels between two points of the bent axis
_LEAST_LENGTH = 12.0  # pixels; shorter chromosomes cannot hold two arms


@dataclass(frozen=True)
class Look:
    """How one chromosome of one cell looks; lengths in pixels of the image.

    Attributes:
        scale: Pixels per Mb of the ideogram.
        width: Width of an arm, over both chromatids.
        level: Bands in the haploid set, 400..850.
        contrast: Share of the ink that the bands decide, 0..1; the rest is even.
        ink: Darkness of the darkest band, 0..1 (1 is black).
        separation: Distance of the chromatids' axes / width of a chromatid, 0 (one rod)
            to 1 (side by side).
        constriction: Width at the centromere / width of the arm, 0..1.
        roughness: Spread of the fine blotches of stain, relative to the ink.
        blur: Standard deviation of the optics.
        sharpen: Amount of unsharp masking by the scanner, >= 0.
        noise: Standard deviation of the camera's noise, in grey levels.
        white: Grey levels above it are set to 255, as cutting out does.
        margin: Rows and columns of background left around the chromosome.
    """

    scale: float
    width: float
    level: float
    contrast: float
    ink: float
    separation: float
    constriction: float
    roughness: float
    blur: float
    sharpen: float
    noise: float
    white: int
    margin: int


@dataclass(frozen=True)
class Drawing:
    """A drawn chromosome and what is true of it.

    Attributes:
        image: H x W uint8, 255 is background.
        axis: Its axis in pixels of the image (x, y), from the p to the q telomere in
            equal steps of arc; float64 (n, 2).
        length: Length of the axis in pixels.
        centromere: Place of the centromere on the axis, a share of its length, 0..1.
    """

    image: np.ndarray
    axis: np.ndarray
    length: float
    centromere: float


def draw_chromosome(
    ideogram: Ideogram, look: Look, rng: np.random.Generator
) -> np.ndarray:
    """Draw one chromosome on white, p arm up, cropped to what is not background.

    Args:
        ideogram: Bands of the type, perhaps of one homologue.
        look: Appearance, lengths in pixels.
        rng: Bends, blotches and noise come from it alone.

    Returns:
        H x W uint8, 255 is background.
    """
    return draw_with_truth(ideogram, look, rng).image


def draw_with_truth(
    ideogram: Ideogram,
    look: Look,
    rng: np.random.Generator,
    turn: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Drawing:
    """Draw one chromosome as :func:`draw_chromosome`, and tell where its axis lies.

    A straight pair of chromatids is laid out as ink (0..1) over (along, across); each
    pixel of the crop then finds its nearest point of the bent axis and takes the ink
    there by one ``cv2.remap``. Shapes: L fine points along, W across.

    Args:
        ideogram: Bands of the type, perhaps of one homologue.
        look: Appearance, lengths in pixels.
        rng: Bends, blotches and noise come from it alone.
        turn: Bends it in a known way instead of at random: shares of the arc, 0..1,
            (n,) -> direction of the axis there in radians from straight down, positive
            to the right. Bands and blotches stay those that ``rng`` would give.
    """
    # Round ends of two chromatids stand out beyond the bands: in Pki-3 the heights of
    # crops over the types follow 0.44 px / Mb + 7 px, of which blur is a half.
    length = look.scale * ideogram.length + 0.25 * look.width
    length = max(length, _LEAST_LENGTH)
    ink = _straight(ideogram, look, length, rng)
    u = np.linspace(0.0, 1.0, max(int(np.ceil(length / _STEP)) + 1, 8))
    angles = _turns(u, length, ideogram.centromere, rng) if turn is None else turn(u)
    axis = _lay_axis(angles, length)
    grey, corner = _bend(ink, axis, look)
    image, cut = _photograph(grey, look, rng)
    return Drawing(image, axis[0] - corner - cut, length, ideogram.centromere)


def _straight(
    ideogram: Ideogram, look: Look, length: float, rng: np.random.Generator
) -> np.ndarray:
    """Ink of the straight chromosome, (L, W) float32, before the optics."""
    points = int(round(length * _FINE))
    along = np.arange(points, dtype=np.float32) / _FINE
    uptake = ideogram.profile(points, look.level)
    half, splay = _outline(ideogram, look, length, along, rng)
    reach = int(np.ceil((0.75 * look.width + 2.0) * _FINE))
    across = np.arange(-reach, reach + 1, dtype=np.float32) / _FINE
    chromatids = []
    for side in (-1.0, 1.0):
        # Sister bands are not quite level, and not quite straight either.
        shift = rng.normal(0.0, 0.4) + 0.5 * _wave(along, 12.0, rng)
        bands = np.interp(along, along + shift, uptake)
        radius = half / (1.0 + look.separation)
        centre = side * (half - radius + splay * rng.uniform(0.6, 1.4))
        offset = (across[None] - centre[:, None]) / np.maximum(radius, 0.3)[:, None]
        # A rod seen from the side, flattened on the slide.
        thick = np.clip(1.0 - offset**2, 0.0, 1.0) ** 0.4
        ink = 1.0 - look.contrast + look.contrast * bands
        blotches = _blotches(thick.shape, rng) * look.roughness
        chromatids.append(thick * (ink[:, None] * (1.0 + blotches)))
    total = np.maximum(*chromatids) + 0.15 * np.minimum(*chromatids)
    total *= _stalk_ink(ideogram, points)[:, None]
    return (look.ink * np.clip(total, 0.0, 1.15)).astype(np.float32)


def _outline(
    ideogram: Ideogram,
    look: Look,
    length: float,
    along: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Half width and splaying of the chromatids along the axis, (L,) each."""
    half = np.full(len(along), look.width / 2.0)
    half *= 1.0 + 0.06 * _wave(along, 10.0, rng)
    if ideogram.type in ACROCENTRICS:
        centre = ideogram.centromere * length
        # Short arms are thin: stalks half as wide as satellites.
        short = 1.0 / (1.0 + np.exp((along - centre) / 1.2))
        stalk = _soften(ideogram.region(len(along), "stalk"), 1.0 * _FINE)
        half *= 1.0 - short * (0.28 + 0.32 * stalk)
    waist = np.exp(-0.5 * ((along - ideogram.centromere * length) / 1.9) ** 2)
    half *= 1.0 - (1.0 - look.constriction) * waist
    ends = np.minimum(along, along[-1] - along)
    cap = np.clip(ends / (0.32 * look.width), 0.0, 1.0)
    half *= np.sqrt(0.12 + 0.88 * (1.0 - (1.0 - cap) ** 2))
    apart = np.abs(along - ideogram.centromere * length) / max(length, 1.0)
    splay = look.width * 0.1 * look.separation * np.clip(3.0 * apart, 0.0, 1.0)
    return half, splay


def _stalk_ink(ideogram: Ideogram, points: int) -> np.ndarray:
    """Stalks are thin as well as pale: factor on the ink, (L,)."""
    stalk = _soften(ideogram.region(points, "stalk"), 0.6 * _FINE)
    return 1.0 - 0.5 * stalk


def _turns(
    u: np.ndarray, length: float, centromere: float, rng: np.random.Generator
) -> np.ndarray:
    """Direction at the shares ``u`` (n,) of the arc, radians from straight down."""
    slack = min(length / 70.0, 1.5)  # long chromosomes bend more
    turn = rng.normal(0.0, 0.22) * slack * 2.0 * (u - 0.5)
    turn += rng.normal(0.0, 0.10) * slack * np.sin(2 * np.pi * (u + rng.uniform()))
    if rng.uniform() < 0.16 * slack:  # a sharp bend, mostly at the centromere
        where = centromere if rng.uniform() < 0.5 else rng.uniform(0.25, 0.75)
        sharp = rng.uniform(0.03, 0.10)
        turn += np.clip(rng.normal(0.0, 0.45), -0.8, 0.8) * np.tanh((u - where) / sharp)
    # Crops are turned upright by hand: mean direction down, a small tilt remains.
    return turn + (rng.normal(0.0, 0.06) - turn.mean())


def _lay_axis(
    turn: np.ndarray, length: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position (n, 2: x, y), direction (n, 2) and arc length (n,) of the axis."""
    arc = np.linspace(0.0, length, len(turn))
    direction = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    steps = (direction[1:] + direction[:-1]) / 2 * (length / (len(turn) - 1))
    position = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return position, direction, arc


def _bend(
    ink: np.ndarray, axis: tuple[np.ndarray, np.ndarray, np.ndarray], look: Look
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the straight ink (L, W) along the axis: (H, W) float32 ink, its corner."""
    position, direction, arc = (part.astype(np.float32) for part in axis)
    pad = 0.75 * look.width + 3.0 * look.blur + 3.0
    low = np.floor(position.min(0) - pad)
    width, height = (np.ceil(position.max(0) + pad) - low).astype(int) + 1
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)
    points = position - low.astype(np.float32)
    # |p - c|^2 without |p|^2, which is the same for every point of the axis.
    nearest = ((points**2).sum(1) / 2 - pixels @ points.T).argmin(axis=1)
    offset = pixels - points[nearest]
    tangent = direction[nearest]
    along = arc[nearest] + (offset * tangent).sum(1)
    across = offset[:, 0] * tangent[:, 1] - offset[:, 1] * tangent[:, 0]
    to_row = (along * _FINE).reshape(height, width)
    to_column = (across * _FINE + ink.shape[1] // 2).reshape(height, width)
    laid = cv2.remap(
        ink, to_column, to_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return laid, low


def _photograph(
    ink: np.ndarray, look: Look, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Optics, scanner, scissors: (H, W) ink -> tight crop, uint8, and its corner."""
    seen = cv2.GaussianBlur(ink, (0, 0), look.blur)
    if look.sharpen > 0:
        seen = seen + look.sharpen * (seen - cv2.GaussianBlur(seen, (0, 0), 2.0))
    grain = np.asarray(rng.standard_normal(seen.shape, dtype=np.float32))
    seen = 255.0 * (1.0 - seen) + cv2.GaussianBlur(grain * look.noise, (0, 0), 0.7)
    grey = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
    # Noise of the background is cut away with it: only around the ink it stays.
    outside = cv2.GaussianBlur(ink, (0, 0), look.blur + 0.6) < 0.02
    grey[(grey > look.white) | outside] = 255
    left, top, width, height = cv2.boundingRect((grey < 255).astype(np.uint8))
    tight = grey[top : top + height, left : left + width]
    corner = np.array([left, top]) - look.margin
    return np.pad(tight, look.margin, constant_values=255), corner


def _wave(along: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random curve of spread about 1 with a typical length, (L,)."""
    knots = np.arange(0.0, along[-1] + 2 * period, period / 2)
    return np.interp(along, knots, rng.standard_normal(len(knots)))


def _soften(region: np.ndarray, sigma: float) -> np.ndarray:
    """Region (L,) bool -> 0..1 with soft edges; sigma in points."""
    column = region.astype(np.float32)[:, None]
    return cv2.GaussianBlur(column, (1, 0), sigmaX=0.1, sigmaY=sigma)[:, 0]


def _blotches(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Unevenness of stain about three pixels wide, spread about 1; (L, W)."""
    coarse = tuple(int(size / (2.0 * _FINE)) + 2 for size in shape)
    noise = rng.standard_normal(coarse, dtype=np.float32)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
