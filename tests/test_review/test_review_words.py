"""What the page calls things is what the tables and karyograms call them."""

from __future__ import annotations

from pathlib import Path

import pytest
from headless import open_page

import mmscl.review
from mmscl.results.names import case_and_cell

WORDS = Path(mmscl.review.__file__).parent / "page" / "words.js"
#: Case and cell, and whether the name of the cell tells the case.
NAMES = [
    ("1", "1", True),
    ("1", "1/07", True),
    ("1", "12", False),
    ("1", "1²", False),
    ("P1", "P1_a", True),
    ("P1", "P1a", False),
    ("P1", "cell of P1", False),
    ("P1", "p1", False),
    ("Fall 3", "Fall 3 b", True),
    ("病", "病人", False),
    ("e", "e\u0301", False),  # an accent of its own: another letter
    ("𠀋", "𠀋-𠀋", True),
    ("𠀋", "𠀋𠀋", False),
    ("", "7", True),
    ("7", "", False),
]


@pytest.mark.parametrize(("case", "cell", "told"), NAMES)
def test_the_case_is_named_unless_the_cell_tells_it(case, cell, told):
    assert case_and_cell(case, cell, " · ") == (cell if told else f"{case} · {cell}")


@pytest.mark.slow
def test_the_page_has_the_same_rule():
    rule = """async ([text, kind, names]) => {
        const address = URL.createObjectURL(new Blob([text], {type: kind}));
        const words = await import(address);
        return names.map((one) => words.cellName({case: one[0], cell: one[1]}));
    }"""
    with open_page() as page:
        text = WORDS.read_text("utf-8")
        found = page.evaluate(rule, [text, "text/javascript", NAMES])
    assert found == [case_and_cell(case, cell, " · ") for case, cell, _ in NAMES]
