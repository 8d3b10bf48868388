"""Row groups that no zone can meet, by their statistics: only their coordinates are read, and nothing is looked up.

Statistics do not tell NaN from a number, and an absent place is not an outside one: so the coordinates themselves are
still read, to say which rows have none. The other columns never are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from qpv_data.points.batch import Placer
from qpv_data.points.coordinates import Where
from qpv_data.points.reading import ParquetSource, Source, Unit

Box = tuple[float, float, float, float]


def units_of(
    source: Source, where: Where, placers: Sequence[Placer], columns: Sequence[str]
) -> Iterator[tuple[Unit, bool]]:
    """The units of a source, and whether a zone may hold some of their rows."""
    if not isinstance(source, ParquetSource) or where.crs is None:
        yield from ((unit, True) for unit in source.units(columns))
        return
    for piece in range(source.metadata.num_row_groups):
        box = box_of(source, piece, where)
        met = box is None or any(p.meets(where.crs, box) for p in placers)
        for unit in source.unit(piece, columns if met else where.columns):
            yield unit, met


def box_of(source: ParquetSource, piece: int, where: Where) -> Box | None:
    """xmin, ymin, xmax, ymax of a row group's points, from the statistics of its columns; None when they do not say."""
    if where.geometrie is not None:
        columns = source.geo.get("columns", {}).get(where.geometrie, {})
        covering = columns.get("covering", {}).get("bbox", {})
        paths = [".".join(covering[k]) if k in covering else "" for k in ("xmin", "ymin", "xmax", "ymax")]
        if not covering and "." not in where.geometrie:
            paths = [f"{where.geometrie}.{k}" for k in "xyxy"]  # native points: a column an axis
    else:
        paths = [str(n) for n in (where.x, where.y, where.x, where.y)]
    group = source.metadata.row_group(piece)
    known = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    sides = [_side(known.get(path), low=n < 2) for n, path in enumerate(paths)]
    if any(side is None for side in sides):
        return None
    xmin, ymin, xmax, ymax = (float(s) for s in sides if s is not None)
    return xmin, ymin, xmax, ymax


def _side(column: Any, *, low: bool) -> float | None:
    statistics = None if column is None else column.statistics
    if statistics is None or not statistics.has_min_max:
        return None
    value = statistics.min if low else statistics.max
    known = isinstance(value, int | float) and not isinstance(value, bool)
    # A NaN among the values leaves some writers' bounds NaN: they say nothing.
    return float(value) if known and value == value else None
