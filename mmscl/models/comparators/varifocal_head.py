"""Type and polarity classifiers of Varifocal-Net's three outputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmscl.models.polarity import polarity_labels
from mmscl.registry import register

#: What the features of an image come from, in the order of the training.
OUTPUTS = ("global", "local", "fused")


@register(MODELS)
class VarifocalHead(BaseModule):
    """Features of G-Net, of L-Net or of both -> type and polarity.

    G-Net and L-Net have one linear layer for the type and one for the polarity; stage 2
    has two MLPs F-512-N and F-512-2 on the features of both. L = CE(type) + 0.5
    CE(polarity). The activation between the layers of an MLP is not published: ReLU.

    Which output predicts is told by the buffer `trained`, which goes into checkpoints:
    the last that was trained.

    Args:
        num_classes: Number of types N.
        in_channels: Width F of the features of one network; None lets
            `VarifocalClassifier` fill it in.
        hidden_dims: Width of the MLPs, 512 in the paper.
        loss_cls: Config of the classification loss, of N types and of two polarities;
            `CrossEntropyLoss` by default and in the paper.
        polarity_weight: Weight of the polarity, 0.5 in the paper; 0 trains and
            predicts types alone, for data whose polarity is not known.
        predict_embedding: Whether `predict` adds the field `embedding`: what the last
            layer for the type reads.
        init_cfg: mmengine initialisation.

    Raises:
        ValueError: in_channels is missing; a negative weight.
    """

    trained: Tensor

    def __init__(
        self,
        num_classes: int = 24,
        in_channels: int | None = None,
        hidden_dims: int = 512,
        loss_cls: dict | None = None,
        polarity_weight: float = 0.5,
        predict_embedding: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if in_channels is None:
            raise ValueError(
                "VarifocalHead.in_channels: expected the width of the features, got "
                "None; VarifocalClassifier fills it in"
            )
        if polarity_weight < 0:
            raise ValueError(
                f"VarifocalHead.polarity_weight: expected >= 0, got {polarity_weight}"
            )
        self.num_classes = num_classes
        self.polarity_weight = polarity_weight
        self.predict_embedding = predict_embedding
        self.loss_cls = MODELS.build(loss_cls or dict(type="CrossEntropyLoss"))
        tasks = dict(types=num_classes, polarity=2)
        if not polarity_weight:
            del tasks["polarity"]
        for output in OUTPUTS:
            layers = {
                task: _mlp(2 * in_channels, hidden_dims, number)
                if output == "fused"
                else nn.Sequential(nn.Linear(in_channels, number))
                for task, number in tasks.items()
            }
            setattr(self, output, nn.ModuleDict(layers))
        self.register_buffer("trained", torch.tensor(0))
        self._output = OUTPUTS[0]

    @property
    def output(self) -> str:
        """The output that predicts: 'global', 'local' or 'fused'."""
        return self._output

    @output.setter
    def output(self, name: str) -> None:
        self.trained.fill_(OUTPUTS.index(name))
        self._output = name

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Features (B, F) of `output`, or a tuple that ends with them -> (B, N)."""
        return self._classifier("types")(_last(feats))

    def pre_logits(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Features (B, F) of `output` -> what the last layer for the type reads."""
        return self._classifier("types")[:-1](_last(feats))

    def loss(
        self,
        feats: Tensor | tuple[Tensor, ...],
        data_samples: list[DataSample],
        output: str | None = None,
    ) -> dict[str, Tensor]:
        """Losses of one output.

        Args:
            feats: (B, F).
            data_samples: With gt_label and, for the polarity, polarity_label.
            output: Whose features these are; None takes `output`.

        Returns:
            loss_type and loss_polarity, already weighted.

        Raises:
            ConfigError: A sample's polarity is not known.
        """
        classifiers = getattr(self, output or self.output)
        labels = torch.cat([sample.gt_label for sample in data_samples])
        feats = _last(feats)
        losses = dict(loss_type=self.loss_cls(classifiers["types"](feats), labels))
        if self.polarity_weight:
            logits = classifiers["polarity"](feats)
            polarity = polarity_labels(data_samples, "model.head").to(labels.device)
            losses["loss_polarity"] = self.polarity_weight * self.loss_cls(
                logits, polarity
            )
        return losses

    def predict(
        self,
        feats: Tensor | tuple[Tensor, ...],
        data_samples: list[DataSample] | None = None,
    ) -> list[DataSample]:
        """Fill pred_score (N,), pred_label, pred_polarity (2,), embedding if asked.

        pred_polarity are the scores of 0 (p arm down) and 1 (p arm up).

        Args:
            feats: (B, F) of `output`.
            data_samples: B samples to fill; None makes new ones.
        """
        embedding = self.pre_logits(feats)
        scores = _softmax(self._classifier("types")[-1](embedding))
        labels = scores.argmax(dim=1, keepdim=True)
        polarity = None
        if self.polarity_weight:
            polarity = _softmax(self._classifier("polarity")(_last(feats)))
        known = data_samples or [None] * len(scores)
        samples = [DataSample() if sample is None else sample for sample in known]
        for row, sample in enumerate(samples):
            sample.set_pred_score(scores[row]).set_pred_label(labels[row])
            if polarity is not None:
                sample.set_field(polarity[row], "pred_polarity")
            if self.predict_embedding:
                sample.set_field(embedding[row].float(), "embedding")
        return samples

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._output = OUTPUTS[int(self.trained)]

    def _classifier(self, task: str) -> nn.Sequential:
        return getattr(self, self.output)[task]


def _mlp(wide: int, hidden: int, number: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(wide, hidden), nn.ReLU(), nn.Linear(hidden, number))


def _last(feats: Tensor | tuple[Tensor, ...]) -> Tensor:
    return feats[-1] if isinstance(feats, (tuple, list)) else feats


def _softmax(logits: Tensor) -> Tensor:
    return F.softmax(logits.float(), dim=1)
