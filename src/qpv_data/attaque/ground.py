"""Pieces of ground between partitions, with the true number of units in each, from located records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.attaque.differencing import Group, Piece, differencing
from qpv_data.attaque.refusal import RefusedInputError

_OUTSIDE, _UNKNOWN = "(hors)", "(inconnu)"


@dataclass(frozen=True)
class Risk:
    """A group of fewer than k units that the totals of two zonings give, in one file of records (one period).

    `unit`: of what kind, where several are sought.
    """

    source: str
    zonings: tuple[str, str]
    group: Group
    unit: str | None = None

    def line(self) -> str:
        """One line for a person."""
        removed = " − ".join(self.group.removed)
        less = f" − {removed}" if removed else ""
        unit = f" {self.unit}" if self.unit else ""
        where = f"{self.source}  {self.zonings[0]} / {self.zonings[1]}"
        return f"{where}  {' + '.join(self.group.added)}{less} = {self.group.units}{unit}"

    def row(self) -> dict[str, Any]:
        """As JSON."""
        group = {
            "ajoutees": self.group.added,
            "retirees": self.group.removed,
            "unites": self.group.units,
            "unite": self.unit,
        }
        return {"fichier": self.source, "zonages": self.zonings, **group}


def audit(files: Sequence[Path], zonings: Sequence[str], unit: str | None, k: int) -> list[Risk]:
    """Every smallest group under k between every pair of zonings, file by file.

    `files`: located records, one file a period, a column a zoning (its code, null outside). `unit`: the column of the
    unit, counted once a group; None counts records.
    """
    found = []
    for path in files:
        for first, second in combinations(zonings, 2):
            pieces, shared = _pieces(path, first, second, unit)
            groups = [g for g in differencing(pieces, k, shared) if g.removed]  # a zone alone is for the primary rule
            found += [Risk(path.stem, (first, second), group) for group in groups]
    return found


def _pieces(
    path: Path, first: str, second: str, unit: str | None
) -> tuple[dict[Piece, int], dict[frozenset[Piece], int]]:
    """Units of each piece, and how many are in each set of several pieces."""
    if not path.is_file():
        raise RefusedInputError(path.name, "source_absente", "fichier introuvable", "vérifier le chemin")
    with duckdb.connect() as con:
        try:
            con.execute(f"CREATE VIEW lieux AS SELECT * FROM read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')")
            columns = {c for (c, *_) in con.execute("DESCRIBE lieux").fetchall()}
        except duckdb.Error as e:
            message = str(e).splitlines()[0][:200]
            raise RefusedInputError(path.name, "format_inattendu", message, "donner un Parquet") from None
        if missing := [c for c in (first, second, unit) if c is not None and c not in columns]:
            message = f"colonne absente : {', '.join(missing)}"
            raise RefusedInputError(path.name, "colonne_inconnue", message, "reprendre celles du fichier")
        counted = "count(*)" if unit is None else f"count(DISTINCT {_quoted(unit)})"
        codes = [_code(z, f"{z}_localisation" in columns) for z in (first, second)]
        query = f"SELECT {codes[0]} AS a, {codes[1]} AS b, {counted} FROM lieux GROUP BY ALL ORDER BY ALL"
        pieces = {(a, b): int(n) for a, b, n in con.execute(query).fetchall()}
        if unit is None:
            return pieces, {}
        name, place = _quoted(unit), f"{{'a': {codes[0]}, 'b': {codes[1]}}}"
        places = f"SELECT list_sort(list(DISTINCT {place})) AS p FROM lieux WHERE {name} IS NOT NULL GROUP BY {name}"
        query = f"SELECT p, count(*) FROM ({places}) WHERE len(p) > 1 GROUP BY ALL"
        held = con.execute(query).fetchall()
        return pieces, {frozenset((p["a"], p["b"]) for p in found): int(n) for found, n in held}


def _code(zoning: str, located: bool) -> str:
    column, status = _quoted(zoning), _quoted(f"{zoning}_localisation")
    absent = f"CASE WHEN {status} = 'inconnu' THEN '{_UNKNOWN}' ELSE '{_OUTSIDE}' END" if located else f"'{_OUTSIDE}'"
    return f"coalesce(CAST({column} AS VARCHAR), {absent})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
