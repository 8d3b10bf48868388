"""The published schema, described, and what breaks its promise: see docs/schema-parquet.md.

`python -m qpv_data.exports.schema > docs/schema-parquet.json` writes the description again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qpv_data.exports.parquet import SCHEMA_VERSION
from qpv_data.schemas import PUBLISHED

PARTITIONS = {"valeurs": ("zonage", "periode"), "series": ("zonage",)}
"""Columns that are in the path of a table's files and not in the files."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "series": PUBLISHED["valeurs"].cle,
    **{name: table.cle for name, table in PUBLISHED.items() if table.cle},
}
"""Table → the columns that name one row of it. A table that is not here may repeat a row."""

LINKS: Mapping[str, tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...]] = {
    "valeurs": (
        (("indicateur",), "indicateurs", ("indicateur",)),
        (("indicateur", "modalite"), "modalites", ("indicateur", "modalite")),
        (("publication",), "publications", ("publication",)),
    ),
    "series": ((("indicateur", "modalite"), "modalites", ("indicateur", "modalite")),),
    "incertitudes": (
        (("indicateur", "modalite"), "modalites", ("indicateur", "modalite")),
        (("zonage", "code_zone"), "zones", ("zonage", "code_zone")),
    ),
    "indicateurs": ((("jeu",), "clauses", ("clause",)),),
    "ruptures": ((("indicateur",), "indicateurs", ("indicateur",)),),
    "modalites": ((("indicateur",), "indicateurs", ("indicateur",)),),
    "livraisons": ((("jeu",), "clauses", ("clause",)),),
    "valeurs_livraisons": (
        (("indicateur",), "indicateurs", ("indicateur",)),
        (("jeu",), "clauses", ("clause",)),
    ),
    "zones_communes": ((("zonage", "code_zone"), "zones", ("zonage", "code_zone")),),
    "zones_epci": ((("zonage", "code_zone"), "zones", ("zonage", "code_zone")),),
    "zones_contrats": ((("zonage", "code_zone"), "zones", ("zonage", "code_zone")),),
}
"""Table → (its columns, the table that they refer to, the columns there). `valeurs` has zones without a contour
(`non_localise`), which are not in `zones`."""


def described(schemas: Mapping[str, pa.Schema]) -> dict[str, Any]:
    """The description: version, and for each table its columns in order, with their Arrow types."""
    return {"version_schema": SCHEMA_VERSION, "tables": {n: _table(n, s) for n, s in sorted(schemas.items())}}


def _table(name: str, schema: pa.Schema) -> dict[str, Any]:
    partitions = PARTITIONS.get(name, ())
    columns = [
        {"nom": f.name, "type": str(f.type), "obligatoire": not f.nullable} for f in schema if f.name not in partitions
    ]
    content: dict[str, Any] = {"colonnes": columns}
    if name in KEYS:
        content["cle"] = list(KEYS[name])
    if partitions:
        content["partitions"] = list(partitions)
    return content


def broken(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What `after` takes from readers of `before`, within one major version: an empty list keeps the promise.

    A table or a column that is gone, a type, a key or partitions that change, a column that may be null and never
    was, a column that moves before an older one. Columns and tables that are added after the older ones are fine.
    """
    found = []
    for name, old in before["tables"].items():
        new = after["tables"].get(name)
        if new is None:
            found.append(f"{name} : la table a disparu")
            continue
        found += [f"{name} : {key} change" for key in ("cle", "partitions") if old.get(key) != new.get(key)]
        columns = {c["nom"]: c for c in new["colonnes"]}
        for column in old["colonnes"]:
            found += _broken_column(f"{name}.{column['nom']}", column, columns.get(column["nom"]))
        kept = [c["nom"] for c in new["colonnes"]][: len(old["colonnes"])]
        if {c["nom"] for c in old["colonnes"]} <= set(columns) and kept != [c["nom"] for c in old["colonnes"]]:
            found.append(f"{name} : l'ordre des colonnes change")
    return found


def _broken_column(name: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> list[str]:
    if new is None:
        return [f"{name} : la colonne a disparu"]
    found = [f"{name} : le type {old['type']} devient {new['type']}"] if old["type"] != new["type"] else []
    return found + ([f"{name} : peut devenir nulle"] if old["obligatoire"] and not new["obligatoire"] else [])


def description() -> str:
    """The committed description: JSON, one table after the other by name."""
    from qpv_data.exports.series import SERIES

    schemas = {"series": SERIES, **{name: table.schema for name, table in PUBLISHED.items()}}
    return json.dumps(described(schemas), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    print(description(), end="")
