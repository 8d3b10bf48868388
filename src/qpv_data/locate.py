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

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.engine import replacing
from qpv_data.placing.codes import CodeAnswer
from qpv_data.placing.points import PointAnswer
from qpv_data.placing.states import DEDANS, DEHORS, INCONNU, Columns
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.loading import Zones

__all__ = ["DECLARED", "DEDANS", "DEHORS", "INCONNU", "LocateReport", "locate"]
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
    by_code = isinstance(clause.localisation, LocalisationCode)
    answer = CodeAnswer(clause, zones) if by_code else PointAnswer(clause, zones)
    source = pq.ParquetFile(conformed)
    with replacing(located) as target:
        writer: pq.ParquetWriter | None = None
        for batch in source.iter_batches(_BATCH):
            table = pa.Table.from_batches([batch])
            columns = answer(table)
            _count(tally, columns, table.num_rows)
            table = _with(table, columns)
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            table = source.schema_arrow.empty_table()
            writer = pq.ParquetWriter(target, _with(table, answer(table)).schema)
        writer.close()
        if isinstance(answer, CodeAnswer):
            answer.verify()
    return _report(clause, tally)


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
