"""The tables of the zonings as Parquet: fixed schemas, sorted rows, replaced atomically."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from qpv_data.zonages.model import MEMBER_MIN_M2, MEMBER_MIN_SHARE, OVERLAP_MIN_M2, Member, ZonagesReport, Zone

_TEXT = pa.string()
ZONES = pa.schema(
    [
        pa.field("zonage", _TEXT, nullable=False),
        pa.field("famille", _TEXT, nullable=False),
        pa.field("code_zone", _TEXT, nullable=False),
        pa.field("nom", _TEXT),
        pa.field("millesime", _TEXT, nullable=False),
        pa.field("territoire", _TEXT),
        pa.field("epsg", pa.int32()),
        pa.field("superficie_m2", pa.float64()),
        pa.field("population", pa.int64()),
        pa.field("statut", _TEXT, nullable=False),
        pa.field("reparee", pa.bool_(), nullable=False),
        pa.field("geometrie", pa.binary()),
        *(pa.field(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")),
    ]
)
ZONES_COMMUNES = pa.schema(
    [*((n, _TEXT) for n in ("zonage", "code_zone", "code_commune", "origine")), ("part_population", pa.float64())]
)
ZONES_EPCI = pa.schema([(n, _TEXT) for n in ("zonage", "code_zone", "code_epci")])
ZONES_CONTRATS = pa.schema([(n, _TEXT) for n in ("zonage", "code_zone", "code_contrat")])
EN_VIGUEUR = pa.schema(
    [
        *(pa.field(name, _TEXT, nullable=False) for name in ("zonage", "millesime", "territoire")),
        pa.field("de", pa.date32(), nullable=False),
        pa.field("a", pa.date32()),
    ]
)


def zones_table(zones: Iterable[Zone]) -> pa.Table:
    """One row a zone, sorted by zoning and code. Bounds in the zone's own CRS, metres."""
    rows = []
    for zone in sorted(zones, key=lambda z: (z.zonage, z.code)):
        drawn = zone.geometrie is not None
        bounds = shapely.bounds(zone.geometrie).tolist() if drawn else [None] * 4
        rows.append(
            {
                **{name: getattr(zone, name) for name in ZONES.names if hasattr(zone, name)},
                "code_zone": zone.code,
                "geometrie": shapely.to_wkb(zone.geometrie, byte_order=1) if drawn else None,
                **dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True)),
            }
        )
    return pa.Table.from_pylist(rows, schema=ZONES)


ZONES_NATIVES = pa.schema(
    [("zonage", _TEXT), ("code_zone", _TEXT), ("epsg_natif", pa.int32()), ("geometrie", pa.binary())]
)


def natives_table(zones: Iterable[Zone]) -> pa.Table:
    """One row a zone whose file is in another CRS than its territory's: its contour as it was drawn."""
    drawn = sorted((z for z in zones if z.geometrie_native is not None), key=lambda z: (z.zonage, z.code))
    rows = [
        {
            "zonage": z.zonage,
            "code_zone": z.code,
            "epsg_natif": z.epsg_natif,
            "geometrie": shapely.to_wkb(z.geometrie_native, byte_order=1),
        }
        for z in drawn
    ]
    return pa.Table.from_pylist(rows, schema=ZONES_NATIVES)


def members_table(members: Iterable[Member]) -> pa.Table:
    """One row a zone and commune: a declared membership comes before a composed one, then one of contours.

    `part_population`: share of the zone's inhabitants, six decimals; null for every commune of a zone unless all of
    them are told, and there is somebody. The largest figure is kept of a pair that is told twice.
    """
    best: dict[tuple[str, str, str], str] = {}
    people: dict[tuple[str, str], dict[str, int]] = {}
    ranks = ("declare", "composition", "geometrie")
    for zonage, zone, commune, origine, inhabitants in members:
        key = (zonage, zone, commune)
        best[key] = min(best.get(key, origine), origine, key=ranks.index)
        told = people.setdefault((zonage, zone), {})
        told[commune] = max(told.get(commune, -1), -1 if inhabitants is None else inhabitants)
    rows = [(*key, origine, _share(people[key[:2]], key[2])) for key, origine in best.items()]
    return rows_table(rows, ZONES_COMMUNES)


def _share(people: Mapping[str, int], commune: str) -> float | None:
    """Of inhabitants by commune, −1 where nobody says."""
    total = sum(people.values())
    return round(people[commune] / total, 6) if total > 0 and min(people.values()) >= 0 else None


def rows_table(rows: Iterable[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Distinct rows, sorted (None last), in `schema`."""
    ordered = sorted(set(rows), key=lambda row: tuple((value is None, value) for value in row))
    columns = zip(*ordered, strict=True) if ordered else ([] for _ in schema.names)
    return pa.Table.from_arrays([pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def write_all(out: Path, tables: dict[str, pa.Table], report: ZonagesReport) -> None:
    """Write every table as `<name>.parquet`, then `rapport.json`. Each file is whole or absent."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".zonages-", suffix=".part", dir=out) as staging:
        for name, table in tables.items():
            pq.write_table(table, Path(staging) / f"{name}.parquet", compression="zstd")
        (Path(staging) / "rapport.json").write_text(_json(report), encoding="utf-8")
        for name in (*(f"{table}.parquet" for table in tables), "rapport.json"):
            (Path(staging) / name).replace(out / name)


def _json(report: ZonagesReport) -> str:
    """Areas to the square centimetre: past it, digits say more of the machine than of the contour."""
    content = {
        "tolerances": {
            "chevauchement_min_m2": OVERLAP_MIN_M2,
            "commune_part_min": MEMBER_MIN_SHARE,
            "commune_aire_min_m2": MEMBER_MIN_M2,
        },
        **{name: _plain(getattr(report, name)) for name in report.__dataclass_fields__},
    }
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _plain(entries: Sequence[Any]) -> list[Any]:
    return [
        {k: round(v, 4) if isinstance(v, float) else v for k, v in entry._asdict().items()}
        if hasattr(entry, "_asdict")
        else entry
        for entry in entries
    ]
