"""Checkpoints load without running code, resume exactly and fail in words."""

from __future__ import annotations

import os
from pathlib import Path

import mmengine.runner.checkpoint as mmengine_checkpoint
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner, load_checkpoint
from torch import nn
from torch.utils.data import DataLoader

from mmscl.checkpoint import (
    CheckpointError,
    check_state_dict,
    install_safe_loader,
    load_from_local,
)
from mmscl.export import export_weights

install_safe_loader()


class Payload:
    """Pickles to a call that leaves a file behind when it is run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


class Attribute:
    """Pickles to getattr(owner, name)."""

    def __init__(self, owner: type, name: str) -> None:
        self.reduced = getattr, (owner, name)

    def __reduce__(self):
        return self.reduced


class Line(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 1)

    def forward(self, inputs, data_samples=None, mode="tensor"):
        return {"loss": self.line(inputs).square().mean()}


def make_runner(work_dir: Path, steps: int, **kwargs) -> Runner:
    data = [{"inputs": torch.full((2,), float(i))} for i in range(4)]
    return Runner(
        model=Line(),
        work_dir=str(work_dir),
        train_dataloader=DataLoader(data, batch_size=2),
        train_cfg=dict(by_epoch=False, max_iters=steps),
        optim_wrapper=dict(optimizer=dict(type="AdamW", lr=1e-3)),
        param_scheduler=dict(
            type="OneCycleLR", eta_max=1e-2, total_steps=8, by_epoch=False
        ),
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", interval=2, by_epoch=False)
        ),
        custom_hooks=[],
        experiment_name=f"{work_dir.name}_{steps}",
        default_scope="mmpretrain",
        **kwargs,
    )


@pytest.fixture(params=["zip", "legacy"])
def crafted(request, tmp_path: Path) -> Path:
    path = tmp_path / "crafted.pth"
    torch.save(
        {"state_dict": {}, "meta": Payload(tmp_path / "it_ran")},
        path,
        _use_new_zipfile_serialization=request.param == "zip",
    )
    return path


def load_by_mmengine(path: Path) -> object:
    return mmengine_checkpoint.load_checkpoint(Line(), str(path))


def load_by_mmpretrain(path: Path) -> object:
    from mmpretrain import get_model

    return get_model("resnet18_8xb32_in1k", pretrained=str(path))


@pytest.mark.parametrize(
    "load", [load_from_local, load_by_mmengine, load_by_mmpretrain]
)
def test_code_in_a_checkpoint_is_refused_and_does_not_run(load, crafted):
    with pytest.raises(CheckpointError, match=r"crafted\.pth.*mkdir.*Nothing of it"):
        load(crafted)
    assert not (crafted.parent / "it_ran").exists()


def test_the_crafted_file_would_run_without_protection(crafted):
    torch.load(crafted, weights_only=False)
    assert (crafted.parent / "it_ran").exists()


def test_resume_of_a_crafted_checkpoint_is_refused(crafted, tmp_path):
    runner = make_runner(tmp_path / "run", 2, load_from=str(crafted), resume=True)
    with pytest.raises(CheckpointError, match=r"crafted\.pth is refused"):
        runner.train()
    assert not (tmp_path / "it_ran").exists()


def test_loading_from_memory_is_safe_too(crafted):
    if not hasattr(mmengine_checkpoint, "_safe_torch_load"):
        pytest.skip("only onedl-mmengine has this function")
    with crafted.open("rb") as file, pytest.raises(CheckpointError, match="mkdir"):
        mmengine_checkpoint._safe_torch_load(file)
    assert not (crafted.parent / "it_ran").exists()


def test_getattr_answers_for_named_attributes_alone(tmp_path):
    path = tmp_path / "attribute.pth"
    torch.save({"a": Attribute(HistoryBuffer, "mean")}, path)
    assert load_from_local(str(path))["a"] is HistoryBuffer.mean
    torch.save({"a": Attribute(HistoryBuffer, "__init__")}, path)
    with pytest.raises(CheckpointError, match=r"asks for getattr\(.*__init__"):
        load_from_local(str(path))


def test_a_checkpoint_of_a_runner_resumes_with_the_same_weights(tmp_path):
    whole = make_runner(tmp_path / "whole", 4, randomness=dict(seed=0))
    whole.train()
    resumed = make_runner(
        tmp_path / "resumed",
        4,
        load_from=str(tmp_path / "whole" / "iter_2.pth"),
        resume=True,
    )
    resumed.train()
    assert resumed.iter == 4
    weights = resumed.model.state_dict()
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
    history = resumed.message_hub.get_scalar("train/loss")
    assert isinstance(history, HistoryBuffer)
    assert len(history.data[0]) == 4


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_a_broken_file_is_named(tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save({"w": torch.zeros(1000)}, whole)
    content = whole.read_bytes()
    files = {
        "no_bytes.pth": (b"", r"empty \(0 bytes\)"),
        "cut_early.pth": (content[:60], "cut off while being written"),
        "cut_late.pth": (content[:-200], "cut off while being written"),
        "text.pth": (b"path,type\na.png,1\n", "no file of torch.save"),
    }
    for name, (data, words) in files.items():
        with pytest.raises(CheckpointError, match=f"{name}.*{words}"):
            load_from_local(write(tmp_path / name, data))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth does not exist"):
        load_from_local(str(tmp_path / "nowhere.pth"))


def test_a_file_with_something_else_in_it_is_named(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(CheckpointError, match=r"tensor\.pth.*holds a Tensor"):
        load_from_local(str(tmp_path / "tensor.pth"))


def test_a_checkpoint_of_another_model_is_told_in_counts():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    state = model.state_dict()
    state["0.weight"] = torch.zeros(5, 2)
    del state["1.bias"], state["1.weight"]
    state["head.fc.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError) as caught:
        check_state_dict(model, state, "other.pth")
    message = str(caught.value)
    assert "other.pth does not fit Sequential (4 tensors)" in message
    assert "2 missing, first: 1.weight" in message
    assert "1 unexpected, first: head.fc.weight" in message
    assert "1 of another shape, first: 0.weight (model (3, 2)" in message
    assert "checkpoint (5, 2)" in message


def test_its_own_checkpoint_fits_also_from_a_wrapped_model():
    model = nn.Linear(2, 3)
    check_state_dict(model, model.state_dict(), "own.pth")
    wrapped = {f"module.{key}": value for key, value in model.state_dict().items()}
    check_state_dict(model, wrapped, "own.pth")


def test_a_config_text_in_a_checkpoint_is_not_run(tmp_path):
    """mmengine runs meta['config'] as Python when it resumes: it is left out."""
    proof = tmp_path / "ran"
    text = f"open({str(proof)!r}, 'w').close()\ngpu_ids = [0]"
    path = tmp_path / "crafted.pth"
    torch.save(dict(meta=dict(config=text, iter=3), state_dict={}), path)
    assert load_from_local(str(path))["meta"] == dict(iter=3)
    assert not proof.exists()


@pytest.mark.parametrize("half", [False, True])
def test_weights_go_through_safetensors(half, tmp_path):
    """Without optimizer and logs; in half precision they differ by rounding alone."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    path, out = tmp_path / "run.pth", tmp_path / "weights.safetensors"
    torch.save(dict(state_dict=model.state_dict(), optimizer={}, meta={}), path)
    assert export_weights(str(path), out, half) == 7
    loaded = load_from_local(str(out))
    assert list(loaded) == ["state_dict"]
    check_state_dict(model, loaded["state_dict"], str(out))
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    load_checkpoint(other, str(out))
    tolerance = 1e-3 if half else 0.0
    for name, value in model.state_dict().items():
        torch.testing.assert_close(
            other.state_dict()[name], value, rtol=tolerance, atol=tolerance
        )


def test_a_broken_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\x10" + bytes(30))
    with pytest.raises(CheckpointError, match=r"weights\.safetensors cannot be read"):
        load_from_local(str(path))


@pytest.mark.parametrize(
    ("out", "words"), [("a.pth", "ends with .safetensors"), ("b.safetensors", "exists")]
)
def test_an_export_replaces_nothing(out, words, tmp_path):
    (tmp_path / out).write_bytes(b"mine")
    torch.save(dict(state_dict=dict(a=torch.ones(1))), tmp_path / "run.pth")
    with pytest.raises(CheckpointError, match=words):
        export_weights(str(tmp_path / "run.pth"), tmp_path / out)
    assert (tmp_path / out).read_bytes() == b"mine"
