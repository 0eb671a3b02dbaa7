"""A browser without a window; where there is none, what asks for it is left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium, of playwright's synchronous interface."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@contextmanager
def open_page(width: int = 1440, height: int = 900) -> Iterator[Any]:
    """An empty page in a window of that many pixels."""
    with open_browser() as browser:
        yield browser.new_page(viewport=dict(width=width, height=height))
