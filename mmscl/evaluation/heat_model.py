"""A trained classifier beside the test set of its config, for heat maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS

from mmscl.config import ConfigError, set_config
from mmscl.datasets.manifest import TYPES
from mmscl.evaluation.gradcam import heat_maps
from mmscl.evaluation.heat_share import ShareRow, heat_shares, summarise_shares, zones
from mmscl.evaluation.samples import class_index, required
from mmscl.models.trained import load_trained

#: Images whose gradients are held at once.
BATCH = 32


@dataclass(frozen=True)
class Seen:
    """Images as the network gets them, and its heat for their true type.

    Attributes:
        paths, cases: Strings (B,).
        labels: int64 (B,).
        images: uint8 (B, H, W), on the network's canvas.
        heat: float32 (B, H, W), >= 0.
    """

    paths: np.ndarray
    cases: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    heat: np.ndarray


class HeatModel:
    """Looks at images of a config's test set and says where it sees their type.

    Args:
        cfg: A complete config.
        checkpoint: Its checkpoint.
        layer: As `heat_maps`.
        external: Name in the config's `external`; None takes the test split.

    Raises:
        ConfigError: The config has no such external set.
        CheckpointError: The checkpoint is damaged, unsafe or another config's.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: str,
        layer: str | None = None,
        external: str | None = None,
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmpretrain"))
        self.model: Any = load_trained(cfg, checkpoint, None)[0]
        self.model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.model.mirror = False  # the heat of an image as it stands
        self.layer = layer
        sets = cfg.get("external", {})
        if external is not None and external not in sets:
            raise ConfigError(
                f"--external {external}: the config's external sets are "
                f"{', '.join(sets) or 'none'}"
            )
        tested = set_config(cfg, external or "internal")
        self.dataset: Any = DATASETS.build(tested.test_dataloader.dataset)

    def choose(self, types: Sequence[str], each: int = 1, seed: int = 0) -> list[int]:
        """Rows of the test set, drawn at random: `each` of every type, in their order.

        Raises:
            ConfigError: A type that is none, or with too few images.
        """
        labels = np.asarray(self.dataset.get_gt_labels())
        rng = np.random.default_rng(seed)
        rows: list[int] = []
        for name in types:
            if name not in TYPES:
                raise ConfigError(f"--types {name}: expected 1 .. 22, X or Y")
            own = np.flatnonzero(labels == TYPES.index(name))
            if len(own) < each:
                raise ConfigError(
                    f"--types {name}: the test set has {len(own)} images of it, "
                    f"expected {each} or more"
                )
            rows.extend(rng.choice(own, each, replace=False).tolist())
        return rows

    def look(self, rows: Sequence[int]) -> Seen:
        """Heat maps of some rows of the test set."""
        data = pseudo_collate([self.dataset[row] for row in rows])
        images = torch.stack(list(data["inputs"])).float().mean(dim=1)
        samples = [sample.to_dict() for sample in data["data_samples"]]
        labels = [class_index(sample, "gt_label", "Heat") for sample in samples]
        inputs = self.model.data_preprocessor(data, False)["inputs"]
        heat = heat_maps(self.model, inputs, torch.tensor(labels), self.layer)
        return Seen(
            np.array([required(sample, "img_path", "Heat") for sample in samples]),
            np.array([sample.get("case") or "" for sample in samples]),
            np.array(labels),
            images.round().byte().numpy(),
            heat,
        )

    def look_at_all(self) -> Iterator[Seen]:
        """The whole test set in order, by batches."""
        total = len(self.dataset)
        for start in range(0, total, BATCH):
            yield self.look(range(start, min(start + BATCH, total)))


def share_table(models: dict[str, HeatModel]) -> list[ShareRow]:
    """Shares of the heat inside and on the edge, over the whole test set.

    Args:
        models: Name -> model; the first is what the others are compared with.

    Raises:
        ConfigError: The models' test sets differ, an image has no case, or no image
            has any heat.
    """
    shares: dict[str, np.ndarray] = {}
    areas = paths = cases = np.empty(0)
    for name, model in models.items():
        of_batch, of_area, seen_paths, seen_cases = [], [], [], []
        for seen in model.look_at_all():
            of_batch += list(map(heat_shares, seen.heat, seen.images))
            of_area += [
                np.bincount(zones(image).ravel(), minlength=3) / image.size
                for image in seen.images
            ]
            seen_paths += seen.paths.tolist()
            seen_cases += seen.cases.tolist()
        if not shares:
            areas, paths = np.stack(of_area), np.array(seen_paths)
            cases = np.array(seen_cases)
        elif seen_paths != paths.tolist():
            raise ConfigError(
                f"{name}: its config's test set is not that of {next(iter(shares))} "
                f"({len(seen_paths)} and {len(paths)} images): heat is compared image "
                "by image; give both configs the same test_dataloader.dataset"
            )
        shares[name] = np.stack(of_batch)
    if (cases == "").any():
        raise ConfigError(
            f"--shares: an interval over cases needs the case of each image, and "
            f"{paths[cases == ''][0]} has none: add the column case to the manifest, "
            "and 'case' to meta_keys of PackInputs in the test pipeline"
        )
    try:
        return summarise_shares(shares, areas, cases)
    except ValueError as error:
        raise ConfigError(str(error)) from error
