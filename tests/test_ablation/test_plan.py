"""Which runs an ablation makes, and what they are of."""

from __future__ import annotations

import re

import pytest
from mmengine.config import Config

from mmscl.ablation import fingerprint, make_plan
from mmscl.ablation.fingerprint import code_state, commit, stack_state
from mmscl.config import ConfigError
from mmscl.datasets.manifest import Manifest
from mmscl.engine.settings import flatten_settings, list_changes


def test_jobs_come_seed_by_seed_with_the_reference_first(ask):
    plan = make_plan(ask())
    assert [(job.config, job.arm, job.seed) for job in plan] == [
        ("tiny", "baseline", 0),
        ("tiny", "scl", 0),
        ("tiny", "baseline", 1),
        ("tiny", "scl", 1),
    ]
    assert {job.steps for job in plan} == {2}
    assert plan[0].sets == ["internal", "other_lab"]


def test_arms_of_one_seed_differ_in_the_loss_alone(ask):
    baseline, scl, *_ = make_plan(ask())
    changes = list_changes(flatten_settings(baseline.cfg), flatten_settings(scl.cfg))
    assert [change.partition(":")[0] for change in changes] == [
        "model.head.loss",
        "model.head.loss.type",
    ]


def test_the_dumped_config_is_the_planned_one(ask, tmp_path):
    job = make_plan(ask(options={"model.head.embed_dims": 4}))[1]
    job.cfg.dump(tmp_path / "config.py")
    again = Config.fromfile(tmp_path / "config.py")
    assert flatten_settings(again) == flatten_settings(job.cfg)
    assert again.model.head.embed_dims == 4
    assert again.external.keys() == {"other_lab"}


def test_an_arm_may_be_one_config_for_all(ask, folder):
    (folder / "other.py").write_text((folder / "configs/scl/tiny.py").read_text())
    plan = make_plan(ask(arms=["baseline", "mine=other.py"], seeds=[0]))
    assert [job.arm for job in plan] == ["baseline", "mine"]


def test_configs_are_found_below_the_projects(ask, folder):
    plan = make_plan(ask(configs=["scl/tiny.py"], configs_root=folder / "configs"))
    assert plan[0].config == "tiny"


def test_without_steps_the_configs_own_count(ask):
    assert {job.steps for job in make_plan(ask(steps=None))} == {12}


def test_settings_of_the_test_are_part_of_the_fingerprint(ask):
    plain = make_plan(ask())[0].fingerprints
    size = make_plan(
        ask(options={"test_dataloader.dataset.pipeline.1.size": (16, 16)})
    )[0].fingerprints
    best = make_plan(ask(select="best"))[0].fingerprints
    for name in plain:
        settings = {f[name]["settings"] for f in (plain, size, best)}
        assert len(settings) == 3
        assert plain[name]["train_data"] == size[name]["train_data"]


def test_data_are_part_of_the_fingerprint(ask, folder):
    before = make_plan(ask())[0].fingerprints
    file = folder / "other_lab" / "manifest.csv"
    manifest = Manifest.read(file)
    columns = {name: manifest[name][:-1] for name in manifest.columns}
    Manifest(columns).write(file)
    after = make_plan(ask())[0].fingerprints
    assert before["internal"] == after["internal"]
    assert before["other_lab"]["test_data"].startswith("48 images")
    assert after["other_lab"]["test_data"].startswith("47 images")
    assert before["internal"]["train_data"].startswith("48 + 24 images")


def test_fingerprints_of_the_program_are_readable():
    assert re.fullmatch(r"[0-9a-f]{16}", code_state())
    assert re.fullmatch(r"([0-9a-f]{12}\+?)?", commit())
    assert "torch 2." in stack_state() and "mmengine" in stack_state()


def test_a_model_that_is_shipped_changes_no_code(tmp_path, monkeypatch):
    models = tmp_path / "shipped" / "models"
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    monkeypatch.setattr(fingerprint, "MODELS", models)
    (models / "a").mkdir(parents=True)
    (tmp_path / ".mim").mkdir()
    (tmp_path / "code.py").write_text("x = 1")
    before = code_state()
    (models / "a" / "config.py").write_text("x = 2")
    (tmp_path / ".mim" / "config.py").write_text("x = 2")
    assert code_state() == before
    (tmp_path / "code.py").write_text("x = 3")
    assert code_state() != before


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(configs=["scl/nothing.py"]), "scl/nothing.py: no such config file"),
        (dict(configs=["configs/scl/tiny.py"] * 2), "tiny is given twice"),
        (dict(arms=["baseline"]), "--arms: expected 2 to 12, got 1: baseline"),
        (dict(arms=["scl", "scl"]), "--arms: expected different values"),
        (dict(arms=["baseline", "focal"]), "--arms focal: .* has no twin"),
        (dict(seeds=[1, 1]), "--seeds: expected different values, got 1, 1"),
        (dict(select="first"), "--select: expected one of"),
        (dict(external=["nowhere"]), "--external nowhere: neither one of the"),
        (
            dict(external=["other_lab", "other_lab"]),
            "there is a set other_lab already; .* NAME=other_lab",
        ),
        (dict(external=["internal=other_lab"]), "--external internal: the name"),
        (dict(options={"model.hed.loss": 1}), "has no 'model.hed'"),
        (
            dict(options={"test_evaluator": [dict(type="ChromosomeMetric")]}),
            "test_evaluator has no PredictionTable",
        ),
        (
            dict(options={"default_hooks.checkpoint.save_best": None}, select="best"),
            "--select best: .* keeps no best checkpoint",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(ask, changes, message):
    with pytest.raises(ConfigError, match=message):
        make_plan(ask(**changes))


def test_unequal_budgets_are_refused(ask, folder):
    file = folder / "configs" / "scl" / "tiny.py"
    file.write_text(file.read_text().replace("max_epochs=3", "max_epochs=2"))
    with pytest.raises(ConfigError, match=r"baseline 12, scl 8.* --steps"):
        make_plan(ask(steps=None))
    assert {job.steps for job in make_plan(ask(steps=4))} == {4}


def test_data_without_a_manifest_are_refused(ask, folder):
    for arm in ("baseline", "scl"):
        file = folder / "configs" / arm / "tiny.py"
        text = file.read_text().replace('type="ChromosomeDataset"', 'type="CIFAR10"')
        file.write_text(text)
    with pytest.raises(ConfigError, match="CIFAR10 has no manifest"):
        make_plan(ask())
