"""Attack of a ledger of releases of one series, each with one more period: what `attaque.py --publications` runs.

150 communes, 300 neighbourhoods of which some straddle, two counts and a share by 4 modalities; cells of 1 to 4 units
are hidden. Later releases repeat what earlier ones say, as a quarterly series does.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.attaque.releases import attack_releases

COMMUNES, QUARTERS, MODALITIES, K = 150, 300, 4, 5
_TEXT = ("indicateur", "modalite", "code_zone", "statut_observation", "statut_diffusion", "publication")
_NUMBERS = {"seuil": pa.int64(), "decimales": pa.int64(), "facteur": pa.float64()}


def period(number: int) -> str:
    """Quarters, from 2022."""
    return f"{2022 + number // 4}-T{number % 4 + 1}"


def series(periods: int, seed: int) -> list[dict[tuple[str, str], list[dict[str, Any]]]]:
    """Rows of each period by zoning."""
    generator = np.random.default_rng(seed)
    home = generator.integers(0, COMMUNES, QUARTERS)
    found = []
    for number in range(periods):
        inside = generator.poisson(8, (QUARTERS, MODALITIES))
        communes = generator.poisson(20, (COMMUNES, MODALITIES))
        np.add.at(communes, home, inside)
        zones = {
            "qpv2024": [(f"QN{n:04d}", v) for n, v in enumerate(inside)],
            "commune": [(f"{n:05d}", v) for n, v in enumerate(communes)],
            "territoire": [("territoire", communes.sum(axis=0))],
        }
        found.append({(z, period(number)): [r for c, v in held for r in rows(c, v)] for z, held in zones.items()})
    return found


def rows(zone: str, values: np.ndarray) -> list[dict[str, Any]]:
    """The count by modality, its whole, and the share of its first modality."""
    given = [("compte", f"m{i}", int(v), None) for i, v in enumerate(values)]
    given += [("compte", "ensemble", int(values.sum()), None), ("part", "ensemble", int(values[0]), int(values.sum()))]
    made = []
    for indicator, modality, top, whole in given:
        hidden = 0 < top < K or (whole is not None and (0 <= whole - top < K or top == 0))
        made.append({
            "indicateur": indicator, "modalite": modality, "code_zone": zone, "publication": "",
            "valeur": None if hidden else float(top), "numerateur": None if hidden else float(top),
            "denominateur": None if hidden or whole is None else float(whole), "statut_observation": "normale",
            "statut_diffusion": "secret" if hidden else "diffusee",
        })  # fmt: skip
    return made


def write(folder: Path, told: list[dict[tuple[str, str], list[dict[str, Any]]]], home: np.ndarray) -> Path:
    """One release, of all the periods of `told`."""
    for part in told:
        for (zoning, of), held in part.items():
            target = folder / "valeurs" / f"zonage={zoning}" / f"periode={of}" / "valeurs.parquet"
            target.parent.mkdir(parents=True)
            schema = pa.schema([(k, pa.string() if k in _TEXT else pa.float64()) for k in held[0]])
            dated = [{**row, "publication": folder.name} for row in held]
            pq.write_table(pa.Table.from_pylist(dated, schema=schema), target)
    common = {
        "jeu": "f", "nature_temporelle": "stock", "decimales": 0, "unite": "personnes", "filtre": None, "facteur": None,
        "par": None, "unite_secret": "personne", "seuil": K, "regime_secret": "seuil",
    }  # fmt: skip
    catalogue = [
        {"indicateur": "compte", "nature": "compte", "numerateur": None, "denominateur": None, **common},
        {"indicateur": "part", "nature": "part", "numerateur": "f", "denominateur": "1", **common},
    ]
    axes = [{"indicateur": "compte", "modalite": f"m{i}", "axe": "type"} for i in range(MODALITIES)]
    axes += [{"indicateur": i, "modalite": "ensemble", "axe": None} for i in ("compte", "part")]
    codes = [("commune", f"{n:05d}", f"{n:05d}", "declare") for n in range(COMMUNES)]
    codes += [("qpv2024", f"QN{n:04d}", f"{c:05d}", "declare") for n, c in enumerate(home)]
    links = [dict(zip(("zonage", "code_zone", "code_commune", "origine"), c, strict=True)) for c in codes]
    zones = [
        {"zonage": z, "code_zone": c, "famille": {"qpv2024": "qpv"}.get(z, z)}
        for z, c in sorted({(z, c) for z, c, _, _ in codes} | {("territoire", "territoire")})
    ]
    tables = {"indicateurs": catalogue, "modalites": axes, "zones_communes": links, "zones": zones}
    for name, held in tables.items():
        schema = pa.schema([(k, _NUMBERS.get(k, pa.string())) for k in held[0]])
        pq.write_table(pa.Table.from_pylist(held, schema=schema), folder / f"{name}.parquet")
    return folder


def measure(releases: int, seed: int) -> None:
    """Print what the last release costs alone, and the ledger."""
    home = np.random.default_rng(seed).integers(0, COMMUNES, QUARTERS)
    told = series(releases, seed)
    with TemporaryDirectory() as folder:
        made = [write(Path(folder) / f"r{n:02d}", told[: n + 1], home) for n in range(releases)]
        for name, chosen in (("la dernière seule", made[-1:]), (f"les {releases} publications", made)):
            start, used = time.perf_counter(), time.process_time()
            report = attack_releases(chosen, proofs=0)
            elapsed, spent = time.perf_counter() - start, time.process_time() - used
            print(f"{name} : {elapsed:.1f} s, {spent:.1f} s de processeur ; {report.published:,} cellules publiées,")
            print(f"  {report.hidden:,} secrètes, {len(report.findings):,} constats")
