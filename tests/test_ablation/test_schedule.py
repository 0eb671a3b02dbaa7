"""Steps of a config, and its learning rate stretched over another number."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from mmscl.ablation.schedule import count_steps, set_steps
from mmscl.config import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def small() -> Config:
    """8 epochs of 250 steps: warm-up over the first, then a cosine."""
    return Config.fromfile(CONFIGS / "scl" / "resnet10t_pki3.py")


def learning_rates(cfg: Config, steps: int, epoch: int) -> list[float]:
    """The rate of each step, as mmengine's schedulers set it."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    built = []
    for scheduler in copy.deepcopy(cfg.param_scheduler):
        if scheduler.pop("convert_to_iter_based", False):
            kind = PARAM_SCHEDULERS.get(scheduler.pop("type"))
            built.append(
                kind.build_iter_from_epoch(
                    optimizer=optimizer, epoch_length=epoch, **scheduler
                )
            )
        else:
            built.append(
                PARAM_SCHEDULERS.build(
                    scheduler, default_args=dict(optimizer=optimizer)
                )
            )
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in built:
            scheduler.step()
    return rates


def test_steps_of_epochs_and_of_iterations(small):
    assert count_steps(small) == 2000
    small.train_dataloader.batch_size = 96  # two blocks a batch
    assert count_steps(small) == 1000
    small.train_cfg = dict(type="ResumableIterTrainLoop", max_iters=7)
    assert count_steps(small) == 7


def test_twice_the_steps_stretch_the_curve_to_twice_its_length(small):
    before = learning_rates(small, 2000, 250)
    set_steps(small, 4000)
    assert (small.train_cfg.max_epochs, count_steps(small)) == (16, 4000)
    after = learning_rates(small, 4000, 250)
    # Every second step; the warm-up and the cosine have one interval less than steps.
    np.testing.assert_allclose(after[::2], before, atol=3e-3)


def test_equal_steps_change_nothing(small):
    before = small.pretty_text
    set_steps(small, 2000)
    assert small.pretty_text == before


def test_stretching_to_its_own_length_by_a_detour_gives_the_same_curve(small):
    before = learning_rates(small, 2000, 250)
    set_steps(small, 4000)
    set_steps(small, 2000)
    np.testing.assert_allclose(learning_rates(small, 2000, 250), before, rtol=1e-6)


def test_fewer_steps_than_an_epoch_make_one_epoch(small):
    set_steps(small, 2)
    assert small.train_cfg.max_epochs == 1
    assert small.train_dataloader.sampler.steps_per_epoch == 2
    # the warm-up's share, an eighth of two steps, is no step at all
    assert [s["type"] for s in small.param_scheduler] == ["CosineAnnealingLR"]
    assert (small.param_scheduler[0]["begin"], small.param_scheduler[0]["end"]) == (
        0,
        2,
    )
    assert count_steps(small) == 2


def test_a_short_run_of_large_batches_counts_batches(small):
    small.train_dataloader.batch_size = 96
    set_steps(small, 10)
    assert small.train_dataloader.sampler.steps_per_epoch == 20
    assert count_steps(small) == 10


def test_types_that_are_missing_make_smaller_blocks(small):
    small.train_dataloader.batch_size = 46
    assert count_steps(small, types=23) == 2000
    with pytest.raises(ConfigError, match=r"multiple of 48 .* got 46"):
        count_steps(small, types=24)


def test_iterations_validate_at_the_end_of_a_short_run(small):
    small.train_cfg = dict(
        type="ResumableIterTrainLoop", max_iters=2000, val_interval=500
    )
    small.param_scheduler = [dict(type="PolyLR", end=2000, by_epoch=False)]
    set_steps(small, 100)
    assert (small.train_cfg.max_iters, small.train_cfg.val_interval) == (100, 100)
    assert small.param_scheduler[0]["end"] == 100


def test_the_papers_schedule_is_shortened():
    cfg = Config.fromfile(CONFIGS / "baseline" / "vit-s_ogh.py")
    assert count_steps(cfg) == 400_000
    set_steps(cfg, 20_000)
    assert (cfg.train_cfg.max_epochs, list(cfg.param_scheduler)) == (10, [])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"steps": 0}, "--steps: expected a number >= 1, got 0"),
        ({"steps": 600}, "multiple such as 500 or 750"),
        (
            {"param_scheduler": [dict(type="ExponentialLR", gamma=0.9)]},
            r"param_scheduler.0 \(ExponentialLR\) cannot be stretched",
        ),
        (
            {"param_scheduler": [dict(type="CosineAnnealingLR", end=8)]},
            r"param_scheduler.0 \(CosineAnnealingLR\) cannot be stretched",
        ),
        ({"model.head.warmup_iters": 9}, "model.head.warmup_iters is 9, a warm-up"),
        (
            {"train_dataloader.sampler": dict(type="DefaultSampler", _delete_=True)},
            "DefaultSampler has no steps_per_epoch",
        ),
        (
            {"custom_hooks": [dict(type="EarlyStoppingHook", monitor="accuracy")]},
            "EarlyStoppingHook ends a run when it will",
        ),
    ],
)
def test_what_cannot_be_stretched_is_refused(small, changes, message):
    steps = changes.pop("steps", 1000)
    small.merge_from_dict(changes)
    with pytest.raises(ConfigError, match=message):
        set_steps(small, steps)
