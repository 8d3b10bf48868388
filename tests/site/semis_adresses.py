"""Extracts of the BAN and quarters to put them in, made in memory."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from qpv_data.addresses.ban import CHAMPS
from qpv_data.demo.fichiers_geo import geojson_geometry
from qpv_data.demo.territoire import COMMUNES, QPV2015, QPV2024
from qpv_data.site.addresses.compact import packed
from qpv_data.site.addresses.gather import Commune, Counts, gathered
from qpv_data.site.addresses.generations import Generation, Generations, Placing
from qpv_data.site.model import Zone
from qpv_data.zonages.perimeters import polygons_of, repair

RESSOURCES = Path(__file__).resolve().parents[2] / "src" / "qpv_data" / "site" / "ressources"
HEXAGONE = frozenset({"hexagone"})


def row(numero: object = 1, voie: str = "Rue des Ombres", **more: object) -> dict[str, str]:
    about = {"id": f"99003_0001_{numero!s:0>5}", "numero": numero, "nom_voie": voie, "code_postal": "99030",
             "code_insee": "99003", "nom_commune": "Brumeval", "lon": "1.98", "lat": "46.825",
             "type_position": "entrée"}  # fmt: skip
    return {k: str(v) for k, v in {**dict.fromkeys(CHAMPS, ""), **about, **more}.items()}


def text(rows: Sequence[Mapping[str, str]]) -> bytes:
    """As the BAN writes it: a field is quoted when it must be."""
    lines = [";".join(CHAMPS), *(";".join(_cell(r[c]) for c in CHAMPS) for r in rows)]
    return ("\n".join(lines) + "\n").encode()


def _cell(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if ";" in value or value.startswith('"') else value


def given(folder: Path, content: bytes, name: str = "adresses-99.csv", *, packed: bool = False) -> Path:
    path = folder / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def generations(**shapes: Mapping[str, Any]) -> Generations:
    """Zoning → code → contour in degrees; the newest first. Communes of the demonstration have their bounds."""
    found: list[Generation] = []
    first = 0
    for zonage in sorted(shapes, reverse=True):
        codes = sorted(shapes[zonage])
        zones = tuple(Zone(zonage, "qpv", c, f"Quartier {c}", territoire="hexagone") for c in codes)
        contours, _ = repair(np.array([shapes[zonage][c] for c in codes], dtype=object))
        contours = np.array([polygons_of(c) for c in contours], dtype=object)
        found.append(Generation(zonage, zones, contours, HEXAGONE, first))
        first += len(zones)
    bounds = {z.code: tuple(shapely.bounds(contour(z)).tolist()) for z in COMMUNES}
    return Generations(tuple(found), bounds)


def contour(zone: Any) -> Any:
    return shapely.geometry.shape(geojson_geometry(zone))


def demonstration_generations() -> Generations:
    """The twelve quarters of each generation of the fictitious territory."""
    return generations(qpv2015={z.code: contour(z) for z in QPV2015}, qpv2024={z.code: contour(z) for z in QPV2024})


TOUTES = frozenset(z.code for z in COMMUNES)


def read(
    paths: Sequence[Path], every: Generations, work: Path, communes: frozenset[str] = TOUTES, block: int = 1 << 20
) -> tuple[Counts, list[Commune]]:
    """What `gathered` makes of files."""
    with gathered(paths, Placing(every), communes, work, block) as found:
        return found.counts(), list(found.communes())


def data_of(communes: Sequence[Commune], every: Generations) -> dict[str, Any]:
    """What the page's scripts are given."""
    index = [[c.code, c.nom, len(c.adresses), sorted({a.code_postal for a in c.adresses} - {""})] for c in communes]
    zones = [[z.code, z.nom, n, ""] for n, g in enumerate(every.toutes) for z in g.zones]
    said = [{"nom": g.zonage.removeprefix("qpv"), "vigueur": "", "sans": []} for g in every.toutes]
    files = {c.code: packed(c, c.nom) for c in communes}
    return {"index": {"communes": index, "zones": zones, "generations": said}, "fichiers": files}


def node(code: str, data: Any) -> Any:
    """What a script gives, the page's own search being there as `R` and `data` as `D`. Skips where there is no node."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node est absent : la logique de recherche.js n'est pas essayée ici")
    source = (RESSOURCES / "recherche.js").read_text("utf-8")
    harness = f"""
{source}
const R = QPVRecherche, D = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ouvertes = {{}};
for (const [code, d] of Object.entries(D.fichiers || {{}})) ouvertes[code] = R.ouvrir(d);
const chercher = (texte, choisie) => R.chercher(texte, D.index.communes, ouvertes, choisie || "", 10).map(c => [
  c.commune.code, c.voie.nom, c.voie.ancienne, c.numero ? c.numero[0] : null, c.numero ? c.numero[1] : null,
  c.numero ? c.numero[2] : null]);
console.log(JSON.stringify((() => {{ {code} }})()));
"""
    done = subprocess.run([program, "-e", harness], input=json.dumps(data), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
