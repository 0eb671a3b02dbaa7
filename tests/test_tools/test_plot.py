"""tools/plot.py: each figure from files, as a user types it, and what it refuses."""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path

import cv2
import pytest
import torch
from bent_chromosomes import draw, ring
from drawn_tables import write_tables
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from test_evaluation.test_training_log import step, validation, write_log

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "configs" / "scl" / "resnet10t_synthetic.py")
LAYER = "backbone.model.layer2"


@pytest.fixture
def plot(tmp_path, monkeypatch, capsys):
    """The command, in this process and an empty folder; its code and what it said."""

    def run(*args: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["plot.py", *map(str, args)])
        code = 0
        try:
            runpy.run_path(str(ROOT / "tools" / "plot.py"), run_name="__main__")
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def tables(tmp_path) -> list[str]:
    """Prediction tables of two models on the same images."""
    return [
        str(write_tables(tmp_path / name, seed=seed, wrong=wrong))
        for seed, (name, wrong) in enumerate([("baseline", 0.4), ("scl", 0.1)])
    ]


def check_figures(out: Path) -> None:
    png = cv2.imread(str(out.with_suffix(".png")))
    assert png is not None and png.min() < 100 and (png == 255).mean() > 0.2
    assert "<svg" in out.with_suffix(".svg").read_text("utf-8")


def test_embedding(plot, tables, tmp_path):
    pytest.importorskip("openTSNE")
    code, said = plot("embedding", *tables, "--perplexity", 5, "--per-type", 4)
    assert code == 0, said
    out = tmp_path / "work_dirs" / "figures" / "embedding"
    check_figures(out)
    text = out.with_suffix(".svg").read_text("utf-8")
    for expected in ("baseline", "scl", "144 images", "96 of the 144 images drawn"):
        assert expected in text
    assert "baseline: 144 images, embedding of 16 values; silhouette" in said


@pytest.mark.parametrize("command", ["confusion", "types"])
def test_confusion_and_types(plot, tables, tmp_path, command):
    names = ("--names", "without SCL", "with SCL")
    code, said = plot(command, *tables, *names, "--out", tmp_path / "new" / "fig")
    assert code == 0, said
    check_figures(tmp_path / "new" / "fig")
    text = (tmp_path / "new" / "fig.svg").read_text("utf-8")
    assert "without SCL" in text and ("called" in text) == (command == "confusion")


def test_other_images_go_side_by_side_only(plot, tables, tmp_path):
    other = str(write_tables(tmp_path / "outside", each=2))
    code, said = plot("confusion", tables[0], other)
    assert code == 2 and "is not of the same test set as" in said
    assert not (tmp_path / "work_dirs").exists()
    code, said = plot("confusion", tables[0], other, "--side-by-side", "--out", "f.png")
    assert code == 0 and (tmp_path / "f.png").exists() and "f.svg" not in said
    code, said = plot("confusion", *tables, other)
    assert code == 2 and "between two tables, got 3" in said
    code, said = plot("embedding", tables[0], other)
    assert code == 2 and "is not of the same test set as" in said


def test_names_must_fit(plot, tables):
    code, said = plot("types", *tables, "--names", "one")
    assert code == 2 and "--names: expected 2 different names" in said
    code, said = plot("types", *tables, "--names", "a", "a")
    assert code == 2 and "got a, a" in said
    code, said = plot("embedding", *tables, tables[0])
    assert code == 2 and "at most 2 in one figure, got 3" in said


def test_review(plot, tmp_path):
    text = "confidence,coverage,risk,caught\n0.9,0.5,0,1\n0.2,1,0.01,0\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "risk_coverage.csv").write_text(text)
    code, said = plot("review", "a/risk_coverage.csv", "b/risk_coverage.csv")
    assert code == 0, said
    check_figures(tmp_path / "work_dirs" / "figures" / "review")
    (tmp_path / "c.csv").write_text("path\n")
    code, said = plot("review", "c.csv")
    assert code == 2 and "c.csv: expected the risk_coverage.csv" in said


def test_curves(plot, tmp_path):
    lines = [step(n, 3 / n, loss_cls=2 / n) for n in range(1, 30)]
    for name in ("baseline", "scl"):
        write_log(tmp_path / name, "t", [*lines, validation(1, 90)])
    code, said = plot("curves", "baseline", "scl")
    assert code == 0, said
    check_figures(tmp_path / "work_dirs" / "figures" / "curves")
    code, said = plot("curves", "scl", "--measures", "auc")
    assert code == 2 and "auc: no run was validated by it" in said
    code, said = plot("curves", "nowhere")
    assert code == 2 and "nowhere: no log of a training run" in said


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    """Random weights of the config's network."""
    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(CONFIG).model)
    file = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(dict(state_dict=model.state_dict()), file)
    return str(file)


@pytest.mark.slow
def test_heatmap_with_shares(plot, checkpoint, tmp_path):
    pytest.importorskip("pytorch_grad_cam")
    small = ("--cfg-options", "test_dataloader.dataset.cases=6")
    models = ("--model", "a", CONFIG, checkpoint, "--model", "b", CONFIG, checkpoint)
    layers = ("--layer", LAYER, "backbone.model.layer1")
    args = (*models, *layers, "--types", "2", "X", "--shares", *small)
    code, said = plot("heatmap", *args, "--out", "heat.png")
    assert code == 0, said
    assert cv2.imread(str(tmp_path / "heat.png")).shape[1] > 600
    with open(tmp_path / "heat.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["cases"] == "1" and int(first["images"]) > 20
    assert 45 <= int(first["images"]) + int(first["without_heat"]) <= 47
    zones = [float(first[zone]) for zone in ("interior", "edge", "beside")]
    assert sum(zones) == pytest.approx(100, abs=0.01)
    # two layers of the same weights: what they are compared with is alike, not equal,
    # because an image without heat in a layer is left out of its row
    assert float(first["area"]) == pytest.approx(float(second["area"]), abs=5)
    assert second["difference"] not in ("", "0.000")


@pytest.mark.parametrize(
    "args, text",
    [
        (("--types", "23"), "--types 23: expected 1 .. 22, X or Y"),
        (("--types", "Y", "--per-type", "999"), "--types Y: the test set has"),
        (("--external", "mars"), "--external mars: the config's external sets are"),
        (("--layer", "backbone.nix"), "--layer backbone.nix: the model has no such"),
        (("--layer", "a", "b"), "--layer: expected one for all or one for each of the"),
    ],
)
def test_heatmap_refuses(plot, checkpoint, args, text):
    pytest.importorskip("pytorch_grad_cam")
    small = ("--cfg-options", "test_dataloader.dataset.cases=6")
    code, said = plot("heatmap", "--model", "a", CONFIG, checkpoint, *args, *small)
    assert code == 2 and text in said


def test_a_checkpoint_of_another_config_is_refused(plot, checkpoint):
    other = str(ROOT / "configs" / "scl" / "resnet18_pki3.py")
    code, said = plot("heatmap", "--model", "a", other, checkpoint)
    assert code == 2 and "random.pth does not fit SCLClassifier" in said


def write_crop(folder: Path, name: str, degrees: float) -> str:
    cv2.imwrite(str(folder / name), draw("1", degrees).image)
    return name


@pytest.mark.parametrize("more", [[], ["--sharma"]], ids=["axis", "sharma"])
def test_straightening(plot, tmp_path, more):
    crops = [write_crop(tmp_path, f"{d}.png", d) for d in ([70] if more else [30, 60])]
    code, said = plot("straightening", *crops, *more, "--out", "steps")
    assert code == 0, said
    check_figures(tmp_path / "steps")


def test_straightening_refuses(plot, tmp_path):
    cv2.imwrite(str(tmp_path / "ring.png"), ring())
    code, said = plot("straightening", "ring.png")
    assert code and "ring.png: a ring" in " ".join(said.split())
    code, said = plot("straightening", "ring.png", "--sharma", "--out", "steps")
    assert code == 0, said
    assert "a ring: its hole takes" in (tmp_path / "steps.svg").read_text("utf-8")
    crops = [write_crop(tmp_path, f"{d}.png", d) for d in (30, 60)]
    code, said = plot("straightening", *crops, "--sharma")
    assert code and "--sharma shows the steps of one crop, got 2" in said
