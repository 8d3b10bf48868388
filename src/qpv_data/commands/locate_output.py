"""What `qpv-data locate` writes, and what it tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from qpv_data.points.files import Request
    from qpv_data.points.outcome import Outcome


def written(request: Request, target: Path | None) -> list[Outcome]:
    """Write every row with its place."""
    from qpv_data.points.files import write

    assert target is not None
    return write(request, target)


def counted(
    request: Request, par: str | None, somme: Sequence[str], target: Path | None
) -> tuple[list[Outcome], list[dict[str, int]]]:
    """Count, and save; outcomes, and the number of values of each summed column that were absent, by zoning."""
    from qpv_data.points.files import count
    from qpv_data.points.tally import table_of

    outcomes, tallies = count(request, par, somme)
    zonings = [a.placer.zoning for a in request.asked]
    tables = [table_of(t, z.codes) for t, z in zip(tallies, zonings, strict=True)]
    _save(tables, [z.nom for z in zonings], target)
    return outcomes, [{name: number for name, number in sorted(t.absents.items()) if number} for t in tallies]


def _save(tables: list[pa.Table], names: list[str], target: Path | None) -> None:
    import sys

    import pyarrow as pa

    from qpv_data.points.rows import write_csv
    from qpv_data.replacing import replacing

    if len(tables) > 1:
        named = [
            t.add_column(0, "zonage", pa.array([n] * len(t), pa.string())) for n, t in zip(names, tables, strict=True)
        ]
        table = pa.concat_tables(named)
    else:
        table = tables[0]
    if target is not None and target.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        with replacing(target) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        return
    if target is None:
        sys.stdout.flush()
        write_csv(table, sys.stdout.buffer)
        return
    with replacing(target) as temporary:
        write_csv(table, temporary)


def tell(
    request: Request, outcomes: list[Outcome], absent: list[dict[str, int]], target: Path | None, as_json: bool
) -> None:
    """The balance of every zoning, on standard error: standard output is for what is asked."""
    from qpv_data.points.balance import balance, sentences

    said = [
        balance(asked.placer.zoning, outcome, lacking)
        for asked, outcome, lacking in zip(request.asked, outcomes, absent, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False, indent=1), err=target is None)
        return
    for one in said:
        typer.echo(sentences(one), err=True)
    if target is not None:
        typer.echo(f"→ {target}", err=True)
