"""Cytobands of hg38 -> how dark and how wide a chromosome is along its axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmscl.datasets.manifest import TYPES

# Uptake of Giemsa, 0 (none) to 1, of the UCSC stains. 'gposN' is N % by definition;
# the others are set by eye on G-banded metaphases: light bands still take some stain,
# centric heterochromatin is dark and thin, stalks hardly stain.
STAINS = dict(
    gneg=0.05,
    gpos25=0.3,
    gpos50=0.55,
    gpos75=0.78,
    gpos100=1.0,
    acen=0.6,
    gvar=0.75,
    stalk=0.05,
)
ACROCENTRICS = ("13", "14", "15", "21", "22")
LEVELS = (400.0, 850.0)
_GENOME_MB = 3088.3  # chromosomes 1..22, X, Y of hg38
# Heterochromatin that differs between homologues of healthy people.
_VARIABLE = ("gvar", "stalk")


@dataclass(frozen=True)
class Ideogram:
    """One chromosome type at the level of the table (about 850 bands).

    Attributes:
        type: '1'..'22', 'X' or 'Y'.
        lengths: Length of each band in Mb, from the p to the q telomere; (n,).
        uptake: Stain uptake of each band, 0..1; (n,).
        stains: UCSC stain of each band; (n,).
        p_bands: Number of bands of the p arm.
    """

    type: str
    lengths: np.ndarray
    uptake: np.ndarray
    stains: np.ndarray
    p_bands: int

    @property
    def length(self) -> float:
        """Length of the chromosome in Mb."""
        return float(self.lengths.sum())

    @property
    def centromere(self) -> float:
        """Centromere index: length of the p arm / total, 0..1."""
        return float(self.lengths[: self.p_bands].sum() / self.lengths.sum())

    def with_heterochromatin(self, factor: float, satellites: float) -> Ideogram:
        """A homologue: variable regions scaled (polymorphism, Mb x factor).

        Args:
            factor: For the large blocks (1q12, 9q12, 16q11.2, Yq12), > 0.
            satellites: For the short arms of acrocentrics, > 0.
        """
        scale = satellites if self.type in ACROCENTRICS else factor
        lengths = np.where(
            np.isin(self.stains, _VARIABLE), self.lengths * scale, self.lengths
        )
        return Ideogram(self.type, lengths, self.uptake, self.stains, self.p_bands)

    def profile(self, points: int, level: float) -> np.ndarray:
        """Stain uptake at equidistant points from the p to the q telomere.

        Sub-bands merge as in a shorter chromosome: the bands of the table are
        averaged by a Gaussian whose width makes up the difference between the mean
        band length at ``level`` and at 850 bands.

        Args:
            points: Number of points, >= 2.
            level: Bands in the haploid set, 400..850.

        Returns:
            (points,) float64 in 0..1.

        Raises:
            ValueError: ``level`` is outside 400..850.
        """
        if not LEVELS[0] <= level <= LEVELS[1]:
            raise ValueError(
                f"level: expected {LEVELS[0]:.0f} to {LEVELS[1]:.0f} bands in the "
                f"haploid set, got {level}."
            )
        edges = np.concatenate([[0.0], np.cumsum(self.lengths)])
        grid = np.linspace(0.0, self.length, points)
        fine = np.interp(grid, edges, self._cumulative())
        steps = np.diff(fine) / np.diff(grid)
        at_points = np.interp(grid, (grid[1:] + grid[:-1]) / 2, steps)
        band = _GENOME_MB / level
        sigma = 0.45 * np.sqrt(max(band**2 - (_GENOME_MB / LEVELS[1]) ** 2, 0.0))
        return _smooth(at_points, sigma * (points - 1) / self.length)

    def _cumulative(self) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(self.lengths * self.uptake)])

    def region(self, points: int, stain: str) -> np.ndarray:
        """Which of the equidistant points lie in bands of a stain; (points,) bool."""
        edges = np.cumsum(self.lengths)
        grid = np.linspace(0.0, self.length, points)
        bands = np.minimum(np.searchsorted(edges, grid), len(edges) - 1)
        return self.stains[bands] == stain


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian along an axis whose ends are repeated; sigma in points."""
    if sigma < 0.1:
        return values
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


@lru_cache(maxsize=1)
def _table() -> dict[str, Ideogram]:
    try:
        import bioframe
    except ImportError as error:
        raise ImportError(
            "the embedded data set is drawn from the hg38 cytobands that come with "
            "bioframe: pip install bioframe"
        ) from error
    bands = bioframe.assembly_info("hg38").cytobands
    table = {}
    for kind in TYPES:
        rows = bands[bands["chrom"] == f"chr{kind}"].sort_values("start")
        stains = rows["stain"].to_numpy(dtype=str)
        table[kind] = Ideogram(
            type=kind,
            lengths=(rows["end"] - rows["start"]).to_numpy(dtype=float) / 1e6,
            uptake=np.array([STAINS[stain] for stain in stains]),
            stains=stains,
            p_bands=int(rows["band"].str.startswith("p").sum()),
        )
    return table


def ideogram(kind: str) -> Ideogram:
    """The ideogram of a type ('1'..'22', 'X', 'Y'), from bioframe's hg38 table.

    Raises:
        ValueError: ``kind`` is not one of the 24 types.
        ImportError: bioframe is not installed.
    """
    if kind not in TYPES:
        raise ValueError(f"type: expected '1'..'22', 'X' or 'Y', got {kind!r}.")
    return _table()[kind]
