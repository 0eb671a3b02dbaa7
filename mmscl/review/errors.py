"""What a review by hand refuses; every message has the way out."""

from __future__ import annotations


class ReviewError(ValueError):
    """A review that cannot start or an export that cannot be made."""


class CorrectionLogError(ReviewError):
    """A log that cannot be used; the message has file and line."""


class FolderLockedError(ReviewError):
    """Another program reviews this folder; the message says which."""


class StepError(ValueError):
    """A step that cannot be made; the message is for the person at the page."""


class ConflictError(StepError):
    """A step that was meant for another state: somebody else changed it meanwhile."""
