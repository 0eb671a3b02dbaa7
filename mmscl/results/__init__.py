"""Cells that were read, as a folder: tables, pictures, karyograms, a report."""

from mmscl.results.folder import check_free, write_results
from mmscl.results.karyotype_results import KaryotypeResults
from mmscl.results.rows import CaseRow, CellRow, CropRow
from mmscl.results.tables import ResultsError

__all__ = [
    "CaseRow",
    "CellRow",
    "CropRow",
    "KaryotypeResults",
    "ResultsError",
    "check_free",
    "write_results",
]
