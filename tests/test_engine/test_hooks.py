"""A NaN stops training before it costs a checkpoint; progress has an ETA."""

from __future__ import annotations

import copy
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

from mmscl.engine import NaNGuardHook, NonFiniteLossError, ProgressHook


class Line(BaseModel):
    """Its loss, its gradient or a logged term is bad when an input is negative.

    Args:
        nan_in: 'loss', 'gradient' (sqrt has none at 0) or 'term'.
        bad: What the loss or the term becomes.
        many: Whether the term is a list of tensors.
    """

    def __init__(self, nan_in: str = "loss", bad: float = torch.nan, many=False):
        super().__init__()
        self.line = nn.Linear(1, 1, bias=False)
        self.nan_in, self.bad, self.many = nan_in, bad, many

    def forward(self, inputs, data_samples=None, mode="tensor"):
        loss, scale = self.line(inputs).square().mean(), torch.tensor([14.3])
        if bool((inputs < 0).any()):
            if self.nan_in == "loss":
                loss = loss * self.bad
            elif self.nan_in == "gradient":
                loss = (loss * 0).sqrt()
            else:
                scale = torch.tensor([1.0, self.bad])
        return {"loss_cls": loss, "scale": list(scale) if self.many else scale}


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


def make_runner(
    work_dir: Path, values: list[float], hooks=(), model=None, clip_grad=None
) -> Runner:
    return Runner(
        model=model or Line(),
        work_dir=str(work_dir),
        train_dataloader=make_loader(values),
        train_cfg=dict(by_epoch=False, max_iters=len(values) // 2),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.125), clip_grad=clip_grad),
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
    runner = make_runner(tmp_path / "nan", VALUES, [NaNGuardHook()])
    with pytest.raises(NonFiniteLossError) as caught:
        runner.train()
    message = str(caught.value)
    assert "The loss is not finite at step 3 (learning rate 0.125)" in message
    assert "loss_cls=nan, scale=14.3" in message
    assert "Files of this batch (2):\n    crops/4.png\n    crops/5.png\n" in message
    assert "resume from the last one" in message


@pytest.mark.parametrize("clip", [None, dict(max_norm=1.0)])
@pytest.mark.parametrize("nan_in", ["loss", "gradient"])
def test_the_weights_and_the_last_good_checkpoint_stay(nan_in, clip, tmp_path):
    model = Line(nan_in)
    runner = make_runner(
        tmp_path / "keep", VALUES, [NaNGuardHook()], model, clip_grad=clip
    )
    with pytest.raises(NonFiniteLossError, match=rf"(?s){nan_in}.*step 3.*5\.png"):
        runner.train()
    saved = torch.load(tmp_path / "keep/iter_2.pth", weights_only=False)["state_dict"]
    torch.testing.assert_close(saved["line.weight"], runner.model.line.weight.data)
    assert saved["line.weight"].isfinite().all()
    assert not (tmp_path / "keep/iter_3.pth").exists()


@pytest.mark.parametrize("nan_in", ["loss", "gradient"])
def test_a_bad_step_is_left_out_when_asked(nan_in, tmp_path):
    """Three good steps and a bad one in between give what the three give alone."""
    torch.manual_seed(0)
    skipping = Line(nan_in)
    alone = copy.deepcopy(skipping)
    hooks = [NaNGuardHook(max_skips=1)]
    make_runner(tmp_path / "skip", VALUES, hooks, skipping).train()
    make_runner(tmp_path / "alone", VALUES[:4] + VALUES[6:], [], alone).train()
    assert torch.equal(skipping.line.weight, alone.line.weight)


def test_steps_left_out_in_a_row_are_bounded(tmp_path):
    runner = make_runner(
        tmp_path / "row", [1.0, 2.0] + [-1.0] * 8, [NaNGuardHook(max_skips=2)]
    )
    with pytest.raises(NonFiniteLossError, match=r"(?s)step 4.*2 steps in a row"):
        runner.train()


def test_bad_weights_are_not_saved(tmp_path):
    runner = make_runner(tmp_path / "weights", VALUES[:4], [NaNGuardHook()])
    runner.model.register_buffer("statistics", torch.tensor([torch.inf]))
    with pytest.raises(NonFiniteLossError, match="1 tensors .* first: statistics"):
        runner.train()
    assert not list((tmp_path / "weights").glob("*.pth"))


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
@pytest.mark.parametrize("many", [False, True])
def test_every_shape_of_a_term_is_checked(bad, many, tmp_path):
    model = Line("term", bad, many)
    runner = make_runner(tmp_path / "term", VALUES, [NaNGuardHook()], model)
    with pytest.raises(NonFiniteLossError, match="scale=(nan|inf|-inf)"):
        runner.train()


def test_negative_skips_are_refused():
    with pytest.raises(ValueError, match="max_skips: expected >= 0, got -1"):
        NaNGuardHook(max_skips=-1)


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
    monkeypatch.setattr("mmscl.engine.progress.time.monotonic", lambda: now[0])
    hook = ProgressHook(stream=io.StringIO())
    hook._start("train", 1000, done=100)  # a resumed run
    hook._clock.done, now[0] = 110, 20.0  # 10 steps in 20 s: 890 steps at 2 s
    assert str(hook._clock).endswith("0.5 steps/s  ETA 0:29:40")


def test_a_validation_does_not_count_as_training_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mmscl.engine.progress.time.monotonic", lambda: now[0])
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
