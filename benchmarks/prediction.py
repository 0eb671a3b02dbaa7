"""Prediction of a manifest, against mmpretrain's inferencer and a plain timm loop."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpretrain import ImageClassificationInferencer
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_image

from benchmarks.crops import CASES, FEW_CASES, canvas_size, config_on, drawn_crops
from benchmarks.data_path import sheet_of
from benchmarks.measure import LEAST_SECONDS, ROUNDS, alternate, run_script
from benchmarks.peer_transforms import v2_transforms
from benchmarks.results import Line, Part, at_least, compare, rate_of
from mmscl.datasets import Manifest
from mmscl.inference import ChromosomeInferencer

CONFIG = "scl/resnet10t_pki3.py"
PEER = "ImageClassificationInferencer of mmpretrain"


def make_config(root: Path) -> Config:
    """The config on the crops of `root`.

    Without the size of the cell, which the peers cannot measure.

    Args:
        root: Folder of drawn crops.
    """
    cfg = config_on(root, CONFIG)
    dataset = cfg.test_dataloader.dataset
    dataset.update(split=None, cell_size=False)
    dataset.pipeline[1].pop("cell_size")
    cfg.model.predict_embedding = False
    return cfg


def save_checkpoint(cfg: Config, path: Path) -> nn.Module:
    """The classifier of the config, its random weights saved for the inferencers."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    torch.save(dict(state_dict=model.state_dict()), path)
    return model


class PlainDataset(Dataset):
    """Crop files -> float tensors, as a script around timm would have it.

    Args:
        paths: Files of the crops.
        cfg: Tells the canvas.
    """

    def __init__(self, paths: Sequence[str], cfg: Config) -> None:
        self.paths = paths
        self.transforms = v2_transforms(canvas_size(cfg), sheet_of(cfg), vary=False)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        image = decode_image(self.paths[index], ImageReadMode.GRAY)
        return self.transforms(image).float().sub_(127.5).div_(127.5)


class PlainLoop:
    """The same network as layers in a row, fed by a DataLoader.

    Args:
        classifier: Whose layers are taken.
        dataset: The crops.
        batch: Images of a batch.

    Attributes:
        labels: Predicted class of each image, of the last run.
    """

    def __init__(self, classifier: Any, dataset: Dataset, batch: int) -> None:
        encoder, head = classifier.backbone.model, classifier.head
        self.model = nn.Sequential(encoder, head.embedding, head.classifier)
        self.memory_format = classifier.memory_format
        self.loader = DataLoader(dataset, batch_size=batch)
        self.labels: list[int] = []

    def whole(self) -> None:
        """Predict every image."""
        self.model_only()

    @torch.inference_mode()
    def model_only(self) -> float:
        """Predict every image; returns the seconds spent in the model alone."""
        self.model.eval()
        self.labels, seconds = [], 0.0
        for images in self.loader:
            start = time.perf_counter()
            images = images.contiguous(memory_format=self.memory_format)
            scores = self.model(images).softmax(1)
            seconds += time.perf_counter() - start
            self.labels += scores.argmax(1).tolist()
        return seconds


class Inferencer:
    """mmpretrain's inferencer on the same config, weights and files.

    Args:
        cfg: The config.
        checkpoint: Its weights.
        paths: Files of the crops.
    """

    def __init__(self, cfg: Config, checkpoint: Path, paths: list[str]) -> None:
        self.inferencer = ImageClassificationInferencer(
            cfg, pretrained=str(checkpoint), device="cpu"
        )
        self.paths = paths
        self.results: list[dict] = []

    def run(self, batch: int) -> None:
        """Predict every image in batches; its progress bar is not shown."""
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            self.results = self.inferencer(self.paths, batch_size=batch)


def speed(
    root: Path, rounds: int = ROUNDS, least: float = LEAST_SECONDS
) -> tuple[list[Line], dict[str, list[int]]]:
    """All lines, and each side's predicted classes.

    Args:
        root: Folder of drawn crops, all of which are predicted.
        rounds: As in `alternate`.
        least: As in `alternate`.
    """
    cfg = make_config(root)
    manifest = Manifest.read(root / "manifest.csv")
    paths = [str(root / str(path)) for path in manifest["path"]]
    model = save_checkpoint(cfg, root / "weights.pth")
    ours = ChromosomeInferencer(cfg, root / "weights.pth", device="cpu")
    inferencer = Inferencer(cfg, root / "weights.pth", paths)
    batch = cfg.test_dataloader.batch_size
    plain = PlainLoop(model, PlainDataset(paths, cfg), batch)

    def predict() -> None:
        ours(root).write(root / "predictions.csv")

    times = alternate(
        {
            "ours": predict,
            "inferencer": lambda: inferencer.run(batch),
            "inferencer, one": lambda: inferencer.run(1),
            "plain": plain.whole,
            "model": plain.model_only,
        },
        rounds,
        least,
    )
    what = f"prediction of a manifest, resnet10t, {len(paths)} crops"
    peers = [
        ("inferencer, one", f"{PEER}, as it comes (batch of 1)", at_least(3)),
        ("inferencer", f"{PEER}, told to take batches of {batch}", at_least(1)),
        ("plain", "plain timm loop with a DataLoader", None),
        ("model", "plain timm loop, time in the model alone", at_least(0.95)),
    ]
    lines = [
        compare(what, name, times["ours"], times[key], goal, rate_of(len(paths)))
        for key, name, goal in peers
    ]
    predicted = {
        "inferencer": [int(result["pred_label"]) for result in inferencer.results],
        "plain": plain.labels,
    }
    return lines, predicted


def measure(quick: bool) -> Part:
    """All lines."""
    with drawn_crops(FEW_CASES if quick else CASES) as root:
        lines, _ = speed(root, *((2, 0.0) if quick else ()))
    return Part(
        lines,
        notes=[
            f"Prediction: the model of configs/{CONFIG} with random weights, from crop "
            "files to the scores. Ours is ChromosomeInferencer, as tools/predict.py "
            "runs it, in its default batches of 32; it also reads the manifest and "
            "writes the prediction table. The peers take the batch size of the config, "
            "or their default, and have the list of files before the clock starts; all "
            "sides have the model. No worker processes on any side (ours decodes in a "
            "thread); channels_last on all sides, as the config has it. In batches the "
            "network alone is most of the time of every side, so that no other way "
            "of reading the files can be many times as fast."
        ],
    )


if __name__ == "__main__":
    run_script("prediction", measure)
