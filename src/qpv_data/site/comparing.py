"""What each quarter is set beside, from the views `comparaisons` and `comparateurs` of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from qpv_data.site.french import number, thin
from qpv_data.site.taken import rows_of

ORDER = ("commune", "epci", "contrat", "unite_urbaine", "departement", "region", "perimetre_local", "hors_quartiers",
         "comparables", "quartiers", "territoire")  # fmt: skip
SORTS = {
    "commune": "sa commune", "epci": "son intercommunalité", "contrat": "son contrat de ville",
    "unite_urbaine": "son unité urbaine", "departement": "son département", "region": "sa région",
    "perimetre_local": "son périmètre local", "hors_quartiers": "hors des quartiers",
    "comparables": "quartiers comparables", "quartiers": "ensemble des quartiers",
    "territoire": "ensemble du territoire",
}  # fmt: skip
SEVERAL = {
    "commune": "communes", "epci": "intercommunalités", "contrat": "contrats de ville",
    "unite_urbaine": "unités urbaines", "departement": "départements", "region": "régions",
    "perimetre_local": "périmètres locaux",
}  # fmt: skip
PER = "pour_1000_habitants"
SHARES = {"population": "selon la population", "surface": "selon la surface"}

COLUMNS = (
    "zonage, code_zone, indicateur, sorte, zonage_comparateur, base, valeur_comparee, valeur_comparateur, ecart, dite"
)

Place = tuple[str, str, str, str]
"""Zoning and code of a quarter, sort of comparison, zoning of comparison."""


@dataclass(frozen=True)
class Comparison:
    """One line of `comparaisons`. `valeur` and `ecart` are None when the comparator is hidden; `base`: `valeur`, or
    `pour_1000_habitants` for amounts, whose own figure per inhabitant is `comparee`."""

    sorte: str
    nom: str
    parts: str
    base: str
    comparee: float | None
    valeur: float | None
    ecart: float | None


Beside = Mapping[str, tuple[Comparison, ...]]
"""Indicator → what it is compared with, in the order of ORDER."""


def names(con: duckdb.DuckDBPyConnection) -> dict[Place, tuple[str, str]]:
    """(zonage, code, sort, zoning of comparison) → its words: the zone's name, its code without one, or how many
    there are, and by what shares they are weighed."""
    found: dict[Place, tuple[str, str]] = {}
    sql = (
        "SELECT zonage, code_zone, sorte, zonage_comparateur,"
        " list(coalesce(nullif(nom, ''), code_comparateur) ORDER BY code_comparateur),"
        " any_value(origine_part) FROM comparateurs WHERE coalesce(part, 1) > 0 GROUP BY ALL"
    )
    for zoning, code, sort, other, held, origin in con.execute(sql).fetchall():
        words, shares = SORTS.get(sort, sort.replace("_", " ")), ""
        if sort in SEVERAL:
            words = thin(held[0]) if len(held) == 1 else f"ses {number(len(held))} {SEVERAL[sort]}"
            shares = "" if len(held) == 1 else SHARES.get(origin or "", "")
        found[(zoning, code, sort, other)] = (words, shares)
    return _apart(found)


def _apart(named: Mapping[Place, tuple[str, str]]) -> dict[Place, tuple[str, str]]:
    """The same words, those that two sorts of zones of one quarter have saying which, the smallest apart: a contrat de
    ville often has the name of its EPCI, and a unité urbaine that of its commune."""
    sorts: dict[tuple[str, str, str], set[str]] = {}
    for (zoning, code, sort, _), (words, _) in named.items():
        sorts.setdefault((zoning, code, words), set()).add(sort)

    def told(zoning: str, code: str, sort: str, words: str) -> str:
        alone = sort == min(sorts[zoning, code, words], key=_rank)
        return words if alone or sort not in SEVERAL else f"{words} ({SORTS[sort].partition(' ')[2]})"

    return {
        (zoning, code, sort, other): (told(zoning, code, sort, words), shares)
        for (zoning, code, sort, other), (words, shares) in named.items()
    }


def read(
    con: duckdb.DuckDBPyConnection, source: Path, block: list[tuple[str, str]],
    named: Mapping[Place, tuple[str, str]],
) -> dict[tuple[str, str], dict[str, tuple[Comparison, ...]]]:  # fmt: skip
    """(zonage, code) → indicator → its comparisons, of some quarters."""
    rows = rows_of(con, COLUMNS, source, block)
    found: dict[tuple[str, str], dict[str, list[Comparison]]] = {}
    for zoning, code, indicator, sort, other, base, own, value, gap, told in rows:
        words, shares = named.get((zoning, code, sort, other), (SORTS.get(sort, sort.replace("_", " ")), ""))
        one = Comparison(sort, words, shares, base, own, value if told else None, gap if told else None)
        found.setdefault((zoning, code), {}).setdefault(indicator, []).append(one)
    return {
        place: {i: tuple(sorted(them, key=lambda c: (_rank(c.sorte), c.nom))) for i, them in by_indicator.items()}
        for place, by_indicator in found.items()
    }


def _rank(sort: str) -> int:
    return ORDER.index(sort) if sort in ORDER else len(ORDER)
