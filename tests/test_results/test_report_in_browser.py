"""report.html as a browser shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawn_results import draw_results
from headless import open_page

from mmscl.datasets.manifest import TYPES
from mmscl.results.report import write_report

pytestmark = pytest.mark.slow
#: Text and top of each line of the elements that hold ISCN text.
LINES = """() => [...document.querySelectorAll('.iscn, .votes')].map(element => {
    const lines = new Map(), walker = document.createTreeWalker(element, 4);
    while (walker.nextNode()) {
        for (let i = 0; i < walker.currentNode.length; i++) {
            const range = document.createRange();
            range.setStart(walker.currentNode, i);
            range.setEnd(walker.currentNode, i + 1);
            const {top, width} = range.getBoundingClientRect();
            if (width) lines.set(top, (lines.get(top) || '') + range);
        }
    }
    return [...lines.values()];
})"""


def test_long_iscn_text_stays_on_the_page_and_is_broken_behind_commas(tmp_path):
    lost = [f"-{kind}" for kind in TYPES[:22] for _ in range(2)]
    iscn = ",".join(["2", "X", "-X", *lost])
    results = draw_results()
    case = replace(
        results.cases[0],
        case="a_case_with_a_long_name_" * 4,
        karyotype=iscn,
        votes=f"{iscn}: 2",
        warnings="a warning of many words " * 10,
    )
    cells = tuple(replace(c, case=case.case, karyotype=iscn) for c in results.cells)
    crops = tuple(replace(crop, case=case.case) for crop in results.crops)
    long = replace(results, cases=(case,), cells=cells, crops=crops)
    write_report(tmp_path / "report.html", long, lambda cell: b"")
    for width in (1280, 800):
        with open_page(width) as page:
            page.goto((tmp_path / "report.html").as_uri())
            tables = "[...document.querySelectorAll('.wide')]"
            beyond = page.evaluate(f"{tables}.map(e => e.scrollWidth - e.clientWidth)")
            assert beyond == [0] * len(beyond)
            shown = page.evaluate(LINES)
        assert len(shown) == 5  # of the case two, its heading, two of cells
        for lines in shown:
            assert len(lines) > 1 and "".join(lines).removesuffix(": 2") == iscn
            assert all(line.endswith(",") for line in lines[:-1]), lines
