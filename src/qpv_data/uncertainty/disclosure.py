"""Which bounds may leave: those of shown cells, and only where they tell nothing of a hidden one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.clause.secrecy import dominance_of
from qpv_data.engine import engine, sql_path
from qpv_data.judging import threshold
from qpv_data.periods import Period, parse_period
from qpv_data.resources import sql_dir
from qpv_data.uncertainty.bounds import NIVEAU
from qpv_data.uncertainty.cells import bounds_path
from qpv_data.uncertainty.columns import REACH
from qpv_data.uncertainty.errors import largest_sigma_m, quality_of

INCERTITUDES = pa.schema(
    [
        ("publication", pa.string()), ("indicateur", pa.string()), ("modalite", pa.string()), ("zonage", pa.string()),
        ("code_zone", pa.string()), ("periode", pa.string()), ("type", pa.string()), ("niveau", pa.float64()),
        ("methode", pa.string()), ("borne_basse", pa.float64()), ("borne_haute", pa.float64()),
    ]
)  # fmt: skip
_MARGIN_M = 1.0  # zones are drawn in longitude and latitude: projected, they move by less than this


def incertitudes(
    publication: str, clauses: ClauseSet, cells: Mapping[str, Path], until: Period, folders: tuple[Path, Path, Path]
) -> pa.Table:
    """Table `incertitudes` of a release, sorted: a row for each shown cell of the zonings that were measured.

    `cells`: protected cells by indicator; `folders`: aggregated, zonings and work. No row for a cell that is hidden or
    absent. Under a secrecy regime, none either for a cell that the records of a hidden one may reach (itself, or within
    the errors of the clause: distances alone decide, no record is looked at; the total is reached by any modality),
    nor for a cell whose certain part, or uncertain records on one side, are fewer units than the threshold or one
    contributor's.
    Bounds are rounded outwards to the decimals of the indicator, and hold the published value.
    """
    aggregated, zonings, work = folders
    parts = [INCERTITUDES.empty_table()]
    with engine(work) as con:
        for clause, indicator in sorted(clauses.indicateurs(), key=lambda pair: pair[1].id):
            source = bounds_path(aggregated / clause.id, indicator.id)
            if indicator.id in cells and source.is_file():
                found = _of_indicator(con, clause, indicator, cells[indicator.id], source, zonings)
                parts.append(_dressed(found, publication, indicator.id, until))
    order = [(name, "ascending") for name in ("zonage", "code_zone", "indicateur", "periode", "modalite")]
    return pa.concat_tables(parts).sort_by(order)


def _of_indicator(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicator: Indicateur, cells: Path, source: Path, zonings: Path
) -> pa.Table:
    measured = json.loads((pq.read_schema(source).metadata or {})[b"zonages"])
    is_protected = clause.secret.regime != "sans_objet"
    reach = REACH * largest_sigma_m(quality_of(clause)) + _MARGIN_M
    rule: dict[str, Any] = {
        "protege": is_protected,
        "seuil": threshold(clause.secret, indicator),
        "dominance": dominance_of(clause.secret),
        "echelle": 10**indicator.decimales,
    }
    kinds = [("protege", pa.bool_()), ("seuil", pa.int64()), ("dominance", pa.float64()), ("echelle", pa.int64())]
    extents, near = neighbours(zonings, measured, reach) if is_protected else (_EXTENTS, _NEIGHBOURS)
    con.register("regle", pa.Table.from_pylist([rule], schema=pa.schema(kinds)))
    con.register("mesures", pa.table({"zonage": pa.array(measured, pa.string())}))
    con.register("etendues", extents)
    con.register("voisinages", near)
    con.execute(f"CREATE OR REPLACE VIEW cellules AS SELECT * FROM read_parquet({sql_path(cells)})")
    con.execute(f"CREATE OR REPLACE VIEW bornes AS SELECT * FROM read_parquet({sql_path(source)})")
    return con.execute((sql_dir() / "proteger" / "incertitudes.sql").read_text("utf-8")).to_arrow_table()


_KEY = [("zonage", pa.string()), ("code_zone", pa.string())]
_EXTENTS = pa.schema(_KEY).empty_table()
_NEIGHBOURS = pa.schema([*_KEY, ("zonage_voisine", pa.string()), ("voisine", pa.string())]).empty_table()


def neighbours(zonings: Path, measured: Sequence[str], reach_m: float) -> tuple[pa.Table, pa.Table]:
    """(zones whose extent is known, pairs of a measured zone and a zone within `reach_m` metres, itself included).

    A zone without contour is where its communes are. Distances are in the territory's projected CRS.
    """
    import pandas as pd  # only here: it costs more than the rest of the start

    columns = ["zonage", "epsg", "code_zone", "geometrie"]
    drawn = pq.read_table(zonings / "zones.parquet", columns=columns).to_pandas()
    members = pq.read_table(zonings / "zones_communes.parquet", columns=["zonage", "code_zone", "code_commune"])
    contours = drawn[drawn["geometrie"].notna()]
    communes = contours[contours["zonage"] == "commune"].rename(columns={"code_zone": "code_commune"})
    bare = drawn.loc[drawn["geometrie"].isna(), ["zonage", "code_zone"]].merge(members.to_pandas())
    through = bare.merge(communes[["code_commune", "epsg", "geometrie"]], on="code_commune")
    every = pd.concat([contours, through])[columns]
    found = [_NEIGHBOURS]
    for _, part in every.groupby("epsg"):
        shapes = shapely.from_wkb(part["geometrie"].to_numpy())
        own = np.flatnonzero(part["zonage"].isin(measured))
        one, other = shapely.STRtree(shapes).query(shapes[own], predicate="dwithin", distance=reach_m)
        keys = [part[name].to_numpy()[rows] for rows in (own[one], other) for name in ("zonage", "code_zone")]
        found.append(pa.Table.from_arrays([pa.array(k, pa.string()) for k in keys], schema=_NEIGHBOURS.schema))
    extents = [pa.array(every[name].to_numpy(), pa.string()) for name in ("zonage", "code_zone")]
    return pa.Table.from_arrays(extents, schema=_EXTENTS.schema), pa.concat_tables(found)


def _dressed(found: pa.Table, publication: str, indicator: str, until: Period) -> pa.Table:
    shown = [p for p in sorted(set(found["periode"].to_pylist())) if parse_period(p).fin <= until.fin]
    found = found.filter(pc.field("periode").isin(pa.array(shown, pa.string())))
    constants = {"publication": publication, "indicateur": indicator, "type": "position", "niveau": NIVEAU}
    arrays = [
        pa.repeat(pa.scalar(constants[f.name], f.type), found.num_rows)
        if f.name in constants
        else found.column(f.name).cast(f.type)
        for f in INCERTITUDES
    ]
    return pa.Table.from_arrays(arrays, schema=INCERTITUDES)
