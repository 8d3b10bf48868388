"""The aggregates of a delivery that is destroyed: kept beside those of the others, for the releases to come.

aggregated/<jeu>/conserves/<période or unique>/<indicateur>.parquet   the cells of its period, as they were
aggregated/<jeu>/conserves/<période or unique>/colonnes.parquet      the columns of its records, and no row
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.replacing import replacing
from qpv_data.runs import UNIQUE

FOLDER, COLUMNS = "conserves", "colonnes.parquet"


def keep(aggregated: Path, nom: str, located: Path) -> bool:
    """Set aside the cells of `nom` before the records in `located` are destroyed; whether there were any.

    In: the feed's folder of aggregates. What was set aside by a purge that did not end is written again.
    """
    tables = [p for p in sorted(aggregated.glob("*.parquet")) if not p.name.startswith(".")]
    if not tables or not located.is_file():
        return False
    folder = aggregated / FOLDER / nom
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in tables:
        _write(cells_of(pq.read_table(path), nom), folder / path.name)
    # Last: where it is, the rest is whole.
    _write(pq.read_schema(located).empty_table(), folder / COLUMNS)
    return True


def kept(aggregated: Path) -> Mapping[str, Path]:
    """The folders of what was set aside, by period."""
    found = sorted((aggregated / FOLDER).glob(f"*/{COLUMNS}"))
    return {p.parent.name: p.parent for p in found}


def cells_of(table: pa.Table, nom: str) -> pa.Table:
    """The rows of one delivery: those of its period, or all when the feed is delivered as a whole."""
    return table if nom == UNIQUE else table.filter(pc.equal(table["periode"], nom))


def restore(target: Path, name: str, folders: Mapping[str, Path]) -> None:
    """Put the cells that were set aside in the place of the empty ones that `target` holds for their periods.

    A zone of today that had none then keeps what `target` says of it. Rows stay sorted; totals are those of `target`.
    """
    files = {nom: folder / name for nom, folder in folders.items() if (folder / name).is_file()}
    if not target.is_file() or not files:
        return
    fresh = pq.read_table(target)
    keys = ["zonage", "code_zone", "periode", "modalite"]
    dense = "statut_observation" in fresh.column_names
    for nom, path in files.items():
        fresh = _merged(fresh, cells_of(pq.read_table(path), nom).cast(fresh.schema), keys, dense)
    ordered = fresh.sort_by([(k, "ascending") for k in keys])
    if dense:
        assert ordered.num_rows == pq.read_metadata(target).num_rows, "the frame of zones and periods is kept"
    with replacing(target) as draft:
        pq.write_table(ordered, draft, compression="zstd")


def _merged(fresh: pa.Table, old: pa.Table, keys: Iterable[str], dense: bool) -> pa.Table:
    """`fresh` with the rows of `old` for the cells of both; where the table is not dense, `old` is added whole."""
    by = list(keys)
    if dense:
        old = old.join(fresh.select(by), by, join_type="left semi").select(fresh.column_names)
    left = fresh.join(old.select(by), by, join_type="left anti").select(fresh.column_names)
    return pa.concat_tables([left, old]).replace_schema_metadata(fresh.schema.metadata)


def _write(table: pa.Table, target: Path) -> None:
    with replacing(target) as draft:
        pq.write_table(table, draft, compression="zstd")
        draft.chmod(0o600)
