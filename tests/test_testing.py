"""mmscl.testing: which weights of a checkpoint a test has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trained import make_config, save_weights, write_cells

from mmscl.checkpoint import CheckpointError
from mmscl.evaluation import read_prediction_table
from mmscl.testing import evaluate_checkpoint


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    write_cells(folder, cells=1)
    for seed in (0, 1):
        save_weights(make_config(folder), folder / f"seed_{seed}.pth", seed)
    return folder


@pytest.fixture
def scores(root, tmp_path):
    """Tests a file of weights, with or without further hooks."""

    def test(name, hooks=()):
        cfg = make_config(root)
        cfg.custom_hooks = list(hooks)
        evaluate_checkpoint(cfg, str(root / name), out=str(tmp_path))
        return read_prediction_table(tmp_path / "internal" / "predictions.csv").scores

    return test


@pytest.mark.parametrize("averaged", [True, False])
def test_a_run_with_moving_averages(averaged, root, scores):
    # As EMAHook saves it: the averages in the place of the weights, and these beside.
    own, average = (
        torch.load(root / f"seed_{seed}.pth")["state_dict"] for seed in (0, 1)
    )
    beside = {f"module.{name}": value for name, value in own.items()}
    beside["steps"] = torch.tensor(9)
    torch.save(
        dict(state_dict=average, ema_state_dict=beside, meta={}), root / "ema.pth"
    )
    hook = dict(
        type="EMAHook",
        update_buffers=True,
        evaluate_on_ema=averaged,
        evaluate_on_origin=not averaged,
    )
    expected = scores("seed_1.pth" if averaged else "seed_0.pth")
    np.testing.assert_array_equal(scores("ema.pth", [hook]), expected)


def test_exported_weights_with_the_config_of_moving_averages(root, scores):
    state = torch.load(root / "seed_1.pth")["state_dict"]
    torch.save(state, root / "bare.pth")
    hook = dict(type="EMAHook", update_buffers=True)
    np.testing.assert_array_equal(scores("bare.pth", [hook]), scores("seed_1.pth"))


def test_weights_of_another_model_are_refused(root, scores):
    state = torch.load(root / "seed_0.pth")["state_dict"]
    state.popitem()
    torch.save(dict(state_dict=state), root / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth does not fit SCLClassifier"):
        scores("other.pth")
