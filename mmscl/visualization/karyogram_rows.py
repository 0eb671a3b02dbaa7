"""The four rows of a karyogram: types side by side, centromeres on one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mmscl.datasets.ideogram import ideogram
from mmscl.visualization.page import (
    PX,
    Line,
    Page,
    Picture,
    Text,
    dashed_box,
    text_width,
)
from mmscl.visualization.page_fonts import legible
from mmscl.visualization.style import LOOKS

if TYPE_CHECKING:
    from mmscl.visualization.karyogram import KaryogramCrop

#: Groups of each row (DOMAIN: ISCN groups A B | C | D E | F G, sex chromosomes last).
ROWS = (
    (("1", "2", "3"), ("4", "5")),
    (("6", "7", "8", "9", "10", "11", "12"),),
    (("13", "14", "15"), ("16", "17", "18")),
    (("19", "20"), ("21", "22"), ("X", "Y")),
)
#: Fewest homologues for which there is a place.
_PLACES = {name: 2 for row in ROWS for group in row for name in group} | {
    "X": 1,
    "Y": 0,
}
#: Points of the type below its chromosomes, and of the small letters at a chromosome.
_NAME, SMALL = 9.0, 6.0
MARK, EMPTY = LOOKS[1].color, "#999999"
# Millimetres: between homologues, least between types and between groups; a letter's
# height; between a chromosome and its frame.
GAP = 2.2
_TYPE_GAP, _GROUP_GAP = 5.0, 10.0
LETTER = SMALL / 72 * 25.4
FRAME = 0.7
# Grey levels from here on are paper.
_WHITE = 250


@dataclass
class Block:
    """A part of the page, from its own upper left corner, in mm.

    Attributes:
        width: What it needs, which may be more than it was given.
        height: What it takes.
    """

    width: float
    height: float
    pictures: list[Picture] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def put_on(self, page: Page, x: float, y: float) -> None:
        """Add it to a page at a place."""
        page.pictures += [replace(p, x=p.x + x, y=p.y + y) for p in self.pictures]
        page.texts += [replace(t, x=t.x + x, y=t.y + y) for t in self.texts]
        page.lines += [
            replace(
                line, x0=line.x0 + x, x1=line.x1 + x, y0=line.y0 + y, y1=line.y1 + y
            )
            for line in self.lines
        ]


@dataclass(frozen=True)
class Shown:
    """A crop at its size on paper, in mm; ``image`` None is an empty place.

    Attributes:
        centromere: From the upper edge.
        mark: Printed above it in colour; '' marks nothing.
        label: Printed below it.
    """

    type: str
    width: float
    height: float
    centromere: float
    image: np.ndarray | None = None
    mark: str = ""
    label: str = ""

    @property
    def room(self) -> float:
        """Width that it needs with its frame and letters, in mm."""
        frame = 2 * FRAME if self.mark else 0.0
        mark = text_width(self.mark, SMALL, bold=True)
        return max(self.width + frame, mark, text_width(self.label, SMALL))

    def draw(self, block: Block, x: float, y: float, letters: float) -> None:
        """With the middle of its upper edge at (x, y), its label's baseline below."""
        left = x - self.width / 2
        if self.image is None:
            block.lines += dashed_box(left, y, self.width, self.height, EMPTY, 0.5)
            return
        shape = max(round(self.width * PX), 1), max(round(self.height * PX), 1)
        shrinks = shape[1] < len(self.image)
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        block.pictures.append(
            Picture(left, y, cv2.resize(self.image, shape, interpolation=way))
        )
        if self.mark:
            box = (
                left - FRAME,
                y - FRAME,
                self.width + 2 * FRAME,
                self.height + 2 * FRAME,
            )
            block.lines += dashed_box(*box, MARK)
            block.texts.append(
                Text(x, y - FRAME - 0.7, self.mark, SMALL, True, MARK, "center")
            )
        if self.label:
            block.texts.append(
                Text(x, letters, self.label, SMALL, color="#404040", align="center")
            )


@dataclass(frozen=True)
class Slot:
    """The homologues of one type side by side, with places of missing ones."""

    type: str
    shown: tuple[Shown, ...]
    least: float

    @property
    def width(self) -> float:
        """In mm."""
        own = sum(one.room for one in self.shown) + GAP * (len(self.shown) - 1)
        return max(own, self.least)


def show_crops(
    crops: Sequence[KaryogramCrop], scale: float, reductions: Sequence[float]
) -> list[Shown]:
    """Crops at a scale in mm a pixel, those that are far too large reduced."""
    shown = []
    for crop, reduction in zip(crops, reductions, strict=True):
        image, top = _ink(crop.image)
        height, width = image.shape
        size = scale * reduction
        label, mark = legible(crop.label), ""
        if reduction < 1:
            label = f"{label} × {reduction:.2g}".strip()
        if crop.type and crop.review:
            known = not np.isnan(crop.confidence)
            mark = f"{100 * crop.confidence:.0f} %" if known else "?"
        row = 0.0
        if crop.centromere is not None:
            row = crop.centromere - top
        elif crop.type:
            row = ideogram(crop.type).centromere * (height - 1)
        shown.append(
            Shown(
                crop.type,
                width * size,
                height * size,
                (row + 0.5) * size,
                image,
                mark,
                label,
            )
        )
    return shown


def _ink(image: np.ndarray) -> tuple[np.ndarray, int]:
    """The part that is not white, and its first row; a white picture stays."""
    left, top, width, height = cv2.boundingRect((image < _WHITE).astype(np.uint8))
    if not height:
        return image, 0
    return image[top : top + height, left : left + width], top


def rows_of(shown: Sequence[Shown], scale: float) -> list[list[list[Slot]]]:
    """Slots of each group of each row."""
    width = float(np.median([one.width for one in shown]))
    size = np.median([one.height / ideogram(one.type).length for one in shown])

    def slot(kind: str) -> Slot:
        own = tuple(one for one in shown if one.type == kind)
        missing = max(_PLACES[kind] - len(own), 0)
        height = float(size) * ideogram(kind).length
        at = height * ideogram(kind).centromere
        empty = (Shown(kind, width, height, at),) * missing
        return Slot(kind, own + empty, 2 * width + GAP)

    return [[[slot(kind) for kind in group] for group in row] for row in ROWS]


def place_row(row: list[list[Slot]], width: float) -> Block:
    """One row over ``width`` mm, or as wide as it needs."""
    slots = [slot for group in row for slot in group]
    gaps = [
        _GROUP_GAP if slot is group[0] else _TYPE_GAP for group in row for slot in group
    ][1:]
    needed = sum(slot.width for slot in slots) + sum(gaps)
    spare = max(width - needed, 0.0)
    gaps = [gap * (1 + spare / sum(gaps)) for gap in gaps]

    everyone = [one for slot in slots for one in slot.shown]
    up = max((one.centromere for one in everyone), default=0.0)
    down = max((one.height - one.centromere for one in everyone), default=0.0)
    marks = LETTER + FRAME + 0.7 if any(one.mark for one in everyone) else 0.0
    labels = LETTER + FRAME if any(one.label for one in everyone) else FRAME
    middle = marks + up
    base = middle + down + labels + 1.0
    block = Block(needed, base + 1.2 + _NAME / 72 * 25.4)
    x = 0.0
    for slot, gap in zip(slots, [*gaps, 0.0], strict=True):
        _draw_slot(block, slot, x, middle, base)
        x += slot.width + gap
    return block


def _draw_slot(block: Block, slot: Slot, x: float, middle: float, base: float) -> None:
    """Homologues about the middle of the slot, a line, the type below it."""
    own = sum(one.room for one in slot.shown) + GAP * (len(slot.shown) - 1)
    place = x + (slot.width - own) / 2
    for one in slot.shown:
        at = middle - one.centromere
        one.draw(block, place + one.room / 2, at, base - 1.0)
        place += one.room + GAP
    block.lines.append(Line(x, base, x + slot.width, base, 0.8))
    block.texts.append(
        Text(
            x + slot.width / 2,
            block.height,
            slot.type,
            _NAME,
            bold=True,
            align="center",
        )
    )
