"""What a smoke run refuses before it draws anything, and what it trains."""

from argparse import Namespace
from pathlib import Path

import pytest
from mmengine.config import Config
from mmpretrain.registry import HOOKS, MODELS

import mmscl  # noqa: F401
from mmscl.config import ConfigError, read_config
from mmscl.smoke import _shrink, smoke_config

ROOT = Path(__file__).parents[1]


def test_a_canvas_that_is_no_side_is_one_message():
    config = Config(dict(canvas=dict(size=(128, 32))))
    with (
        pytest.raises(ConfigError, match="canvas: expected the side of the white"),
        smoke_config(config),
    ):
        pass


@pytest.mark.parametrize(
    "name",
    ["varifocal_pki3", "varifocal_pki3_256px", "siamese_pki3", "siamese_pki3_224px"],
)
def test_a_smoke_run_reaches_every_phase(name, tmp_path):
    """One step each, in the config's order; the plan alone, no network is built."""
    path = str(ROOT / f"configs/comparators/{name}.py")
    options = dict(work_dir=None, launcher="none", cfg_options=None)
    cfg = read_config(Namespace(config=path, **options))
    _shrink(cfg, tmp_path)
    steps = cfg.train_cfg.max_epochs * cfg.train_dataloader.sampler.steps_per_epoch
    (hook,) = (one for one in cfg.custom_hooks if one.type == "PhaseHook")
    plan = HOOKS.build(hook).plan(steps)
    seen = [phase.at(step) for phase in plan for step in range(phase.begin, phase.end)]
    assert seen == list(MODELS.get(cfg.model.type).phases)
