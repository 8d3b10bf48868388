"""The DuckDB file as an analyst meets it: it opens anywhere, explains itself, and its views say what they promise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from bases import base_of, insert

from qpv_data.comments import added_texts
from qpv_data.database import GEOJSON_DEGREES, create, write_database
from qpv_data.derived import derive
from qpv_data.profile import FIXED, write_profile
from qpv_data.runs import RunError
from qpv_data.schemas import PUBLISHED

PLAIN = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


@pytest.fixture(scope="module")
def base(demonstration: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(base_of(demonstration)), read_only=True, config=PLAIN) as con:
        yield con


@pytest.fixture
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        create(con)
        yield con


def all_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return con.execute(sql).fetchall()


def test_every_table_view_and_column_has_a_comment(base: duckdb.DuckDBPyConnection) -> None:
    for kind in ("table", "view"):
        sql = f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE NOT internal AND coalesce(comment, '') = ''"
        assert all_of(base, sql) == [], kind
    silent = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND coalesce(comment, '') = ''"
    assert all_of(base, silent) == []


def test_what_the_dictionary_says_that_the_base_adds_is_there_and_nothing_else(base: duckdb.DuckDBPyConnection) -> None:
    found = {name for (name,) in all_of(base, "SELECT table_name FROM information_schema.tables")}
    macros = {name for name, text in added_texts().items() if text["sorte"] == "macro"}
    assert found == set(PUBLISHED) | (set(added_texts()) - macros)
    assert {n for (n,) in all_of(base, "SELECT function_name FROM duckdb_functions() WHERE NOT internal")} == macros


def test_no_explanation_of_a_view_is_of_a_column_that_it_lacks(base: duckdb.DuckDBPyConnection) -> None:
    for name, text in added_texts().items():
        if text["sorte"] != "macro":
            assert set(text["colonnes"]) <= {c for c, *_ in all_of(base, f"DESCRIBE {name}")}, name


def test_the_file_is_written_for_the_oldest_duckdb_that_it_promises(base: duckdb.DuckDBPyConnection) -> None:
    assert all_of(base, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'qpv'") == [
        ("v1.0.0+",)
    ]
    kinds = {t for (t,) in all_of(base, "SELECT DISTINCT data_type FROM duckdb_columns() WHERE NOT internal")}
    assert not any("GEOMETRY" in str(kind) for kind in kinds)


def test_every_view_is_read_whole_without_an_extension(base: duckdb.DuckDBPyConnection) -> None:
    for (name,) in all_of(base, "SELECT view_name FROM duckdb_views() WHERE NOT internal"):
        base.execute(f"SELECT * FROM {name}").fetchall()


def test_keys_are_indexed_but_for_those_that_a_check_holds(base: duckdb.DuckDBPyConnection) -> None:
    keyed = {name for (name,) in all_of(base, "SELECT table_name FROM duckdb_tables() WHERE has_primary_key")}
    assert {name for name, table in PUBLISHED.items() if table.cle and not table.controlee} == keyed & set(PUBLISHED)
    for name, table in PUBLISHED.items():
        refused = all_of(
            base, f"SELECT column_name FROM duckdb_columns() WHERE table_name = '{name}' AND NOT is_nullable"
        )
        assert {c for (c,) in refused} == set(table.non_nulles), name


def test_rows_of_valeurs_are_in_the_order_that_lets_a_zone_be_read_alone(base: duckdb.DuckDBPyConnection) -> None:
    order = "zonage, code_zone, indicateur, modalite, periode_debut"
    assert all_of(base, f"SELECT {order} FROM valeurs") == all_of(base, f"SELECT {order} FROM valeurs ORDER BY {order}")


def test_contours_are_the_same_as_wkb_and_as_geojson_to_the_decimetre(base: duckdb.DuckDBPyConnection) -> None:
    rows = all_of(
        base, "SELECT z.geometrie, g.geojson FROM zones z LEFT JOIN zones_geojson g USING (zonage, code_zone)"
        " WHERE z.geometrie IS NOT NULL"
    )  # fmt: skip
    assert len(rows) > 50
    for wkb, text in rows:
        exact, rounded = (shapely.from_wkb(wkb), shapely.from_geojson(str(text)))
        assert json.loads(str(text))["type"] == exact.geom_type
        gap = np.abs(shapely.get_coordinates(exact) - shapely.get_coordinates(rounded))
        assert gap.max() <= GEOJSON_DEGREES / 2 * 1.001


def test_the_spatial_extension_reads_the_contours(demonstration: Path, tmp_path: Path) -> None:
    copied = shutil.copy(base_of(demonstration), tmp_path)  # one process opens a file with one configuration
    with duckdb.connect(str(copied), read_only=True) as con:
        try:
            con.execute("LOAD spatial")
        except duckdb.Error:
            try:
                con.execute("INSTALL spatial; LOAD spatial")
            except duckdb.Error:
                pytest.skip("extension spatiale de DuckDB absente, et impossible à installer ici")
        areas = con.execute("SELECT ST_Area(ST_GeomFromWKB(geometrie)) FROM zones WHERE geometrie IS NOT NULL")
        assert all(area > 0 for (area,) in areas.fetchall())


def test_the_wide_profile_says_what_the_long_one_says(base: duckdb.DuckDBPyConnection) -> None:
    columns = [c for c, *_ in all_of(base, "DESCRIBE profil_quartier") if c not in FIXED]
    assert set(columns) == {i for (i,) in all_of(base, "SELECT DISTINCT indicateur FROM profil")}
    wide = {
        (zonage, code, column): value
        for zonage, code, *values in all_of(
            base, f"SELECT zonage, code_zone, {', '.join(columns)} FROM profil_quartier"
        )
        for column, value in zip(columns, values, strict=True)
    }
    long = {(z, c, i): v for z, c, i, v in all_of(base, "SELECT zonage, code_zone, indicateur, valeur FROM profil")}
    assert {k: v for k, v in wide.items() if v is not None} == {k: v for k, v in long.items() if v is not None}
    quarters = all_of(base, "SELECT zonage, code_zone FROM zones WHERE famille = 'qpv' ORDER BY ALL")
    assert all_of(base, "SELECT zonage, code_zone FROM profil_quartier ORDER BY ALL") == quarters


def test_a_column_of_the_profile_tells_title_unit_and_period(base: duckdb.DuckDBPyConnection) -> None:
    said = "SELECT comment FROM duckdb_columns() WHERE table_name = 'profil_quartier' AND column_name = '{}'"
    assert all_of(base, said.format("demo_equipements")) == [("Équipements (équipements), 2024",)]


def test_an_indicator_named_as_a_column_of_the_profile_has_its_own(empty: duckdb.DuckDBPyConnection) -> None:
    insert(empty, "zones", zonage="qpv2024", famille="qpv", code_zone="Q1", nom="Un")
    insert(empty, "indicateurs", indicateur="quartier", titre="Titre", unite="u")
    insert(empty, "valeurs", indicateur="quartier", modalite="ensemble", zonage="qpv2024", code_zone="Q1",
           periode="2024", valeur=3.0)  # fmt: skip
    derive(empty)
    assert write_profile(empty) == {"quartier_valeur": "Titre (u), 2024"}
    assert all_of(empty, "SELECT quartier, quartier_valeur FROM profil_quartier") == [("Un", 3.0)]


def test_there_is_no_gap_to_all_quarters_when_one_of_them_is_hidden(base: duckdb.DuckDBPyConnection) -> None:
    """The reference is a function of published figures: taken again here, row by row."""
    rows = all_of(
        base, "SELECT v.zonage, v.indicateur, v.modalite, v.periode, v.statut_observation, v.statut_diffusion,"
        " v.numerateur, v.denominateur, i.facteur, i.decimales FROM valeurs v JOIN indicateurs i USING (indicateur)"
        " JOIN zones z USING (zonage, code_zone) WHERE z.famille = 'qpv' AND i.additif"
        " AND i.nature IN ('moyenne', 'part', 'taux')"
    )  # fmt: skip
    expected: dict[object, float | None] = {}
    cells: dict[object, list[tuple[object, ...]]] = {}
    for *key, seen, shown, n, d, factor, decimals in rows:
        cells.setdefault(tuple(key), []).append((seen, shown, n, d, factor, decimals))
    for key, found in cells.items():
        full = all((s, p) == ("normale", "diffusee") or s == "sans_objet" for s, p, *_ in found)
        total = sum(float(d or 0) for *_, d, _, _ in found)  # type: ignore[arg-type]
        if full and total > 0:
            over = sum(float(n or 0) for _, _, n, *_ in found)  # type: ignore[arg-type]
            expected[key] = round(float(found[0][4] or 1) * over / total, int(found[0][5]))  # type: ignore[call-overload]
    said = all_of(
        base, "SELECT DISTINCT zonage, indicateur, modalite, periode, valeur_ensemble FROM ecarts_ensemble_quartiers"
    )  # fmt: skip
    assert {tuple(key): pytest.approx(value, abs=0.051) for *key, value in said} == expected
    assert len(expected) < len(cells), "some are hidden in the demonstration"


def test_a_quarter_across_communes_has_a_gap_to_each(base: duckdb.DuckDBPyConnection) -> None:
    shared = "SELECT code_zone FROM zones_communes WHERE zonage = 'qpv2024' GROUP BY 1 HAVING count(*) > 1"
    per_value = all_of(
        base, f"SELECT code_zone, indicateur, periode, count(*) FROM ecarts_commune WHERE modalite = 'ensemble'"
        f" AND zonage = 'qpv2024' AND code_zone IN ({shared}) GROUP BY ALL"
    )  # fmt: skip
    assert max(count for *_, count in per_value) == 2  # type: ignore[type-var]


def test_every_gap_is_the_difference_of_two_published_values(base: duckdb.DuckDBPyConnection) -> None:
    for view, reference in (("ecarts_commune", "commune"), ("ecarts_epci", "epci")):
        rows = all_of(base, f"SELECT valeur, valeur_{reference}, ecart FROM {view}")
        assert len(rows) > 100
        assert all(ecart == pytest.approx(value - other) for value, other, ecart in rows)  # type: ignore[operator]


def test_a_value_that_exists_has_a_source_in_its_lineage(base: duckdb.DuckDBPyConnection) -> None:
    keys = "zonage, code_zone, indicateur, modalite, periode"
    alone = all_of(
        base, f"SELECT {keys} FROM valeurs WHERE statut_observation = 'normale' EXCEPT"
        f" SELECT {keys} FROM lignage WHERE role = 'source'"
    )  # fmt: skip
    assert alone == []
    twice = f"SELECT {keys}, livraison, role FROM lignage GROUP BY ALL HAVING count(*) > 1"
    assert all_of(base, twice) == []


def test_the_base_as_of_a_day_has_the_rows_that_were_published_that_day(empty: duckdb.DuckDBPyConnection) -> None:
    insert(empty, "revisions", code_zone="Z0", visible_de="2024-01-01", visible_a="2024-07-01")
    insert(empty, "valeurs", code_zone="Z1", visible_de="2024-07-01")
    for day, seen in (("2023-12-31", []), ("2024-01-01", ["Z0"]), ("2024-06-30", ["Z0"]), ("2024-07-01", ["Z1"])):
        assert [c for (c,) in all_of(empty, f"SELECT code_zone FROM valeurs_au(DATE '{day}')")] == seen


def test_a_change_is_told_with_its_labels_and_its_difference(empty: duckdb.DuckDBPyConnection) -> None:
    insert(empty, "indicateurs", indicateur="i", titre="Titre", decimales=1)
    insert(empty, "changements", indicateur="i", nature="modifiee", valeur_avant=1.2, valeur=3.4)
    assert all_of(empty, "SELECT titre, nature, difference FROM changements_recents") == [("Titre", "modifiee", 2.2)]


def test_a_key_written_twice_is_refused_and_named(tmp_path: Path) -> None:
    schema = PUBLISHED["modalites"].schema
    rows = [{"indicateur": "i", "modalite": "ensemble", "axe": None, "libelle": "Ensemble"}] * 2
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "modalites.parquet")
    with pytest.raises(RunError, match=r"controle_bloquant: modalites : clé en double"):
        write_database(tmp_path, tmp_path / "base.duckdb")


def test_a_null_where_none_may_be_is_refused_and_named(tmp_path: Path) -> None:
    schema = PUBLISHED["modalites"].schema
    rows = [{"indicateur": "i", "modalite": "ensemble", "axe": None, "libelle": None}]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "modalites.parquet")
    with pytest.raises(RunError, match=r"modalites : .*libelle"):
        write_database(tmp_path, tmp_path / "base.duckdb")
