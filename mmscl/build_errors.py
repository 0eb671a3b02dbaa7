"""Mistakes in a config that show when its components are built, in one message."""

from __future__ import annotations

import difflib
import dis
import inspect
import re
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Any

from mmengine.registry import Registry
from mmengine.registry.build_functions import build_from_cfg

_RAISE = dis.opmap["RAISE_VARARGS"]


def explain_build_error(error: Exception) -> str | None:
    """What is wrong with the config, if that is why building a component failed.

    mmengine builds every component by one function, so the innermost frame of that
    function in the traceback has the component's config. Three mistakes are told
    apart from bugs, whose traceback must stay:

    1. The registry does not know the type.
    2. The type does not take an argument that the config gives, or lacks one.
    3. A check of this package refuses a value (it raises on purpose).

    Args:
        error: As caught, with its traceback.

    Returns:
        One message in the words of the config; None if it is none of these.
    """
    trace = _traces(error)
    builds = [t.tb_frame for t in trace if t.tb_frame.f_code is build_from_cfg.__code__]
    if not builds:
        return None
    build, last = builds[-1], trace[-1]
    if isinstance(error, KeyError) and last.tb_frame is build:
        return _unknown_type(build, str(error.args[0]))
    if isinstance(error, TypeError):
        told = _wrong_argument(build, str(error), last.tb_frame is build)
        if told:
            return told
    if isinstance(error, (TypeError, ValueError)) and _is_our_check(last):
        kind, text = _kind(build), str(error)
        return text if kind in text else f"{kind}: {text}"
    return None


def _traces(error: Exception) -> list[TracebackType]:
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _unknown_type(build: FrameType, text: str) -> str:
    name, registry = build.f_locals.get("obj_type"), build.f_locals["registry"]
    if not isinstance(name, str):  # a config without a type: mmengine's words will do
        return text
    near = did_you_mean(name, _registered(registry))
    return (
        f"type={name!r}: there is no such {registry.name} in mmpretrain, mmengine or "
        f"mmscl{near or '.'} If it is your own, name its module in custom_imports."
    )


def _registered(registry: Registry | None) -> Iterable[str]:
    """Names in a registry and its parents, without those that carry a package."""
    while registry is not None:
        yield from (name for name in registry.module_dict if "." not in name)
        registry = registry.parent


def _wrong_argument(build: FrameType, text: str, in_call: bool) -> str | None:
    """Words for an argument of the config that the type does not take, or lacks."""
    given = build.f_locals.get("args", {})
    kind = _kind(build)
    unexpected = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unexpected and unexpected.group(1) in given:
        name = unexpected.group(1)
        near = did_you_mean(name, _arguments(build.f_locals.get("obj_cls")))
        return f"dict(type={kind!r}, {name}=...): it has no argument {name!r}{near}"
    if in_call and re.search(r"missing \d+ required", text):
        return f"dict(type={kind!r}): {text}"
    return None


def _kind(build: FrameType) -> str:
    kind = build.f_locals.get("obj_type")
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _arguments(component: Any) -> Iterable[str]:
    if not callable(component):
        return []
    taken = inspect.signature(component).parameters.values()
    return [
        one.name
        for one in taken
        if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...?' with the nearest known names, '' if none is near."""
    near = difflib.get_close_matches(name, sorted(set(known)), n=3)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _is_our_check(last: TracebackType) -> bool:
    """Whether the error comes from a `raise` statement of this package."""
    frame = last.tb_frame
    ours = frame.f_globals.get("__name__", "").partition(".")[0] == "mmscl"
    return ours and frame.f_code.co_code[last.tb_lasti] == _RAISE
