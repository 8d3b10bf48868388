"""The real Toulouse feeds, from their public addresses answered by local files, to a release."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pyogrio
import pytest

from qpv_data.clause.load import ClauseSet, load_clauses
from qpv_data.exports.folder import audience_folder
from qpv_data.site.build import Options, build
from qpv_data.sources.mirror import Mirror

REPOSITORY = Path(__file__).resolve().parents[1]
CLAUSES = REPOSITORY / "referentiels" / "clauses" / "toulouse"

pytestmark = pytest.mark.reel


@pytest.fixture(scope="session")
def clauses() -> ClauseSet:
    return load_clauses(CLAUSES)


@pytest.fixture(scope="session")
def publie(donnees_reelles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one whole run, as a user makes it."""
    out = tmp_path_factory.mktemp("toulouse") / "out"
    command = [sys.executable, "-m", "qpv_data", "run", "--clauses", str(CLAUSES)]
    command += ["--miroir", str(donnees_reelles), "--out", str(out), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def base(publie: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(publie / "qpv.duckdb"), read_only=True) as con:
        yield con


def one(con: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> tuple[Any, ...]:
    row = con.execute(sql, list(parameters)).fetchone()
    assert row is not None
    return row


def total(con: duckdb.DuckDBPyConnection, indicateur: str, zonage: str) -> float | None:
    sql = "SELECT sum(valeur) FROM valeurs WHERE indicateur = ? AND zonage = ? AND modalite = 'ensemble'"
    value: float | None = one(con, sql, indicateur, zonage)[0]
    return value


def cell(con: duckdb.DuckDBPyConnection, indicateur: str, code: str) -> tuple[Any, ...]:
    """Value, observation and diffusion of the only period."""
    return one(
        con,
        "SELECT valeur, statut_observation, statut_diffusion FROM valeurs"
        " WHERE indicateur = ? AND code_zone = ? AND modalite = 'ensemble'",
        indicateur,
        code,
    )


def test_one_indicator_and_only_one_speaks_of_stops_over_one_period(base: duckdb.DuckDBPyConnection) -> None:
    found = base.execute("SELECT DISTINCT indicateur, periode FROM valeurs WHERE indicateur LIKE '%arret%'").fetchall()
    assert found == [("toulouse_arrets", "2025-T3")]


@pytest.mark.parametrize(
    ("indicateur", "zonage", "attendu"),
    [
        ("toulouse_arrets", "qpv2024", 152),
        ("toulouse_arrets", "qpv2015", 129),
        ("toulouse_arrets", "commune", 4098),
        ("toulouse_arrets", "territoire", 4098),
        ("toulouse_stations_velo", "qpv2024", 15),
        ("toulouse_stations_velo", "qpv2015", 18),
        ("toulouse_stations_velo", "territoire", 280),
        ("insee_population_2013", "qpv2015", 5_435_060),
    ],
)
def test_totals_are_those_found_by_other_means(
    base: duckdb.DuckDBPyConnection, indicateur: str, zonage: str, attendu: int
) -> None:
    assert total(base, indicateur, zonage) == attendu


def test_docking_points_are_summed_over_every_station(base: duckdb.DuckDBPyConnection, donnees_reelles: Path) -> None:
    stations = json.loads((donnees_reelles / "toulouse/velotoulouse_jcdecaux_2016-05-22.json").read_text("utf-8"))
    assert total(base, "toulouse_bornettes_velo", "territoire") == sum(s["bike_stands"] for s in stations)


def test_sales_fall_in_the_quartier_that_their_producer_wrote_but_one_that_falls_in_none(publie: Path) -> None:
    located = sorted((publie / "located" / "toulouse_dvf").glob("*.parquet"))
    rows = [r for f in located for r in pq.read_table(f, columns=["qp_declare", "qpv2015"]).to_pylist()]
    verdicts = Counter(
        "dehors" if r["qpv2015"] is None else "accord" if r["qpv2015"] == r["qp_declare"] else "désaccord" for r in rows
    )
    assert verdicts == {"accord": 3177, "dehors": 1}


def test_sales_are_counted_once_a_mutation_and_a_year_and_small_cells_are_hidden(
    base: duckdb.DuckDBPyConnection, publie: Path
) -> None:
    located = str(publie / "located" / "toulouse_dvf" / "*.parquet")
    differing = base.execute(
        f"""WITH vrai AS (
          SELECT qpv2015 AS code_zone, _periode AS periode, count(DISTINCT id_mutation) AS n
          FROM read_parquet('{located}') WHERE qpv2015 IS NOT NULL GROUP BY ALL)
        SELECT v.code_zone, v.periode, v.valeur, v.statut_diffusion, vrai.n
        FROM valeurs v LEFT JOIN vrai USING (code_zone, periode)
        WHERE v.indicateur = 'toulouse_mutations' AND v.zonage = 'qpv2015' AND v.code_zone LIKE 'QP031%'
          AND NOT CASE WHEN coalesce(n, 0) BETWEEN 1 AND 4 THEN v.statut_diffusion = 'secret' AND valeur IS NULL
                  WHEN v.statut_diffusion = 'secret' THEN valeur IS NULL
                  ELSE v.valeur IS NOT DISTINCT FROM coalesce(n, 0) END"""
    ).fetchall()
    assert differing == []
    shown = one(
        base,
        "SELECT count(*) FILTER (valeur IS NOT NULL), count(*) FROM valeurs WHERE indicateur = 'toulouse_mutations'"
        " AND zonage = 'qpv2015' AND code_zone LIKE 'QP031%'",
    )
    assert shown[1] == 19 * 5
    assert shown[0] > 60


def test_outside_haute_garonne_its_feeds_say_nothing_rather_than_zero(base: duckdb.DuckDBPyConnection) -> None:
    found = base.execute(
        "SELECT DISTINCT valeur, statut_observation FROM valeurs WHERE indicateur LIKE 'toulouse_%'"
        " AND zonage IN ('qpv2015', 'qpv2024') AND NOT regexp_matches(code_zone, '^Q[PN]031')"
        # The three quartiers whose simplified contour has collapsed are undelivered, whatever the feed.
        " AND code_zone NOT IN ('QN09105I', 'QN09113I', 'QN09503I')"
    ).fetchall()
    assert found == [(None, "sans_objet")]


@pytest.mark.parametrize(("code", "attendu"), [("QP031007", 5855), ("QP031010", 1100), ("QP031011", 576)])
def test_job_seekers_are_the_official_figures(base: duckdb.DuckDBPyConnection, code: str, attendu: int) -> None:
    assert cell(base, "insee_demandeurs_emploi", code) == (attendu, "normale", "diffusee")


@pytest.mark.parametrize(
    ("indicateur", "fichier", "colonne"),
    [
        ("insee_demandeurs_emploi", "IPRO_2022.csv", "ABC"),
        ("insee_demandeurs_part_femmes", "IPRO_2022.csv", "ABC_F"),
        ("insee_demandeurs_part_jeunes", "IPRO_2022.csv", "ABC_25"),
        ("insee_indice_jeunesse", "DEMO_2022.csv", "IND_JEUNE"),
        ("insee_part_60_ans_ou_plus", "DEMO_2022.csv", "TX_TOT_60ETPLUS"),
    ],
)
def test_an_empty_text_of_insee_is_its_mask_and_not_a_zero(
    base: duckdb.DuckDBPyConnection, donnees_reelles: Path, indicateur: str, fichier: str, colonne: str
) -> None:
    empty = {r["CODGEO"] for r in insee(donnees_reelles, fichier) if r[colonne] == ""}
    masked = base.execute(
        "SELECT code_zone, valeur FROM valeurs WHERE indicateur = ? AND statut_diffusion = 'masque_producteur'"
        " AND modalite = 'ensemble'",
        [indicateur],
    ).fetchall()
    assert empty
    assert {code for code, _ in masked} == empty
    assert {value for _, value in masked} == {None}


def test_ready_made_figures_are_all_there_and_absent_quartiers_are_undelivered(
    base: duckdb.DuckDBPyConnection, donnees_reelles: Path
) -> None:
    written = {
        r["CODGEO"]: float(r["IND_JEUNE"].replace(",", "."))
        for r in insee(donnees_reelles, "DEMO_2022.csv")
        if r["IND_JEUNE"]
    }
    sql = "SELECT code_zone, valeur, statut_observation FROM valeurs WHERE indicateur = 'insee_indice_jeunesse'"
    rows = base.execute(sql + " AND zonage = 'qpv2015'").fetchall()
    assert {code: value for code, value, _ in rows if value is not None} == written
    present = {r["CODGEO"] for r in insee(donnees_reelles, "DEMO_2022.csv")}
    assert {code for code, _, state in rows if state == "non_livree"} == {code for code, _, _ in rows} - present


def test_a_share_of_job_seekers_is_the_ratio_of_the_two_columns(base: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT numerateur, denominateur, valeur FROM valeurs WHERE indicateur = 'insee_demandeurs_part_femmes'"
    numerator, denominator, value = one(base, sql + " AND code_zone = 'QP031007'")
    assert (numerator, denominator) == (2759, 5855)
    assert value == pytest.approx(100 * 2759 / 5855, abs=0.051)


def test_communes_have_the_population_of_the_official_list(
    base: duckdb.DuckDBPyConnection, donnees_reelles: Path
) -> None:
    official = json.loads((donnees_reelles / "cog/communes.json").read_text("utf-8"))
    populations = {
        c["code"]: c["population"]
        for c in official
        if c["type"] == "commune-actuelle" and c.get("departement") == "31" and "population" in c
    }
    found = dict(base.execute("SELECT code_zone, population FROM zones WHERE zonage = 'commune'").fetchall())
    # Lez was merged in 2019: its contour is still there, its population is its successor's.
    assert found.pop("31298") is None
    assert found == populations
    assert found["31555"] == 514_819


def test_both_generations_of_quartiers_are_complete(base: duckdb.DuckDBPyConnection) -> None:
    counts = dict(base.execute("SELECT zonage, count(*) FROM zones GROUP BY zonage").fetchall())
    assert counts["qpv2015"] == 1514
    assert counts["qpv2024"] == 1609
    sql = "SELECT count(*) FROM zones WHERE zonage = ? AND regexp_matches(code_zone, '^Q[PN]031')"
    assert one(base, sql, "qpv2015")[0] == 19
    assert one(base, sql, "qpv2024")[0] == 19


def test_every_received_row_is_a_record_or_a_rejection(publie: Path, donnees_reelles: Path, clauses: ClauseSet) -> None:
    for loaded in clauses.chargees:
        clause = loaded.clause
        received = rows_of(donnees_reelles, clause.source.url, clause.source.membre, clause.format.eclater)
        kept = lines_of(publie / "conformed" / clause.id)
        refused = lines_of(publie / "rejets" / clause.id)
        assert len(kept) + len(refused) == received, clause.id
        assert not set(kept) & set(refused), clause.id


def test_the_only_rows_refused_are_those_that_are_not_communes(publie: Path, clauses: ClauseSet) -> None:
    reasons = {
        loaded.clause.id: Counter((r["motif"], r["colonne"]) for r in refusals(publie / "rejets" / loaded.clause.id))
        for loaded in clauses.chargees
    }
    assert {k: v for k, v in reasons.items() if v} == {
        "communes_cog_2026": {("valeur_hors_domaine", "type_commune"): 2621}
    }


def test_values_are_dense_each_quartier_indicator_and_period_exactly_once(
    base: duckdb.DuckDBPyConnection, clauses: ClauseSet
) -> None:
    periods = {
        i.id: 5 if c.periode.origine == "colonne" else 1
        for c, i in clauses.indicateurs()  # the sales are the only series: 2016 to 2020
    }
    found = base.execute(
        "SELECT zonage, indicateur, modalite, count(*), count(DISTINCT (code_zone, periode)), count(DISTINCT code_zone)"
        " FROM valeurs WHERE zonage IN ('qpv2015', 'qpv2024') GROUP BY ALL"
    ).fetchall()
    zones = {"qpv2015": 1514, "qpv2024": 1609}
    assert {(z, i) for z, i, m, *_ in found if m == "ensemble"} == {(z, i) for z in zones for i in periods}
    for zonage, indicateur, modalite, rows, cells, codes in found:
        assert rows == cells == zones[zonage] * periods[indicateur], (zonage, indicateur, modalite)
        assert codes == zones[zonage]


def test_every_hidden_or_undelivered_value_is_null_and_says_why(base: duckdb.DuckDBPyConnection) -> None:
    statuses = "statut_observation = 'normale' AND statut_diffusion = 'diffusee'"
    without = one(base, f"SELECT count(*) FROM valeurs WHERE valeur IS NULL AND {statuses} AND denominateur <> 0")
    beside = one(base, f"SELECT count(*) FROM valeurs WHERE valeur IS NOT NULL AND NOT ({statuses})")
    assert (without, beside) == ((0,), (0,))


def test_no_total_row_hides_among_the_zones(base: duckdb.DuckDBPyConnection) -> None:
    strangers = base.execute(
        "SELECT DISTINCT zonage, code_zone FROM valeurs ANTI JOIN zones USING (zonage, code_zone)"
        " WHERE zonage NOT IN ('territoire', 'non_localise')"
    ).fetchall()
    assert strangers == []


def test_addresses_are_the_public_ones_and_those_not_verified_are_marked(
    base: duckdb.DuckDBPyConnection, publie: Path
) -> None:
    sure = base.execute("SELECT url FROM clauses WHERE NOT a_confirmer").fetchall()
    assert sure == [("https://www.data.gouv.fr/api/1/datasets/r/942d4ee8-8142-4556-8ea1-335537ce1119",)]
    told = base.execute("SELECT DISTINCT url FROM livraisons").fetchall()
    assert all(url.startswith("https://") for (url,) in told)
    receipts = "".join(p.read_text("utf-8") for p in (publie / "raw").glob("*/livraisons/*.json"))
    assert "127.0.0.1" not in receipts


@pytest.fixture(scope="session")
def observatoire(publie: Path) -> Path:
    """The site of the quarters of Toulouse Métropole."""
    site = publie.parent / "observatoire"
    release = audience_folder(publie / "releases" / "2025-T3-r1", "ouvert")
    build(release, site, Options(territoire="243100518", telechargements=False))
    return site


def test_each_quarter_of_the_metropole_has_a_sheet_with_its_own_figures(
    observatoire: Path, base: duckdb.DuckDBPyConnection
) -> None:
    sheets = {p.stem: p.read_text("utf-8") for p in (observatoire / "quartiers").glob("*.html")}
    inside = base.execute("SELECT code_zone FROM zones_epci WHERE zonage = 'qpv2024' AND code_epci = '243100518'")
    assert sorted(sheets) == sorted(code for (code,) in inside.fetchall())
    for code, page in sheets.items():
        value, _, diffusion = cell(base, "toulouse_arrets", code)
        assert diffusion == "diffusee"
        assert f'<data value="{value}">' in page, code
        assert not re.search(r"\bNone\b|\bnan\b", page), code


def test_what_insee_says_of_the_quarters_of_2015_is_told_under_their_names(
    observatoire: Path, base: duckdb.DuckDBPyConnection
) -> None:
    links = base.execute(
        "SELECT code_arrivee, code_depart FROM passages WHERE zonage_arrivee = 'qpv2024' AND part_arrivee > 0.05"
        " AND code_arrivee IN (SELECT code_zone FROM zones_epci WHERE code_epci = '243100518')"
    ).fetchall()
    assert len(links) == 13
    for new, old in links:
        page = (observatoire / "quartiers" / f"{new}.html").read_text("utf-8")
        (value,) = one(
            base, "SELECT valeur FROM valeurs WHERE indicateur = 'insee_population_2013' AND code_zone = ?", old
        )
        assert old in page, new
        assert f'<data value="{value}">' in page, new


# --- the sources, read without the package ------------------------------------------------------------------


def insee(data: Path, name: str) -> list[dict[str, str]]:
    with (data / "insee_qpv" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def rows_of(data: Path, url: str, membre: str | None, eclater: str | None) -> int:
    """How many rows the file behind `url` holds."""
    files, _ = Mirror.open(data).files(url)
    path = next((f for f in files if f.name == membre), files[0])
    if path.suffix in (".shp", ".geojson"):
        return int(pyogrio.read_info(path, force_feature_count=True)["features"])
    if path.suffix == ".json":
        elements = json.loads(path.read_text("utf-8"))
        return sum(len(e[eclater]) for e in elements) if eclater else len(elements)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(1 for row in csv.reader(file) if row) - 1


def lines_of(folder: Path) -> list[int]:
    return [n for f in sorted(folder.glob("*.parquet")) for n in pq.read_table(f)["_ligne"].to_pylist()]


def refusals(folder: Path) -> list[dict[str, Any]]:
    return [r for f in sorted(folder.glob("*.parquet")) for r in pq.read_table(f).to_pylist()]
