"""Screenshots of every kind of page, for whoever reviews a run: QPV_DATA_CAPTURES says where they are left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from captures import LOOKS, take
from ouvrir import kinds


def test_every_kind_of_page_has_its_screenshots(browser: Any, site: Path) -> None:
    told = os.environ.get("QPV_DATA_CAPTURES")
    if not told:
        pytest.skip("QPV_DATA_CAPTURES n'est pas défini : aucune capture demandée")
    made = take(browser, site, Path(told))
    assert len(made) == len(kinds(site)) * len(LOOKS)
    assert all(p.read_bytes()[8:12] == b"WEBP" and p.stat().st_size > 3000 for p in made)
