"""The list of models in a page of the documentation, between two comments."""

from __future__ import annotations

import re
from pathlib import Path

from mmscl.files import replaced
from mmscl.shipped.card import list_models
from mmscl.shipped.store import find_shipped, shipped_names

_BEGIN, _END = "<!-- models: written by tools/ship_weights.py -->", "<!-- end -->"
_LIST = re.compile(rf"(?<={re.escape(_BEGIN)}\n).*?(?=\n{re.escape(_END)})", re.DOTALL)
#: From docs/ to the models.
_LINKS = "../mmscl/shipped/models"


def current_list() -> str:
    """Markdown of the models that are there."""
    models = (find_shipped(name) for name in shipped_names())
    return list_models((model.record() for model in models if model), _LINKS)


def read_list(page: Path) -> str:
    """What a page says between the comments.

    Raises:
        ValueError: It has no such comments.
    """
    found = _LIST.search(page.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{page}: no list between {_BEGIN} and {_END}")
    return found.group()


def update_list(page: Path) -> None:
    """Write the models that are there into a page."""
    read_list(page)
    text = _LIST.sub(lambda _: current_list(), page.read_text("utf-8"))
    with replaced(page) as part:
        part.write_text(text, encoding="utf-8")
