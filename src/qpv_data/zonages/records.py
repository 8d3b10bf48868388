"""Conformed records of a referential, read once, with the assertion that they are of the right vintage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from qpv_data.clause.model import ClauseZonage
from qpv_data.problems import FeedError, Problem, listed

_SHOWN = 5


@dataclass(frozen=True)
class Records:
    """Columns of the same length, in file order. `crs`: what the file says of itself, None when it says nothing."""

    clause: ClauseZonage
    codes: tuple[str, ...]
    noms: tuple[str | None, ...]
    populations: tuple[int | None, ...]
    commune: tuple[str | None, ...]
    habitants: tuple[int | None, ...]
    communes: tuple[str | None, ...]
    epci: tuple[str | None, ...]
    geometries: tuple[bytes | None, ...]
    crs: str | None


def read_records(clause: ClauseZonage, path: Path) -> Records:
    """Read the conformed Parquet of a referential's clause.

    Raises FeedError: millesime_inattendu when codes do not match `motif_code`; perimetres_invalides (doublon for
    a list) when a code comes back, except in a composition, whose rows are (zone, commune) pairs.
    """
    zonage = clause.zonage
    table = pq.read_table(path)

    def column(name: str | None) -> tuple[Any, ...]:
        return tuple(table[name].to_pylist()) if name is not None else (None,) * table.num_rows

    def texts(name: str | None) -> tuple[str | None, ...]:
        return tuple(None if v is None else str(v) for v in column(name))

    codes = texts(zonage.code)
    _assert_vintage(clause, codes)
    crs = (table.schema.metadata or {}).get(b"crs_source")
    records = Records(
        clause=clause,
        codes=tuple(code for code in codes if code is not None),
        noms=texts(zonage.nom),
        populations=tuple(None if v is None else int(v) for v in column(zonage.population)),
        commune=texts(zonage.commune),
        habitants=tuple(None if v is None else int(v) for v in column(zonage.population_commune)),
        communes=texts(zonage.communes.colonne if zonage.communes else None),
        epci=texts(zonage.epci.colonne if zonage.epci else None),
        geometries=column("geometrie" if zonage.objet == "perimetres" else None),
        crs=crs.decode() if crs else None,
    )
    if zonage.objet != "composition":
        refuse_repeated(clause, records.codes)
    return records


def _assert_vintage(clause: ClauseZonage, codes: Sequence[str | None]) -> None:
    pattern = re.compile(clause.zonage.motif_code)
    wrong = [code for code in codes if code is None or not pattern.fullmatch(code)]
    if wrong:
        message = (
            f"{len(wrong)} codes sur {len(codes)} ne sont pas du millésime {clause.zonage.millesime} "
            f"({clause.zonage.motif_code}) : {listed(wrong, _SHOWN)}"
        )
        remedy = "vérifier que `source.url` donne la bonne génération de périmètres, sinon `zonage.motif_code`"
        raise FeedError(clause.id, Problem.MILLESIME_INATTENDU, message, remedy)


def refuse_repeated(clause: ClauseZonage, codes: Sequence[str]) -> None:
    """Raise FeedError when a code is there twice: which of two contours, or names, is right is not ours to say."""
    repeated = sorted(code for code, times in Counter(codes).items() if times > 1)
    if repeated:
        perimeters = clause.zonage.objet == "perimetres"
        problem = Problem.PERIMETRES_INVALIDES if perimeters else Problem.DOUBLON
        message = f"codes en double dans le zonage {clause.zonage.id} : {', '.join(repeated)}"
        raise FeedError(clause.id, problem, message, "corriger la source, ou déclarer `cle` sur le code de zone")
