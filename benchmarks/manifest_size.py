"""Time and memory of reading a manifest of millions of rows, for docs/scaling.md.

python -m benchmarks.manifest_size 1000000 10000000
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmscl.datasets.manifest import TYPES

SPLITS = ("train", "train", "train", "val", "test")
PARTS = {
    "read": "from mmscl.datasets.manifest import Manifest; Manifest.read({path!r})",
    "full_init": "from mmscl.datasets import ChromosomeDataset; "
    "ChromosomeDataset(data_root={root!r}, split='train').full_init()",
    "check_data": "from mmengine.config import Config; "
    "from mmscl.config import check_data; "
    "check_data(Config(dict(train_dataloader=dict(dataset=dict("
    "type='ChromosomeDataset', data_root={root!r}, split='train')))))",
}


def write_rows(path: Path, rows: int) -> None:
    """A manifest of cells of 46 chromosomes, 20 cells a case."""
    with path.open("w", encoding="utf-8") as file:
        file.write("path,type,case,cell,site,split\n")
        for row in range(rows):
            cell, number = divmod(row, 46)
            case = cell // 20
            type_ = TYPES[number // 2]
            file.write(
                f"images/{case:07d}/{cell:07d}_{number:02d}.png,{type_},P{case:06d},"
                f"{cell:07d},A,{SPLITS[case % 5]}\n"
            )


def measure(name: str, path: Path) -> tuple[float, float]:
    """Processor seconds of the work and GB that it adds to a process at its peak."""
    code = PARTS[name].format(path=str(path), root=str(path.parent))
    timed = (
        "import time, resource, mmscl; s = time.process_time()\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"before = used()\n{code}\n"
        "print(time.process_time() - s, used() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", timed], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, kilobytes = done.stdout.split()[-2:]
    return float(seconds), int(kilobytes) / 1e6


def main() -> None:
    """One line a size and part."""
    resource.setrlimit(resource.RLIMIT_AS, (20 << 30, 20 << 30))  # no swapping machine
    for rows in map(int, sys.argv[1:] or ["1000000"]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "manifest.csv")
            start = time.perf_counter()
            write_rows(path, rows)
            size = path.stat().st_size / 1e6
            print(f"{rows:,} rows, {size:.0f} MB, {time.perf_counter() - start:.0f} s")
            for name in PARTS:
                seconds, peak = measure(name, path)
                print(f"{name}: {seconds:.1f} s, {peak:.2f} GB more", flush=True)


if __name__ == "__main__":
    main()
