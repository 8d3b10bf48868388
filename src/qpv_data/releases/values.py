"""The values of a release, a partition (zoning and period) at a time, for every audience at once.

A row that says what the last release said keeps the day of the release that first said it (`visible_de`); a row that is
no longer the current one goes to `revisions`, with its day of end (`visible_a`). So any past state can be asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.clause.load import ClauseSet
from qpv_data.engine import engine
from qpv_data.exports.parquet import write_table
from qpv_data.exports.words import words
from qpv_data.periods import Period, parse_period
from qpv_data.releases.compare import IN_THE_PATH, STORED, Compared, Comparison, Key, partitions, read_partition
from qpv_data.resources import sql_dir
from qpv_data.tables import CHANGEMENTS, VALEURS, quality

_BATCH = 100_000
_PERIODS = pa.schema(
    [("periode", pa.string()), ("frequence", pa.string()), ("periode_debut", pa.date32()), ("periode_fin", pa.date32())]
)


@dataclass
class Part:
    """What is being written for one audience. `previous`: its folder in the last release, if it had one."""

    folder: Path
    indicators: frozenset[str]
    previous: Path | None
    rows: int = 0
    zonings: set[str] = field(default_factory=set)
    changes: list[pa.Table] = field(default_factory=list)
    past: list[pa.Table] = field(default_factory=list)


@dataclass(frozen=True)
class Stamp:
    """What every row that is new in a release says."""

    publication: str
    precedente: str
    diffuseur: str
    jour: datetime


def write_values(
    cells: Mapping[str, Path], clauses: ClauseSet, until: Period, parts: Sequence[Part], stamp: Stamp, work: Path
) -> None:
    """Write `valeurs` of every part, widest audience first; fills in their counts, changes and past rows.

    `cells`: protected cells by indicator, of the narrowest audience. Memory holds one partition, and what the engine
    sorts.
    """
    before = [partitions(p.previous) if p.previous is not None else {} for p in parts]
    seen: set[Key] = set()
    with Comparison(stamp.publication, stamp.precedente) as comparison:
        for key, rows in _partitions(cells, clauses, until, work):
            seen.add(key)
            _write_partition(key, _dressed(rows, stamp), parts, before, comparison, stamp)
        gone = {k for old in before for k in old if parse_period(k[1]).fin <= until.fin} - seen
        for key in sorted(gone):
            _write_partition(key, STORED.empty_table(), parts, before, comparison, stamp)


def _partitions(
    cells: Mapping[str, Path], clauses: ClauseSet, until: Period, work: Path
) -> Iterator[tuple[Key, pa.Table]]:
    """The rows of each zoning and period, sorted by zone, indicator, modality; periods that end after `until` apart."""
    if not cells:
        return
    query = (sql_dir() / "publier" / "valeurs.sql").read_text("utf-8")
    qualities = {i.id: quality(c) for c, i in clauses.indicateurs()}
    ready = [{"filename": str(p), "indicateur": i, "qualite": qualities[i]} for i, p in sorted(cells.items())]
    with engine(work) as con:
        files = con.read_parquet([str(p) for _, p in sorted(cells.items())], filename=True)
        files.create_view("cellules")
        con.register("indicateurs_prets", pa.Table.from_pylist(ready))
        found = [p for (p,) in con.execute("SELECT DISTINCT periode FROM cellules").fetchall()]
        con.register("periodes", _periods(found, until))
        reader = con.execute(query).to_arrow_reader(_BATCH)
        held: list[pa.RecordBatch] = []
        current: Key | None = None
        for batch in reader:
            for key, piece in _split(batch):
                if key != current and held:
                    assert current is not None
                    yield current, pa.Table.from_batches(held)
                    held = []
                current = key
                held.append(piece)
        if held:
            assert current is not None
            yield current, pa.Table.from_batches(held)


def _periods(found: Sequence[str], until: Period) -> pa.Table:
    told = [(text, parse_period(text)) for text in sorted(found)]
    rows = [
        {"periode": text, "frequence": p.frequence.value, "periode_debut": p.debut, "periode_fin": p.fin}
        for text, p in told
        if p.fin <= until.fin
    ]
    return pa.Table.from_pylist(rows, schema=_PERIODS)


def _split(batch: pa.RecordBatch) -> Iterator[tuple[Key, pa.RecordBatch]]:
    """The runs of equal zoning and period, in order."""
    runs = pc.run_end_encode(pc.binary_join_element_wise(*(batch.column(n) for n in IN_THE_PATH), "\x1f"))
    start = 0
    for end, value in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
        zoning, period = value.split("\x1f")
        yield (zoning, period), batch.slice(start, end - start)
        start = end


def _dressed(rows: pa.Table, stamp: Stamp) -> pa.Table:
    constants: dict[str, Any] = {
        "diffuseur": stamp.diffuseur,
        "publication": stamp.publication,
        "visible_de": stamp.jour,
        "visible_a": None,
    }
    columns = [
        pa.repeat(pa.scalar(constants[f.name], f.type), rows.num_rows)
        if f.name in constants
        else rows.column(f.name).cast(f.type)
        for f in STORED
    ]
    return pa.Table.from_arrays(columns, schema=STORED)


def _write_partition(
    key: Key, rows: pa.Table, parts: Sequence[Part], before: Sequence[Mapping[Key, Path]], comparison: Comparison,
    stamp: Stamp,
) -> None:  # fmt: skip
    done: tuple[pa.Table, Path | None, Path] | None = None
    for part, old in zip(parts, before, strict=True):
        chosen = _of(rows, part.indicators)
        earlier = old.get(key)
        if chosen.num_rows == 0 and earlier is None:
            continue
        if part.previous is None:  # the first release for this audience changes nothing
            compared = Compared(chosen, CHANGEMENTS.empty_table(), STORED.empty_table())
        else:
            previous = read_partition(earlier) if earlier is not None else STORED.empty_table()
            compared = comparison.partition(key, chosen, previous)
            part.changes.append(compared.changes)
            part.past.append(_ended(compared.past, key, stamp.jour))
        if compared.values.num_rows == 0:
            continue
        part.rows += compared.values.num_rows
        part.zonings.add(key[0])
        target = part.folder / "valeurs" / f"zonage={key[0]}" / f"periode={key[1]}" / "valeurs.parquet"
        target.parent.mkdir(parents=True)
        if done is not None and done[0].equals(compared.values):
            os.link(done[2], target)  # one file for audiences that are told the same: a release is never rewritten
        else:
            write_table(compared.values, target, "valeurs", words())
        done = compared.values, earlier, target


def _of(rows: pa.Table, indicators: frozenset[str]) -> pa.Table:
    kept = pc.is_in(rows.column("indicateur"), value_set=pa.array(sorted(indicators), pa.string()))
    return rows if pc.all(kept).as_py() in (True, None) else rows.filter(kept)


def _ended(past: pa.Table, key: Key, day: datetime) -> pa.Table:
    """Rows of VALEURS that ceased to be the current ones that day."""
    at = STORED.get_field_index("visible_a")
    closed = past.set_column(at, STORED.field(at), pa.repeat(pa.scalar(day, STORED.field(at).type), past.num_rows))
    for name, text in zip(IN_THE_PATH, key, strict=True):
        closed = closed.append_column(name, pa.repeat(pa.scalar(text, pa.string()), past.num_rows))
    return closed.select(VALEURS.names).cast(VALEURS)


def changes_of(part: Part) -> pa.Table:
    """CHANGEMENTS of a part, without causes."""
    return pa.concat_tables([CHANGEMENTS.empty_table(), *part.changes])


def revisions_kept(part: Part) -> pa.Table:
    """Rows that had ceased to be current before this release, as the last one tells them to this audience."""
    path = part.previous / "revisions.parquet" if part.previous is not None else None
    if path is None or not path.is_file():
        return VALEURS.empty_table()
    return pq.ParquetFile(path).read().select(VALEURS.names).cast(VALEURS)


def revisions_of(part: Part, withdrawn: frozenset[str]) -> pa.Table:
    """Every row that has ceased to be the current one, those of the last release first told; those of a release that
    was withdrawn are no longer said."""
    every = pa.concat_tables([revisions_kept(part), *part.past])
    kept = every.filter(pc.invert(pc.is_in(every.column("publication"), pa.array(sorted(withdrawn), pa.string()))))
    order = ("zonage", "periode", "code_zone", "indicateur", "modalite", "visible_de", "visible_a")
    return kept.sort_by([(name, "ascending") for name in order])
