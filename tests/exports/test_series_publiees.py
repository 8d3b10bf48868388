"""`series` says what `valeurs` says, a zone after the other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from publication import COMMENTS, internal

from qpv_data.exports import series
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.parquet import file_comments
from qpv_data.exports.series import SERIES, write_series


def written(demonstration: Path, target: Path) -> AudienceFolder:
    """A folder that has the values of the demonstration, and its series."""
    target.mkdir()
    (target / "valeurs").symlink_to(internal(demonstration).dossier / "valeurs")
    folder = AudienceFolder(target)
    write_series(folder, target.parent, COMMENTS)
    return folder


@pytest.mark.parametrize("size", [100, 5000])
def test_series_have_every_value_in_groups_of_the_size_that_is_said(
    demonstration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(series, "ROW_GROUP_SIZE", size)
    folder = written(demonstration, tmp_path / "publication")
    columns = ", ".join(["zonage", *SERIES.names])
    both = [
        f"SELECT {columns} FROM read_parquet('{folder.dossier}/{name}.parquet', hive_types_autocast = false)"
        for name in ("valeurs/*/*/*", "series/*/*")
    ]
    for one, other in (both, both[::-1]):
        assert duckdb.sql(f"({one}) EXCEPT ALL ({other})").fetchall() == []
    for path in folder.series():
        found = pq.ParquetFile(path).metadata
        groups = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
        assert groups[:-1] == [size] * (len(groups) - 1)
        assert 0 < groups[-1] <= size


def test_series_are_sorted_and_twice_the_same_and_explained(demonstration: Path, tmp_path: Path) -> None:
    first, second = (written(demonstration, tmp_path / name) for name in "ab")
    for path, again in zip(first.series(), second.series(), strict=True):
        assert path.read_bytes() == again.read_bytes()
        content = pq.ParquetFile(path).read()
        keys = list(zip(*(content.column(n).to_pylist() for n in SERIES.names[:3]), strict=True))
        assert keys == sorted(keys)
        assert set(file_comments(path).colonnes) == set(SERIES.names)
    assert not list(tmp_path.rglob("*.part"))
