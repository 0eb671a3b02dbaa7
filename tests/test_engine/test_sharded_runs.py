"""FSDP by mmengine's FlexibleRunner: the same training, sharded."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from test_distributed import config_for_ranks, deterministic, in_ranks
from tiny_run import STEPS, assert_equal, make_config, run

from mmscl.config import ConfigError
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
