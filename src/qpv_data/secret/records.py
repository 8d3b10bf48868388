"""Every cell of the crossed hierarchies from records: distinct units and contributors, counted cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa

from qpv_data.engine import session
from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Ints, Measures, OtherUnits, Table, add_up, finest_shape, held


def records_table(
    axes: tuple[Axis, ...],
    places: Ints,
    value: Ints,
    unit: pa.Array,
    contributor: pa.Array,
    decimals: int,
    largest: int,
) -> Table:
    """The table of records. `places`: records × axes, rank among the finest codes of each axis; `value` in units of
    the last decimal; `largest`: how many contributors the (n, k) rule adds up.

    A unit in several cells counts once in their margin, and a contributor's parts add up there.
    """
    finest = np.ravel_multi_index(tuple(places.T), finest_shape(axes)) if len(places) else np.zeros(0, np.int64)
    con = session()
    columns = {
        "finest": pa.array(finest.astype(np.int64)),
        "valeur": pa.array(value),
        "unite": unit,
        "contrib": contributor,
    }
    con.register("records_arrow", pa.table(columns))
    con.execute("CREATE TEMP TABLE records AS SELECT * FROM records_arrow")

    size = int(np.prod([len(a) for a in axes]))
    measures = _measured(con, belongs(axes, np.unique(finest)), size, largest)
    sums = np.zeros(int(np.prod(finest_shape(axes))), dtype=np.int64)
    np.add.at(sums, finest, value)
    values = add_up(axes, sums)
    assert (values == measures.value).all(), "les marges des enregistrements ne s'additionnent pas"
    strides = np.array([int(np.prod([len(a) for a in axes[n + 1 :]])) for n in range(len(axes))])

    def unions(asked: Sequence[Ints]) -> Measures:
        pairs = [_inside(axes, own, strides) for own in asked]
        label = np.repeat(np.arange(len(asked)), [len(p) for p in pairs])
        return _measured(con, (label, np.concatenate(pairs) if pairs else label), len(asked), largest)

    return Table(axes, measures, decimals, unions)


def with_units(table: Table, others: Sequence[tuple[Table, int]]) -> Table:
    """The table with other units, each counted by a table of the same records, and the least of them that is shown."""

    def counted(other: Table) -> Callable[[Sequence[Ints]], Ints]:
        return lambda asked: other.unions(asked).units

    held = (OtherUnits(other.measures.units, k, counted(other)) for other, k in others)
    return replace(table, others=tuple(held))


def belongs(axes: Sequence[Axis], present: Ints) -> tuple[Ints, Ints]:
    """(cell, finest cell) for every finest cell that has a record."""
    ranks = np.unravel_index(present, finest_shape(axes))
    cell, at = np.zeros(len(present), np.int64), np.arange(len(present))
    for axis, rank in zip(axes, ranks, strict=True):
        above = axis.holds.tocsc()
        own = rank[at]
        how_many = np.diff(above.indptr)[own]
        nodes = np.concatenate([above.indices[above.indptr[r] : above.indptr[r + 1]] for r in own]) if len(own) else own
        cell = np.repeat(cell, how_many) * len(axis) + nodes
        at = np.repeat(at, how_many)
    return cell, present[at]


def _inside(axes: Sequence[Axis], cells: Ints, strides: Ints) -> Ints:
    """Finest cells of a union of cells."""
    found = []
    for cell in cells:
        own = np.zeros(1, np.int64)
        for axis, stride in zip(axes, strides, strict=True):
            node = (cell // stride) % len(axis)
            own = (own[:, None] * len(axis.finest) + held(axis, int(node))[None, :]).ravel()
        found.append(own)
    return np.unique(np.concatenate(found)).astype(np.int64)


def _measured(con: duckdb.DuckDBPyConnection, belongs: tuple[Ints, Ints], size: int, largest: int) -> Measures:
    con.register("belongs", pa.table({"cell": pa.array(belongs[0]), "finest": pa.array(belongs[1])}))
    totals = con.execute(
        "SELECT cell, CAST(sum(valeur) AS BIGINT), count(DISTINCT unite) FROM records JOIN belongs USING (finest)"
        " GROUP BY cell"
    ).fetchnumpy()
    parts = con.execute(
        "WITH parts AS (SELECT cell, contrib, CAST(sum(valeur) AS BIGINT) AS part FROM records JOIN belongs"
        " USING (finest) GROUP BY cell, contrib), ranked AS (SELECT cell, part, row_number() OVER"
        " (PARTITION BY cell ORDER BY part DESC, contrib) AS rang FROM parts)"
        " SELECT cell, max(part) FILTER (rang = 1), coalesce(max(part) FILTER (rang = 2), 0),"
        f" CAST(sum(part) FILTER (rang <= {int(largest)}) AS BIGINT) FROM ranked GROUP BY cell"
    ).fetchnumpy()
    con.unregister("belongs")
    filled = []
    for answer in (totals, parts):
        names = list(answer)
        for name in names[1:]:
            column = np.zeros(size, dtype=np.int64)
            column[np.asarray(answer["cell"], dtype=np.int64)] = np.asarray(answer[name], dtype=np.int64)
            filled.append(column)
    return Measures(*filled)
