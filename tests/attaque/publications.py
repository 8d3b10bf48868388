"""Small releases on disk, with what the attacker reads of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

COMMUNES = ("99001", "99002")
ZONES_COMMUNES = [
    *[("commune", c, c, "declare") for c in COMMUNES],
    ("epci", "E1", "99001", "composition"),
    ("epci", "E1", "99002", "composition"),
    ("qpv2015", "QP1", "99001", "declare"),
    ("qpv2024", "QN1", "99001", "declare"),
    ("qpv2024", "QN2", "99001", "declare"),
    ("qpv2024", "QN2", "99002", "declare"),
]
FAMILIES = {"commune": "commune", "epci": "epci", "qpv2015": "qpv", "qpv2024": "qpv", "territoire": "territoire"}


def indicator(name: str, **changes: Any) -> dict[str, Any]:
    row = {
        "indicateur": name, "jeu": "f", "nature": "compte", "nature_temporelle": "flux", "decimales": 0, "unite": "personnes",
        "numerateur": None, "denominateur": None, "filtre": None, "facteur": None, "par": None, "unite_secret": "personne",
        "seuil": 5, "dominance": None, "regime_secret": "seuil",
    }  # fmt: skip
    return {**row, **changes}


def release(
    folder: Path,
    figures: Mapping[tuple[str, ...], float | tuple[float | None, float | None] | None],
    catalogue: Sequence[dict[str, Any]] = (),
    links: Sequence[tuple[str | None, str | None, float, float]] = (),
    zones: Sequence[tuple[str, str, str, str]] = ZONES_COMMUNES,
    zeros: str | None = None,
    manifest: Mapping[str, str] | None = None,
    contours: Mapping[tuple[str, str], shapely.Geometry] | None = None,
) -> Path:
    """`zeros`: what the manifest says of them; `manifest`: what else it says. `contours`: (zoning, zone) → its contour, in degrees. `figures`: (indicator, modality, zoning, zone, period) → value, None when hidden; a ratio
    gives both sides, or (None, r) to publish r alone."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    modalities = set()
    for (name, modality, zoning, zone, period), given in figures.items():
        both = given if isinstance(given, tuple) else (given, None)
        hidden = given is None
        value = both[0] if both[1] is None else both[0] / both[1] if both[0] is not None else both[1]
        rows.setdefault((zoning, period), []).append({
            "indicateur": name, "modalite": modality, "code_zone": zone, "valeur": value, "numerateur": both[0],
            "denominateur": None if both[0] is None else both[1], "statut_observation": "normale", "statut_diffusion": "secret" if hidden else "diffusee",
        })  # fmt: skip
        modalities.add((name, modality))
    for (zoning, period), found in rows.items():
        target = folder / "valeurs" / f"zonage={zoning}" / f"periode={period}" / "valeurs.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        text = ("indicateur", "modalite", "code_zone", "statut_observation", "statut_diffusion")
        schema = [(k, pa.string() if k in text else pa.float64()) for k in found[0]]
        pq.write_table(pa.Table.from_pylist(found, schema=pa.schema(schema)), target)
    _write(folder, "indicateurs", list(catalogue) or [indicator("i")], {"seuil": pa.int64(), "decimales": pa.int64()})
    axes = [{"indicateur": i, "modalite": m, "axe": None if m == "ensemble" else "sexe"} for i, m in sorted(modalities)]
    _write(folder, "modalites", axes, {})
    names = ("zonage", "code_zone", "code_commune", "origine")
    _write(folder, "zones_communes", [dict(zip(names, z, strict=True)) for z in zones], {})
    known = {(z, c) for z, c, _, _ in zones} | {("territoire", "territoire")}
    drawn = contours or {}
    known |= drawn.keys()
    described = [
        {"zonage": z, "code_zone": c, "famille": FAMILIES.get(z, z), "geometrie": drawn[z, c].wkb if (z, c) in drawn else None}
        for z, c in sorted(known)
    ]  # fmt: skip
    _write(folder, "zones", described, {"geometrie": pa.binary()})
    passages = [
        {"zonage_depart": "qpv2015", "code_depart": a, "zonage_arrivee": "qpv2024", "code_arrivee": b,
         "reste_depart": x, "reste_arrivee": y, "double_depart": 0.0, "double_arrivee": 0.0}
        for a, b, x, y in links
    ]  # fmt: skip
    if zeros is not None or manifest is not None:
        secret = {} if zeros is None else {"secret": {"zeros": zeros}}
        (folder / "manifest.json").write_text(json.dumps({"publication": folder.name, **secret, **(manifest or {})}))
    if passages:
        numbers = dict.fromkeys(("reste_depart", "reste_arrivee", "double_depart", "double_arrivee"), pa.float64())
        _write(folder, "passages", passages, numbers)
    return folder


def _write(folder: Path, name: str, rows: list[dict[str, Any]], numbers: Mapping[str, pa.DataType]) -> None:
    floats = {"facteur": pa.float64(), "dominance": pa.float64(), "compte_unites": pa.bool_(), **numbers}
    schema = pa.schema([(k, floats.get(k, pa.string())) for k in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")


def everywhere(
    name: str, period: str = "2024-T4", modality: str = "ensemble", **zones: float | None
) -> dict[tuple[str, ...], Any]:
    """Figures of an indicator: `commune_99001=12` is one."""
    return {(name, modality, *zone.rsplit("_", 1), period): v for zone, v in zones.items()}
