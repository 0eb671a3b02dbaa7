"""A user's mistake ends in one message that names it, through the real commands."""

from __future__ import annotations

import csv
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

import mmscl  # noqa: F401
from mmscl.checkpoint import load_from_local
from mmscl.datasets import write_karyotypes

ROOT = Path(__file__).parents[1]
SYNTHETIC = ROOT / "configs" / "scl" / "resnet10t_synthetic.py"
# A user's config: ours, on crops of their own.
CONFIG = """
_base_ = {base!r}
pipeline = [
    dict(type='LoadChromosome'),
    dict(type='ChromosomeCanvas', size=32, extent=144),
    dict(type='PackInputs', meta_keys={{{{_base_.meta_keys}}}}),
]
crops = dict(type='ChromosomeDataset', data_root={data!r}, pipeline=pipeline)
train = dict(_delete_=True, split='train', **crops)
test = dict(_delete_=True, split='test', **crops)
train_dataloader = dict(dataset=train, sampler=dict(steps_per_epoch=2))
val_dataloader = dict(dataset=test)
test_dataloader = dict(dataset=test)
train_cfg = dict(max_epochs=1)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Three cases, two to train (one of them has a Y) and one to test."""
    root = tmp_path_factory.mktemp("drawn")
    write_karyotypes(root, cases=3, cells_per_case=1, seed=0, abnormal_rate=0.0)
    rows = read_rows(root)
    male = next(row["case"] for row in rows if row["type"] == "Y")
    other = next(row["case"] for row in rows if row["case"] != male)
    for row in rows:
        row["split"] = "test" if row["case"] == other else "train"
    write_rows(root, rows)
    return root


@pytest.fixture
def crops(drawn, tmp_path) -> Path:
    """A copy to spoil, without copying images."""
    root = tmp_path / "crops"
    shutil.copytree(drawn, root, copy_function=os.link)
    (root / "manifest.csv").unlink()
    shutil.copy(drawn / "manifest.csv", root)
    return root


@pytest.fixture
def config(crops, tmp_path) -> str:
    path = tmp_path / "my_config.py"
    path.write_text(CONFIG.format(base=str(SYNTHETIC), data=str(crops)))
    return str(path)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Runs a command of tools/ in an empty folder; gives the message of a refusal."""

    def run_tool(tool: str, *args: str) -> str:
        (tmp_path / "here").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setattr(sys, "argv", [tool, *args])
        try:
            runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
        except SystemExit as stop:
            assert stop.code == 2
            printed = capfd.readouterr()
            assert "Traceback" not in printed.err + printed.out
            return printed.err.rpartition("error: ")[2].strip()
        capfd.readouterr()
        return ""

    return run_tool


@pytest.fixture
def train(run, tmp_path):
    """tools/train.py with --cfg-options."""

    def run_train(config: str | Path, *options: str) -> str:
        name = f"experiment_name={tmp_path.name}"
        work_dir = str(tmp_path / "work_dir")
        return run(
            "train.py",
            *(str(config), "--work-dir", work_dir, "--cfg-options", name, *options),
        )

    return run_train


def read_rows(root: Path) -> list[dict[str, str]]:
    with open(root / "manifest.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(root: Path, rows: list[dict[str, str]]) -> None:
    with open(root / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# The data


def test_a_wrong_type_name_is_named_with_its_row(crops, config, train):
    rows = read_rows(crops)
    rows[4]["type"] = "23"
    write_rows(crops, rows)
    message = train(config)
    assert f"manifest.csv: row 5 ({rows[4]['path']!r}) has type '23'" in message
    assert "expected one of 1, 2, 3," in message


def test_an_empty_class_is_named_with_its_split(crops, config, train):
    write_rows(crops, [row for row in read_rows(crops) if row["type"] != "Y"])
    message = train(config)
    assert "No images of the types 'Y' in ChromosomeDataset(split='train'" in message
    assert str(crops) in message and "missing='skip'" in message


@pytest.mark.parametrize(
    ("column", "option", "words"),
    [
        ("type", "", "the column 'type' is required"),
        ("split", "", "needs the column 'split'"),
        (
            "case",
            "train_dataloader.sampler.pairing=cross_case",
            "PairedKaryotypeSampler(pairing='cross_case') needs the column 'case'",
        ),
        (
            "cell",
            "train_dataloader.dataset.cell_size=True",
            "cell_size=True needs the column 'cell'",
        ),
    ],
)
def test_a_missing_column_is_named(column, option, words, crops, config, train):
    rows = read_rows(crops)
    write_rows(crops, [{k: v for k, v in r.items() if k != column} for r in rows])
    message = train(config, *filter(None, [option]))
    assert words in message and str(crops / "manifest.csv") in message


@pytest.mark.parametrize(("workers", "content"), [(0, b"not an image"), (1, b"")])
def test_an_unreadable_image_stops_training_with_its_path(
    workers, content, crops, config, train
):
    """Every image of type 1 is broken, so that the first batch holds one."""
    for row in read_rows(crops):
        if row["type"] == "1" and row["split"] == "train":
            broken = crops / row["path"]
            broken.unlink()  # a link to the original, which stays
            broken.write_bytes(content)
    message = train(config, f"train_dataloader.num_workers={workers}")
    assert message.startswith(str(crops)) and "\n" not in message
    assert not list(crops.parent.glob("work_dir/*.pth"))


def test_a_folder_that_is_no_data_set(crops, config, train, run):
    (crops / "manifest.csv").unlink()
    message = train(config)
    assert f"data_root='{crops}' has no manifest" in message
    assert f"tools/prepare_dataset.py LAYOUT SOURCE --out {crops}" in message
    message = run("prepare_dataset.py", "pki3", str(crops), "--out", "out")
    assert f"{crops}: no data set of the layout 'pki3'" in message


def test_an_unknown_layout(crops, run):
    message = run("prepare_dataset.py", "pki", str(crops), "--out", "out")
    assert "unknown layout 'pki'; there are folder, pki3, bioimlab" in message


def test_the_papers_config_without_its_data_says_what_to_prepare(train, tmp_path):
    message = train(ROOT / "configs" / "scl" / "swin-l_ogh.py")
    assert "data/ogh/manifest.csv: no such file" in message
    assert "python tools/prepare_dataset.py" in message and "--out data/ogh" in message
    assert "docs/data.md" in message and "`data_root`" in message
    assert not (tmp_path / "work_dir").exists()  # before the network is built


# The config


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            "model.backbone.model_name=resnet10tt",
            "has no model 'resnet10tt'; nearest names: resnet10t",
        ),
        ("model.backbone.type=TimEncoder", "did you mean 'TimmEncoder'?"),
        ("model.backbone.modelname=x", "it has no argument 'modelname'; did you mean"),
        ("model.head.lamda1=2", "dict(type='SCLHead', lamda1=...)"),
        ("model.hed.lambda1=2", "no 'model.hed'; did you mean 'head'"),
        ("optim_wraper.type=AmpOptimWrapper", "did you mean 'optim_wrapper'"),
        ("train_dataloader.sampler.type=PairSampler", "no such data sampler in"),
        (
            "train_dataloader.sampler.pairing=crosscase",
            "PairedKaryotypeSampler: pairing: expected one of ('random', 'cross_case'",
        ),
        ("train_dataloader.dataset.spilt=train", "did you mean 'split' or"),
        (
            "train_dataloader.batch_size=40",
            "train_dataloader.batch_size: expected a multiple of 48 (2 karyotypes of "
            "24 types, as the sampler draws them), got 40; set it to 48",
        ),
    ],
)
def test_a_mistyped_option_is_one_line(option, words, config, train):
    message = train(config, option)
    assert words in message and "\n" not in message


STEPS_THAT_DISAGREE = """
steps = [pipeline[0], dict(type='FlipPolarity', upright=True), {canvas}, pipeline[2]]
{phase}_dataloader['dataset']['pipeline'] = steps
"""


@pytest.mark.parametrize("phase", ["train", "val"])
def test_a_canvas_that_turns_chromosomes_over_is_refused_before_the_first_step(
    phase, config, train, tmp_path
):
    canvas = "dict(type='ChromosomeAugment', preset='paper', size=32)"
    with open(config, "a", encoding="utf-8") as file:
        file.write(STEPS_THAT_DISAGREE.format(canvas=canvas, phase=phase))
    message = train(config)
    assert "would turn chromosomes over behind FlipPolarity's back" in message
    assert "\n" not in message and not list(tmp_path.glob("work_dir/*.pth"))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_canvas_that_waits_for_the_size_of_cells_says_where_to_set_it(
    workers, config, train
):
    with open(config, "a", encoding="utf-8") as file:
        file.write("pipeline[1]['cell_size'] = 31\n")
    message = train(config, f"train_dataloader.num_workers={workers}")
    assert message.startswith("ChromosomeCanvas.cell_size is set but the sample has")
    assert "set cell_size=True in the ChromosomeDataset" in message
    assert "\n" not in message


def test_a_mistyped_key_of_a_config_file(config, train):
    with open(config, "a", encoding="utf-8") as file:
        file.write("optim_wraper = dict(type='OptimWrapper')\n")
    assert "my_config.py: unknown key 'optim_wraper'; did you mean" in train(config)


# The checkpoint


class Payload:
    """Pickles to a call that leaves a folder behind when it is run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_a_checkpoint_of_another_model_is_not_tested(config, run, tmp_path):
    cfg = Config.fromfile(config)
    cfg.model.head.embed_dims = 64
    other = tmp_path / "other.pth"
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), other)
    message = run("test.py", config, str(other), "--work-dir", str(tmp_path / "w"))
    assert f"Checkpoint {other} does not fit SCLClassifier" in message
    assert "2 of another shape, first: head.embedding.weight" in message
    assert not list(tmp_path.rglob("predictions.csv"))


@pytest.mark.parametrize("command", ["test", "resume"])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(
    command, config, run, tmp_path
):
    crafted, trace = tmp_path / "crafted.pth", tmp_path / "it_ran"
    torch.save(dict(state_dict={}, meta=Payload(trace)), crafted)
    work_dir = ("--work-dir", str(tmp_path / "work_dir"))
    if command == "test":
        message = run("test.py", config, str(crafted), *work_dir)
    else:
        message = run("train.py", config, "--resume", str(crafted), *work_dir)
    assert f"Checkpoint {crafted} is refused: it asks for" in message
    assert "mkdir" in message and not trace.exists()


# The training


def test_a_nan_loss_stops_and_keeps_the_last_good_checkpoint(crops, config, train):
    """The second epoch's learning rate is absurd: step 3 ruins, step 4 shows it."""
    with open(config, "a", encoding="utf-8") as file:
        file.write("schedule = dict(type='MultiStepLR', milestones=[1], gamma=1e36)\n")
        file.write("param_scheduler = [schedule]\n")
    message = train(config, "train_cfg.max_epochs=3", "train_cfg.val_interval=3")
    first, _, rest = message.partition("\n")
    assert "The loss is not finite at step 4 (learning rate 1e+33)" in first
    assert "loss_con=nan" in first and "loss_cls=nan" in first
    files = [line.strip() for line in rest.splitlines() if line.startswith("    ")]
    used = {str(crops / r["path"]) for r in read_rows(crops) if r["split"] == "train"}
    assert len(files) == 48 and set(files) <= used

    work_dir = crops.parent / "work_dir"
    assert [path.name for path in work_dir.glob("epoch_*.pth")] == ["epoch_1.pth"]
    weights = load_from_local(str(work_dir / "epoch_1.pth"))["state_dict"]
    assert all(value.isfinite().all() for value in weights.values())
    MODELS.build(Config.fromfile(config).model).load_state_dict(weights)


def test_a_batch_of_one_class_has_a_contrastive_loss_of_zero(config, train, tmp_path):
    message = train(
        config,
        "train_dataloader.dataset.types=['1']",
        "train_dataloader.sampler.missing=skip",
        "train_dataloader.batch_size=4",
    )
    assert message == ""
    log = next((tmp_path / "work_dir").rglob("vis_data/scalars.json"))
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [step for step in steps if "loss_con" in step]
    assert steps and all(step["loss_con"] == 0 for step in steps)
    assert all(0 < step["loss_cls"] < 100 for step in steps)
