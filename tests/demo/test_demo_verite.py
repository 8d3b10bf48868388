"""The truth holds together, and speaks of the same indicators as the clauses."""

from __future__ import annotations

import json
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.clause.load import load_clauses
from qpv_data.clause.model import Categorie, ClauseJeu, Indicateur
from qpv_data.clause.secrecy import rule_of
from qpv_data.demo.cellules import ZONES, Cellule
from qpv_data.demo.mesures import LIBRE, MESURES, REGLES, Mesure, Regle
from qpv_data.demo.verite import hidden, rounded

CLAUSES = Path(__file__).resolve().parents[2] / "referentiels" / "demo" / "clauses"


@pytest.fixture(scope="session")
def bilan(demo: Path) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads((demo / "verite/bilan.json").read_text())
    return content


@pytest.fixture(scope="session")
def valeurs(demo: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE TABLE v AS SELECT * FROM read_parquet(?)", [str(demo / "verite/valeurs.parquet")])
    return con


@pytest.fixture(scope="session")
def indicateurs() -> dict[str, tuple[ClauseJeu, Indicateur]]:
    return {i.id: (c, i) for c, i in load_clauses(CLAUSES).indicateurs()}


def test_every_row_received_is_accepted_or_rejected(bilan: dict[str, dict[str, Any]]) -> None:
    for deliveries in bilan.values():
        for d in deliveries.values():
            if "absente" not in d:
                assert d["recues"] == d["conformes"] + sum(d["rejetees"].values())
                assert Counter(motive for _, motive in d["rejets"]) == Counter(d["rejetees"])
                assert sum(d["inconnues"].values()) <= d["conformes"]


def test_each_kind_of_dirt_is_met(bilan: dict[str, dict[str, Any]]) -> None:
    met = [d for deliveries in bilan.values() for d in deliveries.values() if "absente" not in d]
    assert {m for d in met for m in d["rejetees"]} == {
        "nombre_de_champs", "encodage_invalide", "valeur_obligatoire_absente", "valeur_illisible",
        "valeur_hors_domaine", "cle_en_double", "hors_periode",
    }  # fmt: skip
    assert {m for d in met for m in d["inconnues"]} == {
        "coordonnees_absentes", "coordonnees_illisibles", "coordonnees_nulles", "axes_inverses", "hors_territoire",
        "epsg_absent", "epsg_inconnu", "qualite_insuffisante", "code_inconnu",
    }  # fmt: skip
    assert [j for j, ds in bilan.items() for d in ds.values() if "absente" in d] == ["demo_mutuelle"]


def test_every_status_is_met_and_only_a_plain_cell_has_a_value(valeurs: duckdb.DuckDBPyConnection) -> None:
    pairs = valeurs.sql("SELECT DISTINCT statut_observation, statut_diffusion FROM v ORDER BY ALL").fetchall()
    assert pairs == [
        ("non_livree", "diffusee"), ("non_significative", "diffusee"), ("normale", "diffusee"),
        ("normale", "masque_producteur"), ("normale", "secret"), ("sans_objet", "diffusee"),
    ]  # fmt: skip
    plain = "statut_observation = 'normale' AND statut_diffusion <> 'masque_producteur'"
    assert valeurs.sql(f"SELECT count(*) FROM v WHERE ({plain}) <> (valeur IS NOT NULL)").fetchall() == [(0,)]


def test_the_table_is_dense(valeurs: duckdb.DuckDBPyConnection) -> None:
    rows = valeurs.sql("SELECT indicateur, count(*), count(DISTINCT periode) FROM v GROUP BY ALL").fetchall()
    assert len(rows) == len(MESURES)
    per_measure = {m.id: m for m in MESURES}
    for indicateur, n, periods in rows:
        m = per_measure[indicateur]
        zones = sum(len(z) for name, z in ZONES.items() if name != "non_localise" or m.nature == "compte")
        assert n == zones * periods * len(m.toutes_modalites)
    key = "indicateur, modalite, zonage, code_zone, periode"
    assert valeurs.sql(f"SELECT count(*) FROM (SELECT {key} FROM v GROUP BY ALL HAVING count(*) > 1)").fetchall() == [
        (0,)
    ]


def test_counts_of_the_territory_are_those_of_its_communes_and_of_the_unknown(
    valeurs: duckdb.DuckDBPyConnection,
) -> None:
    counted = [m.id for m in MESURES if m.nature == "compte" and m.distinct is None]
    wrong = valeurs.execute(
        """SELECT indicateur, periode, modalite FROM v WHERE list_contains(?, indicateur) GROUP BY ALL
        HAVING coalesce(sum(numerateur) FILTER (zonage = 'territoire'), 0)
        <> sum(numerateur) FILTER (zonage = 'commune' OR (zonage = 'non_localise' AND code_zone = 'territoire'))""",
        [counted],
    ).fetchall()
    assert wrong == []


def test_modalities_sum_to_the_total(valeurs: duckdb.DuckDBPyConnection) -> None:
    wrong = valeurs.sql(
        """SELECT indicateur, zonage, code_zone, periode FROM v GROUP BY ALL HAVING count(*) > 1 AND
        round(sum(numerateur) FILTER (modalite = 'ensemble'), 6)
        <> round(sum(numerateur) FILTER (modalite <> 'ensemble'), 6)"""
    ).fetchall()
    assert wrong == []


def test_every_declared_modality_is_met(valeurs: duckdb.DuckDBPyConnection) -> None:
    empty = valeurs.sql(
        """SELECT indicateur, modalite FROM v WHERE modalite NOT IN ('ensemble', 'non_renseigne')
        GROUP BY ALL HAVING coalesce(max(numerateur), 0) = 0"""
    ).fetchall()
    assert empty == []


def test_the_places_of_the_records_lead_to_the_published_counts(demo: Path, valeurs: duckdb.DuckDBPyConnection) -> None:
    places = pq.read_table(demo / "verite/localisation.parquet")
    valeurs.register("lieux", places)
    wrong = valeurs.sql(
        """WITH counted AS (SELECT qpv2024, periode, count(*) AS n FROM lieux
        WHERE jeu = 'demo_logements' AND rejet IS NULL AND qpv2024 IS NOT NULL GROUP BY ALL)
        SELECT * FROM v LEFT JOIN counted c ON c.qpv2024 = v.code_zone AND c.periode = v.periode
        WHERE indicateur = 'demo_logements_occupes' AND modalite = 'ensemble' AND zonage = 'qpv2024'
        AND numerateur <> coalesce(n, 0)"""
    ).fetchall()
    assert wrong == []


def test_clauses_and_truth_speak_of_the_same_indicators(
    indicateurs: dict[str, tuple[ClauseJeu, Indicateur]],
) -> None:
    assert set(indicateurs) == {m.id for m in MESURES}
    for m in MESURES:
        clause, declared = indicateurs[m.id]
        modalites = tuple(declared.modalites.valeurs) if declared.modalites else ()
        assert (clause.id, declared.nature, declared.decimales) == (m.jeu, m.nature, m.decimales), m.id
        par = (m.par,) if m.par else ()
        assert (declared.par, declared.facteur or 1, modalites) == (par, m.facteur, m.modalites), m.id
        assert (declared.distinct is None) == (m.distinct is None), m.id
        rule = REGLES.get(clause.id, LIBRE)
        held = rule_of(clause.secret)
        share = None if held is None or held.dominance is None else Decimal(str(held.dominance))
        assert (None if held is None else held.k, share) == (rule.seuil, rule.dominance), m.id


def test_the_demonstration_covers_every_category_nature_and_way_of_the_model(
    indicateurs: dict[str, tuple[ClauseJeu, Indicateur]],
) -> None:
    clauses = {c.id: c for c, _ in indicateurs.values()}.values()
    assert {c.producteur.categorie for c in clauses} == set(Categorie)
    assert {i.nature for _, i in indicateurs.values()} == {
        "compte", "somme", "moyenne", "part", "taux", "releve",
    }  # fmt: skip
    assert {c.format.type for c in clauses} == {"csv", "json", "parquet"}
    assert {c.secret.regime for c in clauses} == {"seuil", "producteur", "sans_objet"}
    assert {c.periode.origine for c in clauses} == {"fixe", "livraison", "colonne"}
    assert sum(any(i.modalites for i in c.indicateurs) for c in clauses) >= 2
    assert any(i.distinct for _, i in indicateurs.values())


def test_each_primary_rule_hides_at_least_one_cell(valeurs: duckdb.DuckDBPyConnection) -> None:
    def hidden_where(condition: str) -> int:
        found = valeurs.sql(f"SELECT count(*) FROM v WHERE statut_diffusion = 'secret' AND {condition}").fetchone()
        assert found
        return int(found[0])

    assert hidden_where("n_unites BETWEEN 1 AND 2") > 0
    assert hidden_where("n_unites >= 3 AND part_dominante > 0.85") > 0
    assert hidden_where("n_unites >= 11 AND n_unites_numerateur BETWEEN 1 AND 10") > 0
    assert hidden_where("n_unites >= 5 AND n_unites_numerateur = 0") > 0
    assert hidden_where("n_unites = 0") == 0


PART = Mesure("p", "j", "part", 1, denominateur=lambda v: Decimal(1), facteur=100)


@pytest.mark.parametrize(
    ("units", "above", "beside", "secret"),
    [(0, 0, 0, False), (4, 2, 2, True), (20, 4, 16, True), (20, 16, 4, True), (20, 10, 10, False),
     (20, 0, 20, True), (20, 20, 0, True)],
)  # fmt: skip
def test_a_share_is_hidden_when_a_side_is_small_or_when_it_tells_of_everyone(
    units: int, above: int, beside: int, secret: bool
) -> None:
    cell = Cellule(Decimal(above), Decimal(units), units, above, beside, None)
    assert hidden(PART, Regle(5, "u"), cell) == secret


@given(st.decimals(-(10**6), 10**6, places=5), st.integers(0, 4))
def test_rounding_is_half_away_from_zero_on_the_exact_value(value: Decimal, decimals: int) -> None:
    expected = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    assert rounded(Fraction(value), decimals) == expected
