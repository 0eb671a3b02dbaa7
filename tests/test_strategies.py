"""What a strategy that shards needs is said before a run starts."""

import subprocess
from pathlib import Path

import pytest
import torch.distributed as dist
from mmengine.config import Config

from mmscl.config import ConfigError
from mmscl.engine import deepspeed_strategy, fsdp_strategy
from mmscl.strategies import check_strategy, one_process_group


def config(name: str = "SafeFSDPStrategy", **keys) -> Config:
    wrapper = dict(mixed_precision=dict(param_dtype="bfloat16"))
    return Config(dict(strategy=dict(type=name, model_wrapper=wrapper), **keys))


def test_one_process_is_refused_but_for_a_smoke_run():
    with pytest.raises(
        ConfigError, match="here is one: start it with tools/dist_train"
    ):
        check_strategy(config(launcher="none"))
    check_strategy(config(launcher="none"), alone=True)
    check_strategy(config(launcher="pytorch"))
    check_strategy(Config(dict(launcher="none")))


def test_what_would_go_wrong_silently_is_refused():
    with pytest.raises(ConfigError, match="write 'SafeFSDPStrategy'"):
        check_strategy(config("FSDPStrategy", launcher="pytorch"))
    averaging = [dict(type="EMAHook")]
    with pytest.raises(ConfigError, match="EMAHook averages whole weights"):
        check_strategy(config(launcher="pytorch", custom_hooks=averaging))
    with pytest.raises(
        ConfigError, match="state_dict_cfg: expected 'full', got 'local"
    ):
        fsdp_strategy.SafeFSDPStrategy(state_dict_cfg="local")


def test_a_missing_or_unfit_deepspeed_is_said_with_the_way_out(monkeypatch):
    found = {}
    monkeypatch.setattr(deepspeed_strategy.util, "find_spec", found.get)
    with pytest.raises(ConfigError, match=r"pip install -e '.\[deepspeed\]'"):
        deepspeed_strategy.SafeDeepSpeedStrategy()
    found["deepspeed"] = object()
    monkeypatch.setattr(deepspeed_strategy.metadata, "version", lambda name: "0.19.8")
    with pytest.raises(ConfigError, match=r"0.19.8 has no .*'deepspeed<0.19'"):
        deepspeed_strategy.SafeDeepSpeedStrategy()
    found["deepspeed.runtime.fp16.onebit"] = object()
    with pytest.raises(ConfigError, match="stage: expected 0, 1 or 2, got 3"):
        deepspeed_strategy.SafeDeepSpeedStrategy(zero_optimization=dict(stage=3))


def test_a_smoke_run_gets_a_group_of_one_process(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    cfg = config()
    with one_process_group(cfg):
        assert dist.get_world_size() == 1
    assert not dist.is_initialized()
    assert "mixed_precision" not in cfg.strategy.model_wrapper
    with one_process_group(Config(dict())):
        assert not dist.is_initialized()


def test_slurm_without_slurm_says_what_to_do(tmp_path):
    script = Path(__file__).parents[1] / "tools/slurm_train.sh"
    done = subprocess.run(
        ["/bin/bash", str(script), "part", "job", "c.py", "out"],
        env=dict(PATH=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "tools/dist_train.sh c.py GPUS --work-dir out" in done.stderr
