"""Every published number of the embedded territory, against the truth kept aside."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from regles_primaires import Key, Row, hidden_around, primary, published

from qpv_data.clause.vocabulary import Diffusion
from qpv_data.cli import DEMO_NOW
from qpv_data.resources import referentials_dir

KEY = "indicateur, modalite, zonage, code_zone, periode"


@pytest.fixture(scope="module")
def base(demonstration: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:")
    con.execute(f"ATTACH '{demonstration / 'qpv.duckdb'}' AS publie (READ_ONLY)")
    con.execute("CREATE VIEW valeurs AS SELECT * FROM publie.valeurs")
    truth = demonstration / "territoire" / "verite" / "valeurs.parquet"
    con.execute(f"CREATE VIEW verite AS SELECT * FROM read_parquet('{truth}')")
    return con


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return con.execute(sql).fetchall()


def test_every_cell_of_the_truth_is_published_once(base: duckdb.DuckDBPyConnection) -> None:
    assert rows(base, f"SELECT {KEY} FROM verite EXCEPT SELECT {KEY} FROM valeurs") == []
    assert rows(base, f"SELECT {KEY}, count(*) FROM valeurs GROUP BY ALL HAVING count(*) > 1") == []


def test_nothing_is_published_beyond_the_truth_but_the_unlocated_of_sums_and_ratios(
    base: duckdb.DuckDBPyConnection,
) -> None:
    beyond = rows(base, f"SELECT DISTINCT zonage FROM (SELECT {KEY} FROM valeurs EXCEPT SELECT {KEY} FROM verite)")
    assert beyond == [("non_localise",)]


@pytest.fixture(scope="module")
def primaires(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Key, Row]:
    clauses = referentials_dir() / "demo" / "clauses"
    work = tmp_path_factory.mktemp("primaires")
    return primary(demonstration, clauses, DEMO_NOW.date(), work, Diffusion.INTERNE)


def test_every_status_and_number_is_the_true_one_before_anything_is_hidden_around_small_cells(
    base: duckdb.DuckDBPyConnection, primaires: dict[Key, Row]
) -> None:
    columns = "indicateur, zonage, code_zone, periode, modalite, statut_observation, statut_diffusion"
    truth = rows(base, f"SELECT {columns}, valeur, numerateur, denominateur FROM verite")
    assert len(truth) > 10_000
    wrong = []
    for row in truth:
        key, observed, shown, *figures = row[:5], *row[5:]
        found = primaires[key]  # type: ignore[index]
        said = [found.valeur, found.numerateur, found.denominateur]
        if (found.observation, found.diffusion) != (observed, shown) or (shown == "diffusee" and said != figures):
            wrong.append((key, found, figures))
    assert wrong == []


def test_what_is_published_is_the_truth_less_what_is_hidden_around_small_cells(
    demonstration: Path, primaires: dict[Key, Row]
) -> None:
    assert len(hidden_around(primaires, published(demonstration / "qpv.duckdb"))) > 1_000


def test_every_shown_number_is_the_true_one(base: duckdb.DuckDBPyConnection) -> None:
    wrong = f"""
    SELECT {KEY}, t.valeur, v.valeur, t.numerateur, v.numerateur, t.denominateur, v.denominateur
    FROM verite t JOIN valeurs v USING ({KEY})
    WHERE v.statut_diffusion = 'diffusee' AND (t.valeur IS DISTINCT FROM v.valeur
      OR t.numerateur IS DISTINCT FROM v.numerateur OR t.denominateur IS DISTINCT FROM v.denominateur)"""
    assert rows(base, wrong) == []
    shown = rows(base, f"SELECT count(*) FROM verite JOIN valeurs v USING ({KEY}) WHERE v.valeur IS NOT NULL")
    assert shown[0][0] > 10_000


def test_no_hidden_cell_shows_anything(base: duckdb.DuckDBPyConnection) -> None:
    leaking = """
    SELECT * FROM valeurs WHERE (statut_diffusion <> 'diffusee' OR statut_observation <> 'normale')
      AND valeur IS NOT NULL"""
    assert rows(base, leaking) == []
    hidden = "SELECT count(*), count(numerateur), count(denominateur) FROM valeurs WHERE statut_diffusion <> 'diffusee'"
    count, numerators, denominators = rows(base, hidden)[0]
    assert count > 1_000
    assert (numerators, denominators) == (0, 0)


def test_every_received_row_is_conformed_or_rejected_for_the_true_reason(demonstration: Path) -> None:
    truth = json.loads((demonstration / "territoire" / "verite" / "bilan.json").read_text("utf-8"))
    checked = 0
    for jeu, deliveries in truth.items():
        for delivery, expected in deliveries.items():
            folder = delivery if (demonstration / "conformed" / jeu / f"{delivery}.parquet").exists() else "unique"
            conformed = demonstration / "conformed" / jeu / f"{folder}.parquet"
            if expected.get("absente"):
                assert not (demonstration / "conformed" / jeu / f"{delivery}.parquet").exists()
                continue
            rejected = duckdb.execute(
                "SELECT _ligne, motif FROM read_parquet(?) ORDER BY 1",
                [str(demonstration / "rejets" / jeu / f"{folder}.parquet")],
            ).fetchall()
            kept = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(conformed)]).fetchall()[0][0]
            assert [list(r) for r in rejected] == expected["rejets"], (jeu, delivery)
            assert kept == expected["conformes"], (jeu, delivery)
            assert kept + len(rejected) == expected["recues"], (jeu, delivery)
            checked += 1
    assert checked > 25


def test_every_place_is_the_true_one(demonstration: Path) -> None:
    truth = demonstration / "territoire" / "verite" / "localisation.parquet"
    con = duckdb.connect(":memory:")
    con.execute(f"CREATE VIEW verite AS SELECT * FROM read_parquet('{truth}') WHERE rejet IS NULL")
    feeds = [jeu for (jeu,) in con.execute("SELECT DISTINCT jeu FROM verite ORDER BY 1").fetchall()]
    compared = 0
    for jeu in feeds:
        located = demonstration / "located" / jeu / "*.parquet"
        con.execute(f"CREATE OR REPLACE VIEW lieux AS SELECT * FROM read_parquet('{located}', union_by_name = true)")
        columns = {c[0] for c in con.execute("DESCRIBE lieux").fetchall()}
        zonings = sorted(columns & {"qpv2015", "qpv2024", "iris", "commune"})
        differs = " OR ".join(f"t.{z} IS DISTINCT FROM l.{z}" for z in zonings)
        sql = f"""
        SELECT count(*), count(*) FILTER ({differs} OR t.inconnu IS DISTINCT FROM l.localisation_motif)
        FROM verite t JOIN lieux l ON l._ligne = t.ligne AND l._periode = t.periode WHERE t.jeu = '{jeu}'"""
        found, wrong = con.execute(sql).fetchall()[0]
        expected = con.execute(f"SELECT count(*) FROM verite WHERE jeu = '{jeu}'").fetchall()[0][0]
        assert (found, wrong) == (expected, 0), jeu
        compared += found
    assert compared > 10_000


def test_what_is_known_of_the_clauses_and_deliveries_is_published(demonstration: Path) -> None:
    con = duckdb.connect(str(demonstration / "qpv.duckdb"), read_only=True)
    categories = con.execute("SELECT DISTINCT producteur_categorie FROM clauses ORDER BY 1").fetchall()
    assert [c for (c,) in categories] == ["association", "bailleur", "delegataire", "prive_interet_general", "public"]
    missing = con.execute("SELECT jeu, periode FROM livraisons WHERE statut = 'manquante'").fetchall()
    assert missing == [("demo_mutuelle", "2024-T3")]
    orphans = """
    SELECT DISTINCT v.indicateur, v.zonage, v.periode FROM valeurs v
    ANTI JOIN valeurs_livraisons USING (indicateur, zonage, periode) WHERE v.valeur IS NOT NULL"""
    assert con.execute(orphans).fetchall() == []
    told = """
    SELECT count(*) FROM livraisons l JOIN clauses c ON c.clause = l.jeu
    WHERE c.diffusion <> 'ouvert' AND sha256 IS NOT NULL"""
    assert con.execute(told).fetchall() == [(0,)]


def test_the_terminal_names_what_is_missing_and_where_the_results_are(demonstration: Path) -> None:
    text = (demonstration / "terminal.txt").read_text("utf-8")
    assert "demo_mutuelle 2024-T3 manquante" in text
    assert str(demonstration / "qpv.duckdb") in text


def test_the_terminal_fits_in_80_columns_and_cuts_no_heading(demonstration: Path) -> None:
    lines = (demonstration / "terminal.txt").read_text("utf-8").splitlines()
    [heading] = [line for line in lines if line.startswith(" jeu")]
    assert heading.split(maxsplit=1)[1].rstrip() == "livrées reçues conformes rejetées en QPV dehors inconnu"
    assert all(len(line) <= 80 for line in lines if "──" in line or line.startswith((" demo_", " QN")))
