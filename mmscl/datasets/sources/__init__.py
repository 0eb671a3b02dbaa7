"""Readers of public layouts: files on disk -> manifest and report."""

from mmscl.datasets.sources.layouts import LAYOUTS, Layout, find_layout
from mmscl.datasets.sources.listing import Listing, SourceError
from mmscl.datasets.sources.prepare import Prepared, prepare

__all__ = [
    "LAYOUTS",
    "Layout",
    "Listing",
    "Prepared",
    "SourceError",
    "find_layout",
    "prepare",
]
