"""Bounds of the cells of an indicator, beside its aggregated cells: what the stage aggregate asks of this package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu, Indicateur, LocalisationPoint
from qpv_data.clause.secrecy import other_units, threshold_of
from qpv_data.engine import replacing
from qpv_data.measures import measures_sql
from qpv_data.problems import FeedError, Problem
from qpv_data.resources import sql_dir
from qpv_data.uncertainty.bounds import bounds
from qpv_data.uncertainty.columns import (
    SIGMA,
    both_sides_columns,
    probability_column,
    widest_m,
)
from qpv_data.uncertainty.errors import quality_of

BORNES = pa.schema(
    [
        ("zonage", pa.string()), ("code_zone", pa.string()), ("periode", pa.string()), ("modalite", pa.string()),
        ("bas", pa.float64()), ("haut", pa.float64()), ("methode", pa.string()), ("n_unites", pa.int64()),
        ("part_dominante", pa.float64()),
    ]
)  # fmt: skip
_CELLS = 5_000


def bounds_path(aggregated: Path, indicateur: str) -> Path:
    """Where the bounds of an indicator are, beside its cells; there is no such file when it has none."""
    return aggregated / f"{indicateur}.incertitudes.parquet"


def bounded(clause: ClauseJeu, indicateur: Indicateur) -> bool:
    """Whether an indicator carries bounds: a sum of records whose position has a declared error.

    Not a count of distinct units, whose places are several, nor a ratio; nor an indicator that counts both sides of a
    boundary street or all that is within a radius, whose rule settles what is near.
    """
    quality = quality_of(clause)
    measured = quality is not None and quality.mesuree
    plain = indicateur.nature == "somme" or (indicateur.nature == "compte" and indicateur.distinct is None)
    return measured and plain and indicateur.regle_limite == "strict" and indicateur.rayon_m is None


def record_columns(clause: ClauseJeu, names: Sequence[str], zonings: Sequence[str], declared: str) -> list[str]:
    """SQL of the view `enregistrements`: `z_p__<zonage>`, `z_dc__<zonage>`, `z_dcm__<zonage>` and `z_geocode`.

    `names`: columns of the located files; `zonings`: those with perimeters; `declared`: prefix of a clause's column
    that bears the name of an answer. Raises FeedError when the files lack what the clause needs: silence would pass
    for certainty.
    """
    chosen: list[str] = []
    quality = quality_of(clause)
    if quality is not None and quality.mesuree:
        _held(clause, names, [SIGMA, *(probability_column(z) for z in zonings)])
        chosen += [f"{quote(probability_column(z))} AS {quote('z_p__' + z)}" for z in zonings]
        place = clause.localisation
        assert isinstance(place, LocalisationPoint)
        own = [n for n in (place.x, place.y, place.colonne_epsg) if n is not None]
        parts = [f"{literal(n)}: {quote(declared + n if declared + n in names else n)}" for n in own]
        chosen.append(f"{{{', '.join(parts)}, 'sigma': {quote(SIGMA)}}} AS z_geocode")
    if widest_m(clause):
        sides = {z: both_sides_columns(z) for z in zonings if both_sides_columns(z)[0] in names}
        _held(clause, names, [] if sides else ["deux_cotes"])
        for zoning, (code, metres) in sides.items():
            chosen += [
                f"{quote(code)} AS {quote('z_dc__' + zoning)}",
                f"{quote(metres)} AS {quote('z_dcm__' + zoning)}",
            ]
    return chosen


def _held(clause: ClauseJeu, names: Sequence[str], needed: Sequence[str]) -> None:
    if absent := [n for n in needed if n not in names]:
        message = f"la localisation n'a pas ce que la clause demande : {', '.join(absent)}"
        raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")


def zone_expression(indicateur: Indicateur, zonage: str, columns: Sequence[str]) -> str:
    """SQL of the zone that a record counts in: its own or, by the rule of both sides, the nearest within the width.

    `columns`: those of the view `enregistrements`. The rule is about neighbourhoods: other zonings stay strict.
    """
    own, beside, metres = (quote(f"{prefix}{zonage}") for prefix in ("z__", "z_dc__", "z_dcm__"))
    if indicateur.largeur_limite_m is None or f"z_dc__{zonage}" not in columns:
        return own
    return f"coalesce({own}, CASE WHEN {metres} <= {indicateur.largeur_limite_m!r} THEN {beside} END)"


def write_bounds(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, columns: Sequence[str], target: Path
) -> None:
    """Write BORNES for the cells that uncertain geocodes touch, from the tables `mesures` and `contributions`.

    The zonings that were measured are in the file's metadata: a cell of theirs that has no row is certain. A feed
    under a secrecy threshold gets Bernstein's bounds, in which no single weight shows, and the number of units and
    largest share of their sides, for the stage that decides what leaves. No file for an indicator without bounds.
    """
    zonings = sorted(n.removeprefix("z_p__") for n in columns if n.startswith("z_p__"))
    if not (bounded(clause, indicateur) and zonings):
        target.unlink(missing_ok=True)
        return
    protected = clause.secret.regime == "seuil"
    con.execute(f"CREATE OR REPLACE VIEW appartenances AS {_memberships(zonings, protected)}")
    con.execute(f"CREATE OR REPLACE TABLE cotes AS SELECT * FROM ({_sql('cotes')}){'' if protected else ' LIMIT 0'}")
    _hold_other_units(con, clause, indicateur)
    reader = con.execute(_sql("incertitudes")).to_arrow_reader(_CELLS)
    schema = BORNES.with_metadata({"zonages": json.dumps(zonings)})
    with replacing(target) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_table(_bounded(batch, exact=not protected).replace_schema_metadata(schema.metadata))


def _hold_other_units(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur) -> None:
    """No unit at all is said to be on a side of which some other unit has too few: such bounds do not leave."""
    for secret in other_units(clause.secret):
        own = clause.model_copy(update={"secret": secret})
        con.execute(f"CREATE OR REPLACE TABLE mesures AS {measures_sql(own, indicateur)}")
        con.execute(f"CREATE OR REPLACE TABLE cotes_autres AS {_sql('cotes')}")
        con.execute(
            "UPDATE cotes SET n_unites = 0 WHERE (zonage, code_zone, periode, modalite) IN (SELECT"
            " (zonage, code_zone, periode, modalite) FROM cotes_autres"
            f" WHERE coalesce(n_unites, 0) < {threshold_of(secret, indicateur)})"
        )
    if clause.secret.autres_unites:
        con.execute(f"CREATE OR REPLACE TABLE mesures AS {measures_sql(clause, indicateur)}")


def _sql(name: str) -> str:
    return (sql_dir() / "agreger" / f"{name}.sql").read_text("utf-8")


def _memberships(zonings: Sequence[str], protected: bool) -> str:
    """A record is in, or may be in, each zone of its list; else, certainly, in its own."""
    kept = "periode, modalite, numerateur, unite, effectif, contributeur, z_geocode"
    selects = []
    for zoning in zonings:
        own, listed, name = quote(f"z__{zoning}"), quote(f"z_p__{zoning}"), literal(zoning)
        selects.append(
            f"SELECT {name} AS zonage, u.code_zone AS code_zone, u.p AS p,"
            f" CASE WHEN code_retenu = u.code_zone THEN 'dedans' ELSE 'dehors' END AS cote, {kept}"
            f" FROM (SELECT {kept}, {own} AS code_retenu, unnest({listed}) AS u FROM mesures"
            f" WHERE {listed} IS NOT NULL)"
        )
        if protected:
            certain = f"NOT coalesce(list_contains(list_transform({listed}, lambda x: x.code_zone), {own}), false)"
            selects.append(
                f"SELECT {name} AS zonage, {own} AS code_zone, CAST(1 AS DOUBLE) AS p, 'certain' AS cote, {kept}"
                f" FROM mesures WHERE {own} IS NOT NULL AND {certain}"
            )
    return "\nUNION ALL BY NAME ".join(selects)


def _bounded(batch: pa.RecordBatch, *, exact: bool) -> pa.Table:
    rows = batch.to_pylist()
    made = [bounds(r["certain"], r["valeur"], np.array(r["poids"]), np.array(r["p"]), exact=exact) for r in rows]
    columns = {name: batch.column(name) for name in BORNES.names if name in batch.schema.names}
    columns["bas"] = pa.array([b.bas for b in made], pa.float64())
    columns["haut"] = pa.array([b.haut for b in made], pa.float64())
    columns["methode"] = pa.array([b.methode for b in made], pa.string())
    return pa.Table.from_arrays([columns[name] for name in BORNES.names], schema=BORNES)
