"""How the commands end: a user's mistake is one clear message, not a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mmscl.build_errors import explain_build_error
from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import ManifestError
from mmscl.datasets.transforms.pipeline_error import PipelineError
from mmscl.distributed import is_lost_rank
from mmscl.engine import NonFiniteLossError, Stopped
from mmscl.evaluation import PredictionTableError
from mmscl.evaluation.training_log import TrainingLogError
from mmscl.files import OutputError
from mmscl.karyotype.model import KaryotypeModelError
from mmscl.results.tables import ResultsError
from mmscl.review.errors import ReviewError

EXPECTED = (
    CheckpointError,
    ConfigError,
    FileNotFoundError,
    ImageError,
    KaryotypeModelError,
    ManifestError,
    NonFiniteLossError,
    OutputError,
    PipelineError,
    PredictionTableError,
    ResultsError,
    ReviewError,
    TrainingLogError,
)


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an expected error as one message and exit with 2; others keep their trace.

    Expected are the errors of `EXPECTED`, and those that building a config's
    components meets (`explain_build_error`). Set MMSCL_TRACEBACK=1 to see where an
    expected error came from.
    """
    try:
        yield
    except Stopped as stopped:
        print(f"\n{stopped}", file=sys.stderr)
        sys.exit(128 + stopped.number)
    except Exception as error:
        message = _message(error)
        if message is None or os.environ.get("MMSCL_TRACEBACK") == "1":
            raise
        print(f"\nerror: {message}", file=sys.stderr)
        sys.exit(2)


def _message(error: Exception) -> str | None:
    if is_lost_rank(error):
        return (
            f"another process of this run is gone ({error}). The job ends; the same "
            "command with --resume goes on from the last checkpoint."
        )
    if not isinstance(error, EXPECTED):
        return explain_build_error(error)
    text = str(error)
    if text.startswith("Caught "):  # by a worker of the dataloader, with its trace
        text = text.rpartition(f"{type(error).__name__}: ")[2].rstrip()
    return text
