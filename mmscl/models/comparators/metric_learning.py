"""Losses of pytorch-metric-learning in the place of the contrastive loss."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module, metadata, util
from typing import Any

from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmscl.build_errors import did_you_mean
from mmscl.config import ConfigError
from mmscl.distributed import gather_batch
from mmscl.registry import register

_LIBRARY = "pytorch-metric-learning"
#: Its modules that a config may name classes of.
_MODULES = ("losses", "miners", "distances", "reducers", "regularizers")


@register(MODELS)
class MetricLearningLoss(nn.Module):
    """A loss of pytorch-metric-learning as `SCLHead.loss`.

    The library is optional: ``pip install -e '.[comparators]'``. Losses with weights
    (ArcFaceLoss, its class centres) are trained with the network.

    Args:
        loss: Its class and arguments, such as ``dict(type='SupConLoss',
            temperature=0.1)``. Arguments may be such dicts themselves, as in
            ``dict(type='TripletMarginLoss', distance=dict(type='CosineSimilarity'))``.
        miner: The same for a miner, such as ``dict(type='BatchHardMiner')``.
        gather: Let every rank's images meet those of all ranks.
        loss_weight: Factor of the result.

    Raises:
        ConfigError: The library is not installed; no such class; arguments that it
            does not take.

    Example:
        >>> import torch
        >>> loss = MetricLearningLoss(dict(type='SupConLoss', temperature=0.1))
        >>> loss(torch.randn(8, 16), torch.arange(4).repeat(2)).shape
        torch.Size([])
    """

    def __init__(
        self,
        loss: Mapping[str, Any],
        miner: Mapping[str, Any] | None = None,
        gather: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        _check_installed()
        self.loss = _build("MetricLearningLoss.loss", loss, "losses")
        self.miner = (
            None
            if miner is None
            else _build("MetricLearningLoss.miner", miner, "miners")
        )
        self.gather, self.loss_weight = gather, loss_weight
        weight = getattr(self.loss, "W", None)
        #: Width D of the embedding that a loss with weights was made for.
        self.embed_dims = None if weight is None else weight.shape[0]
        self._told = False

    def forward(self, embeddings: Tensor, labels: Tensor, **_) -> Tensor:
        """Loss of one batch.

        Args:
            embeddings: (B, D).
            labels: (B,) integer types.
            **_: What heads pass to any loss.

        Returns:
            Scalar in float32 or better. Of losses of pairs and triplets zero, with a
            warning once, if no type occurs twice.

        Raises:
            ConfigError: The loss was made for embeddings of another width.
        """
        if self.embed_dims not in (None, embeddings.shape[1]):
            raise ConfigError(
                f"{self._name}: embedding_size={self.embed_dims}, but the embedding "
                f"has {embeddings.shape[1]}; make it equal to embed_dims of the head"
            )
        if self.gather:
            embeddings, labels = gather_batch(embeddings, labels)
        if self.embed_dims is None:
            self._tell_alone(labels)
        embeddings = embeddings.float()
        mined = None if self.miner is None else self.miner(embeddings, labels)
        return self.loss_weight * self.loss(embeddings, labels, mined)

    @property
    def _name(self) -> str:
        return f"MetricLearningLoss({type(self.loss).__name__})"

    def _tell_alone(self, labels: Tensor) -> None:
        if not self._told and len(set(labels.tolist())) == len(labels):
            self._told = True
            MMLogger.get_current_instance().warning(
                f"{self._name}: no type occurs twice in this batch, so it has no "
                "positive pair and a loss of zero. Use "
                "sampler=dict(type='PairedKaryotypeSampler') and a batch size of whole "
                "karyotypes. (Said once.)"
            )


def _check_installed() -> None:
    if util.find_spec("pytorch_metric_learning") is None:
        raise ConfigError(
            "type='MetricLearningLoss' needs pytorch-metric-learning, which is not "
            "installed: pip install -e '.[comparators]'"
        )


def _build(where: str, config: Any, module: str) -> Any:
    """The object that a config names, with the objects in it."""
    if not isinstance(config, Mapping) or "type" not in config:
        raise ConfigError(f"{where}: expected a dict with 'type', got {config!r}")
    settings = {
        key: _build_inner(f"{where}.{key}", value)
        for key, value in config.items()
        if key != "type"
    }
    found = getattr(_module(module), config["type"], None)
    if not inspect.isclass(found):
        names = [name for name in vars(_module(module)) if name[0].isupper()]
        raise ConfigError(
            f"{where}: {_LIBRARY} {metadata.version(_LIBRARY)} has no "
            f"{config['type']!r} in its {module}"
            f"{did_you_mean(config['type'], names)}"
        )
    try:
        return found(**settings)
    except TypeError as error:  # its classes hand unknown arguments upwards
        raise ConfigError(f"{where}: {config['type']}: {error}") from error


def _build_inner(where: str, value: Any) -> Any:
    if not (isinstance(value, Mapping) and "type" in value):
        return value
    owner = next((m for m in _MODULES if hasattr(_module(m), value["type"])), "losses")
    return _build(where, value, owner)


def _module(name: str) -> Any:
    return import_module(f"pytorch_metric_learning.{name}")
