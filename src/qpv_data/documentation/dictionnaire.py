"""docs/dictionnaire.md: the tables of a release, from their schemas, and the indicators of the shipped clauses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from qpv_data import tables
from qpv_data.checks import declared_checks
from qpv_data.clause.check import checked_clauses
from qpv_data.comments import added_texts, meanings, texts
from qpv_data.database import create
from qpv_data.profile import write_profile
from qpv_data.resources import referentials_dir
from qpv_data.schemas import PUBLISHED, TYPES, PublishedTable

_HEAD = """# Dictionnaire des données publiées

<!-- Page écrite par `python -m qpv_data.documentation dictionnaire` : modifier src/qpv_data/documentation/. -->

Chaque table est en Parquet dans le dossier de chaque public d'une publication, et dans sa base `qpv.duckdb`, avec des
commentaires sur chaque table et colonne (`duckdb_columns()`). La base s'ouvre avec DuckDB 1.1 ou plus récent, sans
extension ; elle ajoute [des tables, des vues et des contrôles](#ce-que-la-base-ajoute). Comment lire un statut, un zéro
ou une absence : [donnees-publiees.md](donnees-publiees.md) ; dix questions et leur SQL :
[dix-questions.md](dix-questions.md).
"""
_ADDED = """## Ce que la base ajoute

Ces tables et vues sont dans `qpv.duckdb` seul. Les contours de `zones` sont du WKB : `ST_GeomFromWKB(geometrie)` avec
l'extension spatiale, `zones_geojson` sans elle.
"""
_CHECKS = """## Les contrôles

Chacun est un `SELECT` de `sql/checks/` qui rend les lignes en cause, sur la base d'un seul public : ce qui est caché
n'y est pas. Une publication qui ne tient pas un contrôle d'arrêt est refusée ; une alerte est dite dans la table
`controles`. `qpv-data controles DOSSIER` montre les lignes.
"""
_REGIMES = {"sans_objet": "sans objet", "producteur": "celui du producteur"}
# Title, folder, and the folder of all the clauses that they are checked with.
_SECTIONS = (
    ("du territoire fictif", "demo/clauses", "demo/clauses"),
    ("des clauses de Toulouse", "clauses/toulouse", "clauses/toulouse"),
    ("du catalogue", "clauses/catalogue", "clauses"),
)


def schemas() -> dict[str, pa.Schema]:
    """Published table → schema, in the order of the page."""
    return {name: table.schema for name, table in PUBLISHED.items()}


def dictionary_page() -> str:
    """The page, in Markdown."""
    meanings = texts()
    parts = [_HEAD, *(_table(name, table, meanings[name]) for name, table in PUBLISHED.items())]
    parts += [_ADDED, *_added_parts(), _CHECKS, "\n".join(_check_lines()) + "\n"]
    for title, folder, root in _SECTIONS:
        parts.append(f"## Les indicateurs {title} (`referentiels/{folder}`)\n")
        parts.append("\n".join(_indicators(referentials_dir() / folder, referentials_dir() / root)) + "\n")
    return "\n".join(parts)


def _table(name: str, table: PublishedTable, text: Mapping[str, Any]) -> str:
    held = ", tenue par un contrôle" if table.controlee else ""
    key = f"Clé : {', '.join(f'`{c}`' for c in table.cle)}{held}." if table.cle else "Sans clé."
    always = set(table.non_nulles)
    lines = [f"## `{name}`\n", f"{text['titre']} {key}\n", "| Colonne | Type | Vide | Sens |", "|---|---|---|---|"]
    for f in table.schema:
        empty = "jamais" if f.name in always else "parfois"
        lines.append(f"| `{f.name}` | {_short(TYPES[str(f.type)])} | {empty} | {text['colonnes'][f.name]} |")
    return "\n".join(lines) + "\n"


def _short(kind: str) -> str:
    return kind.replace(" DOUBLE,", ",")


def _added_parts() -> Iterator[str]:
    """What the database adds: its own tables, its views, its macros."""
    with duckdb.connect() as con:
        create(con)
        write_profile(con)
        for name, text in added_texts().items():
            kind = {"table": "Table", "vue": "Vue", "macro": "Macro"}[text["sorte"]]
            yield f"### `{name}`\n\n{kind}. {text['titre']}\n"
            if text["sorte"] != "macro":
                columns = {c: t for c, t, *_ in con.execute(f"DESCRIBE {name}").fetchall()}
                said = meanings(name, columns)
                lines = [f"| `{column}` | {kind} | {said[column]} |" for column, kind in columns.items()]
                if name == "profil_quartier":
                    lines.append("| un indicateur | DOUBLE | Sa valeur ; le commentaire dit titre, unité et période. |")
                yield "\n".join(["| Colonne | Type | Sens |", "|---|---|---|", *lines]) + "\n"


def _check_lines() -> Iterator[str]:
    yield "| Contrôle | Gravité | Ce qui doit être vrai | Ses lignes |"
    yield "|---|---|---|---|"
    for check in declared_checks():
        yield f"| `{check.controle}` | `{check.gravite}` | {check.titre} | {check.grain} |"


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
