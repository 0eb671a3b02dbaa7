"""The page that tells what was read, in one file."""

from mmscl.results.report.page import write_report

__all__ = ["write_report"]
