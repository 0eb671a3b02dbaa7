"""Laboratories, cases and cells of the embedded data set, and their chromosomes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmscl.datasets.drawing import Drawing, Look, draw_with_truth
from mmscl.datasets.ideogram import LEVELS, ideogram
from mmscl.datasets.manifest import TYPES

Range = tuple[float, float]

# Numerical abnormalities a laboratory sees, with rough shares among them.
ABNORMAL = {
    "+21": 0.4,
    "+18": 0.12,
    "+13": 0.08,
    "45,X": 0.12,
    "XXY": 0.12,
    "XYY": 0.08,
    "XXX": 0.08,
}
_SEX_CHROMOSOMES = {"45,X": "X", "XXY": "XXY", "XYY": "XYY", "XXX": "XXX"}


@dataclass(frozen=True)
class Site:
    """What one laboratory's cells look like: ranges, one value drawn a cell.

    Attributes:
        name: Goes into the manifest's ``site`` and the case ids.
        scale: Pixels per Mb of an average cell.
        condensation: Length of the chromosomes relative to ``scale``; longer ones are
            thinner and show more bands.
        width: Width of an arm in an average cell, pixels.
        level: Bands in the haploid set at the ends of ``condensation``, 400..850.
        contrast: Share of the ink that bands decide, 0..1.
        ink: Darkness of the darkest band, 0..1.
        separation: Of the sister chromatids, in chromatid widths.
        constriction: Width at the centromere / width of the arm.
        roughness: Unevenness of stain, relative.
        blur: Optics, standard deviation in pixels.
        sharpen: Unsharp masking of the scanner.
        noise: Camera noise, grey levels.
        white: Grey levels above it are cut to 255.
        margin: Background left around the crops, pixels.
    """

    name: str
    scale: Range
    condensation: Range
    width: Range
    level: Range
    contrast: Range
    ink: Range
    separation: Range
    constriction: Range
    roughness: Range
    blur: Range
    sharpen: Range
    noise: Range
    white: int
    margin: int


# Ranges set so that the crops' sizes and grey levels resemble public G-band crops:
# site A those of Pki-3 (median 62 x 21 px), site B those of DataNew (48 x 24 px).
SITES = {
    "A": Site(
        name="A",
        scale=(0.43, 0.49),
        condensation=(0.85, 1.15),
        width=(14.0, 16.5),
        level=(400, 600),
        contrast=(0.48, 0.74),
        ink=(0.9, 1.04),
        separation=(0.2, 0.65),
        constriction=(0.5, 0.75),
        roughness=(0.1, 0.24),
        blur=(0.75, 1.1),
        sharpen=(0.1, 0.9),
        noise=(2.0, 5.0),
        white=246,
        margin=0,
    ),
    "B": Site(
        name="B",
        scale=(0.27, 0.33),
        condensation=(0.8, 1.3),
        width=(14.0, 16.5),
        level=(400, 500),
        contrast=(0.45, 0.72),
        ink=(0.6, 0.9),
        separation=(0.15, 0.55),
        constriction=(0.55, 0.82),
        roughness=(0.08, 0.22),
        blur=(1.0, 1.5),
        sharpen=(0.0, 0.5),
        noise=(1.0, 4.0),
        white=253,
        margin=1,
    ),
}


@dataclass(frozen=True)
class Crop:
    """One chromosome of one cell.

    Attributes:
        image: H x W uint8, white background.
        type: '1'..'22', 'X' or 'Y'.
        homolog: '1', '2', ...: the same number is the same homologue in all cells of
            a case.
        polarity: 'up': the p arm points up.
    """

    image: np.ndarray
    type: str
    homolog: str
    polarity: str


def get_site(name: str) -> Site:
    """The ranges of a named site.

    Raises:
        ValueError: There is no such site.
    """
    if name not in SITES:
        raise ValueError(f"site: expected one of {list(SITES)}, got {name!r}.")
    return SITES[name]


def draw_karyotype(
    seed: int, site: str, case: int, abnormal_rate: float = 0.05
) -> list[tuple[str, str]]:
    """Chromosomes of every cell of a case: (type, homolog) in order of type.

    Args:
        seed: Seed of the data set.
        site: Name of the laboratory.
        case: Number of the case, >= 0.
        abnormal_rate: Share of cases with a numerical abnormality (``ABNORMAL``).

    Raises:
        ValueError: ``abnormal_rate`` is outside 0..1.
    """
    if not 0.0 <= abnormal_rate <= 1.0:
        raise ValueError(
            f"abnormal_rate: expected a share of cases in 0..1, got {abnormal_rate}."
        )
    rng = _generator(seed, site, "karyotype", case)
    sex = "XX" if rng.uniform() < 0.5 else "XY"
    shares = np.array(list(ABNORMAL.values()))
    drawn, found = rng.uniform(), rng.choice(list(ABNORMAL), p=shares / shares.sum())
    change = str(found) if drawn < abnormal_rate else ""
    sex = _SEX_CHROMOSOMES.get(change, sex)
    copies = {kind: 2 for kind in TYPES} | {"X": sex.count("X"), "Y": sex.count("Y")}
    if change.startswith("+"):
        copies[change[1:]] += 1
    return [(kind, str(n + 1)) for kind in TYPES for n in range(copies[kind])]


def draw_cell(
    seed: int, site: str, case: int, cell: int, abnormal_rate: float = 0.05
) -> list[Crop]:
    """All chromosomes of one metaphase cell, in order of type.

    Args:
        seed: Seed of the data set.
        site: 'A' or 'B'.
        case: Number of the case, >= 0.
        cell: Number of the cell in its case, >= 0.
        abnormal_rate: As in :func:`draw_karyotype`.

    Example:
        >>> crops = draw_cell(seed=0, site='A', case=0, cell=0, abnormal_rate=0.0)
        >>> len(crops), crops[0].type, crops[0].image.dtype.name
        (46, '1', 'uint8')
    """
    return [
        draw_crop(seed, site, case, cell, kind, homolog)
        for kind, homolog in draw_karyotype(seed, site, case, abnormal_rate)
    ]


def draw_crop(
    seed: int, site: str, case: int, cell: int, kind: str, homolog: str
) -> Crop:
    """One chromosome of one cell; the same whatever else is drawn.

    Args:
        seed, site, case, cell: As in :func:`draw_cell`.
        kind: Chromosome type.
        homolog: '1', '2', ...
    """
    drawing = draw_crop_with_truth(seed, site, case, cell, kind, homolog)
    return Crop(drawing.image, kind, homolog, "up")


def draw_crop_with_truth(
    seed: int,
    site: str,
    case: int,
    cell: int,
    kind: str,
    homolog: str,
    turn: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Drawing:
    """The same crop with its axis and centromere, perhaps bent in a known way.

    Args:
        seed, site, case, cell: As in :func:`draw_cell`.
        kind: Chromosome type.
        homolog: '1', '2', ...
        turn: As in :func:`mmscl.datasets.drawing.draw_with_truth`.
    """
    look = _cell_look(seed, site, case, cell)
    rng = _generator(seed, site, "homolog", case, TYPES.index(kind), int(homolog))
    bands = ideogram(kind).with_heterochromatin(
        factor=float(np.exp(rng.normal(0.0, 0.18))),
        satellites=float(np.exp(rng.normal(-0.25, 0.3))),
    )
    rng = _generator(seed, site, "crop", case, cell, TYPES.index(kind), int(homolog))
    stretch = float(np.exp(rng.normal(0.0, 0.035)))
    own = dict(vars(look))
    own["scale"] *= stretch
    # Short chromosomes are a little thinner: 16 px (1) to 13 px (21) in Pki-3.
    own["width"] *= (bands.length / 140.0) ** 0.06 / stretch**0.5
    own["contrast"] = min(own["contrast"] * float(rng.uniform(0.94, 1.06)), 0.95)
    own["ink"] *= float(rng.uniform(0.95, 1.03))
    own["separation"] = float(np.clip(look.separation + rng.normal(0, 0.1), 0, 0.75))
    return draw_with_truth(bands, Look(**own), rng, turn)


@lru_cache(maxsize=64)
def _cell_look(seed: int, site: str, case: int, cell: int) -> Look:
    """The look that all chromosomes of a cell share."""
    lab = get_site(site)
    rng = _generator(seed, site, "cell", case, cell)
    condensation = rng.triangular(lab.condensation[0], 1.0, lab.condensation[1])
    share = np.interp(condensation, lab.condensation, (0.0, 1.0))
    level = lab.level[0] + share * (lab.level[1] - lab.level[0])
    return Look(
        scale=float(rng.uniform(*lab.scale) * condensation),
        width=float(rng.uniform(*lab.width) / condensation**0.4),
        level=float(np.clip(level * rng.uniform(0.92, 1.08), *LEVELS)),
        contrast=float(rng.uniform(*lab.contrast)),
        ink=float(rng.uniform(*lab.ink)),
        separation=float(rng.uniform(*lab.separation)),
        constriction=float(rng.uniform(*lab.constriction)),
        roughness=float(rng.uniform(*lab.roughness)),
        blur=float(rng.uniform(*lab.blur)),
        sharpen=float(rng.uniform(*lab.sharpen)),
        noise=float(rng.uniform(*lab.noise)),
        white=lab.white,
        margin=lab.margin,
    )


def _generator(seed: int, site: str, *key: str | int) -> np.random.Generator:
    """A generator of its own for each thing drawn, from the seed and its name."""
    words = [
        part if isinstance(part, int) else zlib.crc32(part.encode())
        for part in (get_site(site).name, *key)
    ]
    return np.random.default_rng([seed, *words])
