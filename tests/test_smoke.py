"""What a smoke run refuses before it draws anything, and what it trains."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATA_SAMPLERS, DATASETS, HOOKS, MODELS

import mmscl  # noqa: F401
from mmscl.config import ConfigError, read_config
from mmscl.smoke import _shrink, _write_data, smoke_config

ROOT = Path(__file__).parents[1]


def test_a_canvas_that_is_no_side_is_one_message():
    config = Config(dict(canvas=dict(size=(128, 32))))
    with (
        pytest.raises(ConfigError, match="canvas: expected the side of the white"),
        smoke_config(config),
    ):
        pass


def shrunk(name, folder):
    """A config as a smoke run changes it, with its data in a folder."""
    options = dict(work_dir=None, launcher="none", cfg_options=None)
    cfg = read_config(Namespace(config=str(ROOT / "configs" / name), **options))
    _shrink(cfg, folder)
    return cfg


def test_a_smoke_run_draws_each_part_of_a_concatenation(tmp_path):
    cfg = shrunk("scl/length18n_adapted.py", tmp_path)
    _write_data(tmp_path, canvas=None)
    parts = cfg.train_dataloader.dataset.datasets
    assert [part.data_root for part in parts] == [str(tmp_path)] * 2
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        data = DATASETS.build(cfg.train_dataloader.dataset)
    built = dict(dataset=data, seed=0)
    sampler = DATA_SAMPLERS.build(cfg.train_dataloader.sampler, default_args=built)
    first, second = np.array(list(sampler)).reshape(2, 2, 3)[0] < len(data) // 2
    assert (first != second).all()  # one of each part


@pytest.mark.parametrize(
    "name",
    ["varifocal_pki3", "varifocal_pki3_256px", "siamese_pki3", "siamese_pki3_224px"],
)
def test_a_smoke_run_reaches_every_phase(name, tmp_path):
    """One step each, in the config's order; the plan alone, no network is built."""
    cfg = shrunk(f"comparators/{name}.py", tmp_path)
    steps = cfg.train_cfg.max_epochs * cfg.train_dataloader.sampler.steps_per_epoch
    (hook,) = (one for one in cfg.custom_hooks if one.type == "PhaseHook")
    plan = HOOKS.build(hook).plan(steps)
    seen = [phase.at(step) for phase in plan for step in range(phase.begin, phase.end)]
    assert seen == list(MODELS.get(cfg.model.type).phases)
