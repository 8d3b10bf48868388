"""Each check catches the fault that it is for, and nothing is refused that is right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from bases import base_of, insert
from typer.testing import CliRunner

from qpv_data.checks import Check, declared_checks, offending, record, recorded, refuse_blocking, run_checks
from qpv_data.cli import app
from qpv_data.database import create
from qpv_data.problems import Problem
from qpv_data.runs import RunError

# The fault that each check is for, made in the database of the demonstration: one statement each.
ANY = "(SELECT min(rowid) FROM valeurs WHERE {})"
SHOWN = "valeur IS NOT NULL AND indicateur = '{}' AND zonage = '{}'"
FAULTS = {
    "cle_valeurs": "INSERT INTO valeurs SELECT * FROM valeurs LIMIT 1",
    "cle_incertitudes": "INSERT INTO incertitudes SELECT * FROM incertitudes LIMIT 1",
    "cle_changements": (
        "INSERT INTO changements (publication, publication_precedente, indicateur, modalite, zonage, code_zone, periode,"
        " nature) SELECT 'b', 'a', 'i', 'm', 'z', 'c', 'p', 'apparue' FROM range(2)"
    ),
    "cle_revisions": (
        "INSERT INTO revisions SELECT v.* REPLACE (visible_de AS visible_a) FROM (FROM valeurs LIMIT 1) v, range(2)"
    ),
    "cle_livraisons": "INSERT INTO livraisons SELECT * FROM livraisons WHERE periode IS NULL LIMIT 1",
    "references": "DELETE FROM modalites WHERE indicateur = 'demo_points_arret'",
    "parts_bornees": (
        "UPDATE valeurs SET valeur = 100.1, numerateur = 1001, denominateur = 1000 WHERE rowid ="
        f" {ANY.format(SHOWN.format('demo_part_acces_fauteuil', 'iris'))}"
    ),
    "comptes_positifs": (
        f"UPDATE valeurs SET valeur = -1 WHERE rowid = {ANY.format(SHOWN.format('demo_points_arret', 'iris'))}"
    ),
    "couverture_des_zones": f"DELETE FROM valeurs WHERE rowid = {ANY.format('valeur IS NULL')}",
    "incertitudes": "UPDATE incertitudes SET borne_haute = borne_basse - 1 WHERE rowid = 0",
    "somme_des_communes": (
        "UPDATE valeurs SET valeur = valeur + 1 WHERE rowid ="
        f" {ANY.format(SHOWN.format('demo_points_arret', 'territoire'))}"
    ),
    "somme_des_modalites": (
        "UPDATE valeurs SET valeur = valeur + 1 WHERE rowid ="
        f" {ANY.format(SHOWN.format('demo_equipements', 'territoire'))}"
    ),
    "statuts": f"UPDATE valeurs SET valeur = NULL WHERE rowid = {ANY.format('valeur IS NOT NULL')}",
    "fraicheur": (
        "INSERT INTO livraisons (jeu, statut, url, clause_version, echeance)"
        " VALUES ('x', 'perimee', 'u', '1.0', DATE '2025-04-15')"
    ),
    "lignage_complet": "DELETE FROM valeurs_livraisons WHERE indicateur = 'demo_points_arret' AND role = 'source'",
    "quartiers_dans_leur_commune": (
        "UPDATE valeurs SET valeur = 10000 WHERE rowid ="
        f" {ANY.format(SHOWN.format('demo_points_arret', 'qpv2024') + ' AND code_zone = $$QN09901I$$')}"
    ),
    "rapports": (
        "UPDATE valeurs SET valeur = valeur - 0.2 WHERE rowid ="
        f" {ANY.format(SHOWN.format('demo_part_acces_fauteuil', 'iris') + ' AND valeur > 1')}"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    copied = shutil.copy(base_of(demonstration), tmp_path_factory.mktemp("controles"))
    with duckdb.connect(str(copied)) as con:
        yield con


def count(con: duckdb.DuckDBPyConnection, controle: str) -> int:
    return len(offending(con, controle, 100)[1])


def test_the_demonstration_holds_every_check_that_would_stop_it(demo: duckdb.DuckDBPyConnection) -> None:
    found = run_checks(demo)
    assert [check for check in found if check.etat == "bloquant"] == []
    refuse_blocking(found)
    assert [check.controle for check in found if check.etat == "a_signaler"] == ["fraicheur"]
    assert offending(demo, "fraicheur", 10)[1][0][:2] == ("demo_mutuelle", "2024-T3")


def test_the_database_tells_what_its_checks_found(demo: duckdb.DuckDBPyConnection) -> None:
    assert recorded(demo) == run_checks(demo)


def test_every_check_has_its_fault_here() -> None:
    assert {check.controle for check in declared_checks()} == {*FAULTS, "sauts_de_serie"}


@pytest.mark.parametrize("controle", list(FAULTS))
def test_a_check_catches_the_fault_that_it_is_for(demo: duckdb.DuckDBPyConnection, controle: str) -> None:
    before = count(demo, controle)
    demo.execute("BEGIN")
    try:
        demo.execute(FAULTS[controle])
        assert count(demo, controle) > before
    finally:
        demo.execute("ROLLBACK")


@pytest.fixture
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        create(con)
        yield con


def series(con: duckdb.DuckDBPyConnection, values: list[float]) -> None:
    for n, value in enumerate(values):
        year, quarter = 2020 + n // 4, n % 4 + 1
        insert(con, "valeurs", indicateur="i", modalite="ensemble", periode=f"{year}-T{quarter}",
               periode_debut=f"{year}-{3 * quarter - 2:02d}-01", valeur=value)  # fmt: skip


def test_a_last_value_far_from_its_series_is_a_jump(empty: duckdb.DuckDBPyConnection) -> None:
    series(empty, [100, 101, 99, 100, 102, 98, 100, 300])
    columns, rows = offending(empty, "sauts_de_serie", 10)
    assert [dict(zip(columns, row, strict=True))["valeur"] for row in rows] == [300]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([100, 101, 99, 100, 102, 98, 100, 140], "less than half away"),
        ([10, 200, 30, 400, 50, 300, 20, 600], "its habit is to jump"),
        ([100, 101, 99, 100, 102, 300], "too few periods before it"),
        ([1, 1, 1, 1, 1, 1, 1, 4], "a small count"),
    ],
)
def test_a_series_that_only_moves_does_not_jump(
    empty: duckdb.DuckDBPyConnection, values: list[float], why: str
) -> None:
    series(empty, values)
    assert offending(empty, "sauts_de_serie", 10)[1] == [], why


def test_a_jump_at_a_declared_break_is_no_jump(empty: duckdb.DuckDBPyConnection) -> None:
    series(empty, [100, 101, 99, 100, 102, 98, 100, 300])
    insert(empty, "ruptures", indicateur="i", periode="2021-T4", motif="nouveau mode de calcul")
    assert offending(empty, "sauts_de_serie", 10)[1] == []


@pytest.mark.parametrize(
    ("rows", "shown"), [(0, "0"), (1, "1 à 9"), (9, "1 à 9"), (10, "10 à 99"), (99, "10 à 99"), (250, "100 et plus")]
)
def test_the_number_of_rows_is_told_as_a_class(empty: duckdb.DuckDBPyConnection, rows: int, shown: str) -> None:
    empty.execute(
        "INSERT INTO livraisons (jeu, periode, statut, url, clause_version)"
        f" SELECT 'j', CAST(r // 2 AS VARCHAR), 'recue', 'u', '1' FROM range({2 * rows}) t(r)"
    )
    (found,) = (check for check in run_checks(empty) if check.controle == "cle_livraisons")
    assert (found.classe, found.etat) == (shown, "bloquant" if rows else "conforme")


def test_a_release_is_refused_with_every_check_that_stops_it() -> None:
    checks = [
        Check("un", "arret", "Titre un", "bloquant", "1 à 9"),
        Check("deux", "alerte", "Titre deux", "a_signaler", "1 à 9"),
        Check("trois", "arret", "Titre trois", "bloquant", "100 et plus"),
    ]
    with pytest.raises(RunError) as refused:
        refuse_blocking(checks)
    assert refused.value.probleme is Problem.CONTROLE_BLOQUANT
    assert "Titre un" in str(refused.value)
    assert "Titre trois" in str(refused.value)
    assert "deux" not in str(refused.value)


def test_what_was_recorded_is_read_again(empty: duckdb.DuckDBPyConnection) -> None:
    found = run_checks(empty)
    record(empty, found)
    assert recorded(empty) == found


def test_the_command_shows_the_rows_and_fails_when_a_stop_does_not_hold(demonstration: Path, tmp_path: Path) -> None:
    base = Path(shutil.copy(base_of(demonstration), tmp_path / "qpv.duckdb"))
    right = CliRunner().invoke(app, ["controles", str(tmp_path)])
    assert right.exit_code == 0, right.output
    assert "demo_mutuelle" in right.output
    with duckdb.connect(str(base)) as con:
        con.execute(FAULTS["statuts"])
    wrong = CliRunner().invoke(app, ["controles", str(base), "--json"])
    assert wrong.exit_code == 1, wrong.output
    (told,) = json.loads(wrong.output).values()
    (statuts,) = (check for check in told if check["controle"] == "statuts")
    assert (statuts["etat"], statuts["classe"], len(statuts["lignes"])) == ("bloquant", "1 à 9", 1)


def test_a_folder_that_is_no_release_is_refused_with_the_remedy(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["controles", str(tmp_path)])
    assert done.exit_code == 4
    assert "format_inattendu" in done.output
