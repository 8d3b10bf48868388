"""Where a number comes from: what it means, who delivered what, under which clause and rule, and how it changed.

Read from the folder of one audience alone: it says to its readers what they could find themselves, and no more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.clause.expressions import literal
from qpv_data.engine import sql_path
from qpv_data.problems import Problem
from qpv_data.releases.layout import said, values_sql
from qpv_data.runs import UNIQUE, RunError

_KEY = "indicateur = $indicateur AND modalite = $modalite AND code_zone = $zone AND periode = $periode"
SQL = """SELECT valeur, numerateur, denominateur, statut_observation, statut_diffusion
FROM valeurs
WHERE indicateur = {indicateur} AND modalite = {modalite}
  AND zonage = {zonage} AND code_zone = {zone} AND periode = {periode}"""


def explain(
    folder: Path, zone: str, indicateur: str, periode: str, modalite: str = "ensemble", zonage: str | None = None
) -> list[dict[str, Any]]:
    """One document a value that answers, several when a code is that of zones of several zonings.

    Raises RunError when none does, with what is there instead.
    """
    asked = {"indicateur": indicateur, "modalite": modalite, "zone": zone, "periode": periode}
    with duckdb.connect() as con:
        values = values_sql(folder)
        found = _rows(con, f"SELECT * FROM {values} WHERE {_KEY} ORDER BY zonage", asked)
        found = [row for row in found if zonage in (None, row["zonage"])]
        if not found:
            raise _absent(con, values, asked)
        return [_document(con, folder, row) for row in found]


def _document(con: duckdb.DuckDBPyConnection, folder: Path, value: dict[str, Any]) -> dict[str, Any]:
    def table(name: str) -> str:
        return f"read_parquet({sql_path(folder / f'{name}.parquet')})"

    key = {k: value[k] for k in ("indicateur", "zonage", "periode")}
    cell = {**key, "zone": value["code_zone"], "modalite": value["modalite"]}
    (what,) = _rows(con, f"SELECT * FROM {table('indicateurs')} WHERE indicateur = $i", {"i": value["indicateur"]})
    (clause,) = _rows(con, f"SELECT * FROM {table('clauses')} WHERE clause = $c", {"c": what["jeu"]})
    zones = _rows(
        con, f"SELECT nom FROM {table('zones')} WHERE zonage = $z AND code_zone = $c",
        {"z": value["zonage"], "c": value["code_zone"]},
    )  # fmt: skip
    deliveries = _rows(
        con,
        "SELECT DISTINCT v.role, v.jeu, l.periode, v.livraison, l.recue_le, l.statut"
        f" FROM {table('valeurs_livraisons')} v JOIN {table('livraisons')} l USING (livraison, jeu)"
        " WHERE v.indicateur = $indicateur"
        " AND v.zonage = $zonage AND v.periode = $periode ORDER BY ALL",
        key,
    )
    where = f"{_KEY} AND zonage = $zonage"
    doubt = _rows(con, f"SELECT * FROM {table('incertitudes')} WHERE {where} ORDER BY niveau", cell)
    changed = _rows(con, f"SELECT * FROM {table('changements')} WHERE {where}", cell)
    past = _rows(con, f"SELECT * FROM {table('revisions')} WHERE {where} ORDER BY visible_a", cell)
    quoted = {k: literal(str(v)) for k, v in cell.items()}
    return {
        "valeur": value,
        "zone": zones[0]["nom"] if zones else None,
        "indicateur": what,
        "clause": clause,
        "livraisons": deliveries,
        "incertitudes": doubt,
        "publication_precedente": said(folder)["precedente"],
        "changement": changed[0] if changed else None,
        "etats_passes": past,
        "sql": SQL.format(**quoted),
    }


def internal(lake: Path, told: dict[str, Any]) -> dict[str, Any]:
    """What the run's owner may add, and nobody else: of each delivery behind a value, its rows and its digest; of the
    cell, the units behind it. Each would undo a suppression. Read from the private folders of `lake`; what is no more
    there is None.
    """
    deliveries = []
    for one in told["livraisons"]:
        path = lake / "conformed" / one["jeu"] / f"{one['periode'] or UNIQUE}.json"
        kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        names = ("recues", "conformes", "rejetees", "sha256", "taille")
        own = kept if kept.get("livraison") == one["livraison"] else {}
        deliveries.append({"livraison": one["livraison"], **{n: own.get(n) for n in names}})
    value, what = told["valeur"], told["indicateur"]
    cells = lake / "aggregated" / what["jeu"] / f"{value['indicateur']}.parquet"
    units = None
    if cells.is_file():
        key = {k: value[k] for k in ("zonage", "code_zone", "periode", "modalite")}
        where = " AND ".join(f"{k} = ${k}" for k in key)
        with duckdb.connect() as con:
            found = _rows(con, f"SELECT * FROM read_parquet({sql_path(cells)}) WHERE {where}", key)
        units = found[0] if found else None
    return {"livraisons": deliveries, "cellule": units}


def _absent(con: duckdb.DuckDBPyConnection, values: str, asked: dict[str, str]) -> RunError:
    """What is missing, from the left: the indicator, then its period, its modality, its zone."""
    held = dict[str, str]()
    for column, name in (("indicateur",) * 2, ("periode",) * 2, ("modalite",) * 2, ("code_zone", "zone")):
        where = " AND ".join([f"{c} = ${c}" for c in held] or ["true"])
        query = f"SELECT DISTINCT {column} FROM {values} WHERE {where} ORDER BY 1"
        known = [v for (v,) in con.execute(query, held).fetchall()]
        if asked[name] not in known:
            near = [v for v in known if v.startswith(asked[name][:4])] or known
            message = f"{name} {asked[name]} absent de cette publication"
            remedy = f"par exemple {', '.join(near[:6])}" if near else "choisir une autre publication"
            return RunError(Problem.VALEUR_ABSENTE, message, remedy)
        held[column] = asked[name]
    return RunError(Problem.VALEUR_ABSENTE, "ces quatre ne vont pas ensemble", "voir la table valeurs")


def _rows(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    answer = con.execute(query, parameters)
    names = [d[0] for d in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
