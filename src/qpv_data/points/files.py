"""Whole files of points through the stages of this package: counted by zone, or written again with their zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from qpv_data.arrays import arrow, texts
from qpv_data.cores import cores
from qpv_data.points.batch import Placed, Placer
from qpv_data.points.coordinates import Where
from qpv_data.points.declared import require
from qpv_data.points.metric import Margins
from qpv_data.points.outcome import Outcome
from qpv_data.points.pruning import units_of
from qpv_data.points.reading import ParquetSource, Source, Unit, in_order
from qpv_data.points.rows import (
    CsvRows,
    ParquetRows,
    answer_columns,
    code_lists,
    refuse_clash,
    refuse_nested,
    with_answers,
)
from qpv_data.points.tally import Tally
from qpv_data.problems import FeedError, Problem
from qpv_data.replacing import replacing


class Asked(NamedTuple):
    """A zoning asked for, and the columns that answer: code, localisation and reason; all the codes when asked for, and
    metres to the boundary."""

    placer: Placer
    colonnes: tuple[str, str, str]
    toutes: str | None = None
    distance: tuple[str, Margins] | None = None

    @property
    def ajoutees(self) -> tuple[str, ...]:
        """Every column that this adds to a row."""
        every = () if self.toutes is None else (self.toutes,)
        return (*self.colonnes, *every, *(() if self.distance is None else (self.distance[0],)))


@dataclass(frozen=True)
class Request:
    """Files of points, where a row is, and the zonings to place them in, in one pass."""

    sources: tuple[Source, ...]
    where: Where
    asked: tuple[Asked, ...]
    threads: int = field(default_factory=cores)

    def prepare(self, columns: Sequence[str]) -> None:
        """Check that the columns are there and make the indexes ready. Raises FeedError: all that is missing."""
        for source in self.sources:
            require(source.nom, source.schema, self.where, columns)
        if self.where.crs is not None:
            for asked in self.asked:
                asked.placer.prepare(self.where.crs)


def count(request: Request, par: str | None, somme: Sequence[str]) -> tuple[list[Outcome], list[Tally]]:
    """Count, and sum columns, by zone and category, without writing a row; one outcome and one tally a zoning.

    A point of several zones counts in the one of smallest code, or in each when all the codes are asked for
    (`toutes`). Sums are exact. Memory does not depend on the number of rows.
    Raises FeedError: a column that is not there, or that no count can be made by.
    """
    named = [*([par] if par is not None else []), *somme]
    request.prepare(named)
    first = ("zonage", "code") if len(request.asked) > 1 else ("code",)
    if par in (taken := {*first, "nombre", *(f"somme_{name}" for name in somme)}):
        message = f"la colonne {par!r} porte le nom d'une colonne du résultat : {', '.join(sorted(taken))}"
        raise FeedError(request.sources[0].nom, Problem.DOUBLON, message, "la renommer")
    outcomes = [Outcome() for _ in request.asked]
    tallies = [Tally(len(a.placer.zoning.codes), par, tuple(somme)) for a in request.asked]
    for source in request.sources:
        for tally in tallies:
            tally.expect(source.nom, source.schema)

    def work(unit: tuple[Unit, bool]) -> list[tuple[Outcome, Tally]]:
        batches, found = unit[0](), []
        for asked in request.asked:
            outcome = Outcome()
            tally = Tally(len(asked.placer.zoning.codes), par, tuple(somme))
            for batch in batches:
                placed = asked.placer.place(batch, request.where, touche=unit[1], toutes=asked.toutes is not None)
                outcome.add(placed)
                if unit[1]:
                    tally.add(batch, *(placed.paires or (placed.dedans, placed.zone)))
            found.append((outcome, tally))
        return found

    def units() -> Iterator[tuple[Unit, bool]]:
        columns = list(dict.fromkeys([*request.where.columns, *named]))
        for source in request.sources:
            ready = source.as_dictionary([par]) if isinstance(source, ParquetSource) and par is not None else source
            yield from units_of(ready, request.where, [a.placer for a in request.asked], columns)

    for results in in_order(units(), work, request.threads):
        for n, (outcome, tally) in enumerate(results):
            outcomes[n].merge(outcome)
            tallies[n].merge(tally)
    for outcome in outcomes:
        outcome.verify(", ".join(s.nom for s in request.sources))
    return outcomes, tallies


def write(request: Request, target: Path) -> list[Outcome]:
    """Write every row again, in order, with its answers, to Parquet or CSV (by the name of `target`).

    Several files of one schema make one. Raises FeedError when schemas differ or a column would be added twice.
    """
    request.prepare([])
    first = request.sources[0]
    require(first.nom, first.schema, request.where, first.schema.names)
    added = [name for a in request.asked for name in a.ajoutees]
    refuse_clash(first.nom, first.schema, added)
    for source in request.sources[1:]:
        if not source.schema.equals(first.schema):
            message = f"ses colonnes ne sont pas celles de {first.nom}"
            raise FeedError(source.nom, Problem.ENTETE_INATTENDU, message, "traiter ces fichiers séparément")
    outcomes = [Outcome() for _ in request.asked]
    codes = [texts(a.placer.zoning.codes or ("",)) for a in request.asked]

    def work(unit: Unit) -> list[tuple[pa.Table, list[Placed]]]:
        done = []
        for batch in unit():
            placed = [a.placer.place(batch, request.where, toutes=a.toutes is not None) for a in request.asked]
            columns: dict[str, pa.Array] = {}
            for asked, answer, known in zip(request.asked, placed, codes, strict=True):
                columns |= answer_columns(answer, known, asked.colonnes)
                if asked.toutes:
                    columns[asked.toutes] = code_lists(answer, known)
                if asked.distance is not None:
                    name, margins = asked.distance
                    metres = asked.placer.distances(batch, request.where, answer, margins)
                    columns[name] = arrow(metres, np.isnan(metres))
            done.append((with_answers(batch, columns), placed))
        return done

    schema = _schema(first.schema, request)
    if target.suffix.lower() == ".csv":
        refuse_nested(first.nom, first.schema)
    with replacing(target) as temporary:
        writer: CsvRows | ParquetRows
        sources = request.sources
        if target.suffix.lower() == ".csv":
            writer = CsvRows(temporary, schema)
        else:
            coded = _coded(first)
            sources = tuple(s.as_dictionary(coded) if isinstance(s, ParquetSource) else s for s in sources)
            writer = _parquet(temporary, schema, first, coded)
        units = (unit for source in sources for unit in source.units(None))
        try:
            for done in in_order(units, work, request.threads):
                for table, placed in done:
                    writer.write(table)
                    for outcome, answer in zip(outcomes, placed, strict=True):
                        outcome.add(answer)
        finally:
            writer.close()
    for outcome in outcomes:
        outcome.verify(first.nom)
    return outcomes


def _schema(schema: pa.Schema, request: Request) -> pa.Schema:
    small, wide = pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.string())
    for asked in request.asked:
        for name, kind in zip(asked.colonnes, (wide, small, small), strict=True):
            schema = schema.append(pa.field(name, kind))
        if asked.toutes:
            schema = schema.append(pa.field(asked.toutes, pa.list_(pa.string())))
        if asked.distance is not None:
            schema = schema.append(pa.field(asked.distance[0], pa.float64()))
    return schema


def _parquet(target: Path, schema: pa.Schema, source: Source, coded: Sequence[str]) -> ParquetRows:
    read = schema
    for name in coded:
        at = schema.get_field_index(name)
        read = read.set(at, schema.field(at).with_type(pa.dictionary(pa.int32(), pa.string())))
    plain = [f.with_type(pa.string()) if f.name not in source.schema.names else f for f in schema]
    told = pa.schema([p if pa.types.is_dictionary(f.type) else f for p, f in zip(plain, read, strict=True)])
    return ParquetRows(target, read, told.with_metadata(schema.metadata), dictionary=_dictionary(source))


def _coded(source: Source) -> list[str]:
    """Columns of texts that the file holds as codes of a dictionary: carried as codes from one file to the other."""
    if not isinstance(source, ParquetSource):
        return []
    texts_there = {f.name for f in source.schema if pa.types.is_string(f.type)}
    return [name for name in _dictionary(source) if name in texts_there]


def _dictionary(source: Source) -> list[str]:
    """Columns that the input wrote with a dictionary: trying one on the others costs more than it saves."""
    if not isinstance(source, ParquetSource) or not source.metadata.num_row_groups:
        return [f.name for f in source.schema if pa.types.is_string(f.type)]
    group = source.metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return [c.path_in_schema for c in columns if c.has_dictionary_page and c.physical_type != "DOUBLE"]
