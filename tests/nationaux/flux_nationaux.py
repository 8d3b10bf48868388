"""The national feeds of the catalogue, moved to the territory of the tests: their clause, their file of the schema."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from factory import COMMUNES, HOST, QPV2015, QPV2024, Mini, codes_clause, geojson, indicator, perimeters_clause

from qpv_data.resources import referentials_dir

FILES = Path(__file__).parents[1] / "fixtures" / "nationaux"
SHIPPED = {p.stem: p for p in sorted((referentials_dir() / "clauses" / "catalogue").glob("*/*.yml"))}
FEEDS = tuple(p.stem for p in sorted(FILES.glob("*.csv")))
NUMBERS = {"x", "y", "LAMBERT_X", "LAMBERT_Y", "LONGITUDE", "LATITUDE", "y_latitude", "x_longitude"}  # in Parquet
PERIODS = {"dvf_mutations": "2025", "demandeurs_emploi_qpv2024": "2025-T4"}
STARTS = {**PERIODS, "ssmsi_delinquance_commune": "2022"}  # shorter series: fewer cells to compute


def read(ident: str) -> dict[str, Any]:
    """The clause as it ships, dates as they are written."""
    declared: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(SHIPPED[ident].read_text("utf-8")), default=str))
    return declared


def moved(ident: str) -> dict[str, Any]:
    """The clause as it ships, for the territory of the tests: its coverage, its host, and as many rejects as wanted."""
    clause = read(ident)
    if not clause["couverture"].get("france"):
        clause["couverture"] = {"departements": ["99"]}
    slot = "{periode}" if ident in PERIODS else ""
    clause["source"] = {"url": f"https://{HOST}/{ident}{slot}", "membre": clause["source"].get("membre")}
    clause["source"] = {k: v for k, v in clause["source"].items() if v is not None}
    clause["a_confirmer"] = [k for k in clause.get("a_confirmer", ()) if not k.startswith("source.")]
    clause["controles"] |= {"lignes_min": 1, "rejets_max": 1}
    if ident in STARTS:
        clause["periode"]["debut"] = STARTS[ident]
    return clause


def rows_of(ident: str) -> list[dict[str, str]]:
    """The rows of the fixture, under the names of its header."""
    separator = read(ident)["format"].get("separateur") or ";"
    text = (FILES / f"{ident}.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=separator))


def as_parquet(rows: list[dict[str, str]]) -> bytes:
    """As producers write it: coordinates are doubles, and what is empty is null."""
    columns = {}
    for name in rows[0]:
        texts = [r[name] or None for r in rows]
        numeric = name in NUMBERS
        numbers = [None if t is None else float(t) for t in texts] if numeric else texts
        columns[name] = pa.array(numbers, pa.float64() if numeric else pa.string())
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def as_workbook(rows: list[dict[str, str]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append([int(v) if re.fullmatch(r"\d+", v) else v or None for v in row.values()])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def as_archive(ident: str) -> bytes:
    """Insee's archive: the table, its labels, and the table of the whole, which bears another name."""
    table = (FILES / f"{ident}.csv").read_bytes()
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("BTS_2021_QP.csv", table)
        archive.writestr("meta_BTS_2021_QP.csv.txt", "COD_VAR;LIB_VAR\n")
        archive.writestr("BTS_2021_ENSQP.csv", b"CODGEO;DISP_MED_A21\n00;13000\n")
    return sink.getvalue()


CONTAINERS: dict[str, Callable[[str], bytes]] = {"insee_revenus_2021": as_archive}


def content(ident: str) -> bytes:
    """What the address answers."""
    if ident in CONTAINERS:
        return CONTAINERS[ident](ident)
    kind = read(ident)["format"]["type"]
    if kind == "parquet":
        return as_parquet(rows_of(ident))
    if kind == "xlsx":
        return as_workbook(rows_of(ident))
    return (FILES / f"{ident}.csv").read_bytes()


def territory(root: Path) -> Mini:
    """Perimeters of both generations, communes, and the population of 2015; nothing of the catalogue yet."""
    made = Mini(root, now=datetime(2026, 2, 1, tzinfo=UTC))
    for zonage, famille, motif, millesime in (
        ("qpv2015", "qpv", r"QP\d{6}", "2015"),
        ("qpv2024", "qpv", r"QN\d{5}[A-Z]", "2024"),
        ("commune", "commune", r"\d{5}", "2026"),
    ):
        clause = perimeters_clause(zonage, famille, motif)
        clause["zonage"]["millesime"] = millesime
        made.declare(clause)
    made.deliver("qpv2015.geojson", geojson(QPV2015))
    made.deliver("qpv2024.geojson", geojson(QPV2024))
    made.deliver("commune.geojson", geojson(COMMUNES))
    population = indicator("insee_population", "releve", numerateur="valeur")
    made.declare(codes_clause("population", "qpv2015", indicateurs=[population]))
    made.deliver("population.csv", "code;valeur\nQP099001;1000\nQP099002;1600\n")
    return made


def add(made: Mini, ident: str, **more: Any) -> None:
    """Declare a feed of the catalogue and deliver its file."""
    made.declare({**moved(ident), **more})
    made.deliver(f"{ident}{PERIODS.get(ident, '')}", content(ident))
