"""`--amp`: what mmengine's wrapper does to a step, on the CPU in bfloat16.

The wrapper refuses to be built without a GPU; that one check is set aside here.
"""

from __future__ import annotations

import mmengine.optim.optimizer.amp_optimizer_wrapper as amp
import pytest
import torch
from mmengine.hooks import Hook
from tiny_run import make_config, run

from mmscl.functional import focal_loss, scl_loss

BFLOAT16 = dict(type="AmpOptimWrapper", dtype="bfloat16", loss_scale="dynamic")


class Losses(Hook):
    """The loss of every step, and the types of logits and losses."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.types: set[tuple] = set()

    def before_train(self, runner):
        head, model = runner.model.head, runner.model
        self._embedding = None

        def see(module, args, output):
            self._embedding = output.dtype

        linear = next(m for m in head.modules() if isinstance(m, torch.nn.Linear))
        linear.register_forward_hook(see)

        def note(module, args, losses):
            if isinstance(losses, dict):
                for value in losses.values():
                    self.types.add((self._embedding, value.dtype))

        model.register_forward_hook(note)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.values.append(float(outputs["loss"].detach()))


@pytest.mark.filterwarnings("ignore:.*GradScaler is enabled, but CUDA")
@pytest.mark.parametrize("on_device", [False, True])
def test_steps_in_bfloat16_are_near_those_in_float32(
    on_device, crops, tmp_path, monkeypatch
):
    monkeypatch.setattr(amp, "is_cuda_available", lambda: True)
    found = []
    for name in ("float32", "bfloat16"):
        cfg = make_config(crops, tmp_path / name, epochs=1, on_device=on_device)
        if name == "bfloat16":
            cfg.optim_wrapper.update(BFLOAT16)
        losses = Losses()
        recorder, state = run(cfg, losses)
        found.append((losses, recorder.seen))
        assert state is not None
    (exact, seen), (half, seen_in_half) = found
    assert seen == seen_in_half  # the pixels know nothing of autocast
    assert half.types == {(torch.bfloat16, torch.float32)}
    assert exact.types == {(torch.float32, torch.float32)}
    assert half.values == pytest.approx(exact.values, rel=0.03)
    assert half.values != exact.values


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_losses_are_computed_in_float32_under_autocast(dtype):
    """On half-precision input they equal those of the same numbers in float32."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(48, 64, generator=generator).to(dtype)
    labels = torch.arange(24).repeat(2)
    exact = scl_loss(embeddings.float(), labels, scale=1 / 0.07)
    logits = torch.randn(48, 24, generator=generator).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        loss = scl_loss(embeddings, labels, scale=1 / 0.07)
        focal = focal_loss(logits.float(), labels)
    assert loss.dtype == focal.dtype == torch.float32
    assert torch.equal(loss, exact)
    assert torch.equal(focal, focal_loss(logits.float(), labels))
