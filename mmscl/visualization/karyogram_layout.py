"""Where everything of a karyogram goes: a cell -> a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mmscl.visualization.karyogram_rows import (
    Block,
    Shown,
    place_row,
    rows_of,
    show_crops,
)
from mmscl.visualization.karyogram_tray import place_tray
from mmscl.visualization.page import Line, Page, Text, text_width, wrap
from mmscl.visualization.page_fonts import legible

if TYPE_CHECKING:
    from mmscl.visualization.karyogram import Karyogram

#: A4 landscape, in mm, and its margin.
WIDTH, HEIGHT, MARGIN = 297.0, 210.0, 12.0
# The longest chromosome is no longer than this on paper, and no pixel larger, in mm: a
# laboratory's prints have some 40 mm, and three small crops alone need not fill a page.
_LONGEST, _COARSEST = 42.0, 0.42
# Down to this share of that scale the cell is made smaller to fit A4; then the page
# grows.
_LEAST = 0.6
# Crops longer than this many times the median are no single chromosomes at this scale:
# chromosome 1 is about twice as long as the median of a cell.
_OUTSIZE = 3.2
_HEAD, _TEXT = 12.0, 7.0
_ROW_GAP = 4.0


def lay_out(karyogram: Karyogram) -> Page:
    """See :func:`mmscl.visualization.karyogram.draw_karyogram`."""
    crops = list(karyogram.crops)
    reductions = _reductions([crop.image.shape for crop in crops])

    def blocks_at(scale: float, width: float) -> list[Block]:
        shown = show_crops(crops, scale, reductions)
        return _blocks(karyogram, shown, scale, width)

    scale = karyogram.scale or _choose_scale(karyogram, reductions, blocks_at)
    width = WIDTH
    blocks = blocks_at(scale, width)
    needed = max(block.width for block in blocks) + 2 * MARGIN
    if needed > width:
        width = needed
        blocks = blocks_at(scale, width)
    return _page(karyogram, blocks, width)


def _reductions(shapes: list[tuple[int, ...]]) -> list[float]:
    """1 for each crop, less for one that is far larger than the others."""
    longest = np.array([max(shape) for shape in shapes], float)
    most = _OUTSIZE * float(np.median(longest))
    return np.minimum(1.0, most / longest).tolist()


def _choose_scale(
    karyogram: Karyogram,
    reductions: list[float],
    blocks_at: Callable[[float, float], list[Block]],
) -> float:
    """The largest scale at which all fits A4, in mm a pixel, or the least allowed."""
    longest = max(
        max(crop.image.shape)
        for crop, reduction in zip(karyogram.crops, reductions, strict=True)
        if reduction == 1
    )
    high = min(_LONGEST / longest, _COARSEST)
    low = _LEAST * high

    def fits(scale: float) -> bool:
        blocks = blocks_at(scale, WIDTH)
        across = max(block.width for block in blocks)
        return _height(blocks) <= HEIGHT and across <= WIDTH - 2 * MARGIN

    if fits(high):
        return high
    if not fits(low):
        return low
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _height(blocks: list[Block]) -> float:
    gaps = _ROW_GAP * (len(blocks) - 1)
    return 2 * MARGIN + sum(block.height for block in blocks) + gaps


def _blocks(
    karyogram: Karyogram, shown: list[Shown], scale: float, width: float
) -> list[Block]:
    """Head, four rows, tray if there is any, foot: from above."""
    inner = width - 2 * MARGIN
    tray = [crop for crop in shown if not crop.type]
    placed = [crop for crop in shown if crop.type]
    blocks = [_head(karyogram, inner)]
    if placed:
        blocks += [place_row(row, inner) for row in rows_of(placed, scale)]
    if tray:
        blocks.append(place_tray(tray, inner))
    return [*blocks, _foot(karyogram, inner)]


def _head(karyogram: Karyogram, width: float) -> Block:
    """Title and ISCN on one line, or below each other where they are long."""
    block = Block(width=0.0, height=0.0)
    line, y = _HEAD / 72 * 25.4 * 1.25, 0.0
    title, iscn = legible(karyogram.title), legible(karyogram.iscn)
    if text_width(iscn, _HEAD, bold=True) + text_width(title, _HEAD) + 8 <= width:
        y += line
        block.texts.append(Text(0, y, title, _HEAD))
        block.texts.append(Text(width, y, iscn, _HEAD, bold=True, align="right"))
    else:
        for text, bold in ((title, False), (iscn, True)):
            for part in wrap(text, width, _HEAD, bold):
                y += line
                block.texts.append(Text(0, y, part, _HEAD, bold=bold))
    block.height = y + 2.0
    block.lines.append(Line(0, block.height, width, block.height))
    return block


def _foot(karyogram: Karyogram, width: float) -> Block:
    """What the marks mean, and the notes."""
    notes = list(karyogram.notes)
    if any(crop.review and crop.type for crop in karyogram.crops):
        notes.insert(0, "Dashed frame: to be looked at again; confidence of its type.")
    block = Block(width=0.0, height=0.0)
    for note in notes:
        for part in wrap(legible(note), width, _TEXT):
            block.height += _TEXT / 72 * 25.4 * 1.35
            block.texts.append(Text(0, block.height, part, _TEXT, color="#404040"))
    return block


def _page(karyogram: Karyogram, blocks: list[Block], width: float) -> Page:
    """Blocks below each other; what is left of A4 goes between them."""
    height = max(HEIGHT, _height(blocks))
    spare = (height - _height(blocks)) / max(len(blocks) - 1, 1)
    page = Page(width, height, legible(karyogram.title))
    y = MARGIN
    for number, block in enumerate(blocks):
        if number == len(blocks) - 1:
            y = height - MARGIN - block.height  # notes stand at the foot
        block.put_on(page, MARGIN, y)
        y += block.height + _ROW_GAP + min(spare, 8.0)
    return page
