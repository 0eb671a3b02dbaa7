"""A mistake in a config is told apart from a bug, which keeps its traceback."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import Registry

from mmscl.build_errors import explain_build_error
from mmscl.cli import report_errors
from mmscl.config import ConfigError
from mmscl.functional import focal_loss
from mmscl.models import SoftmaxFocalLoss

PARTS = Registry("part", scope="mmpretrain")
PARTS.register_module(name="SoftmaxFocalLoss", module=SoftmaxFocalLoss)


@PARTS.register_module()
class Lamp:
    """Built from a config; `fault` chooses what goes wrong inside."""

    def __init__(self, watts: int, fault: str = "", **kwargs) -> None:
        if fault == "value":
            raise ValueError("not ours to explain")
        if fault == "argument":
            dimmer(colour=1)
        if kwargs:
            dimmer(**kwargs)


def dimmer() -> None:
    """Takes nothing."""


def explain(**config) -> str | None:
    try:
        PARTS.build(config)
    except Exception as error:
        return explain_build_error(error)
    raise RuntimeError("it was built")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            dict(type="Lmp", watts=1),
            "type='Lmp': there is no such part in mmpretrain, mmengine or mmscl; did "
            "you mean 'Lamp'? If it is your own, name its module in custom_imports.",
        ),
        (dict(type="Xyz"), "or mmscl. If it is your own"),
        (dict(watts=1), 'must contain the key "type"'),
        (
            dict(type="Lamp", wats=1, watts=2),
            "dict(type='Lamp', wats=...): it has no argument 'wats'; did you mean "
            "'watts'?",
        ),
        (dict(type=Lamp), "dict(type='Lamp'): Lamp.__init__() missing 1 required"),
        (
            dict(type="SoftmaxFocalLoss", gamma=-1),
            "SoftmaxFocalLoss.gamma: expected >= 0, got -1",
        ),
    ],
)
def test_a_mistake_in_a_config_is_explained(config, message):
    assert message in explain(**config)


@pytest.mark.parametrize(
    "config",
    [
        dict(type="Lamp", watts=1, fault="value"),  # no check of this package
        dict(type="Lamp", watts=1, fault="argument"),  # not an argument of the config
        dict(type="SoftmaxFocalLoss", gamma="two"),  # no check at all
        dict(type="SoftmaxFocalLoss", alpha="one"),
    ],
)
def test_a_bug_while_building_is_not(config):
    assert explain(**config) is None


def test_an_error_after_building_is_not():
    with pytest.raises(ValueError) as caught:
        focal_loss(torch.zeros(2), torch.zeros(2))
    assert explain_build_error(caught.value) is None


def test_a_command_ends_with_one_message_and_code_2(capsys):
    with pytest.raises(SystemExit) as stop, report_errors():
        raise ConfigError("c.py: unknown key 'modle'")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "\nerror: c.py: unknown key 'modle'\n"


def test_a_bug_keeps_its_traceback(capsys):
    with pytest.raises(ZeroDivisionError), report_errors():
        print(1 / 0)
    with pytest.raises(ValueError, match="expected logits"), report_errors():
        focal_loss(torch.zeros(2), torch.zeros(2))
    assert capsys.readouterr().err == ""


def test_the_traceback_is_there_for_the_asking(monkeypatch, capsys):
    monkeypatch.setenv("MMSCL_TRACEBACK", "1")
    with pytest.raises(ConfigError), report_errors():
        raise ConfigError("c.py: unknown key 'modle'")
    assert capsys.readouterr().err == ""
