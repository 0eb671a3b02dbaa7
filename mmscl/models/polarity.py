"""PolarityHead: which end of a chromosome is up, from an image and its flip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.registry import register


@register(MODELS)
class PolarityHead(BaseModule):
    """How much an image looks like a chromosome with its short (p) arm up.

    One small network e gives the evidence of each view, and the polarity compares an
    image with its up-down flip: P(p arm up | x) = sigmoid(e(x) - e(flip x)). So an
    image and its flip always get opposite answers, whatever was learnt.

    Args:
        in_channels: Width F of the features; None lets `SCLClassifier` fill it in.
        hidden_dims: Width of the hidden layer.
        dropout: Share of it that is dropped in training, 0..1 (not 1).
        init_cfg: mmengine initialisation.

    Raises:
        ValueError: in_channels is missing; hidden_dims below 1; dropout out of range.
    """

    def __init__(
        self,
        in_channels: int | None = None,
        hidden_dims: int = 256,
        dropout: float = 0.3,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if in_channels is None:
            raise ValueError(
                "PolarityHead.in_channels: expected the width of the features, got "
                "None; SCLClassifier fills it in"
            )
        if hidden_dims < 1:
            raise ValueError(
                f"PolarityHead.hidden_dims: expected >= 1, got {hidden_dims}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                f"PolarityHead.dropout: expected 0 <= dropout < 1, got {dropout}"
            )
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hidden_dims),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dims, 1, bias=False),  # a bias would cancel
        )

    def forward(self, feats: Tensor) -> Tensor:
        """Features (B, F) of a view -> its evidence (B,)."""
        return self.layers(feats).flatten()

    def loss(self, logits: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Logistic loss of e(x) - e(flip x).

        Args:
            logits: (B,).
            data_samples: With polarity_label, 1 for the p arm up, 0 for down.

        Returns:
            loss_polarity, and polarity_accuracy (0..1).

        Raises:
            ConfigError: A sample's polarity is not known.
        """
        labels = polarity_labels(data_samples).to(logits.device)
        right = (logits > 0) == (labels == 1)
        return dict(
            loss_polarity=F.binary_cross_entropy_with_logits(
                logits.float(), labels.float()
            ),
            polarity_accuracy=right.float().mean(),
        )


def polarity_labels(
    data_samples: list[DataSample], optional: str | None = None
) -> Tensor:
    """Polarity of each sample: int64 (B,), 1 for the p arm up, 0 for down.

    Args:
        data_samples: With polarity_label.
        optional: Setting whose polarity_weight may be 0, for the message.

    Raises:
        ConfigError: A sample has none; says what gives it.
    """
    found = []
    for sample in data_samples:
        if "polarity_label" not in sample:
            alone = f", or train types alone with {optional}.polarity_weight=0"
            raise ConfigError(
                f"{sample.get('img_path', 'a crop')}: its polarity is not known, which "
                "the model is trained with. Put dict(type='FlipPolarity') behind "
                "LoadChromosome in train_pipeline and 'polarity_label' in meta_keys of "
                f"PackInputs{alone if optional else ''}"
            )
        found.append(int(sample.polarity_label))
    return torch.tensor(found)


def set_orient(classifier: Any, orient: bool) -> None:
    """Let a classifier turn over what is upside down before it classifies, or not.

    Raises:
        ConfigError: It does not tell the polarity.
    """
    if orient and getattr(classifier, "polarity_head", None) is None:
        raise ConfigError(
            f"orient=True: {type(classifier).__name__} has no polarity_head, so it "
            "cannot tell which crops are upside down. Take a model that has one "
            "(configs/scl/length18n_pki3_polarity.py), or orient=False"
        )
    if hasattr(classifier, "orient"):
        classifier.orient = orient


def require_trained(
    wanted: Iterable[tuple[str, Tensor]], loaded: Mapping[str, Any]
) -> None:
    """Check that a checkpoint has all of the classifier below a polarity head.

    mmengine only logs what is missing, and a polarity head would then be trained on
    random features.

    Args:
        wanted: Names and tensors of the classifier without its polarity head.
        loaded: Names and tensors of the checkpoint.

    Raises:
        CheckpointError: Says how many are missing or of another shape, and the first.
    """
    wrong = [
        name
        for name, value in wanted
        if getattr(loaded.get(name), "shape", None) != value.shape
    ]
    if wrong:
        raise CheckpointError(
            f"load_from: {len(wrong)} tensors of the trained classifier are missing in "
            f"the checkpoint or of another shape, first: {wrong[0]}. Give a checkpoint "
            "of the same classifier without the polarity head"
        )
