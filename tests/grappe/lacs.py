"""A small territory whose feeds are of every kind that a cluster treats apart, and the comparison of two lakes."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import duckdb
from factory import IN_A, IN_B, IN_C, QUARTERS, Mini, codes_clause, csv_of, indicator, point
from semis import sown

from qpv_data.grappe.parcels import Done, Parcel, work


class Pool:
    """Workers of this process, which see of a parcel what travels of it, and answer the last one first."""

    def __init__(self, local: Path) -> None:
        self.local, self.asked, self.done = local, list[Parcel](), dict[int, Done]()

    def submit(self, given: Parcel, weight: int) -> int:
        self.asked.append(pickle.loads(pickle.dumps(given)))
        return len(self.asked) - 1

    def ready(self, future: int) -> bool:
        return future in self.done

    def wait(self, futures: Sequence[int]) -> None:
        last = max(futures)
        self.done[last] = pickle.loads(pickle.dumps(work(self.asked[last], self.local)))

    def answer(self, future: int) -> Done:
        return self.done[future]


KEY = "5a" * 32
PERSONS = ("bonne", "gz", "zip", "sql", "plancher", "entete", "sans_entete", "utf16", "json", "classeur", "membres",
           "large", "vecteur")  # fmt: skip
APART = {".verrou", "qpv.duckdb"}


def territory(root: Path) -> Mini:
    """Feeds of persons, one of them good; feeds of things: four quarters, one of which is missing or refused."""
    mini = sown(root)
    for ident in set(PERSONS) - {"bonne", "zip", "sql"}:  # the others fail in ways that need no cluster
        (mini.clauses / f"{ident}.yml").unlink()
    rows = [point(f"r{n}", (IN_A, IN_B, IN_C)[n % 3], montant=n) for n in range(30)]
    threshold = {
        "regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "objet",
        "seuil": 3, "colonne_unite": "id",
    }  # fmt: skip
    two = [indicator("objets_n"), indicator("objets_montant", "somme", numerateur="montant")]
    mini.points({q: rows[n:] for n, q in enumerate(QUARTERS)}, ident="objets", secret=threshold, indicateurs=two)
    mini.points(dict.fromkeys(QUARTERS[1:], rows), ident="manques", indicateurs=[indicator("manques_n")])
    strict = {"lignes_min": 1, "rejets_max": 0.01}
    bad = [*rows, {**rows[0], "id": "", "montant": "beaucoup"}]
    mini.points(dict.fromkeys(QUARTERS, bad), ident="refuses", controles=strict, indicateurs=[indicator("refuses_n")])
    mini.declare(codes_clause("table", "commune"))
    mini.deliver(
        "table.csv", csv_of([{"code": "99001", "valeur": 3}, {"code": "99003", "valeur": 5}], ("code", "valeur"))
    )
    return mini


def contents(lake: Path) -> dict[str, tuple[int, str]]:
    """Every file of a lake: its rights and its bytes; databases and keys are compared otherwise, and the log of runs
    holds times."""
    found = {}
    for path in sorted(lake.rglob("*")):
        if (
            path.is_file()
            and path.name not in APART
            and path.suffix != ".duckdb"
            and path.parent.name not in ("cles", "executions")
        ):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[path.relative_to(lake).as_posix()] = (path.stat().st_mode & 0o777, digest)
    return found


def same_tables(one: Path, other: Path) -> int:
    """Compare two databases table by table; how many they have."""
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{one}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{other}' AS b (READ_ONLY)")
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1"
        tables = con.execute(listed, ["a"]).fetchall()
        assert tables == con.execute(listed, ["b"]).fetchall()
        for (table,) in tables:
            for x, y in (("a", "b"), ("b", "a")):
                assert con.execute(f"SELECT * FROM {x}.{table} EXCEPT ALL SELECT * FROM {y}.{table}").fetchall() == []
    return len(tables)


def keys() -> dict[str, str]:
    """The environment that gives every feed of persons the same key in each lake."""
    return {f"QPV_DATA_CLE_{jeu.upper()}": KEY for jeu in PERSONS}


def environment() -> dict[str, str]:
    return {**os.environ, **keys(), "QPV_DATA_ACTEUR": "qpv-data"}
