"""What differs between two releases for one audience, partition by partition, and why.

Only what both published is read: a difference says nothing that its readers could not find themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.cores import cores
from qpv_data.engine import session, sql_path
from qpv_data.releases.layout import said
from qpv_data.resources import sql_dir
from qpv_data.tables import CHANGEMENTS, VALEURS

Key = tuple[str, str]
"""A partition: zoning and period."""
IN_THE_PATH = ("zonage", "periode")
STORED = pa.schema([f for f in VALEURS if f.name not in IN_THE_PATH])
# What a row says is compared without these.
_SINCE = "visible_de"
_DATED = ("publication", "visible_de", "visible_a", "diffuseur")
_SAID = [f.name for f in STORED if f.name not in _DATED]
_STATUS = "CASE WHEN {0}.statut_observation = 'normale' THEN {0}.statut_diffusion ELSE {0}.statut_observation END"


@dataclass(frozen=True)
class Compared:
    """One partition. `values`: the new rows, `visible_de` the day of the release that first said what each says;
    `changes`: CHANGEMENTS without causes; `past`: the rows of before that are no longer current, as they were."""

    values: pa.Table
    changes: pa.Table
    past: pa.Table


def partitions(folder: Path) -> dict[Key, Path]:
    """The files of `valeurs` of an audience's folder."""
    return {
        (p.parent.parent.name.removeprefix("zonage="), p.parent.name.removeprefix("periode=")): p
        for p in sorted((folder / "valeurs").glob("zonage=*/periode=*/valeurs.parquet"))
    }


def read_partition(path: Path) -> pa.Table:
    """The rows of a partition, without the columns that its path says."""
    return pq.ParquetFile(path).read().select(STORED.names).cast(STORED)


class Comparison:
    """Compares partitions on one connection."""

    def __init__(self, name: str, before: str) -> None:
        self._names = {"publication": name, "avant": before}
        self._con = duckdb.connect(config={"threads": cores()})
        self._query = (sql_dir() / "publier" / "comparaison.sql").read_text("utf-8")

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def partition(self, key: Key, new: pa.Table, old: pa.Table) -> Compared:
        """Compare the rows of one partition, sorted by zone, indicator and modality; either may be empty."""
        if _same(new, old):
            at = STORED.get_field_index(_SINCE)
            values = new.set_column(at, STORED.field(at), old.column(_SINCE))
            return Compared(values, CHANGEMENTS.empty_table(), STORED.empty_table())
        con = self._con
        con.register("nouvelle", new)
        con.register("ancienne", old)
        con.execute(f"CREATE OR REPLACE TEMP TABLE comparees AS {self._query}")
        kept = ", ".join(
            f"CASE WHEN nature IS NULL THEN avant.{f.name} ELSE apres.{f.name} END AS {f.name}"
            if f.name == _SINCE
            else f"apres.{f.name} AS {f.name}"
            for f in STORED
        )
        order = "ORDER BY code_zone, indicateur, modalite"
        values = self._rows(f"SELECT {kept} FROM comparees WHERE nature IS DISTINCT FROM 'disparue' {order}", STORED)
        changes = self._changes(key, order)
        past = self._rows(
            "SELECT " + ", ".join(f"avant.{f.name} AS {f.name}" for f in STORED)
            + f" FROM comparees WHERE nature <> 'apparue' {order}", STORED,
        )  # fmt: skip
        con.unregister("nouvelle")
        con.unregister("ancienne")
        return Compared(values, changes, past)

    def _changes(self, key: Key, order: str) -> pa.Table:
        query = (
            "SELECT $publication AS publication, $avant AS publication_precedente, indicateur, modalite,"
            " $zonage AS zonage, code_zone, $periode AS periode, nature, avant.valeur AS valeur_avant,"
            " apres.valeur AS valeur,"
            f" CASE WHEN nature <> 'apparue' THEN {_STATUS.format('avant')} END AS statut_avant,"
            f" CASE WHEN nature <> 'disparue' THEN {_STATUS.format('apres')} END AS statut, NULL::VARCHAR AS cause"
            f" FROM comparees WHERE nature IS NOT NULL {order}"
        )
        return self._rows(query, CHANGEMENTS, {**self._names, "zonage": key[0], "periode": key[1]})

    def _rows(self, query: str, schema: pa.Schema, parameters: dict[str, Any] | None = None) -> pa.Table:
        found: pa.Table = self._con.execute(query, parameters or {}).to_arrow_table()
        return found.cast(schema)


def _same(new: pa.Table, old: pa.Table) -> bool:
    if new.num_rows != old.num_rows or new.num_rows == 0:
        return False
    return all(new.column(name).equals(old.column(name)) for name in _SAID)


def differences(before: Path, after: Path) -> Iterator[pa.Table]:
    """CHANGEMENTS between two folders of one audience, a partition at a time, causes told."""
    old, new = partitions(before), partitions(after)
    software = [said(f).get("empreinte_logiciel") for f in (before, after)]
    cause = Causes(before, after, software[0] == software[1])
    with Comparison(said(after)["publication"], said(before)["publication"]) as comparison:
        for key in sorted(old.keys() | new.keys()):
            rows = [read_partition(d[key]) if key in d else STORED.empty_table() for d in (new, old)]
            changes = comparison.partition(key, *rows).changes
            if changes.num_rows:
                yield cause.told(changes)


class Causes:
    """Why rows differ: the first of these that holds of their feed. Read from both folders, or their drafts.

    `version_de_clause`: what the clause says has changed; `nouvelle_livraison`: other deliveries stand behind the
    indicator in this zoning and period; `logiciel`: made by another code; `secret`: the protection of other figures.
    """

    def __init__(self, before: Path, after: Path, same_software: bool) -> None:
        self._clauses = [_clauses_of(f) for f in (before, after)]
        self._lineage = [_lineage_of(f) for f in (before, after)]
        self._feeds = _feeds_of(before) | _feeds_of(after)
        self._same_software = same_software

    def told(self, changes: pa.Table) -> pa.Table:
        """The same rows, their cause filled in."""
        keys = zip(*(changes.column(n).to_pylist() for n in ("indicateur", "zonage", "periode")), strict=True)
        known: dict[tuple[str, str, str], str] = {}
        causes = [known[k] if k in known else known.setdefault(k, self._cause(k)) for k in keys]
        at = changes.schema.get_field_index("cause")
        return changes.set_column(at, CHANGEMENTS.field("cause"), pa.array(causes, pa.string()))

    def _cause(self, key: tuple[str, str, str]) -> str:
        feed = self._feeds[key[0]]
        old, new = (c.get(feed) for c in self._clauses)
        if old is not None and new is not None and old != new:
            return "version_de_clause"
        if self._lineage[0].get(key) != self._lineage[1].get(key):
            return "nouvelle_livraison"
        return "secret" if self._same_software else "logiciel"


def _clauses_of(folder: Path) -> dict[str, tuple[str, str]]:
    rows = pq.ParquetFile(folder / "clauses.parquet").read(["clause", "version", "empreinte"]).to_pylist()
    return {r["clause"]: (r["version"], r["empreinte"]) for r in rows}


def _feeds_of(folder: Path) -> dict[str, str]:
    rows = pq.ParquetFile(folder / "indicateurs.parquet").read(["indicateur", "jeu"]).to_pylist()
    return {r["indicateur"]: r["jeu"] for r in rows}


def _lineage_of(folder: Path) -> dict[tuple[str, str, str], frozenset[tuple[str, str]]]:
    path = sql_path(folder / "valeurs_livraisons.parquet")
    query = f"SELECT indicateur, zonage, periode, list((livraison, role)) FROM read_parquet({path}) GROUP BY ALL"
    with session() as con:
        return {(i, z, p): frozenset(map(tuple, told)) for i, z, p, told in con.execute(query).fetchall()}


def counted(changes: pa.Table) -> list[dict[str, Any]]:
    """Rows of `changements` by indicator, nature and cause, sorted: a dict each, `lignes` how many there are."""
    keys = ["indicateur", "nature", "cause"]
    grouped = changes.group_by(keys).aggregate([([], "count_all")]).sort_by([(key, "ascending") for key in keys])
    rows: list[dict[str, Any]] = grouped.rename_columns([*keys, "lignes"]).to_pylist()
    return rows


def invariant(table: pa.Table) -> pa.Table:
    """A table without what changes from one release to the next that says the same: names and dates of releases."""
    left: pa.Table = table.drop_columns([c for c in (*_DATED, "publiee_le") if c in table.column_names])
    return left


def count(changes: pa.Table) -> dict[str, int]:
    """Rows by nature."""
    counted = pc.value_counts(changes.column("nature")).to_pylist()
    return {row["values"]: row["counts"] for row in counted}
