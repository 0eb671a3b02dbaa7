"""What becomes of crops that are no single chromosome: are they none of the types?

    python -m benchmarks.debris data/pki3/manifest.csv --split test
    python -m benchmarks.debris data/datanew/manifest.csv

Prints the table of docs/karyotyping.md. To each cell one such picture is added at a
time, made of the cell's own crops or drawn: two chromosomes across each other, end to
end or side by side, half of one, five in a heap, a nucleus, a disc, a speck, a letter.
It is refused before it is read, placed as none of the types, given a type but marked
for review, or given a type and not marked. The last column counts the cell's own crops
whose type is changed by it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from mmscl.cli import report_errors
from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.crop_check import why_no_chromosome
from mmscl.datasets.images import find_background, foreground_mask, read_crop
from mmscl.datasets.manifest import Manifest
from mmscl.karyotype import NONE, measure_sizes
from mmscl.karyotype_inference import KaryotypeInferencer

OUTCOMES = ("refused", "none of the types", "a type, marked", "a type, not marked")
_SIDE = 600


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST")
    parser.add_argument("--split", help="rows to take (default: all)")
    parser.add_argument("--model", nargs="+", help="as that of mmscl-karyotype")
    parser.add_argument(
        "--cells", type=int, default=40, help="of each set, at most (default: 40)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.cells < 1:
        parser.error(f"--cells {args.cells}: expected 1 or more")
    return args


def dark_on_white(image: np.ndarray) -> np.ndarray:
    """The chromosome of a crop, its surroundings white (255)."""
    if find_background(image) < 128:
        image = cv2.bitwise_not(image)
    near = cv2.dilate(foreground_mask(image).astype(np.uint8), np.ones((3, 3)))
    return np.where(near > 0, image, np.uint8(255))


def laid(crops: list[np.ndarray], places: list[tuple[float, float]]) -> np.ndarray:
    """Crops with their middles at places (y, x) about the middle, cut out together."""
    page = np.full((_SIDE, _SIDE), 255, np.uint8)
    for crop, place in zip(crops, places, strict=True):
        top, left = (
            int(_SIDE / 2 + at - length / 2)
            for at, length in zip(place, crop.shape, strict=True)
        )
        part = page[top : top + crop.shape[0], left : left + crop.shape[1]]
        np.minimum(part, crop, out=part)
    return framed(page)


def framed(image: np.ndarray, margin: int = 6) -> np.ndarray:
    """What is not white, with a margin."""
    rows, columns = np.nonzero(image < 245)
    inner = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return np.pad(inner, margin, constant_values=255)


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    side = int(np.hypot(*image.shape)) + 4
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += [(side - width) / 2, (side - height) / 2]
    return cv2.warpAffine(image, turn, (side, side), borderValue=255)


class Maker:
    """Makes pictures that are no single chromosome, for one cell.

    Args:
        crops: Of the cell, H x W uint8 each, on white.
    """

    def __init__(self, crops: list[np.ndarray], rng: np.random.Generator) -> None:
        self.crops, self.rng = crops, rng
        self.area = float(np.median([(crop < 240).sum() for crop in crops]))

    def some(self, number: int) -> list[np.ndarray]:
        chosen = self.rng.choice(len(self.crops), number, replace=False)
        return [self.crops[row] for row in chosen]

    def across(self) -> np.ndarray:
        one, other = self.some(2)
        other = turned(other, self.rng.uniform(50, 130))
        return laid([one, other], [(0, 0), (self.rng.uniform(-8, 8), 0)])

    def end_to_end(self) -> np.ndarray:
        pair = self.some(2)
        apart = sum(len(crop) for crop in pair) / 2 - 8
        return laid(pair, [(-apart / 2, 0), (apart / 2, self.rng.uniform(-4, 4))])

    def side_by_side(self) -> np.ndarray:
        pair = self.some(2)
        apart = sum(crop.shape[1] for crop in pair) / 2 - 8
        return laid(pair, [(0, -apart / 2), (self.rng.uniform(-10, 10), apart / 2)])

    def half(self) -> np.ndarray:
        (crop,) = self.some(1)
        cut = int(len(crop) * self.rng.uniform(0.4, 0.6))
        return framed(crop[:cut] if self.rng.random() < 0.5 else crop[cut:])

    def heap(self) -> np.ndarray:
        five = [turned(crop, self.rng.uniform(0, 180)) for crop in self.some(5)]
        return laid(five, list(map(tuple, self.rng.uniform(-45, 45, (5, 2)))))

    def disc(self) -> np.ndarray:
        return self._round(self.area * self.rng.uniform(0.7, 1.6), 110)

    def speck(self) -> np.ndarray:
        return self._round(np.pi * self.rng.uniform(2.5, 6) ** 2, 70)

    def nucleus(self) -> np.ndarray:
        return self._round(self.area * self.rng.uniform(6, 20), 130, grain=90.0)

    def letter(self) -> np.ndarray:
        image = np.full((80, 60), 255, np.uint8)
        text = str(self.rng.choice(list("ABKRX7")))
        cv2.putText(image, text, (6, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, 60, 5)
        return framed(image)

    def _round(self, area: float, level: int, grain: float = 0.0) -> np.ndarray:
        radius = float(np.sqrt(area / np.pi))
        side = int(2 * radius) + 16
        image = np.full((side, side), 255.0)
        noise = cv2.GaussianBlur(self.rng.normal(0, 1, (side, side)), (0, 0), 3)
        rows, columns = np.mgrid[:side, :side] - side / 2
        inside = rows**2 + columns**2 < radius**2
        image[inside] = np.clip(level + 2 * grain * noise, 60, 200)[inside]
        return cv2.GaussianBlur(image, (0, 0), 1).astype(np.uint8)


KINDS: dict[str, Callable[[Maker], np.ndarray]] = {
    "two across each other": Maker.across,
    "two end to end": Maker.end_to_end,
    "two side by side": Maker.side_by_side,
    "half of one": Maker.half,
    "five in a heap": Maker.heap,
    "nucleus": Maker.nucleus,
    "disc": Maker.disc,
    "speck": Maker.speck,
    "letter": Maker.letter,
}


def outcomes(
    infer: KaryotypeInferencer, crops: list[np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[str, str, int]]:
    """Kind, what becomes of it, and how many of the cell's types it changes."""
    maker = Maker([dark_on_white(crop) for crop in crops], rng)
    made = {kind: make(maker) for kind, make in KINDS.items()}
    images = [*crops, *made.values()]
    scores = infer.classifier(images, one_cell=True).predictions.scores
    sizes = measure_sizes(images)
    own = np.arange(len(crops))
    alone = infer.karyotype_model.read(scores[own], sizes[own])
    for place, (kind, image) in enumerate(made.items(), len(crops)):
        if why_no_chromosome(image):
            yield kind, OUTCOMES[0], 0
            continue
        rows = np.append(own, place)
        reading = infer.karyotype_model.read(scores[rows], sizes[rows])
        changed = int((reading.types[:-1] != alone.types).sum())
        if reading.types[-1] == NONE:
            yield kind, OUTCOMES[1], changed
        else:
            yield kind, OUTCOMES[2 if reading.review[-1] else 3], changed


def main() -> None:
    args = parse_args()
    infer = KaryotypeInferencer(args.model)
    print(f"| set | picture | n | {' | '.join(OUTCOMES)} | types changed |")
    print("|---|---|---|---|---|---|---|---|")
    for path in map(Path, args.manifests):
        manifest = Manifest.read(path).select(split=args.split)
        rng = np.random.default_rng(args.seed)
        tally: Counter[tuple[str, str]] = Counter()
        changes: Counter[str] = Counter()
        cells = rows_by_cell(manifest["case"], manifest["cell"])
        for rows in cells[: args.cells]:
            crops = [read_crop(path.parent / manifest["path"][row]) for row in rows]
            for kind, outcome, changed in outcomes(infer, crops, rng):
                tally[kind, outcome] += 1
                changes[kind] += changed
        for kind in KINDS:
            found = [tally[kind, outcome] for outcome in OUTCOMES]
            counts = " | ".join(map(str, found))
            row = f"| {path.parent.name} | {kind} | {sum(found)} | {counts} "
            print(f"{row}| {changes[kind]} |", flush=True)


if __name__ == "__main__":
    with report_errors():
        main()
