"""Phases of a training: shares of any length, turns, rates, a resumed run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import MODELS
from test_distributed import in_ranks
from tiny_run import assert_equal, make_config, run, write_crops
from torch import nn

from mmscl.config import ConfigError
from mmscl.engine import PhaseHook

VARIFOCAL = [
    dict(train="global", share=3, rates=(1, 1, 0.1)),
    dict(train="box", share=0.5),
    dict(train=["local", "locate"], share=3, every=2),
    dict(train="fused", share=1.5, rates=(1, 0.1)),
]


class Phased(nn.Module):
    """Notes the phases that it is told."""

    phases = ("global", "box", "local", "locate", "fused")

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.weight = nn.Parameter(torch.zeros(1))

    def set_phase(self, name: str) -> None:
        self.told.append(name)


def runner_of(model, steps=16, schedulers=()):
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    return SimpleNamespace(
        model=model,
        max_iters=steps,
        iter=0,
        optim_wrapper=optimizer,
        param_schedulers=list(schedulers),
    )


def drive(hook, runner, begin=0):
    """Phase and learning rate of every step."""
    hook.before_train(runner)
    seen = []
    for step in range(begin, runner.max_iters):
        runner.iter = step
        hook.before_train_iter(runner, runner.iter)
        rate = runner.optim_wrapper.param_groups[0]["lr"]
        seen.append((runner.model.told[-1], rate))
    return seen


@pytest.mark.parametrize("steps", [1, 2, 7, 16, 2000])
def test_phases_cover_a_run_of_any_length(steps):
    plan = PhaseHook(VARIFOCAL).plan(steps)
    assert plan[0].begin == 0 and plan[-1].end == steps
    assert all(a.end == b.begin for a, b in zip(plan, plan[1:], strict=False))
    for phase, share in zip(plan, (3, 0.5, 3, 1.5), strict=True):
        assert abs((phase.end - phase.begin) - steps * share / 8) <= 1


def test_names_take_turns_and_rates_start_anew():
    seen = drive(PhaseHook(VARIFOCAL), runner_of(Phased()))
    names = [name for name, _ in seen]
    assert (
        names
        == ["global"] * 6
        + ["box"]
        + (["local"] * 2 + ["locate"] * 2) * 1
        + [
            "local",
            "local",
        ]
        + ["fused"] * 3
    )
    rates = [rate for _, rate in seen]
    assert rates[:6] == [2.0] * 4 + [0.2] * 2
    assert rates[6:13] == [0.2] * 7  # phases without rates leave it
    assert rates[13:] == [2.0, 2.0, 0.2]


def test_names_that_take_turns_may_have_rates_of_their_own():
    rates = dict(local=(1, 0.1), locate=(0.01,))
    hook = PhaseHook([dict(train=["local", "locate"], share=1, rates=rates)])
    assert drive(hook, runner_of(Phased(), steps=4)) == [
        ("local", 2.0),
        ("locate", 0.02),
        ("local", 0.2),
        ("locate", 0.02),
    ]


def test_what_a_step_trains_follows_from_its_number():
    whole = drive(PhaseHook(VARIFOCAL), runner_of(Phased()))
    runner = runner_of(Phased())
    # as an optimizer comes back from a checkpoint: scaled, with its initial rate
    runner.optim_wrapper.param_groups[0].update(lr=0.2, initial_lr=2.0)
    assert drive(PhaseHook(VARIFOCAL), runner, begin=5) == whole[5:]


def test_the_model_is_told_of_changes_alone():
    model = Phased()
    drive(PhaseHook([dict(train="box", share=1)]), runner_of(model))
    assert model.told == ["box"]


def test_a_wrapped_model_is_reached():
    class Wrapped(nn.DataParallel):
        pass

    model = Phased()
    runner = runner_of(model)
    runner.model = Wrapped(model)
    hook = PhaseHook([dict(train="box", share=1)])
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert model.told == ["box"]


@pytest.mark.parametrize(
    "phases, message",
    [
        ([], "PhaseHook.phases: expected one or more, got none"),
        ([dict(train="box")], r"phases.0: expected train, share .* got \['train'\]"),
        ([dict(train="box", share=1, lr=1)], "phases.0: expected train, share"),
        ([dict(train="box", share=0)], "phases.0: .* share > 0, .*'share': 0"),
        ([dict(train=[], share=1)], "phases.0: expected names in train"),
        ([dict(train="box", share=1, every=0)], "whole steps every >= 1"),
        ([dict(train="box", share=1, rates=(1, 0))], "rates > 0, got"),
        (
            [dict(train=["local", "locate"], share=1, rates=dict(local=(1,)))],
            "rates: expected factors for each of local, locate, got some for local",
        ),
    ],
)
def test_wrong_phases_are_named(phases, message):
    with pytest.raises(ConfigError, match=message):
        PhaseHook(phases)


def test_a_model_without_these_phases_is_named():
    hook = PhaseHook([dict(train=["pairs", "box"], share=1)])
    with pytest.raises(ConfigError, match="Phased has global, box, .* got pairs"):
        hook.before_train(runner_of(Phased()))
    with pytest.raises(ConfigError, match="Linear has no phases, got box, pairs"):
        hook.before_train(runner_of(nn.Linear(1, 1)))


def test_two_masters_of_the_rate_are_refused():
    hook = PhaseHook([dict(train="box", share=1, rates=(1,))])
    with pytest.raises(ConfigError, match="rates and param_scheduler both set"):
        hook.before_train(runner_of(Phased(), schedulers=["one"]))


class Interrupt(Hook):
    """Ends a run as a kill does."""

    priority = "LOWEST"

    def __init__(self, at: int) -> None:
        self.at = at

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.at:
            raise InterruptedError


def phased_config(crops, work_dir):
    cfg = make_config(crops, work_dir, epochs=4)
    cfg.model = dict(
        type="VarifocalClassifier",
        backbone=dict(channels=(2, 3, 4), units=1, stem_channels=2),
        head=dict(hidden_dims=4),
        box_dims=4,
        data_preprocessor=dict(per_image=True),
    )
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        load, canvas, *_ = loader.dataset.pipeline
        canvas.size = 64
        keys = ("img_path", "polarity_label")
        loader.dataset.pipeline = [
            load,
            dict(type="FlipPolarity", upright=True),
            canvas,
            dict(type="PackInputs", meta_keys=keys),
        ]
    cfg.param_scheduler = []
    cfg.custom_hooks = [
        dict(type="NaNGuardHook"),
        dict(
            type="PhaseHook",
            phases=[
                dict(train="global", share=3, rates=(1, 0.1)),
                dict(train="box", share=2, rates=(1,)),
                dict(train=["local", "locate"], share=4, rates=(1, 0.1)),
                dict(train="fused", share=3, rates=(1, 0.1)),
            ],
        ),
    ]
    return cfg


def test_all_phases_train_and_a_resumed_run_equals_the_whole(tmp_path):
    """12 steps, interrupted in the middle of the turns of L-Net and localisation."""
    crops = tmp_path / "crops"
    crops.mkdir()
    write_crops(crops)
    whole, state = run(phased_config(crops, tmp_path / "whole"))
    assert state["head.trained"] == 2
    cut = tmp_path / "cut"
    run(phased_config(crops, cut), Interrupt(7))
    found, resumed = run(phased_config(crops, cut), load_from=str(cut / "iter_7.pth"))
    assert_equal(resumed, state)
    assert found.metrics[12] == whole.metrics[12]


def test_ranks_agree_on_every_part_after_all_phases(tmp_path):
    """Parts that are frozen in one phase are looked after in the next."""
    crops = tmp_path / "crops"
    crops.mkdir()
    write_crops(crops)

    def work(rank: int) -> None:
        cfg = phased_config(crops, tmp_path / "ranks")
        cfg.launcher, cfg.find_unused_parameters = "pytorch", True
        recorder, state = run(cfg)
        torch.save((recorder.seen, state), tmp_path / f"{rank}.pt")

    in_ranks(2, work)
    (seen, state), (other_seen, other) = (
        torch.load(tmp_path / f"{rank}.pt") for rank in range(2)
    )
    assert all(seen[step] != other_seen[step] for step in seen)
    started = MODELS.build(phased_config(crops, tmp_path).model).state_dict()
    for name, value in started.items():
        if value.is_floating_point() and "running" not in name:
            assert torch.equal(state[f"module.{name}"], other[f"module.{name}"]), name
