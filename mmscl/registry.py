"""Registration under two names: `X` for mmpretrain configs and `mmscl.X`.

Components live in mmpretrain's own registries, because `get_model` and the
inferencers force the scope `mmpretrain` and a child registry would not be
searched. A child registry of scope `mmscl` holds the same classes, so that a
config may also name its source: `type='mmscl.SCLClassifier'`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mmengine.registry import Registry

Component = TypeVar("Component", bound=type)

_children: dict[int, Registry] = {}


def register(registry: Registry) -> Callable[[Component], Component]:
    """Class decorator: register in `registry` and as `mmscl.<ClassName>`.

    Args:
        registry: One of `mmpretrain.registry`'s registries, such as MODELS.

    Raises:
        KeyError: From mmengine, if the name is taken in that registry.
    """
    child = _children.get(id(registry))
    if child is None:
        child = Registry(registry.name, parent=registry, scope="mmscl")
        _children[id(registry)] = child

    def decorate(component: Component) -> Component:
        registry.register_module(module=component)
        child.register_module(module=component)
        return component

    return decorate
