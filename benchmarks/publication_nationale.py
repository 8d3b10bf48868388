"""A partnership of national size, as `publish` finds it: protected cells, zonings and the clauses that declare them.

    python benchmarks/publication_nationale.py [--out data/bench/publication] [--indicateurs 200 --trimestres 40]
    python benchmarks/publication_nationale.py --out data/bench/publication --publier

1,609 quarters and 890 communes and the territory are 2,500 zones; by 200 indicators and 40 quarters, 20 M values.
`OUT/protege/<indicateur>.parquet` has the columns of sql/proteger/sortie.sql, `OUT/zonages/` the tables of a run's
zonings (contours of 60 vertices), `OUT/clauses/` ten feeds of twenty indicators. The same seed gives the same figures.
"""

from __future__ import annotations

import argparse
import copy
import resource
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import yaml

from qpv_data import certificate as certifying
from qpv_data import publish as publishing
from qpv_data.attaque.findings import Report
from qpv_data.clause.load import ClauseSet, load_clauses
from qpv_data.clause.model import Diffusion
from qpv_data.passage.model import PASSAGES
from qpv_data.protect import _MAKER, COMPLEMENTARY, Protected
from qpv_data.releases import base as building
from qpv_data.resources import referentials_dir
from qpv_data.runs import Configuration, exclusive
from qpv_data.zonages import tables

QPV, QPV2015, COMMUNES, CONTRATS, DEPARTEMENTS = 1609, 1514, 890, 430, 100
INDICATEURS, TRIMESTRES, PAR_JEU = 200, 40, 20
LAST_YEAR = 2024
NATURES = ("compte",) * 3 + ("somme", "moyenne")
CELLS = pa.schema(
    [(n, pa.string()) for n in ("zonage", "code_zone", "periode", "modalite", "statut_observation", "statut_diffusion")]
    + [(n, pa.float64()) for n in ("valeur", "numerateur", "denominateur")]
)


def communes(count: int) -> list[str]:
    return [f"{1 + n % DEPARTEMENTS:02d}{1 + n // DEPARTEMENTS:03d}" for n in range(count)]


def quarters(count: int, generation: str) -> list[str]:
    """Codes of QPVs, the n-th in the n-th commune, going round."""
    departments = [1 + n % DEPARTEMENTS for n in range(count)]
    numbers = [1 + n // DEPARTEMENTS for n in range(count)]
    if generation == "qpv2015":
        return [f"QP{d % 100:02d}{n:04d}" for d, n in zip(departments, numbers, strict=True)]
    return [f"QN{d % 100:02d}{n:03d}{'ABCDEFGHIJKLM'[n % 13]}" for d, n in zip(departments, numbers, strict=True)]


def places(qpv: int, towns: int) -> list[tuple[str, str]]:
    """(zonage, code_zone) of what has values, in the order of the protected files."""
    found = [("commune", c) for c in communes(towns)] + [("qpv2024", c) for c in quarters(qpv, "qpv2024")]
    return sorted([*found, ("territoire", "territoire")])


def periods(count: int) -> list[str]:
    """The last `count` quarters up to the end of LAST_YEAR."""
    last = LAST_YEAR * 4 + 3
    return [f"{n // 4}-T{n % 4 + 1}" for n in range(last - count + 1, last + 1)]


def cells(
    rng: np.random.Generator, nature: str, zones: list[tuple[str, str]], quarter: list[str], k: int = 5
) -> pa.Table:
    """The cells of one indicator: sizes that follow the zone's and last from a quarter to the next; those of 1 to
    k − 1 units are hidden, and 4 % more."""
    sizes = np.array([{"commune": 400.0, "qpv2024": 40.0}.get(z, 90_000.0) for z, _ in zones])
    level = sizes * rng.lognormal(0, 1.2, len(zones)) * rng.uniform(0.05, 2)
    drift = np.exp(np.cumsum(rng.normal(0, 0.03, (len(zones), len(quarter))), axis=1))
    units = rng.poisson(level[:, None] * drift).ravel()
    hidden = ((units > 0) & (units < k)) | ((units > 0) & (rng.random(units.size) < 0.04))
    total = units.astype(float) if nature == "compte" else np.round(units * rng.gamma(4, 5, units.size))
    ratio = nature == "moyenne"
    void = (units == 0) & (ratio | (nature == "somme"))
    value = np.round(total / np.maximum(units, 1), 1) if ratio else total
    codes = np.repeat(np.arange(len(zones)), len(quarter))
    shown = hidden | void
    return pa.Table.from_arrays(
        [
            pa.array([z for z, _ in zones]).take(pa.array(codes)),
            pa.array([c for _, c in zones]).take(pa.array(codes)),
            pa.array(quarter * len(zones)),
            pa.repeat(pa.scalar("ensemble"), units.size),
            pa.array(np.where(void, "sans_objet", "normale").tolist()),
            pa.array(np.where(hidden, "secret", "diffusee").tolist()),
            pa.array(value, mask=shown),
            pa.array(total, mask=shown),
            pa.array(units.astype(float), mask=shown | (not ratio)),
        ],
        schema=CELLS,
    )


def indicator_ids(count: int) -> list[tuple[str, str]]:
    """(id, nature) of each indicator."""
    return [(f"national_{n // PAR_JEU + 1:02d}_{n % PAR_JEU + 1:02d}", NATURES[n % len(NATURES)]) for n in range(count)]


def write_cells(out: Path, seed: int, indicators: int, quarter: int, qpv: int, towns: int) -> int:
    """Write `protege/`; returns its rows."""
    folder = out / "protege"
    folder.mkdir(parents=True, exist_ok=True)
    zones, rows = places(qpv, towns), 0
    for n, (ident, nature) in enumerate(indicator_ids(indicators)):
        table = cells(np.random.default_rng([seed, n]), nature, zones, periods(quarter))
        pq.write_table(table, folder / f"{ident}.parquet", compression="zstd")
        rows += table.num_rows
    return rows


def protected(out: Path) -> Protected:
    """What `publish` accepts, of the files of `write_cells`. Nothing protected them: they are made up."""
    found = {p.stem: p for p in sorted((out / "protege").glob("*.parquet"))}
    return Protected(found, {}, {}, COMPLEMENTARY, _MAKER)


def shapes(rng: np.random.Generator, count: int, radius: float) -> list[bytes]:
    """Contours of 60 vertices over the country, in Lambert-93."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    centres = rng.uniform((200_000, 6_200_000), (1_100_000, 7_000_000), (count, 2))
    far = radius * rng.uniform(0.6, 1.4, (count, 60))
    rings = centres[:, None, :] + far[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [shapely.to_wkb(shapely.MultiPolygon([shapely.Polygon(r)]), byte_order=1) for r in rings]


def _zone_rows(rng: np.random.Generator, qpv: int, towns: int) -> Iterator[dict[str, Any]]:
    kinds = (
        ("commune", "commune", communes(towns), 3000.0, "2024"),
        ("qpv2015", "qpv", quarters(min(QPV2015, qpv), "qpv2015"), 350.0, "2015"),
        ("qpv2024", "qpv", quarters(qpv, "qpv2024"), 350.0, "2024"),
    )
    for zoning, family, codes, radius, vintage in kinds:
        for code, shape in sorted(zip(codes, shapes(rng, len(codes), radius), strict=True)):
            drawn = shapely.from_wkb(shape)
            bounds = dict(zip(("xmin", "ymin", "xmax", "ymax"), drawn.bounds, strict=True))
            yield {
                "zonage": zoning, "famille": family, "code_zone": code, "nom": f"Zone {code}", "millesime": vintage,
                "territoire": "hexagone", "epsg": 2154, "superficie_m2": drawn.area, "population": None,
                "statut": "normale", "reparee": False, "geometrie": shape, **bounds,
            }  # fmt: skip


def write_zonings(out: Path, seed: int, qpv: int, towns: int) -> None:
    """Write `zonages/`: contours, and which commune, EPCI (the department) and contract each zone is of."""
    folder = out / "zonages"
    folder.mkdir(parents=True, exist_ok=True)
    places_of = communes(towns)
    near = {code: n for n, code in enumerate(places_of)}
    for generation, count in (("qpv2015", min(QPV2015, qpv)), ("qpv2024", qpv)):
        near |= {code: n % towns for n, code in enumerate(quarters(count, generation))}
    rows = list(_zone_rows(np.random.default_rng([seed, 1 << 20]), qpv, towns))
    keys = [{"zonage": r["zonage"], "code_zone": r["code_zone"]} for r in rows]
    commune = [near[k["code_zone"]] for k in keys]
    made = {
        "zones": pa.Table.from_pylist(rows, tables.ZONES),
        "zones_communes": pa.Table.from_pylist(
            [{**k, "code_commune": places_of[c], "origine": "declare"} for k, c in zip(keys, commune, strict=True)],
            tables.ZONES_COMMUNES,
        ),
        "zones_epci": pa.Table.from_pylist(
            [{**k, "code_epci": f"2000{places_of[c][:2]}001"} for k, c in zip(keys, commune, strict=True)],
            tables.ZONES_EPCI,
        ),
        "zones_contrats": pa.Table.from_pylist(
            [
                {**k, "code_contrat": f"CV-{c % CONTRATS + 1:03d}"}
                for k, c in zip(keys, commune, strict=True)
                if k["zonage"].startswith("qpv")
            ],
            tables.ZONES_CONTRATS,
        ),
        "passages": PASSAGES.empty_table(),
        "en_vigueur": tables.EN_VIGUEUR.empty_table(),
    }
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def write_clauses(out: Path, indicators: int, quarter: int) -> ClauseSet:
    """Write `clauses/`: feeds of twenty indicators, after a clause of the embedded territory. Returns them read."""
    folder = out / "clauses"
    folder.mkdir(parents=True, exist_ok=True)
    model = referentials_dir() / "demo" / "clauses" / "jeux" / "etablissements.yml"
    pattern = yaml.safe_load(model.read_text("utf-8"))
    pattern["periode"] |= {"debut": periods(quarter)[0], "fin": periods(quarter)[-1]}
    themes = ("economie", "emploi", "logement", "education", "sante")
    declared = indicator_ids(indicators)
    for first in range(0, len(declared), PAR_JEU):
        number = first // PAR_JEU
        clause = copy.deepcopy(pattern) | {"id": f"national_{number + 1:02d}", "theme": themes[number % len(themes)]}
        clause["indicateurs"] = [
            {
                "id": ident, "titre": f"Indicateur {ident}", "definition": f"Ce que compte {ident}", "unite": "unités",
                "nature": nature, "nature_temporelle": "stock", "decimales": int(nature == "moyenne"),
                **({} if nature == "compte" else {"numerateur": "effectif"}),
            }
            for ident, nature in declared[first : first + PAR_JEU]
        ]  # fmt: skip
        text = yaml.safe_dump(clause, allow_unicode=True, sort_keys=False)
        (folder / f"{clause['id']}.yml").write_text(text, "utf-8")
    return load_clauses(folder)


def publish_all(out: Path, indicators: int, quarter: int) -> None:
    """Publish for one audience, and print the seconds of each step, of the processor, and the memory at its peak.

    The attack of the draft is left out: these figures obey no equation. benchmarks/secret_jeu.py measures it.
    """
    clauses = write_clauses(out, indicators, quarter)
    lake = out / "lac"
    cfg = Configuration(
        clauses=out / "clauses", sortie=lake, maintenant=datetime(2025, 4, 15, tzinfo=UTC), diffuseur="national",
        periode=periods(quarter)[-1], diffusion=Diffusion.OUVERT,
    )  # fmt: skip
    timed(publishing, "write_values", "valeurs")
    timed(publishing, "write_tables", "autres tables, et series")
    timed(publishing, "build_database", "base et contrôles")
    timed(publishing, "seal", "catalogues et manifestes")
    timed(publishing, "put", "sur disque, et pointeur")
    building.refuse_blocking = lambda found: None  # zones of 2015 have no value here, and the checks say so
    certifying.attack_ledgers = lambda ledgers: [Report() for _ in ledgers]
    with exclusive(cfg):
        shutil.copytree(out / "zonages", lake / "zonages", dirs_exist_ok=True)
        start = time.perf_counter()
        made = publishing.publish(cfg, clauses, protected(out), [], {})
        wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak, processor = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
    print(
        f"{made.id} : {made.lignes:,} valeurs en {wall:.0f} s ({processor:.0f} s de processeur), {peak:.1f} Gio au plus"
    )


def timed(module: Any, name: str, label: str) -> None:
    real = getattr(module, name)

    def told(*given: Any, **more: Any) -> Any:
        start, before = time.perf_counter(), time.process_time()
        answer = real(*given, **more)
        print(f"  {label:28} {time.perf_counter() - start:6.1f} s  {time.process_time() - before:6.1f} s de processeur",
              flush=True)  # fmt: skip
        return answer

    setattr(module, name, told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/bench/publication"))
    sizes = (("graine", 1), ("indicateurs", INDICATEURS), ("trimestres", TRIMESTRES), ("qpv", QPV))
    for name, default in (*sizes, ("communes", COMMUNES)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--publier", action="store_true", help="publier ce qui est déjà dans --out, attaque à part")
    asked = parser.parse_args()
    if asked.publier:
        publish_all(asked.out, asked.indicateurs, asked.trimestres)
        return
    start = time.perf_counter()
    rows = write_cells(asked.out, asked.graine, asked.indicateurs, asked.trimestres, asked.qpv, asked.communes)
    write_zonings(asked.out, asked.graine, asked.qpv, asked.communes)
    write_clauses(asked.out, asked.indicateurs, asked.trimestres)
    size = sum(p.stat().st_size for p in (asked.out / "protege").glob("*.parquet")) / 2**20
    print(f"{rows:,} valeurs protégées, {size:.0f} Mio, en {time.perf_counter() - start:.0f} s : {asked.out}")


if __name__ == "__main__":
    main()
