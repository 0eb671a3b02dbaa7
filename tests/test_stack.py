"""`import mmscl` tells what to install when the stack does not fit."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from mmscl import stack

ROOT = Path(__file__).parents[1]


def import_mmscl(*before: str) -> subprocess.CompletedProcess:
    """Import mmscl in a fresh process, after the lines `before`."""
    code = "\n".join(["import sys", *before, "import mmscl"])
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("module", ["mmengine", "mmcv", "mmpretrain"])
def test_import_without_a_package_says_what_to_install(module):
    hide = (
        "from importlib import util",
        "find = util.find_spec",
        f"util.find_spec = lambda n, *a: None if n == {module!r} else find(n, *a)",
    )
    result = import_mmscl(*hide)
    assert result.returncode != 0
    last = result.stderr[result.stderr.index("ImportError") :]
    assert f"mmscl needs {module} >=" in last
    assert "not installed" in last
    assert "pip install -e .[all]" in last
    assert '--no-deps "mmcv-lite' in last
    assert "keep them" in last


def fake(monkeypatch, name: str, version: str) -> None:
    module = ModuleType(name)
    module.__version__ = version
    module.__spec__ = ModuleSpec(name, None)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("version", ["0.10.6", "0.7", "1.0.0", "2.1"])
def test_a_version_out_of_range_is_named(version, monkeypatch):
    fake(monkeypatch, "json", version)
    requirement = stack.Requirement("json", (), "0.10.7", "1")
    words = f"json >=0.10.7,<1, but found json {version}"
    with pytest.raises(ImportError, match=words):
        stack._check_usable(requirement)


@pytest.mark.parametrize("version", ["0.10.7", "0.10.12", "0.11.0rc1", "0.10.7+cpu"])
def test_versions_in_range_pass(version, monkeypatch):
    fake(monkeypatch, "json", version)
    stack._check_usable(stack.Requirement("json", (), "0.10.7", "1"))


def test_a_package_that_does_not_import_is_named(tmp_path, monkeypatch):
    (tmp_path / "mmbroken.py").write_text("assert False, 'MMCV==9 is incompatible'")
    monkeypatch.syspath_prepend(tmp_path)
    requirement = stack.Requirement("mmbroken", ("pytest",), "1", "2")
    with pytest.raises(ImportError, match=r"pytest [\d.]+\).*MMCV==9 is incompatible"):
        stack._check_usable(requirement)


def test_two_distributions_of_one_name_are_told(monkeypatch):
    versions = {"onedl-mmengine": "0.10.12", "mmengine": "0.10.7"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(stack.metadata, "version", version)
    with pytest.warns(UserWarning) as caught:
        stack._warn_if_mixed(stack.REQUIREMENTS[1])
    text = str(caught[0].message)
    assert "onedl-mmengine 0.10.12 and mmengine 0.10.7 are both installed" in text
    assert "pip uninstall -y mmengine\n" in text
    assert "--force-reinstall --no-deps onedl-mmengine==0.10.12" in text


@pytest.mark.parametrize(
    "version, there, warns",
    [("0.10.7", False, 1), ("0.10.7", True, 0), ("0.10.12", False, 0)],
)
def test_missing_pkg_resources_is_told(version, there, warns, monkeypatch):
    monkeypatch.setattr("mmengine.__version__", version)
    monkeypatch.setattr(
        stack.util, "find_spec", lambda name: object() if there else None
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack._warn_if_pkg_resources_is_missing()
    assert len(caught) == warns
    assert all('"setuptools<82"' in str(one.message) for one in caught)


def test_this_machine_passes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack.check_stack()


@pytest.mark.parametrize(
    "version, numbers",
    [("2.14.1+cu130", (2, 14, 1)), ("1.3.6", (1, 3, 6)), ("0.11.0rc1", (0, 11, 0))],
)
def test_release(version, numbers):
    assert stack.release(version) == numbers


def test_a_version_without_numbers_is_refused():
    with pytest.raises(ImportError, match="cannot read the version 'unknown'"):
        stack.release("unknown")


def test_training_does_not_wait_for_what_only_draws():
    code = (
        "import sys, mmscl.cli, mmscl.engine;"
        "print([m for m in ('matplotlib', 'reportlab', 'jinja2', 'starlette')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
