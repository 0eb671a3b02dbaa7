"""The subcommands `review` and `export` of mmscl-karyotype."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from mmscl.review.export import export_corrections, told
from mmscl.review.server import serve

_REVIEW = """\
Correct the karyograms of a folder by hand, in the browser of this machine.

The page is served at 127.0.0.1 alone, under an address with a secret word that is
printed; it needs no internet. Every step is saved at once in DIR/corrections.csv and
can be undone. End with Ctrl-C; the next review goes on where this one ended."""
_EXPORT = """\
Write the corrected tables of a folder, and a manifest that training can use.

Takes the cells that were marked as done. The folder holds predictions.csv, cells.csv,
cases.csv, manifest.csv and export.json (counts, source)."""


def add_review_commands(subparsers: Any) -> None:
    """Add `review` and `export`; each sets `run`, which gives the exit code.

    Args:
        subparsers: Of the parser of mmscl-karyotype.
    """
    _add_review(subparsers)
    _add_export(subparsers)


def _add_review(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "review",
        help="correct karyograms by hand",
        description=_REVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run_review)
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="results of mmscl-karyotype")
    add(
        "--port",
        type=_port,
        default=0,
        metavar="N",
        help="to listen on at 127.0.0.1 (default: a free one)",
    )
    add(
        "--reviewer",
        metavar="NAME",
        help="who corrects, for the log (default: the login name)",
    )
    add(
        "--no-browser",
        action="store_true",
        help="print the address of the page and open nothing",
    )


def _add_export(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "export",
        help="write what was corrected",
        description=_EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run_export)
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="results of mmscl-karyotype")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help="a folder to be made, or a file .csv for the manifest alone",
    )
    add(
        "--all-cells",
        action="store_true",
        help="take also the cells that nobody marked as done",
    )
    add(
        "--root",
        type=Path,
        metavar="DIR",
        help="folder that the paths of the crops start from (default: the one that the "
        "results name)",
    )
    add(
        "--copy",
        action="store_true",
        help="put the image files into OUT, so that it can be moved",
    )
    add("--overwrite", action="store_true", help="replace an export that is there")


def run_review(args: argparse.Namespace) -> int:
    """Serve the page until it is ended, by Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _interrupt)
    serve(args.folder, args.port, args.reviewer, not args.no_browser)
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write the export and say what is in it."""
    try:
        counts = export_corrections(
            args.folder, args.out, args.all_cells, args.root, args.copy, args.overwrite
        )
    except KeyboardInterrupt:
        print("\nstopped: nothing was written", file=sys.stderr)
        return 128 + signal.SIGINT
    print(told(counts))
    print(args.out)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535, got {text!r}")
    return int(text)
