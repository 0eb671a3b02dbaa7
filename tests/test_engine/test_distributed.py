"""Several processes train as one: losses, tables, stops and resumes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from tiny_run import STEPS, assert_equal, make_config, run

from mmscl.engine import Stopped
from mmscl.training import find_resumable

ROOT = Path(__file__).resolve().parents[2]


def in_ranks(world: int, work: Callable[[int], None]) -> None:
    """Run `work(rank)` in forked processes that find each other by gloo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(world):
        child = os.fork()
        if child:
            children.append(child)
            continue
        try:
            os.environ.update(
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=str(port),
                WORLD_SIZE=str(world),
                RANK=str(rank),
                LOCAL_RANK=str(rank),
            )
            work(rank)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * world


def config_for_ranks(crops, work_dir, **options):
    cfg = make_config(crops, work_dir, **options)
    cfg.launcher = "pytorch"
    return cfg


def deterministic(cfg, blocks: int, keep_backbone: bool = False) -> None:
    """Double precision, no dropout, batch norm or augmentation, `blocks` a batch."""
    torch.set_default_dtype(torch.float64)
    if not keep_backbone:
        cfg.model.backbone.type = "PlainNet"
    cfg.model.head.loss = dict(type="SupConFocalLoss", gather=True)
    cfg.train_dataloader.dataset.pipeline[1] = dict(
        type="ChromosomeCanvas", size=(16, 8)
    )
    cfg.train_dataloader.batch_size *= blocks
    cfg.optim_wrapper.optimizer = dict(type="SGD", lr=0.05)


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_train_as_one_process_with_the_whole_batch(world, crops, tmp_path):
    """Same weights after some steps, so same losses and gradients at each."""

    def work(rank: int) -> None:
        cfg = config_for_ranks(crops, tmp_path / "ranks", epochs=1)
        deterministic(cfg, blocks=1)
        recorder, state = run(cfg)
        torch.save(state, tmp_path / f"{rank}.pt")
        seen = {step: paths[:-1] for step, paths in recorder.seen.items()}
        told = dict(seen=seen, metrics=recorder.metrics)
        (tmp_path / f"{rank}.json").write_text(json.dumps(told))

    in_ranks(world, work)
    cfg = make_config(crops, tmp_path / "one", epochs=1)
    cfg.train_dataloader.sampler.steps_per_epoch = world * STEPS
    try:
        deterministic(cfg, blocks=world)
        recorder, state = run(cfg)
    finally:
        torch.set_default_dtype(torch.float32)
    ranks = [json.loads((tmp_path / f"{r}.json").read_text()) for r in range(world)]
    for rank, told in enumerate(ranks):
        loaded = torch.load(tmp_path / f"{rank}.pt")
        for name, value in state.items():
            torch.testing.assert_close(
                loaded[f"module.{name}"], value, rtol=1e-6, atol=1e-12
            )
        # 24 images for validation are padded on 2 or 4 ranks; each counts once.
        assert told["metrics"] == {str(k): v for k, v in recorder.metrics.items()}
    for step, (*paths, _) in recorder.seen.items():
        assert paths == [p for told in ranks for p in told["seen"][str(step)]]
        assert len({tuple(told["seen"][str(step)]) for told in ranks}) == world


def test_ranks_resume_exactly_and_with_different_augmentation(crops, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"

    def train_whole(rank: int) -> None:
        recorder, state = run(config_for_ranks(crops, whole))
        torch.save((recorder.seen, state), tmp_path / f"whole_{rank}.pt")

    def train_part(rank: int) -> None:
        path = str(whole / "iter_2.pth")
        recorder, state = run(config_for_ranks(crops, part), load_from=path)
        torch.save((recorder.seen, state), tmp_path / f"part_{rank}.pt")

    in_ranks(2, train_whole)
    in_ranks(2, train_part)
    seen_by = []
    for rank in range(2):
        seen, state = torch.load(tmp_path / f"whole_{rank}.pt")
        resumed_seen, resumed = torch.load(tmp_path / f"part_{rank}.pt")
        assert resumed_seen == {i: s for i, s in seen.items() if i >= 2}
        assert_equal(state, resumed)
        seen_by.append(seen)
    assert all(seen_by[0][step][-1] != seen_by[1][step][-1] for step in seen_by[0])


def test_a_signal_to_one_rank_stops_all_at_the_same_step(crops, tmp_path):
    class Send(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    def work(rank: int) -> None:
        cfg = config_for_ranks(crops, tmp_path / "run")
        cfg.default_hooks.checkpoint.update(by_epoch=True, interval=5)
        with pytest.raises(Stopped, match="at step 4"):
            run(cfg, *([Send()] if rank == 1 else []))

    in_ranks(2, work)
    found = find_resumable(tmp_path / "run")
    assert Path(found.path).name == "state_iter_4.pth"


DIE = """
import os, signal
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

@HOOKS.register_module()
class Die(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4 and os.environ["RANK"] == "1" and "DIE" in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_dead_rank_ends_the_job_and_the_run_goes_on(crops, tmp_path):
    """By the command, as a user starts it; the second start finds the last state."""
    (tmp_path / "die.py").write_text(DIE)
    cfg = make_config(crops, tmp_path / "run")
    cfg.custom_imports = dict(imports=["mmscl", "die", "tiny_run"])
    cfg.custom_hooks = [dict(type="Die")]
    cfg.dump(tmp_path / "config.py")

    def start(**environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", str(ROOT / "tools/dist_train.sh"), "config.py", "2", "--resume"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{tmp_path}",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PORT": str(29600 + os.getpid() % 300),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )

    began = time.monotonic()
    died = start(DIE="1")
    assert died.returncode != 0
    assert time.monotonic() - began < 120
    assert "another process of this run is gone" in died.stderr
    assert "--resume" in died.stderr
    assert find_resumable(tmp_path / "run").meta["iter"] == 4
    resumed = start()
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert find_resumable(tmp_path / "run").meta["iter"] == 6
