"""The folder of results with all that is drawn: karyograms and the report."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmscl.progress import tracked
from mmscl.results.drawing import karyogram_of
from mmscl.results.folder import write_results
from mmscl.results.karyotype_results import KARYOGRAMS, REPORT, KaryotypeResults
from mmscl.results.report import write_report
from mmscl.results.rows import CellRow
from mmscl.visualization.karyogram import draw_karyogram

#: Width in pixels and quality of a karyogram in the report, whose size is a tenth of a
#: PNG's then; the files beside it have every pixel.
REPORT_WIDTH, _QUALITY = 1400, 80


def write_karyotypes(
    results: KaryotypeResults,
    out: str | Path,
    overwrite: bool = False,
    progress: bool = False,
) -> KaryotypeResults:
    """Write tables, pictures, karyograms and the report, whole or not at all.

    Args:
        results: What was read.
        out: The folder.
        overwrite: Replace results that are there.
        progress: Show how far it is, on standard error.

    Returns:
        The same, opened from the folder.

    Raises:
        OutputError: As :func:`mmscl.results.write_results`.
    """

    def draw(found: KaryotypeResults, part: Path) -> None:
        cells = tracked(found.cells, "Drawing cells", len(found.cells), progress)
        for cell in cells:
            page = draw_karyogram(karyogram_of(found, cell))
            name = part / KARYOGRAMS / cell.karyogram
            name.with_name(f"{name.name}.png").write_bytes(page.to_png())
            name.with_name(f"{name.name}.pdf").write_bytes(page.to_pdf())

        def small(cell: CellRow) -> bytes:
            file = part / KARYOGRAMS / f"{cell.karyogram}.png"
            return shrink(file.read_bytes())

        write_report(part / REPORT, found, small, f"Karyotypes of {_name(found)}")

    return write_results(results, out, overwrite, draw)


def shrink(png: bytes, width: int = REPORT_WIDTH) -> bytes:
    """A PNG as WebP no wider than `width`.

    Raises:
        ValueError: It is no PNG.
    """
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"expected the bytes of a PNG, got {png[:8]!r}...")
    if image.shape[1] > width:
        height = round(image.shape[0] * width / image.shape[1])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    return cv2.imencode(".webp", image, quality)[1].tobytes()


def _name(results: KaryotypeResults) -> str:
    given = str(results.run.get("input") or "")
    return Path(given).resolve().name or given
