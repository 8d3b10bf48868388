"""What the tests of `qpv-data locate` share: an index cache of their own, and the zones that most of them ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas
import pytest
from points_made import X, Y, square


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test writes in the user's cache."""
    folder = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QPV_DATA_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two squares of a kilometre that overlap by a quarter, A and B, in EPSG:2154."""
    path = tmp_path_factory.mktemp("zones") / "zones.parquet"
    frame = geopandas.GeoDataFrame({"code": ["A", "B"]}, geometry=[square(X, Y), square(X + 500, Y + 500)], crs=2154)
    frame.to_parquet(path)
    return path
