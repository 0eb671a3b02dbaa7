"""A NaN stops training before it costs a checkpoint; progress has an ETA."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import nn
from torch.utils.data import DataLoader

from mmscl.hooks import NaNGuardHook, NonFiniteLossError, ProgressHook, check_finite


class Line(BaseModel):
    """Its loss is NaN, or its gradient, when an input is negative.

    Args:
        checks: Whether it calls `check_finite` before the weights are updated.
        nan_in: 'loss', or 'gradient' (sqrt has none at 0).
    """

    def __init__(self, checks: bool = True, nan_in: str = "loss") -> None:
        super().__init__()
        self.line = nn.Linear(1, 1, bias=False)
        self.checks, self.nan_in = checks, nan_in

    def forward(self, inputs, data_samples=None, mode="tensor"):
        loss = self.line(inputs).square().mean()
        if bool((inputs < 0).any()):
            loss = loss * torch.nan if self.nan_in == "loss" else (loss * 0).sqrt()
        losses = {"loss_cls": loss, "scale": torch.tensor(14.3)}
        if self.checks:
            check_finite(losses, data_samples)
        return losses


def collate(batch: list[dict]) -> dict:
    return {
        "inputs": torch.stack([one["inputs"] for one in batch]),
        "data_samples": [one["data_samples"] for one in batch],
    }


def make_loader(values: list[float]) -> DataLoader:
    data = [
        {
            "inputs": torch.tensor([value]),
            "data_samples": DataSample(metainfo=dict(img_path=f"crops/{i}.png")),
        }
        for i, value in enumerate(values)
    ]
    return DataLoader(data, batch_size=2, collate_fn=collate)


def make_runner(work_dir: Path, values: list[float], hooks=(), model=None) -> Runner:
    return Runner(
        model=model or Line(),
        work_dir=str(work_dir),
        train_dataloader=make_loader(values),
        train_cfg=dict(by_epoch=False, max_iters=len(values) // 2),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.125)),
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", interval=1, by_epoch=False),
            logger=dict(type="LoggerHook", interval=1),
        ),
        custom_hooks=list(hooks),
        experiment_name=work_dir.name,
        default_scope="mmpretrain",
    )


VALUES = [1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 6.0, 7.0]  # the third step goes wrong


def test_a_nan_loss_names_step_rate_terms_and_files(tmp_path):
    runner = make_runner(tmp_path / "nan", VALUES)
    with pytest.raises(NonFiniteLossError) as caught:
        runner.train()
    message = str(caught.value)
    assert "at step 3 (learning rate 0.125)" in message
    assert "loss_cls=nan, scale=14.3" in message
    assert "Files of this batch (2):\n    crops/4.png\n    crops/5.png\n" in message
    assert "resume from the last one" in message


def test_the_weights_and_the_last_good_checkpoint_stay(tmp_path):
    runner = make_runner(tmp_path / "keep", VALUES)
    with pytest.raises(NonFiniteLossError):
        runner.train()
    saved = torch.load(tmp_path / "keep/iter_2.pth", weights_only=False)["state_dict"]
    torch.testing.assert_close(saved["line.weight"], runner.model.line.weight.data)
    assert saved["line.weight"].isfinite().all()
    assert not (tmp_path / "keep/iter_3.pth").exists()


@pytest.mark.parametrize("nan_in", ["loss", "gradient"])
def test_the_hook_guards_a_model_that_does_not_check(nan_in, tmp_path):
    """A NaN gradient leaves the loss finite and spoils the weights."""
    model = Line(checks=False, nan_in=nan_in)
    runner = make_runner(tmp_path / nan_in, VALUES, [NaNGuardHook()], model)
    words = r"crops/5\.png" if nan_in == "loss" else r"1 tensors .* line\.weight"
    with pytest.raises(NonFiniteLossError, match=rf"(?s)step 3.*{words}|{words}"):
        runner.train()
    assert sorted(path.name for path in (tmp_path / nan_in).glob("*.pth")) == [
        "iter_1.pth",
        "iter_2.pth",
    ]


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
@pytest.mark.parametrize("shape", ["scalar", "vector", "list"])
def test_every_shape_of_a_term_is_checked(bad, shape):
    term = {
        "scalar": torch.tensor(bad),
        "vector": torch.tensor([1.0, bad]),
        "list": [torch.tensor(1.0), torch.tensor(bad)],
    }[shape]
    with pytest.raises(NonFiniteLossError, match="loss_b=(nan|inf|-inf)"):
        check_finite({"loss_a": torch.ones(()), "loss_b": term})


def test_finite_terms_pass():
    check_finite({})
    check_finite({"loss": torch.ones(2), "terms": [torch.ones(())], "accuracy": 91.7})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_one_line_that_makes_way_for_logs(tmp_path):
    stream = Terminal()
    hook = ProgressHook(stream=stream)
    runner = make_runner(tmp_path / "terminal", [1.0, 2.0] * 3, [hook])
    runner.train()
    text = stream.getvalue()
    assert "\n" not in text
    assert "\rtrain 1/3 (33 %)" in text
    assert "\rtrain 3/3 (100 %)" in text
    assert "ETA 0:00:00" in text
    # Each step is logged, so each line is cleared before the next is drawn.
    assert text.count("\r\x1b[K") == 3
    assert text.endswith("\r\x1b[K")
    assert hook._make_way not in runner.logger.filters


def test_progress_elsewhere_is_plain_lines_now_and_then(tmp_path):
    stream = io.StringIO()
    hook = ProgressHook(interval=3600, stream=stream)
    make_runner(tmp_path / "plain", [1.0, 2.0] * 3, [hook]).train()
    assert stream.getvalue().startswith("train 3/3 (100 %)")
    assert stream.getvalue().count("\n") == 1


def test_progress_of_a_test_run():
    stream = io.StringIO()
    hook = ProgressHook(interval=0, stream=stream)
    hook.before_test(SimpleNamespace(test_dataloader=range(4)))
    for _ in range(4):
        hook.after_test_iter(None, 0)
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == [
        "test 1/4 (25 %)",
        "test 2/4 (50 %)",
        "test 3/4 (75 %)",
        "test 4/4 (100 %)",
    ]


def test_eta_is_the_mean_step_times_the_steps_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mmscl.hooks.progress.time.monotonic", lambda: now[0])
    hook = ProgressHook(stream=io.StringIO())
    hook._start("train", 1000, done=100)  # a resumed run
    hook._clock.done, now[0] = 110, 20.0  # 10 steps in 20 s: 890 steps at 2 s
    assert str(hook._clock).endswith("0.5 steps/s  ETA 0:29:40")


def test_a_validation_does_not_count_as_training_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mmscl.hooks.progress.time.monotonic", lambda: now[0])
    hook = ProgressHook(stream=io.StringIO())
    hook._start("train", 4)
    hook._clock.done, now[0] = 2, 10.0
    hook.before_val(SimpleNamespace(val_dataloader=[0, 1]))
    now[0] = 1000.0
    hook.after_val_iter()
    hook.after_val(None)
    assert str(hook._clock).startswith("train 2/4 (50 %)")
    assert str(hook._clock).endswith("ETA 0:00:10")


def test_a_negative_interval_is_refused():
    with pytest.raises(ValueError, match="interval: expected seconds >= 0, got -1"):
        ProgressHook(interval=-1)
