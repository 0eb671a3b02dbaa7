"""The authors' state dict gives the same logits in our classifier."""

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import nn

import mmscl  # noqa: F401
from mmscl.checkpoint import CheckpointError, load_from_local
from mmscl.config import ConfigError
from mmscl.models.released_weights import (
    ENCODERS,
    convert_released_weights,
    released_model,
    rename_released_weights,
)

ROOT = Path(__file__).parents[2]


class AuthorsNetwork(nn.Module):
    """Built from the description of their public code, not from the code."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = timm.create_model(encoder, pretrained=False, num_classes=4096)
        self.embedding = nn.Sequential(nn.Linear(4096, 1024, bias=False))
        self.classifier = nn.Sequential(
            nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 24, bias=False)
        )
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, images):
        return self.classifier(self.embedding(self.encoder(images)))


def test_same_logits_and_scale(tmp_path):
    torch.manual_seed(0)
    theirs = AuthorsNetwork("resnet50").eval()
    weights, out = tmp_path / "best_weights.pth", tmp_path / "ours.pth"
    torch.save(theirs.state_dict(), weights)
    convert_released_weights(str(weights), "resnet50", str(out))
    cfg = Config.fromfile(out.with_suffix(".py"))
    ours = MODELS.build(cfg.model).eval()
    ours.load_state_dict(load_from_local(str(out))["state_dict"])
    grey = torch.randint(0, 256, (2, 1, 64, 64)).repeat(1, 3, 1, 1)
    data = ours.data_preprocessor(dict(inputs=grey))
    torch.testing.assert_close(ours(data["inputs"]), theirs(grey / 255))
    assert ours.head.loss_con.scale.item() == pytest.approx(1 / 0.07)
    with pytest.raises(ConfigError, match="exists"):
        convert_released_weights(str(weights), "resnet50", str(out))


def big(encoder):
    return "large" in encoder


@pytest.mark.parametrize(
    "encoder",
    [pytest.param(e, marks=pytest.mark.slow if big(e) else ()) for e in ENCODERS],
)
def test_same_logits_for_every_encoder(encoder):
    torch.manual_seed(0)
    theirs = AuthorsNetwork(encoder).eval()
    ours = MODELS.build(released_model(encoder)).eval()
    ours.load_state_dict(rename_released_weights(theirs.state_dict()))
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_all_eight_encoders_have_the_same_names_and_shapes(encoder):
    with torch.device("meta"):
        theirs = AuthorsNetwork(encoder).state_dict()
        cfg = released_model(encoder)
        cfg["head"]["in_channels"] = 4096
        ours = MODELS.build(cfg).state_dict()
    renamed = rename_released_weights(theirs)
    assert {k: v.shape for k, v in renamed.items()} == {
        k: v.shape for k, v in ours.items()
    }


def test_other_weights_are_refused(tmp_path):
    weights = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(1)}, weights)
    with pytest.raises(CheckpointError, match="unexpected name 'fc.weight'"):
        convert_released_weights(str(weights), "resnet50", str(tmp_path / "o.pth"))
    torch.save({"embedding.0.weight": torch.zeros(1024, 4096)}, weights)
    with pytest.raises(CheckpointError, match="missing"):
        convert_released_weights(str(weights), "resnet50", str(tmp_path / "o.pth"))
    assert not (tmp_path / "o.pth").exists()


def test_command_prints_its_help():
    out = subprocess.run(
        [sys.executable, str(ROOT / "tools/convert_weights.py"), "--help"],
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0 and "vit_small_patch8_224" in out.stdout
