"""The tray of a karyogram: crops without a type, in lines below the rows."""

from __future__ import annotations

from collections.abc import Sequence

from mmscl.visualization.karyogram_rows import FRAME, GAP, LETTER, Block, Shown
from mmscl.visualization.page import Line, Text

_TEXT = 8.0
_LINE_GAP = 3.0


def place_tray(shown: Sequence[Shown], width: float) -> Block:
    """All crops, the longest first, in lines over ``width`` mm, tops on one line."""
    shown = sorted(shown, key=lambda one: -one.height)
    block = Block(max(one.room for one in shown), 1.5 + _TEXT / 72 * 25.4)
    block.lines.append(Line(0, 0, width, 0, 0.5, "#999999"))
    block.texts.append(
        Text(0, block.height, f"Not placed: {len(shown)}", _TEXT, bold=True)
    )
    y = block.height + 2.0
    for line in _lines(shown, width):
        letters = LETTER + FRAME if any(one.label for one in line) else 0.0
        below = y + max(one.height for one in line) + letters
        x = 0.0
        for one in line:
            one.draw(block, x + one.room / 2, y, below)
            x += one.room + GAP
        y = below + _LINE_GAP
    block.height = y - _LINE_GAP
    return block


def _lines(shown: Sequence[Shown], width: float) -> list[list[Shown]]:
    lines: list[list[Shown]] = [[]]
    x = 0.0
    for one in shown:
        if lines[-1] and x + one.room > width:
            lines.append([])
            x = 0.0
        lines[-1].append(one)
        x += one.room + GAP
    return lines
