"""The OpenMMLab packages under mmscl: are they there, and do they fit?

mmscl does not depend on mmengine, mmpretrain and mmcv by name, because each
import name is offered by several distributions (upstream, ``onedl-*``,
``mmcv-lite``) of which a machine must hold exactly one. So the check is made
here, before anything of ours imports them.
"""

from __future__ import annotations

import re
import warnings
from contextlib import redirect_stdout
from importlib import import_module, metadata, util
from io import StringIO
from typing import NamedTuple


class Requirement(NamedTuple):
    """One import name, the distributions that offer it and the usable range."""

    module: str
    distributions: tuple[str, ...]
    at_least: str
    below: str


# Upper ends are those that mmpretrain itself asserts when it is imported.
REQUIREMENTS = (
    Requirement("torch", ("torch",), "2.6", "3"),
    Requirement(
        "mmengine", ("onedl-mmengine", "mmengine", "mmengine-lite"), "0.10.7", "1"
    ),
    Requirement("mmcv", ("mmcv-lite", "onedl-mmcv", "mmcv"), "2.0.0", "2.4.0"),
    Requirement("mmpretrain", ("onedl-mmpretrain", "mmpretrain"), "1.2.0", "2"),
)

ADVICE = """\
New here? In an environment of your own, from a clone of the project:
    pip install -e .[all]
    pip install --no-deps "mmcv-lite>=2.2"
    (--no-deps, because mmcv-lite would bring a second mmengine)
You have OpenMMLab's packages already and want to keep them?
    pip install -e .
  and bring what is named above up to date, e.g.
    pip install "mmengine>=0.10.7" "mmpretrain>=1.2.0" "mmcv-lite>=2.0.0,<2.4"
"""


def check_stack() -> None:
    """Check that torch, mmengine, mmcv and mmpretrain can be used.

    Warns when two distributions share one import name (the files are then a
    mixture) and when mmengine needs a ``pkg_resources`` that is not there.

    Raises:
        ImportError: one is missing, out of range or fails to import. The
            message names it, the version found and the pip lines for a new
            user and for one with an existing installation.
    """
    with warnings.catch_warnings():
        # mmcv-lite greets every user with an operator that no classifier needs
        warnings.filterwarnings("ignore", "Fail to import ``MultiScaleDeformable")
        for requirement in REQUIREMENTS:
            _check_usable(requirement)
            _warn_if_mixed(requirement)
        with redirect_stdout(StringIO()):  # onedl's word about a tool of its makers
            import_module("mmpretrain.datasets")
            import_module("mmcv.cnn.bricks.transformer")
    _warn_if_pkg_resources_is_missing()


def installed_distributions(requirement: Requirement) -> dict[str, str]:
    """Distributions on this machine that offer an import name.

    Args:
        requirement: a row of ``REQUIREMENTS``.

    Returns:
        Distribution name -> version.
    """
    found = {}
    for name in requirement.distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def release(version: str) -> tuple[int, ...]:
    """Numbers of a version, to compare: '2.14.1+cu130' -> (2, 14, 1)."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    if numbers is None:
        raise ImportError(f"mmscl cannot read the version {version!r}.")
    return tuple(int(number) for number in numbers.group().split("."))


def _check_usable(requirement: Requirement) -> None:
    module, _, at_least, below = requirement
    if util.find_spec(module) is None:
        raise ImportError(
            f"mmscl needs {module} >={at_least},<{below}, which is not "
            f"installed.\n{ADVICE}"
        )
    try:
        version = import_module(module).__version__
    except Exception as error:  # e.g. mmpretrain asserts mmcv's version
        found = ", ".join(
            f"{name} {number}"
            for name, number in installed_distributions(requirement).items()
        )
        raise ImportError(
            f"mmscl needs {module} >={at_least},<{below}. It is installed "
            f"({found or 'by hand'}) but does not import: "
            f"{type(error).__name__}: {error}\n{ADVICE}"
        ) from error
    if not release(at_least) <= release(version) < release(below):
        raise ImportError(
            f"mmscl needs {module} >={at_least},<{below}, but found "
            f"{module} {version}.\n{ADVICE}"
        )


def _warn_if_mixed(requirement: Requirement) -> None:
    found = installed_distributions(requirement)
    if len(found) < 2:
        return
    keep, *others = found
    both = " and ".join(f"{name} {number}" for name, number in found.items())
    warnings.warn(
        f"mmscl stack: {both} are both installed and overwrite each other in "
        f"`import {requirement.module}`. Keep one:\n"
        f"    pip uninstall -y {' '.join(others)}\n"
        f"    pip install --force-reinstall --no-deps {keep}=={found[keep]}",
        stacklevel=3,
    )


def _warn_if_pkg_resources_is_missing() -> None:
    """Mmengine <= 0.10.7 finds installed packages by ``pkg_resources``."""
    import mmengine

    needs_it = release(mmengine.__version__) <= (0, 10, 7)
    if needs_it and util.find_spec("pkg_resources") is None:
        warnings.warn(
            f"mmscl stack: mmengine {mmengine.__version__} uses pkg_resources, "
            "which setuptools 82 removed, so a config with "
            "`_base_ = 'mmpretrain::...'` will not load. Way out:\n"
            '    pip install "setuptools<82"',
            stacklevel=3,
        )
