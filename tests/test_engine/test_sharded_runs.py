"""FSDP by mmengine's FlexibleRunner: the same training, sharded."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from test_distributed import config_for_ranks, deterministic, in_ranks
from tiny_run import STEPS, assert_equal, make_config, run

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.engine import NonFiniteLossError, whole_files
from mmscl.training import find_resumable

pytestmark = pytest.mark.slow


def shard(cfg: Config, **model_wrapper) -> Config:
    """Let FSDP train a tiny ViT whose blocks are units of their own."""
    cfg.runner_type = "FlexibleRunner"
    cfg.env_cfg = dict(dist_cfg=dict(backend="gloo"))
    cfg.strategy = dict(
        type="SafeFSDPStrategy",
        model_wrapper=dict(auto_wrap_policy="wrap_blocks", **model_wrapper),
        activation_checkpointing=dict(check_fn="is_block"),
    )
    return cfg


def with_blocks(cfg: Config) -> Config:
    cfg.model.backbone = dict(
        type="TimmEncoder",
        model_name="vit_tiny_patch16_224",
        img_size=(16, 8),
        patch_size=8,
        embed_dim=12,
        depth=2,
        num_heads=2,
    )
    return cfg


def test_sharded_ranks_train_as_one_process_with_the_whole_batch(crops, tmp_path):
    def work(rank: int) -> None:
        cfg = with_blocks(config_for_ranks(crops, tmp_path / "ranks", epochs=1))
        deterministic(cfg, blocks=1, keep_backbone=True)
        recorder, state = run(shard(cfg))
        if rank == 0:
            torch.save((state, recorder.metrics), tmp_path / "ranks.pt")

    in_ranks(2, work)
    cfg = with_blocks(make_config(crops, tmp_path / "one", epochs=1))
    cfg.train_dataloader.sampler.steps_per_epoch = 2 * STEPS
    try:
        deterministic(cfg, blocks=2, keep_backbone=True)
        recorder, expected = run(cfg)
    finally:
        torch.set_default_dtype(torch.float32)
    state, metrics = torch.load(tmp_path / "ranks.pt")
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, rtol=1e-6, atol=1e-12)
    assert metrics == recorder.metrics


def test_sharded_ranks_resume_exactly(crops, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"

    def train(folder, name, **options) -> None:
        def work(rank: int) -> None:
            cfg = shard(with_blocks(config_for_ranks(crops, folder)))
            recorder, state = run(cfg, **options)
            torch.save((recorder.seen, state), tmp_path / f"{name}_{rank}.pt")

        in_ranks(2, work)

    train(whole, "whole")
    train(part, "part", load_from=str(whole / "iter_2.pth"))
    for rank in range(2):
        seen, state = torch.load(tmp_path / f"whole_{rank}.pt")
        resumed_seen, resumed = torch.load(tmp_path / f"part_{rank}.pt")
        assert resumed_seen == {i: s for i, s in seen.items() if i >= 2}
        assert_equal(state, resumed)
    assert find_resumable(whole).meta["iter"] == 6
    assert not list(whole.glob("*.part")) and not list(whole.glob(".*.part"))


def test_settings_that_sharding_would_falsify_are_refused(crops, tmp_path):
    def work(rank: int) -> None:
        cfg = with_blocks(config_for_ranks(crops, tmp_path / "clip", epochs=1))
        cfg.optim_wrapper.clip_grad = dict(max_norm=1.0)
        with pytest.raises(ConfigError, match="clip_grad: each rank of FSDP"):
            run(shard(cfg))

    def work_without_blocks(rank: int) -> None:
        cfg = config_for_ranks(crops, tmp_path / "none", epochs=1)
        with pytest.raises(ConfigError, match="'wrap_blocks' finds nothing to shard"):
            run(shard(cfg))

    in_ranks(1, work)
    in_ranks(1, work_without_blocks)


def test_one_rank_resumes_what_two_have_saved(crops, tmp_path):
    """The same global batch, so the same weights, whoever computes them."""

    def train(world: int, folder: Path, **options) -> dict:
        def work(rank: int) -> None:
            cfg = with_blocks(config_for_ranks(crops, folder))
            deterministic(cfg, blocks=2 // world, keep_backbone=True)
            cfg.train_dataloader.sampler.steps_per_epoch = 2 // world * STEPS
            _, state = run(shard(cfg), **options)
            if rank == 0:
                torch.save(state, tmp_path / "state.pt")

        in_ranks(world, work)
        return torch.load(tmp_path / "state.pt")

    expected = train(2, tmp_path / "two")
    path = str(tmp_path / "two/iter_3.pth")
    resumed = train(1, tmp_path / "one", load_from=path)
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-6, atol=1e-12)


class Poison(Hook):
    """A NaN in one rank's part of the gradients, which no other rank can see."""

    priority = "VERY_HIGH"

    def __init__(self, step: int, rank: int) -> None:
        self.step, self.rank = step, rank

    def before_train(self, runner):
        def poison(optimizer, args, kwargs):
            if (runner.iter, runner.rank) == (self.step, self.rank):
                parts = optimizer.param_groups[0]["params"]
                next(p for p in parts if p.grad is not None).grad[0] = torch.nan

        runner.optim_wrapper.optimizer.register_step_pre_hook(poison)


@pytest.mark.parametrize("max_skips", [0, 1])
def test_a_nan_that_one_rank_sees_is_refused_by_all(max_skips, crops, tmp_path):
    def work(rank: int) -> None:
        cfg = shard(with_blocks(config_for_ranks(crops, tmp_path / "run", epochs=1)))
        cfg.custom_hooks = [dict(type="NaNGuardHook", max_skips=max_skips)]
        if max_skips:
            run(cfg, Poison(step=1, rank=1))
        else:
            with pytest.raises(NonFiniteLossError, match="gradient .* at step 2"):
                run(cfg, Poison(step=1, rank=1))

    in_ranks(2, work)
    saved = {
        path.name: torch.load(path, weights_only=False)["state_dict"]
        for path in (tmp_path / "run").glob("iter_*.pth")
    }
    assert len(saved) == (3 if max_skips else 1)
    if max_skips:
        assert_equal(saved["iter_1.pth"], saved["iter_2.pth"])
        with pytest.raises(AssertionError):
            assert_equal(saved["iter_2.pth"], saved["iter_3.pth"])


@pytest.mark.parametrize("when", ["half written", "written", "renamed"])
def test_a_kill_within_a_save_leaves_the_last_checkpoint(when, crops, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    expected = train_alone(crops, whole)
    child = os.fork()
    if child == 0:
        try:
            kill_within_the_second_save(when)
            train_alone(crops, part)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    found = find_resumable(part)
    assert found.meta["iter"] == (2 if when == "renamed" else 1)
    assert_equal(expected, train_alone(crops, part, load_from=found.path))
    assert not list(part.glob(".*.part"))


def test_a_full_disk_leaves_the_last_checkpoint(crops, tmp_path):
    """A real one: files beyond a size cannot be written any more."""
    child = os.fork()
    if child == 0:
        try:
            with pytest.raises(CheckpointError, match=r"iter_2\.pth.*iter_1\.pth"):
                train_alone(crops, tmp_path, FullDisk())
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert find_resumable(tmp_path).meta["iter"] == 1
    assert [path.name for path in tmp_path.glob("*iter_*")] == ["iter_1.pth"]


def train_alone(crops, folder, *hooks, **options) -> dict:
    """Weights after a run by FlexibleRunner, which writes files in its own way."""
    cfg = make_config(crops, folder, epochs=1)
    cfg.default_hooks.checkpoint.save_best = None
    cfg.runner_type = "FlexibleRunner"
    cfg.env_cfg = dict(dist_cfg=dict(backend="gloo"))
    return run(cfg, *hooks, **options)[1]


class FullDisk(Hook):
    """From the second step on."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))


def kill_within_the_second_save(when: str) -> None:
    check, sync, checked = whole_files.check_archive, whole_files.sync, []

    def check_or_die(path):
        checked.append(path)
        if len(checked) == 2 and when == "half written":
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        check(path)

    def sync_or_die(path):
        if len(checked) == 2 and path.is_dir() == (when == "renamed"):
            os.kill(os.getpid(), signal.SIGKILL)
        sync(path)

    whole_files.check_archive, whole_files.sync = check_or_die, sync_or_die
