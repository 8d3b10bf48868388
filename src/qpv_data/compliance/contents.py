"""What a conformed delivery holds: how filled its columns are, and the last period that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

_STATUS = "__statut"


def last_period(conformed: Path) -> str | None:
    """The latest `_periode` of its records; periods of one frequency sort as texts. None without records."""
    latest = pc.max(pq.read_table(conformed, columns=["_periode"])["_periode"]).as_py()
    return None if latest is None else str(latest)


def filled_shares(conformed: Path, columns: Sequence[str]) -> dict[str, float]:
    """Filled share of each of `columns`, from 0 to 1, from the footer alone; none for a delivery without rows.

    A value that its producer masked is an answer, and counts as filled: its status says why it is not told.
    """
    metadata = pq.read_metadata(conformed)
    if not metadata.num_rows:
        return {}
    nulls = dict.fromkeys(columns, 0)
    masked = dict.fromkeys(columns, 0)
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for index in range(rows.num_columns):
            column = rows.column(index)
            name, absent = column.path_in_schema, column.statistics.null_count if column.statistics else None
            if absent is None:
                continue  # a column without statistics is taken as filled: nothing is said against it
            if name in nulls:
                nulls[name] += absent
            elif name.removesuffix(_STATUS) in masked:
                masked[name.removesuffix(_STATUS)] += rows.num_rows - absent
    return {c: round((metadata.num_rows - nulls[c] + masked[c]) / metadata.num_rows, 6) for c in columns}
