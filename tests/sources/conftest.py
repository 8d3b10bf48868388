"""Servers of the protocols answer on 127.0.0.1, as the sources of these tests declare it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)
