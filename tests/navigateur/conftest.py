"""A browser a worker, the demonstration's site made once, the same folder over HTTP under a path."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ouvrir import ARGUMENTS, chromium

PREFIX = "/a/b/"
"""Where a static host may put the site: nothing in it may suppose a root."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless. Skips, saying so, where there is none."""
    found = chromium()
    if found is None:
        pytest.skip("Chromium absent : apt-get install chromium, ou QPV_DATA_CHROMIUM, pour ouvrir les pages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    """The site of the demonstration, or the one at QPV_DATA_SITE_ESSAI (a real territory's). Read it, never write in it."""
    if told := os.environ.get("QPV_DATA_SITE_ESSAI"):
        return Path(told)
    demonstration: Path = request.getfixturevalue("demonstration")
    return demonstration / "site"


class _Under(SimpleHTTPRequestHandler):
    """The folder under PREFIX, and nothing beside it."""

    def translate_path(self, path: str) -> str:
        if not path.startswith(PREFIX):
            return str(Path(self.directory) / "hors-du-site")
        return super().translate_path("/" + path.removeprefix(PREFIX))

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site's address over HTTP, on a real socket."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Under, directory=str(site)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    thread.join()
