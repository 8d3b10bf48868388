"""Stage 4, locate: every record once, with one column a zoning and one of three answers.

Points: `covers` semantics (a point on the boundary is inside); where zones of one zoning overlap, the smallest
code. Codes: a row that carries a known code is there. An answer is a code, outside, or **unknown**: an unusable
coordinate, an unknown code or an absent perimeter never becomes "outside". `in = inside + outside + unknown`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.engine import replacing
from qpv_data.places import Places, points_of
from qpv_data.problems import FeedError, MotifInconnu, Problem
from qpv_data.zonages.index import PointIndex
from qpv_data.zonages.loading import Zones

DEDANS, DEHORS, INCONNU = "dedans", "dehors", "inconnu"
# What a declared column is called here when an answer bears its name: no clause can declare such a name.
DECLARED = "z_declare__"
_BATCH = 100_000


@dataclass(frozen=True)
class LocateReport:
    """Counts of one delivery. `zonages`: zoning → (inside, outside, unknown), each summing to `lus`; the key ""
    is the record itself, inside when it is in a QPV of any generation."""

    jeu: str
    lus: int
    zonages: Mapping[str, tuple[int, int, int]]
    motifs: Mapping[str, int]


@dataclass
class _Tally:
    lus: int = 0
    zonages: dict[str, Counter[str]] = field(default_factory=dict)
    motifs: Counter[str] = field(default_factory=Counter)


def locate(clause: ClauseJeu, conformed: Path, *, zones: Zones, located: Path) -> LocateReport:
    """Locate one conformed delivery.

    In: Parquet of records. Out: `located`, the same rows in the same order with, a zoning of perimeters `z`,
    `z` (code or null) and `z_localisation` (`dedans`, `dehors`, `inconnu`), the same for `commune`, and for the
    record itself `localisation` (dedans: in a QPV of any generation) and `localisation_motif` (why unknown).
    Streams: memory does not depend on the number of rows.
    """
    tally = _Tally()
    answer = _code_answer if isinstance(clause.localisation, LocalisationCode) else _PointAnswer(zones)
    source = pq.ParquetFile(conformed)
    with replacing(located) as target:
        writer: pq.ParquetWriter | None = None
        for batch in source.iter_batches(_BATCH):
            table = pa.Table.from_batches([batch])
            columns = answer(clause, table, zones)
            _count(tally, columns, table.num_rows)
            table = _with(table, columns)
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            table = source.schema_arrow.empty_table()
            writer = pq.ParquetWriter(target, _with(table, answer(clause, table, zones)).schema)
        writer.close()
    return _report(clause, tally)


Columns = dict[str, pa.Array]


def _with(table: pa.Table, columns: Columns) -> pa.Table:
    clash = set(columns) & set(table.column_names)
    for name in clash:
        # A declared column that bears a zoning's name gives way: the answer is what the name promises.
        table = table.rename_columns([DECLARED + n if n == name else n for n in table.column_names])
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def _count(tally: _Tally, columns: Columns, rows: int) -> None:
    tally.lus += rows
    tally.motifs.update(m for m in columns["localisation_motif"].to_pylist() if m is not None)
    for name, values in columns.items():
        zoning = name.removesuffix("localisation").removesuffix("_")
        if name.endswith("localisation") and (zoning == "" or zoning in columns):
            counts = tally.zonages.setdefault(zoning, Counter())
            counts.update({v["values"]: v["counts"] for v in values.value_counts().to_pylist()})


def _report(clause: ClauseJeu, tally: _Tally) -> LocateReport:
    zonings = {z: (c[DEDANS], c[DEHORS], c[INCONNU]) for z, c in sorted(tally.zonages.items())}
    for zoning, counts in zonings.items():
        if sum(counts) != tally.lus:
            message = f"{zoning} : {tally.lus} lus ≠ {' + '.join(map(str, counts))}"
            raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    return LocateReport(clause.id, tally.lus, zonings, dict(sorted(tally.motifs.items())))


def _code_answer(clause: ClauseJeu, table: pa.Table, zones: Zones) -> Columns:
    place = clause.localisation
    assert isinstance(place, LocalisationCode)
    known = zones.codes(place.zonage)
    codes = table.column(place.colonne).to_pylist()
    inside = [c if c in known else None for c in codes]
    state = [DEDANS if c is not None else INCONNU for c in inside]
    motive = [
        None
        if i is not None
        else MotifInconnu.REFERENTIEL_VIDE
        if not known
        else MotifInconnu.CODE_ABSENT
        if c is None
        else MotifInconnu.CODE_INCONNU
        for c, i in zip(codes, inside, strict=True)
    ]
    columns = {
        place.zonage: pa.array(inside, pa.string()),
        f"{place.zonage}_localisation": pa.array(state, pa.string()),
        "localisation": pa.array(state, pa.string()),
        "localisation_motif": pa.array(motive, pa.string()),
    }
    if place.zonage != "commune":
        columns["commune"] = pa.nulls(table.num_rows, pa.string())
        columns["commune_localisation"] = pa.array([INCONNU] * table.num_rows, pa.string())
    return columns


class _PointAnswer:
    """Answers for points, one index a zoning and projected CRS, built once."""

    def __init__(self, zones: Zones) -> None:
        self._indexes = {name: PointIndex(zones, name) for name in zones.perimetres()}

    def __call__(self, clause: ClauseJeu, table: pa.Table, zones: Zones) -> Columns:
        places = points_of(clause, table)
        columns: Columns = {}
        in_qpv = np.zeros(table.num_rows, dtype=bool)
        asked = np.zeros(table.num_rows, dtype=bool)
        motives = places.motifs.copy()
        for name, index in self._indexes.items():
            if name == "commune":
                continue
            codes, state, why = index.locate(places)
            columns[name] = pa.array(codes, pa.string(), from_pandas=True)
            columns[f"{name}_localisation"] = pa.array(state, pa.string())
            if zones.famille(name) == "qpv":
                in_qpv |= state == DEDANS
                asked |= state != INCONNU
                motives = np.where((motives == None) & (why != None), why, motives)  # noqa: E711
        columns |= self._communes(clause, table, zones, places)
        unknown = ~asked
        motives = np.where(unknown & (motives == None), MotifInconnu.REFERENTIEL_VIDE.value, motives)  # noqa: E711
        state = np.where(unknown, INCONNU, np.where(in_qpv, DEDANS, DEHORS))
        columns["localisation"] = pa.array(state, pa.string())
        motives[~unknown] = None
        columns["localisation_motif"] = pa.array(motives, pa.string(), from_pandas=True)
        return columns

    def _communes(self, clause: ClauseJeu, table: pa.Table, zones: Zones, places: Places) -> Columns:
        """The declared commune when the row has one, else the contour that covers the point."""
        if "commune" in self._indexes:
            codes, state, _ = self._indexes["commune"].locate(places)
        else:
            codes = np.full(table.num_rows, None, dtype=object)
            state = np.full(table.num_rows, INCONNU, dtype=object)
        declared_name = getattr(clause.localisation, "commune", None)
        if declared_name is not None:
            known = zones.codes("commune")
            declared = np.array(table.column(declared_name).to_pylist(), dtype=object)
            written = np.array([d is not None for d in declared], dtype=bool)
            in_run = np.array([d in known for d in declared], dtype=bool)
            # A code of another territory says that the row is not of this one, unless the point is in it.
            elsewhere = written & ~in_run & (state == INCONNU)
            codes = np.where(in_run, declared, codes)
            state = np.where(in_run, DEDANS, np.where(elsewhere, DEHORS, state))
        return {
            "commune": pa.array(codes, pa.string(), from_pandas=True),
            "commune_localisation": pa.array(state, pa.string()),
        }
