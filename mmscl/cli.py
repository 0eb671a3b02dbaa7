"""How the commands end: a user's mistake is one clear message, not a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import ManifestError
from mmscl.hooks import NonFiniteLossError

EXPECTED = (
    CheckpointError,
    ConfigError,
    FileNotFoundError,
    ImageError,
    ManifestError,
    NonFiniteLossError,
)


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an expected error as one message and exit with 2; others keep their trace.

    Set MMSCL_TRACEBACK=1 to see where an expected error came from.
    """
    try:
        yield
    except EXPECTED as error:
        if os.environ.get("MMSCL_TRACEBACK") == "1":
            raise
        print(f"\nerror: {error}", file=sys.stderr)
        sys.exit(2)
