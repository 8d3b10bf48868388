"""What the primary rules alone say of the last run of a folder: every figure that no cell is hidden around.

What is published is that, less the cells that complementary suppression hides: `hidden_around` holds a release to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from qpv_data.clause.check import checked_clauses
from qpv_data.clause.scope import scope
from qpv_data.clause.vocabulary import Diffusion
from qpv_data.protect import protect

Key = tuple[str, str, str, str, str]
"""(indicator, zoning, code, period, modality)."""


@dataclass(frozen=True)
class Row:
    """`protege`: its feed has a threshold, so that its cells may be hidden around others."""

    protege: bool
    observation: str
    diffusion: str
    valeur: float | None
    numerateur: float | None
    denominateur: float | None


def primary(
    out: Path, clauses: Path, day: date, work: Path, diffusion: Diffusion = Diffusion.PARTENAIRES
) -> dict[Key, Row]:
    """Every row of the last run in `out`, as the primary rules leave it."""
    declared = list(scope(checked_clauses(clauses, day), diffusion).indicateurs())
    made = protect(declared, out / "aggregated", out / "zonages", work / "protege", work, complementary=False)
    regime = {i.id: clause.secret.regime == "seuil" for clause, i in declared}
    return {
        (name, r["zonage"], r["code_zone"], r["periode"], r["modalite"]): Row(
            regime[name],
            r["statut_observation"],
            r["statut_diffusion"],
            r["valeur"],
            r["numerateur"],
            r["denominateur"],
        )
        for name, path in made.cellules.items()
        for r in pq.read_table(path).to_pylist()
    }


def published(base: Path) -> dict[Key, tuple[Any, ...]]:
    """Every row of a shared database: observation, diffusion, value, numerator, denominator."""
    with duckdb.connect(str(base), read_only=True) as con:
        rows = con.execute(
            "SELECT indicateur, zonage, code_zone, periode, modalite, statut_observation, statut_diffusion, valeur,"
            " numerateur, denominateur FROM valeurs"
        ).fetchall()
    found = {row[:5]: row[5:] for row in rows}
    assert len(found) == len(rows)
    return found


def hidden_around(primaires: Mapping[Key, Row], shown: Mapping[Key, tuple[Any, ...]]) -> set[Key]:
    """The rows that are `published` hidden and that the primary rules show.

    Every other row is exactly what the primary rules say, and all rows are where no threshold protects the feed.
    """
    assert shown.keys() == primaires.keys()
    around = set()
    for key, row in primaires.items():
        said = (row.observation, row.diffusion, row.valeur, row.numerateur, row.denominateur)
        if shown[key] != said:
            assert row.protege, key
            assert shown[key] == ("normale", "secret", None, None, None), (key, said)
            around.add(key)
    return around
