"""The DuckDB file of a release of national size: `python benchmarks/base.py [--quartiers 1609 --indicateurs 200]`.

A synthetic release is written in `data/bench/base`: 1,609 quarters, 490 communes, 400 EPCIs and their total, 200
indicators, 40 quarters of a year, 20 M rows of `valeurs`. A fresh process then builds the database; each question is
asked in a fresh process as well, once to open the file and answer, then twenty times. Figures are for comparing two
versions on one machine: nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data import tables
from qpv_data.checks import declared_checks
from qpv_data.database import write_database
from qpv_data.periods import parse_period, periods_between
from qpv_data.schemas import PUBLISHED

SIZES = {"qpv2024": 1609, "commune": 490, "epci": 400, "territoire": 1}
NATURES = ("compte", "part", "taux", "moyenne")
QUESTIONS = {
    "profile of one quarter, wide": "SELECT * FROM profil_quartier WHERE code_zone = 'QN00800M'",
    "profile of one quarter, every period": (
        "SELECT * FROM quartiers WHERE zonage = 'qpv2024' AND code_zone = 'QN00800M'"
    ),
    "series of one indicator in one quarter": (
        "SELECT * FROM series WHERE zonage = 'qpv2024' AND code_zone = 'QN00800M' AND indicateur = 'i100'"
        " ORDER BY periode"
    ),
    "gap to the commune, one quarter, one indicator": (
        "SELECT * FROM ecarts_commune WHERE zonage = 'qpv2024' AND code_zone = 'QN00800M' AND indicateur = 'i101'"
    ),
    "gap to all quarters, one quarter, one indicator": (
        "SELECT * FROM ecarts_ensemble_quartiers"
        " WHERE zonage = 'qpv2024' AND code_zone = 'QN00800M' AND indicateur = 'i101'"
    ),
    "lineage of one value": (
        "SELECT * FROM lignage WHERE zonage = 'qpv2024' AND code_zone = 'QN00800M' AND indicateur = 'i100'"
        " AND periode = '2024-T3'"
    ),
    "one indicator, one period, all quarters": (
        "SELECT * FROM quartiers WHERE zonage = 'qpv2024' AND indicateur = 'i100' AND periode = '2024-T3'"
    ),
}
_VALUES = """
COPY (
  SELECT 'banc' AS diffuseur, 'banc-r1' AS publication, i.indicateur, 'ensemble' AS modalite, z.code_zone,
    'T' AS frequence, DATE '{debut}' AS periode_debut, DATE '{fin}' AS periode_fin,
    CASE WHEN shown THEN CASE i.nature WHEN 'compte' THEN n
      ELSE round(i.facteur * n / d, 1) END END AS valeur,
    CASE WHEN shown THEN n END AS numerateur,
    CASE WHEN shown AND i.nature <> 'compte' THEN d END AS denominateur,
    'normale' AS statut_observation, CASE WHEN shown THEN 'diffusee' ELSE 'secret' END AS statut_diffusion,
    'A' AS qualite,
    TIMESTAMP '2025-04-15' AS visible_de, NULL::TIMESTAMP AS visible_a
  FROM zones z, indicateurs i,
    LATERAL (SELECT hash(z.code_zone, i.indicateur, '{periode}') AS h),
    LATERAL (SELECT (z.poids * (50 + h % 50))::DOUBLE AS n, (z.poids * 100)::DOUBLE AS d, h % 5 > 0 AS shown)
  WHERE z.zonage = '{zonage}'
  ORDER BY z.code_zone, i.indicateur
) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)
"""


def zones(sizes: dict[str, int]) -> pa.Table:
    """One row a zone, without contours; `poids` makes a commune larger than its quarters."""
    weights = {"qpv2024": 1, "commune": 4, "epci": 10, "territoire": 4 * sizes["commune"]}
    rows = []
    for zoning, count in sizes.items():
        for n in range(count):
            code = {"qpv2024": f"QN{n:05d}M", "commune": f"{n + 1000:05d}", "epci": f"2000{n:05d}"}.get(zoning, zoning)
            rows.append({
                "zonage": zoning, "famille": {"qpv2024": "qpv"}.get(zoning, zoning), "code_zone": code,
                "nom": f"Zone {code}", "millesime": "2024", "statut": "sans_contour", "reparee": False,
                "poids": weights[zoning],
            })  # fmt: skip
    return pa.Table.from_pylist(rows)


def catalogue(count: int) -> list[dict[str, object]]:
    """The rows of `indicateurs`."""
    blank = dict.fromkeys(tables.INDICATEURS.names)
    return [
        {
            **blank, "indicateur": f"i{n:03d}", "jeu": f"jeu{n // 5:02d}", "titre": f"Indicateur {n}",
            "definition": "Banc",
            "theme": f"theme{n // 20}", "unite": "unités", "nature": NATURES[n % 4], "nature_temporelle": "stock",
            "decimales": 0 if n % 4 == 0 else 1, "frequence": "T", "facteur": 1.0 if n % 4 == 3 else 100.0,
            "regime_secret": "seuil", "seuil": 11, "unite_secret": "personne", "diffusion": "ouvert",
            "regle_limite": "strict", "additif": True, "clause_version": "1.0",
        }
        for n in range(count)
    ]  # fmt: skip


def write_release(folder: Path, quarters: int, indicators: int, periods: int) -> int:
    """Write the Parquet files of a release; returns the rows of `valeurs`."""
    sizes = {**SIZES, "qpv2024": quarters}
    drawn, listed = zones(sizes), catalogue(indicators)
    first = parse_period("2015-T1")
    chosen = list(periods_between(first, parse_period("2030-T4")))[:periods]
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.register("zones", drawn)
        con.register("indicateurs", pa.Table.from_pylist(listed, schema=tables.INDICATEURS))
        for zoning in sizes:
            for period in chosen:
                target = folder / "valeurs" / f"zonage={zoning}" / f"periode={period}" / "valeurs.parquet"
                target.parent.mkdir(parents=True)
                con.execute(
                    _VALUES.format(debut=period.debut, fin=period.fin, periode=period, zonage=zoning, target=target)
                )
    _write_others(folder, drawn, listed, [str(p) for p in chosen])
    return sum(sizes.values()) * indicators * periods


def _write_others(folder: Path, drawn: pa.Table, listed: list[dict[str, object]], periods: list[str]) -> None:
    quarters = [z for z in drawn.to_pylist() if z["zonage"] == "qpv2024"]
    feeds = sorted({str(row["jeu"]) for row in listed})
    clause = dict.fromkeys(tables.CLAUSES.names, "banc") | {"donnees_personnelles": False, "a_confirmer": False}
    delivery = dict.fromkeys(tables.LIVRAISONS.names) | {"statut": "recue", "url": "banc", "clause_version": "1.0"}
    publication = dict.fromkeys(tables.PUBLICATIONS.names, "banc") | {"publiee_le": None, "publication": "banc-r1"}
    made: dict[str, list[dict[str, object]]] = {
        "indicateurs": listed,
        "modalites": [{"indicateur": r["indicateur"], "modalite": "ensemble", "libelle": "Ensemble"} for r in listed],
        "clauses": [{**clause, "clause": feed} for feed in feeds],
        "livraisons": [{**delivery, "jeu": f, "periode": p, "livraison": f"{f}-{p}"} for f in feeds for p in periods],
        "valeurs_livraisons": [
            {"publication": "banc-r1", "indicateur": r["indicateur"], "zonage": z, "periode": p, "jeu": r["jeu"],
             "livraison": f"{r['jeu']}-{p}", "role": "source"}
            for r in listed for z in SIZES for p in periods
        ],
        "publications": [{**publication, "publiee_le": parse_period("2025-T1").fin}],
        "zones_communes": [
            {"zonage": "qpv2024", "code_zone": z["code_zone"], "code_commune": f"{n % 490 + 1000:05d}",
             "origine": "declare"}
            for n, z in enumerate(quarters)
        ],
        "zones_epci": [
            {"zonage": "qpv2024", "code_zone": z["code_zone"], "code_epci": f"2000{n % 400:05d}"}
            for n, z in enumerate(quarters)
        ],
    }  # fmt: skip
    for name, rows in made.items():
        pq.write_table(pa.Table.from_pylist(rows, schema=PUBLISHED[name].schema), folder / f"{name}.parquet")
    pq.write_table(drawn.drop_columns(["poids"]), folder / "zones.parquet")


def build(folder: Path) -> dict[str, float]:
    """In a fresh process: seconds, those of the processors, peak MB and the size of the file, checks included."""
    target = folder.with_suffix(".duckdb")
    target.unlink(missing_ok=True)
    start = time.perf_counter()
    write_database(folder, target)
    seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    peak, cpu = used.ru_maxrss / 1024, used.ru_utime + used.ru_stime
    return {"seconds": seconds, "CPU seconds": cpu, "peak MB": peak, "file MB": target.stat().st_size / 2**20}


def checks(folder: Path) -> dict[str, float]:
    """Seconds of each check."""
    found = {}
    with duckdb.connect(str(folder.with_suffix(".duckdb")), read_only=True) as con:
        for check in declared_checks():
            start = time.perf_counter()
            rows = con.execute(f"SELECT count(*) FROM (SELECT 1 FROM ({check.sql}) LIMIT 100)").fetchall()[0][0]
            found[f"{check.controle} ({rows})"] = time.perf_counter() - start
    return {**found, "all": sum(found.values())}


def ask(folder: Path, question: str) -> dict[str, float]:
    """Milliseconds of the first answer, opening included, and the median of twenty more."""
    start = time.perf_counter()
    with duckdb.connect(str(folder.with_suffix(".duckdb")), read_only=True) as con:
        rows = len(con.execute(QUESTIONS[question]).fetchall())
        first = time.perf_counter() - start
        again = []
        for _ in range(20):
            start = time.perf_counter()
            con.execute(QUESTIONS[question]).fetchall()
            again.append(time.perf_counter() - start)
    return {"rows": rows, "first ms": 1000 * first, "median ms": 1000 * statistics.median(again)}


STEPS: dict[str, Callable[[Path], dict[str, float]]] = {
    "build": build, "checks": checks, **{q: lambda folder, q=q: ask(folder, q) for q in QUESTIONS},  # type: ignore[misc]
}  # fmt: skip


def main() -> None:
    """Write the release unless it is there, then measure each step in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dossier", type=Path, default=Path("data/bench/base"))
    for name, default in (("quartiers", 1609), ("indicateurs", 200), ("periodes", 40)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--etape", choices=list(STEPS), help="one step, in this process")
    asked = options.parse_args()
    folder = asked.dossier.resolve()
    if asked.etape:
        print(json.dumps(STEPS[asked.etape](folder)))
        return
    if not folder.is_dir():
        rows = write_release(folder, asked.quartiers, asked.indicateurs, asked.periodes)
        print(f"release: {rows:,} rows of valeurs", flush=True)
    for step in STEPS:
        command = [sys.executable, __file__, "--dossier", str(folder), "--etape", step]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{step}: " + ", ".join(f"{k} {v:,.1f}" for k, v in said.items()), flush=True)


if __name__ == "__main__":
    main()
