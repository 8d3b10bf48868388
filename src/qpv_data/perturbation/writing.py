"""The perturbed table: every cell of the crossed hierarchies, and the method that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.replacing import replacing
from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Ints, crossed


def perturbed_rows(axes: tuple[Axis, ...], value: Ints, decimals: int, method: Mapping[str, Any]) -> pa.Table:
    """A column an axis, `valeur`, `methode`: sorted by code, axis after axis. The method is in the file's metadata."""
    shown = np.flatnonzero(crossed([a.published for a in axes]))
    ranks = np.unravel_index(shown, tuple(len(a) for a in axes))
    columns: dict[str, pa.Array] = {
        axis.name: pa.array(axis.codes, pa.string()).take(pa.array(rank))
        for axis, rank in zip(axes, ranks, strict=True)
    }
    columns["valeur"] = pa.array(value[shown] if decimals == 0 else value[shown] / 10**decimals)
    columns["methode"] = pa.array([str(method["methode"])] * len(shown), pa.string())
    return pa.table(columns).replace_schema_metadata({"methode": json.dumps(dict(method), sort_keys=True)})


def write_perturbed(
    axes: tuple[Axis, ...], value: Ints, decimals: int, method: Mapping[str, Any], target: Path
) -> None:
    """Write the table whole, or not at all."""
    with replacing(target) as draft:
        pq.write_table(perturbed_rows(axes, value, decimals, method), draft, compression="zstd")
