"""docs/dictionnaire.md: the tables of a release, from their schemas, and the indicators of the shipped clauses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from qpv_data import tables
from qpv_data.clause.check import checked_clauses
from qpv_data.comments import texts
from qpv_data.passage.model import PASSAGES
from qpv_data.resources import referentials_dir
from qpv_data.uncertainty.disclosure import INCERTITUDES
from qpv_data.zonages import tables as zonings

_HEAD = """# Dictionnaire des données publiées

<!-- Page écrite par `python -m qpv_data.documentation dictionnaire` : modifier src/qpv_data/documentation/. -->

Chaque table est dans `qpv.duckdb` et en Parquet sous `releases/<publication>/`. Trois vues les accompagnent dans la
base : `quartiers` (les valeurs des quartiers, avec leurs libellés), `ecarts_commune` (l'écart d'un quartier à sa
commune) et `conformite` (ce que chaque clause promettait, et ce qu'il en est). Comment lire un statut, un zéro ou une
absence : [donnees-publiees.md](donnees-publiees.md).
"""
_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP",
    "binary": "GEOMETRY",
    "struct<xmin: double, ymin: double, xmax: double, ymax: double>": "STRUCT(xmin, ymin, xmax, ymax DOUBLE)",
}
_REGIMES = {"sans_objet": "sans objet", "producteur": "celui du producteur"}
# Title, folder, and the folder of all the clauses that they are checked with.
_SECTIONS = (
    ("du territoire fictif", "demo/clauses", "demo/clauses"),
    ("des clauses de Toulouse", "clauses/toulouse", "clauses/toulouse"),
    ("du catalogue", "clauses/catalogue", "clauses"),
)


def schemas() -> dict[str, pa.Schema]:
    """Published table → schema, in the order of the page."""
    box = pa.field("bbox", pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")]))
    drawn = [f for f in zonings.ZONES if f.name not in ("xmin", "ymin", "xmax", "ymax")]
    return {
        "valeurs": tables.VALEURS,
        "incertitudes": INCERTITUDES,
        "indicateurs": tables.INDICATEURS,
        "modalites": tables.MODALITES,
        "clauses": tables.CLAUSES,
        "livraisons": tables.LIVRAISONS,
        "valeurs_livraisons": tables.VALEURS_LIVRAISONS,
        "publications": tables.PUBLICATIONS,
        "zones": pa.schema([*drawn, box]),
        "zones_communes": zonings.ZONES_COMMUNES,
        "zones_epci": zonings.ZONES_EPCI,
        "zones_contrats": zonings.ZONES_CONTRATS,
        "passages": PASSAGES,
        "en_vigueur": zonings.EN_VIGUEUR,
    }


def dictionary_page() -> str:
    """The page, in Markdown."""
    meanings = texts()
    parts = [_HEAD, *(_table(name, schema, meanings[name]) for name, schema in schemas().items())]
    for title, folder, root in _SECTIONS:
        parts.append(f"## Les indicateurs {title} (`referentiels/{folder}`)\n")
        parts.append("\n".join(_indicators(referentials_dir() / folder, referentials_dir() / root)) + "\n")
    return "\n".join(parts)


def _table(name: str, schema: pa.Schema, text: Mapping[str, Any]) -> str:
    lines = [f"## `{name}`\n", f"{text['titre']}\n", "| Colonne | Type | Sens |", "|---|---|---|"]
    lines += [f"| `{f.name}` | {_TYPES[str(f.type)]} | {text['colonnes'][f.name]} |" for f in schema]
    return "\n".join(lines) + "\n"


def _indicators(folder: Path, root: Path) -> Iterator[str]:
    """The indicators of the clauses under `folder`, checked with all those under `root`, which they may divide by."""
    yield "| Indicateur | Titre et définition | Unité | Nature | Fréquence | Secret | Diffusion |"
    yield "|---|---|---|---|---|---|---|"
    clauses = checked_clauses(root)
    own = {loaded.clause.id for loaded in clauses.chargees if folder in loaded.fichier.parents}
    rows = [tables.indicator_row(clause, indicator) for clause, indicator in clauses.indicateurs() if clause.id in own]
    for row in sorted(rows, key=lambda r: str(r["indicateur"])):
        reserve = f" *{str(row['reserve']).strip()}*" if row["reserve"] else ""
        about = f"**{row['titre']}.** {row['definition']}.{reserve}".replace("|", "\\|")
        nature = f"{row['nature']}, {row['nature_temporelle']}"
        cells = [about, row["unite"], nature, row["frequence"], _privacy(row), row["diffusion"]]
        yield f"| `{row['indicateur']}` | {' | '.join(str(c) for c in cells)} |"


def _privacy(row: Mapping[str, Any]) -> str:
    rule = str(row["regime_secret"])
    if rule in _REGIMES:
        return _REGIMES[rule]
    dominance = f", dominance {100 * row['dominance']:g} %" if row["dominance"] is not None else ""
    return f"seuil {row['seuil']} ({row['unite_secret']}){dominance}"
