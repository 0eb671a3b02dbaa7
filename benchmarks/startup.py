"""tools/train.py from its start to its first step, against mmpretrain's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mmpretrain
from mmengine.config import Config

from benchmarks.crops import CASES, FEW_CASES, canvas_size, drawn_crops
from benchmarks.data_path import sheet_of
from benchmarks.measure import ROOT, ROUNDS, alternate, run_script
from benchmarks.peer_transforms import stock_pipeline
from benchmarks.results import Line, Part, at_least, compare
from mmscl.datasets import Manifest

CONFIG = ROOT / "configs" / "scl" / "resnet10t_pki3.py"
OUR_TOOL = ROOT / "tools" / "train.py"
#: Comes with mmpretrain's wheel.
PEER_TOOL = Path(mmpretrain.__file__).parent / ".mim" / "tools" / "train.py"

OURS = """\
_base_ = [{config!r}]
custom_imports = dict(
    imports=['mmscl', 'benchmarks.first_step'], allow_failed_imports=False)
custom_hooks = [*_base_.custom_hooks, dict(type='mmengine.FirstStepHook', out={out!r})]
train_dataloader = dict(dataset=dict(data_root={root!r}))
val_dataloader = dict(dataset=dict(data_root={root!r}))
test_dataloader = dict(dataset=dict(data_root={root!r}))
"""

# The same encoder, images, batch and optimiser, without mmscl.
STOCK = """\
default_scope = 'mmpretrain'
custom_imports = dict(
    imports=['benchmarks.first_step'], allow_failed_imports=False)
custom_hooks = [dict(type='mmengine.FirstStepHook', out={out!r})]
model = dict(
    type='ImageClassifier',
    backbone=dict(type='TIMMBackbone', model_name='resnet10t', in_channels=1),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=24, in_channels=512,
              loss=dict(type='CrossEntropyLoss')),
    data_preprocessor=dict(mean=[127.5], std=[127.5]))
train_dataloader = dict(
    batch_size=48, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CustomDataset', data_root={root!r}, ann_file='train.txt',
                 metainfo=dict(classes=[str(n) for n in range(24)]),
                 pipeline={pipeline!r}))
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
                     clip_grad=dict(max_norm=5.0))
train_cfg = dict(by_epoch=True, max_epochs=8)
"""


def write_configs(root: Path) -> dict[str, Path]:
    """Both configs, on the drawn crops of a folder.

    Args:
        root: Folder of drawn crops; gets the configs, and the list of files of the
            stock dataset.

    Returns:
        'ours' and 'stock' -> config file.
    """
    manifest = Manifest.read(root / "manifest.csv").select(split="train")
    pairs = zip(manifest["path"], manifest.labels, strict=True)
    (root / "train.txt").write_text(
        "".join(f"{path} {label}\n" for path, label in pairs)
    )
    cfg = Config.fromfile(CONFIG)
    pipeline = stock_pipeline(canvas_size(cfg), sheet_of(cfg), cached=False)
    values = dict(
        config=str(CONFIG), root=str(root), out=str(root / "out"), pipeline=pipeline
    )
    files = {}
    for name, text in (("ours", OURS), ("stock", STOCK)):
        files[name] = root / f"{name}.py"
        files[name].write_text(text.format(**values))
    return files


def start_to_first_step(tool: Path, config: Path, *arguments: str) -> float:
    """Seconds from the start of the process to the end of its first step.

    Args:
        tool: A train.py.
        config: Has the FirstStepHook, which writes to 'out' beside it.
        *arguments: Further ones of the tool.
    """
    out = config.parent / "out"
    out.unlink(missing_ok=True)
    start = time.time()
    done = subprocess.run(
        [sys.executable, tool, config, "--work-dir", config.parent / "w", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if not out.exists():
        raise RuntimeError(f"{tool} {config}: no first step\n{done.stderr[-2000:]}")
    return float(out.read_text()) - start


def speed(root: Path, rounds: int = ROUNDS) -> list[Line]:
    """Both lines.

    Args:
        root: Folder of drawn crops.
        rounds: Starts of each side.
    """
    files = write_configs(root)
    # Without these two, mmpretrain's tool does not start a loader without workers.
    plain = ("--no-persistent-workers", "--no-pin-memory")
    sides: dict[str, Callable[[], float]] = {
        "ours": partial(start_to_first_step, OUR_TOOL, files["ours"]),
        "same": partial(start_to_first_step, PEER_TOOL, files["ours"], *plain),
        "stock": partial(start_to_first_step, PEER_TOOL, files["stock"], *plain),
    }
    times = alternate(sides, rounds, least=0.0)
    what = "tools/train.py, start to first step, resnet10t"
    peers = {
        "same": "mmpretrain's tools/train.py on our config",
        "stock": "mmpretrain's tools/train.py on a config without mmscl",
    }
    return [
        compare(what, peer, times["ours"], times[key], at_least(1))
        for key, peer in peers.items()
    ]


def measure(quick: bool) -> Part:
    """Both lines."""
    if not PEER_TOOL.is_file():
        return Part(notes=[f"Startup: this mmpretrain has no {PEER_TOOL.name}."])
    with drawn_crops(FEW_CASES if quick else CASES) as root:
        lines = speed(root, 1 if quick else ROUNDS)
    return Part(
        lines,
        notes=[
            "Startup: wall time from the start of the process to the end of the first "
            "training step, which a hook writes down. mmpretrain's tool is the one in "
            "its wheel (.mim/tools/train.py). The config without mmscl trains the same "
            "encoder on the same crops, batch and image size, with mmpretrain's "
            "transforms, head and dataset."
        ],
    )


if __name__ == "__main__":
    run_script("startup", measure)
