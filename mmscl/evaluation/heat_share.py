"""Where the heat lies: in a chromosome's interior, on its edge, or beside it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from mmscl.datasets.images import foreground_mask
from mmscl.evaluation.intervals import mean_interval
from mmscl.files import replaced

#: Half width of the edge, as a share of the chromosome's own half width. Ours.
EDGE = 1 / 3
ZONES = ("interior", "edge", "beside")


def zones(image: np.ndarray) -> np.ndarray:
    """The zone of each pixel: 0 interior, 1 edge, 2 beside the chromosome.

    With w = `EDGE` times the greatest distance of a foreground pixel from the outline
    (the chromosome's half width), at least 1 pixel: the edge is all that lies within w
    of the outline, on both sides of it, because a blurred rim is; the interior is the
    rest of the foreground (`foreground_mask`), beside is the rest of the image.

    Args:
        image: H x W uint8.

    Returns:
        int64 H x W. Without any foreground all is beside.
    """
    mask = foreground_mask(image).astype(np.uint8)
    if not mask.any():
        return np.full(image.shape, 2)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    width = max(1.0, EDGE * float(inside.max()))
    edge = np.where(mask, inside, outside) <= width
    return np.where(edge, 1, np.where(mask, 0, 2))


def heat_shares(heat: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Shares (3,) of an image's heat in its zones; NaN where there is no heat.

    Args:
        heat: H x W, >= 0.
        image: H x W uint8.
    """
    shares = np.bincount(zones(image).ravel(), heat.ravel(), minlength=3)
    total = shares.sum()
    return shares / total if total > 0 else np.full(3, np.nan)


@dataclass(frozen=True)
class Share:
    """A share in %, with its 95 % interval over cases.

    Attributes:
        mean, low, high: In %; the ends are NaN with one case.
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.mean:.1f}"
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True)
class ShareRow:
    """A model's row in the table of heat shares.

    Attributes:
        name: The model.
        images: Images with any heat.
        without_heat: Images where nothing spoke for the type: left out.
        cases: Number of cases.
        interior: The interior's part of the heat on the chromosome (interior and edge).
        area: What `interior` would be if the heat were spread evenly.
        zones: Zone -> share of all heat.
        difference: `interior` less the first model's, by case over the images that both
            have heat in; None for the first.
    """

    name: str
    images: int
    without_heat: int
    cases: int
    interior: Share
    area: Share
    zones: dict[str, Share]
    difference: Share | None

    def beside_figure(self) -> str:
        """Lines for beside the model's row of heat maps."""
        lines = [f"interior {self.interior.mean:.1f} %"]
        if not np.isnan(self.interior.low):
            lines.append(f"({self.interior.low:.1f} to {self.interior.high:.1f})")
        lines += [
            "of the heat on the",
            "chromosome; of its",
            f"area {self.area.mean:.1f} %",
        ]
        return "\n".join(lines)


def summarise_shares(
    shares: Mapping[str, np.ndarray], areas: np.ndarray, cases: np.ndarray
) -> list[ShareRow]:
    """One row a model: means over cases of the means over their images.

    Args:
        shares: Model -> shares (B, 3) of each image, NaN rows without heat; the first
            model is what the others are compared with.
        areas: Shares (B, 3) of the image's area.
        cases: Case of each image, strings (B,).

    Raises:
        ValueError: A model without heat in any image.
    """
    rows: list[ShareRow] = []
    first: np.ndarray | None = None
    for name, values in shares.items():
        hot = ~np.isnan(values[:, 0])
        interior = _interior(values)
        judged = ~np.isnan(interior)
        if not judged.any():
            raise ValueError(
                f"{name}: no image has any heat on its chromosome: for none of them "
                "anything in this layer speaks for its type. Is the model trained?"
            )
        difference = None
        if first is not None:
            both = ~np.isnan(interior - first)
            if both.any():
                difference = _share((interior - first)[both], cases[both])
        else:
            first = interior
        rows.append(
            ShareRow(
                name,
                int(hot.sum()),
                int((~hot).sum()),
                len(set(cases[judged].tolist())),
                _share(interior[judged], cases[judged]),
                _share(_interior(areas)[judged], cases[judged]),
                {
                    zone: _share(values[hot, number], cases[hot])
                    for number, zone in enumerate(ZONES)
                },
                difference,
            )
        )
    return rows


def print_shares(rows: list[ShareRow]) -> None:
    """One column a model."""
    table = Table(title="Heat: shares in %, mean over cases (95 % interval)")
    table.add_column("")
    for row in rows:
        table.add_column(row.name, justify="right")
    lines: dict[str, list[str]] = {
        "images with heat": [f"{row.images:,}" for row in rows],
        "without": [f"{row.without_heat:,}" for row in rows],
        "cases": [f"{row.cases:,}" for row in rows],
        "interior's part of the chromosome's": [str(row.interior) for row in rows],
        "if it were spread evenly": [str(row.area) for row in rows],
        "less the first model's": [str(row.difference or "") for row in rows],
        **{zone: [str(row.zones[zone]) for row in rows] for zone in ZONES},
    }
    for name, values in lines.items():
        table.add_row(name, *values)
    Console().print(table)


def write_shares(rows: list[ShareRow], path: str | Path) -> Path:
    """The same as a CSV, each share with the ends of its interval."""
    shares = ("interior_of_chromosome", "area", "difference", *ZONES)
    header = ["model", "images", "without_heat", "cases"]
    header += [f"{name}{end}" for name in shares for end in ("", "_low", "_high")]
    with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            values = [row.interior, row.area, row.difference, *row.zones.values()]
            ends = [(v.mean, v.low, v.high) if v else ("", "", "") for v in values]
            writer.writerow(
                [row.name, row.images, row.without_heat, row.cases]
                + [
                    end if end == "" else f"{end:.3f}"
                    for three in ends
                    for end in three
                ]
            )
    return Path(path)


def _interior(shares: np.ndarray) -> np.ndarray:
    """Interior's part of interior and edge (B,); NaN where both are empty."""
    on = shares[:, 0] + shares[:, 1]
    return np.divide(shares[:, 0], on, out=np.full(len(on), np.nan), where=on > 0)


def _share(values: np.ndarray, cases: np.ndarray) -> Share:
    means = [values[cases == case].mean() for case in sorted(set(cases.tolist()))]
    return Share(*(100 * end for end in mean_interval(np.array(means))))
