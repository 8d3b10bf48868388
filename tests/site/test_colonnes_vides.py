"""Whatever a release leaves empty, or does not have because its schema is older, the site is made and invents nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qpv_data.exports.folder import audience_folder
from qpv_data.schemas import PUBLISHED
from qpv_data.site.build import Options, build

READ = ("clauses", "indicateurs", "livraisons", "publications", "zones", "zones_communes")


@pytest.fixture
def released(demonstration: Path, tmp_path: Path) -> Path:
    """The tables of the demonstration's open release, without its database: they may be changed."""
    shutil.copytree(demonstration / "releases" / "2024-T4-r1" / "ouvert", tmp_path / "ouvert")
    (tmp_path / "ouvert" / "qpv.duckdb").unlink()
    return tmp_path / "ouvert"


def rewritten(release: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = release / f"{name}.parquet"
    if path.is_file():
        with pq.ParquetFile(path) as file:
            table = file.read()
        pq.write_table(change(table), path)


def emptied(release: Path, name: str) -> None:
    always = PUBLISHED[name].non_nulles

    def change(table: pa.Table) -> pa.Table:
        for at, field in enumerate(table.schema):
            if field.name not in always:
                table = table.set_column(at, field, pa.nulls(len(table), field.type))
        return table

    rewritten(release, name, change)


def invented(release: Path) -> list[str]:
    site = release.parent / "site"
    build(audience_folder(release), site, Options())
    return [p.name for p in site.rglob("*.html") if any(w in p.read_text("utf-8") for w in ("None", ">nan", "NaT"))]


@pytest.mark.parametrize("name", READ)
def test_a_table_with_all_that_may_be_empty_empty_makes_a_site(released: Path, name: str) -> None:
    emptied(released, name)
    assert invented(released) == []


def test_every_table_with_all_that_may_be_empty_empty_makes_a_site(released: Path) -> None:
    for name in PUBLISHED:
        emptied(released, name)
    assert invented(released) == []


def test_a_release_of_the_first_schema_makes_a_site(released: Path) -> None:
    since = {"clauses": ("statut", "contrat", "signee_le", "debut", "fin", "renouvellement"),
             "zones_communes": ("part_population",)}  # fmt: skip
    for name, columns in since.items():
        rewritten(released, name, lambda table, columns=columns: table.drop_columns(list(columns)))  # type: ignore[misc]
    assert invented(released) == []
