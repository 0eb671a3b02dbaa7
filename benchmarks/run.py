"""Measure all parts or the named ones, then write docs/benchmarks.md.

python -m benchmarks.run              all parts
python -m benchmarks.run loss step    these; the others keep their last results
python -m benchmarks.run --quick      that everything runs; writes no docs
python -m benchmarks.run --render     the page from the results that there are
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.measure import ROOT, results_folder
from benchmarks.report import PARTS, render
from mmscl.files import replaced


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, no evidence")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    args = parser.parse_args()
    unknown = [name for name in args.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return args


def main() -> None:
    """Measure each part in a process of its own; a failing one stops no other."""
    args = parse_args()
    chosen = () if args.render else args.parts or PARTS
    failed = [name for name in chosen if not measure(name, args.quick)]
    folder = results_folder(args.quick)
    page = folder / "benchmarks.md" if args.quick else ROOT / "docs" / "benchmarks.md"
    with replaced(page) as path:
        path.write_text(render(folder), encoding="utf-8")
    print(f"written: {page}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; their last results are kept")


def measure(name: str, quick: bool) -> bool:
    """Run a script; whether it ended well."""
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] * quick)]
    return subprocess.run(command, cwd=ROOT).returncode == 0


if __name__ == "__main__":
    main()
