"""Correcting karyograms by hand: a local page, a log that is only appended to, export.

    from mmscl.review import ReviewSession, export_corrections, serve

    serve('DIR')                             # until Ctrl-C
    export_corrections('DIR', 'corrected')   # tables and a manifest

The page needs the extra `review` (starlette, uvicorn); log, state and export do not.
"""

from mmscl.review.errors import (
    ConflictError,
    CorrectionLogError,
    FolderLockedError,
    ReviewError,
    StepError,
)
from mmscl.review.export import ExportCounts, export_corrections
from mmscl.review.log import CorrectionLog, read_log
from mmscl.review.server import serve
from mmscl.review.session import ReviewSession
from mmscl.review.state import CellState, CropState, ReviewState
from mmscl.review.steps import Step

__all__ = [
    "CellState",
    "ConflictError",
    "CorrectionLog",
    "CorrectionLogError",
    "CropState",
    "ExportCounts",
    "FolderLockedError",
    "ReviewError",
    "ReviewSession",
    "ReviewState",
    "Step",
    "StepError",
    "export_corrections",
    "read_log",
    "serve",
]
