"""`datapackage.json`: the release as a Data Package 2.0 of Frictionless, for readers who look for one.

A resource a table. `valeurs` and `series` are many files: their `path` lists them all, `bytes` is their sum, and
`fichiers` gives the size and the hash of each, since `hash` is that of one file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qpv_data.exports.files import PublishedTable, published_tables
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.licences import Licence, licences, plain_name, used_clauses
from qpv_data.exports.parquet import SCHEMA_VERSION, TableComments
from qpv_data.exports.schema import KEYS, LINKS, PARTITIONS
from qpv_data.exports.series import with_series
from qpv_data.schemas import PUBLISHED

_PROFILES = "https://datapackage.org/profiles/2.0"
_TYPES = {"string": "string", "double": "number", "bool": "boolean", "int32": "integer", "int64": "integer"}


def datapackage(folder: AudienceFolder, root: Path, comments: Mapping[str, TableComments]) -> bytes:
    """The descriptor of an audience's tables, to be written at `root`, which paths are relative to."""
    publication, comments = folder.publication(), with_series(comments)
    tables = published_tables(folder, root)
    named = {t.nom for t in tables}
    publisher = str(publication["diffuseur"])
    content = {
        "$schema": f"{_PROFILES}/datapackage.json",
        "name": plain_name(f"qpv-{publisher}-{publication['publication']}"),
        "id": f"{publisher}/{publication['publication']}",
        "title": f"Indicateurs par quartier prioritaire, {publication['periode']} ({publisher})",
        "description": "Valeurs protégées par le secret : une valeur cachée est nulle, et statut_diffusion le dit. "
        + folder.warning(),
        "version": publication["publication"],
        "created": f"{publication['publiee_le']}T00:00:00Z",
        "keywords": ["qpv", "politique de la ville", "contrat de ville", "quartiers prioritaires"],
        "licenses": [_licence(licence) for licence in licences(folder)],
        "contributors": [{"title": publisher, "roles": ["publisher"]}],
        "sources": _sources(folder),
        "version_schema": SCHEMA_VERSION,
        "resources": [_resource(t, named, comments.get(t.nom, TableComments("", {}))) for t in tables],
    }
    return (_laid_out(content, 5) + "\n").encode()


def _laid_out(value: object, levels: int, margin: str = "") -> str:
    """JSON on a line an item down to so many levels, a field of a table included; what is inside is on its line."""
    if levels and value and isinstance(value, dict | list):
        inner = margin + " "
        if isinstance(value, list):
            items = [_laid_out(item, levels - 1, inner) for item in value]
        else:
            items = [f"{_laid_out(k, 0)}: {_laid_out(item, levels - 1, inner)}" for k, item in value.items()]
        opening, closing = "[]" if isinstance(value, list) else "{}"
        return f"{opening}\n{inner}" + f",\n{inner}".join(items) + f"\n{margin}{closing}"
    return json.dumps(value, ensure_ascii=False)


def _sources(folder: AudienceFolder) -> list[dict[str, str]]:
    found = []
    for clause in used_clauses(folder):
        said = {"title": f"{clause['titre']} ({clause['producteur']})"}
        found.append(said | ({"path": str(clause["url"])} if _is_address(clause["url"]) else {}))
    return found


def _is_address(url: str | None) -> bool:
    return bool(url) and str(url).startswith(("https://", "http://")) and "{" not in str(url)


def _licence(licence: Licence) -> dict[str, str]:
    said = {"name": licence.nom, "title": licence.titre}
    return said | ({"path": licence.adresse} if licence.adresse else {})


def _resource(table: PublishedTable, named: set[str], comments: TableComments) -> dict[str, Any]:
    files = table.fichiers
    many = table.nom in PARTITIONS
    whole: dict[str, Any] = {
        "name": table.nom,
        "type": "table",
        "description": comments.table,
        "path": [f.chemin for f in files] if many else files[0].chemin,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": sum(f.octets for f in files),
    }
    if many:
        whole["fichiers"] = [{"path": f.chemin, "bytes": f.octets, "hash": f"sha256:{f.sha256}"} for f in files]
        whole["partitions"] = list(PARTITIONS[table.nom])
    else:
        whole["hash"] = f"sha256:{files[0].sha256}"
    return whole | {"schema": _table_schema(table.nom, table.schema, named, comments)}


def _table_schema(name: str, schema: pa.Schema, named: set[str], comments: TableComments) -> dict[str, Any]:
    content: dict[str, Any] = {
        "$schema": f"{_PROFILES}/tableschema.json",
        "fields": [_field(f, name, comments) for f in schema],
    }
    if name in KEYS:
        content["primaryKey"] = list(KEYS[name])
    links = [_link(own, other, there) for own, other, there in LINKS.get(name, ()) if other in named]
    return content | ({"foreignKeys": links} if links else {})


def _field(field: pa.Field, table: str, comments: TableComments) -> dict[str, Any]:
    said: dict[str, Any] = {"name": field.name, "type": _type(field.type)}
    if field.name in comments.colonnes:
        said["description"] = comments.colonnes[field.name]
    always = PUBLISHED[table].non_nulles if table in PUBLISHED else KEYS.get(table, ())
    if not field.nullable or field.name in always:
        said["constraints"] = {"required": True}
    return said


def _type(kind: pa.DataType) -> str:
    """Table Schema's type; WKB is `any`, since it has no type for bytes."""
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "datetime"
    return "object" if pa.types.is_struct(kind) else _TYPES.get(str(kind), "any")


def _link(own: Sequence[str], other: str, there: Sequence[str]) -> dict[str, Any]:
    return {"fields": list(own), "reference": {"resource": other, "fields": list(there)}}
