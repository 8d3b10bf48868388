"""The protected table: every cell of the crossed hierarchies, and one symbol for all that is hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.replacing import replacing
from qpv_data.secret.protection import Protection


def protected_rows(protection: Protection) -> pa.Table:
    """A column an axis, `valeur` (null when hidden), `statut_diffusion`: sorted by code, axis after axis."""
    table = protection.table
    shown = np.flatnonzero(table.published)
    ranks = np.unravel_index(shown, table.shape)
    columns: dict[str, pa.Array] = {}
    for axis, rank in zip(table.axes, ranks, strict=True):
        columns[axis.name] = pa.array(axis.codes, pa.string()).take(pa.array(rank))
    hidden = protection.hidden[shown]
    value = table.measures.value[shown]
    whole = table.decimals == 0
    columns["valeur"] = pa.array(value if whole else value / 10**table.decimals, mask=hidden)
    columns["statut_diffusion"] = pa.array(np.where(hidden, "secret", "diffusee"), pa.string())
    return pa.table(columns)


def write_protected(protection: Protection, target: Path) -> None:
    """Write the table whole, or not at all."""
    with replacing(target) as draft:
        pq.write_table(protected_rows(protection), draft, compression="zstd")
