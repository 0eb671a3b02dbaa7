"""A flat config means the same everywhere."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmscl.config import ConfigError
from mmscl.shipped.flat_config import flatten_config, write_config


def test_what_holds_on_one_machine_is_left_out():
    cfg = Config(
        dict(
            model=dict(backbone=dict(type="TimmEncoder", pretrained=True)),
            train_dataloader=dict(dataset=dict(data_root="/root/data/pki3")),
            test_dataloader=dict(dataset=dict(data_root="data/pki3")),
            work_dir="/root/runs",
            launcher="none",
            load_from="/root/start.pth",
            resume=True,
            size=(96, 48),
        )
    )
    flat, changes = flatten_config(cfg)
    assert flat.to_dict() == dict(
        model=dict(backbone=dict(type="TimmEncoder", pretrained=False)),
        train_dataloader=dict(dataset=dict(data_root="data/pki3")),
        test_dataloader=dict(dataset=dict(data_root="data/pki3")),
        load_from=None,
        resume=False,
        size=(96, 48),
    )
    assert changes == [
        "model.backbone.pretrained: True -> False",
        "train_dataloader.dataset.data_root: /root/data/pki3 -> data/pki3",
    ]
    assert cfg.work_dir == "/root/runs"  # the own config is not touched


@pytest.mark.parametrize("path", ["/root/list.csv", "~/list.csv"])
def test_other_paths_are_refused(path):
    cfg = Config(dict(train=[dict(type="A"), dict(files=("a.csv", path))]))
    with pytest.raises(
        ConfigError, match=r"train\.1\.files\.1 = '.*list.csv' is a path"
    ):
        flatten_config(cfg)


def test_it_reads_back_as_it_was(tmp_path):
    cfg = Config(dict(a=dict(b=(1, 2.5), c=[None, "x"]), d=True))
    write_config(cfg, tmp_path / "config.py", "a title")
    assert Config.fromfile(tmp_path / "config.py").to_dict() == cfg.to_dict()
    assert (tmp_path / "config.py").read_text().startswith('"""a title"""\n\na = ')


def test_a_value_that_is_no_text_is_refused(tmp_path):
    for value in (float("nan"), object()):
        with pytest.raises(ConfigError, match="a title. It holds a value that cannot"):
            write_config(Config(dict(a=value)), tmp_path / "config.py", "a title.")
