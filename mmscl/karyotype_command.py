"""``mmscl-karyotype``: from a folder of crops to a karyogram, in one command.

    mmscl-karyotype INPUT --out DIR

reads cells (docs/karyotyping.md) and writes the folder DIR: tables, a karyogram of each
cell as PNG and PDF, and report.html. Exit code 0: every file was read; 2: an error,
nothing was written; 3: written without the files that are no crop of a chromosome,
which are named; 128 + N: stopped by the signal N (Ctrl-C: 130), nothing was written.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from mmscl.cli import report_errors
from mmscl.config import ConfigError
from mmscl.files import OutputError
from mmscl.karyotype_inference import KaryotypeInferencer
from mmscl.results.folder import check_free
from mmscl.results.karyotype_results import REPORT, KaryotypeResults
from mmscl.results.writing import write_karyotypes
from mmscl.review.command import add_review_commands
from mmscl.wording import counted

LEFT_OUT = 3  # exit code
#: Files that are named on the terminal; report.html and run.json name all.
_NAMED = 20
_WEIGHTS = (".pth", ".safetensors")


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of reading cells, which is done if no subcommand is named."""
    add = parser.add_argument
    add(
        "input",
        metavar="INPUT",
        help="a folder of crops (one cell), of folders (the cells of one case), of "
        "folders of folders (cases with their cells), or a manifest (CSV)",
    )
    add("--out", required=True, metavar="DIR", help="the folder to make")
    add(
        "--overwrite",
        action="store_true",
        help="replace results that DIR holds; nothing else is ever replaced",
    )
    add(
        "--model",
        nargs="+",
        metavar="MODEL",
        help="name of a model that comes with its weights (default: mmscl-pair-pki3, "
        "two that answer together), a checkpoint beside the config of its run, or the "
        "config file of --checkpoint; several names or checkpoints: their mean",
    )
    add("--checkpoint", help="weights of a config file, .pth or .safetensors")
    add(
        "--karyotype-model",
        metavar="FILE",
        help="model.json that tools/evaluate_karyotypes.py fitted for the model "
        "(default: the one that comes with it)",
    )
    add("--split", help="rows of the manifest to read (default: all)")
    add(
        "--one-cell",
        action="store_true",
        help="all crops of a manifest without the column cell are of one cell",
    )
    add(
        "--orient",
        action="store_true",
        help="crops lie as they were cut: classify those with the short arm down as if "
        "turned over (needs a model that tells it, as the default one does)",
    )
    add("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add("--batch-size", type=int, metavar="N", help="images a batch")


def read_cells(args: argparse.Namespace) -> int:
    """Read, write, and say what was read and what was left out."""
    check_free(args.out, args.overwrite)
    check_apart(args.input, args.out)
    with stopped_by_signals():
        read = KaryotypeInferencer(
            *find_model(args.model, args.checkpoint),
            karyotype_model=args.karyotype_model,
            device=args.device,
            batch_size=args.batch_size,
            orient=args.orient or None,
        )
        results = read(args.input, args.split, args.one_cell, progress=True)
        written = write_karyotypes(results, args.out, args.overwrite, progress=True)
    _tell(written, Path(args.out))
    return LEFT_OUT if results.run["left_out"] else 0


def find_model(
    models: Sequence[str] | None, checkpoint: str | None
) -> tuple[Any, str | None]:
    """What --model and --checkpoint mean: a name or config, and its weights.

    A checkpoint alone takes the config that its run left in the same folder. Several
    models become a list of names and of pairs of config and weights.

    Raises:
        ConfigError: A checkpoint without a config, or --checkpoint beside several
            models.
    """
    if models is None or len(models) == 1:
        return _find_one(models[0] if models else None, checkpoint)
    if checkpoint is not None:
        raise ConfigError(
            f"--checkpoint {checkpoint}: belongs to one --model, got {len(models)}; "
            "give each checkpoint as a --model of its own, beside the config of its run"
        )
    found = [_find_one(model, None) for model in models]
    return [one if one[1] is not None else one[0] for one in found], None


def _find_one(
    model: str | None, checkpoint: str | None
) -> tuple[str | None, str | None]:
    if model is not None and Path(model).suffix in _WEIGHTS and checkpoint is None:
        model, checkpoint = None, model
    if model is not None or checkpoint is None:
        return model, checkpoint
    configs = sorted(Path(checkpoint).parent.glob("*.py"))
    if len(configs) != 1:
        raise ConfigError(
            f"{checkpoint}: expected the config of its run beside it, got "
            f"{len(configs)} files .py; say --model CONFIG --checkpoint {checkpoint}"
        )
    return str(configs[0]), checkpoint


def check_apart(source: str, out: str) -> None:
    """Refuse results within their input, which would be read as crops the next time.

    Raises:
        OutputError: One of both lies within the other.
    """
    inside, folder = Path(out).resolve(), Path(source).resolve()
    if folder.suffix.lower() == ".csv":  # a table names its files
        if folder.is_relative_to(inside):
            raise OutputError(f"{out}: holds the input {source}; choose another --out")
        return
    if inside.is_relative_to(folder) or folder.is_relative_to(inside):
        raise OutputError(
            f"{out}: one of the input {source} and --out lies within the other; its "
            "pictures would be taken for crops. Choose another --out"
        )


def add_read_command(subparsers: Any) -> None:
    """Add `read`, which is meant where no subcommand is named."""
    parser = subparsers.add_parser(
        "read",
        help="read cells; meant where no command is named",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_reading_arguments(parser)
    parser.set_defaults(run=read_cells)


#: What adds the subcommands; each sets `run`, which gives the exit code.
ADDERS: tuple[Callable[[Any], None], ...] = (add_read_command, add_review_commands)


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit.

    Args:
        words: Of the command line; None takes those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="mmscl-karyotype",
        description=__doc__,
        epilog="mmscl-karyotype COMMAND --help lists the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in ADDERS:
        add(commands)
    given = list(sys.argv[1:] if words is None else words)
    if given and given[0] not in (*commands.choices, "-h", "--help"):
        given.insert(0, "read")
    args = parser.parse_args(given)
    if getattr(args, "batch_size", None) is not None and args.batch_size < 1:
        parser.error(f"--batch-size {args.batch_size}: expected 1 or more")
    with report_errors():
        sys.exit(args.run(args))


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """End on Ctrl-C and SIGTERM with a message; what was being made is removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        print("\nstopped: nothing was written", file=sys.stderr)
        sys.exit(128 + number)
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(results: KaryotypeResults, out: Path) -> None:
    run = results.run
    for warning in run["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    for one in run["left_out"][:_NAMED]:
        print(f"left out: {one['path']}: {one['reason']}", file=sys.stderr)
    more = len(run["left_out"]) - _NAMED
    if more > 0:
        print(f"left out: {more} more, see {out / REPORT}", file=sys.stderr)
    print(f"read: {run['understood']}")
    for case in results.cases:
        print(f"{case.case}: {case.karyotype} ({counted(case.cells, 'cell')})")
    review = sum(crop.needs_review for crop in results.crops)
    others = run["counts"]["other_files"]
    print(
        f"{counted(len(results.cases), 'case')}, "
        f"{counted(len(results.cells), 'cell')}, "
        f"{counted(len(results.crops), 'chromosome')}, {review} to look at twice, "
        f"{counted(len(run['left_out']), 'file')} left out"
        + (f", {counted(others, 'other file')} in the folder" if others else "")
        + f": {out / REPORT}"
    )
