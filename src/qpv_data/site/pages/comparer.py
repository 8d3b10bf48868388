"""Two to four quarters side by side, and what they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qpv_data.site.beside import compares, evolution
from qpv_data.site.model import Series, Zone
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site, theme

MOST = 4


def write(site: Site, shared: Shared) -> None:
    """`comparer.html`, and the indicators that its script reads. What it tells of a quarter comes with its sheet."""
    site.page("comparer.html", "comparer.html.j2", titre="Comparer", quartiers=shared.release.quartiers, plus=MOST)
    rows = []
    for name, levels in shared.themes():
        for level in levels:
            i = level.indicateur
            rows.append([i.id, i.titre, i.unite_ecrite, level.periode, i.fichier, i.comparable, theme(name)])
    site.script("donnees/indicateurs.js", "QPV.indicateurs", rows)


def write_quarter(site: Site, shared: Shared, zone: Zone, series: Mapping[str, Series], path: str) -> None:
    """What the page is told of one quarter: each figure in words and as a number, its series, what is beside it."""
    told: dict[str, Any] = {}
    for name, level in shared.niveaux.par_indicateur.items():
        value = level.valeurs.get(zone.code)
        if value is None or name not in series:
            continue
        write = level.indicateur.write
        words = write(value.valeur, unit=False) if value.valeur is not None else value.mots or "sans valeur"
        around = [(b.nom, b.valeur.valeur) for b in compares(shared, zone, level, value) if b.valeur is not None]
        beside = [[label, write(x, unit=False), x] for label, x in around if x is not None]
        told[name] = [words, value.valeur, int(value.cachee), evolution(series[name], value), beside]
    members = shared.niveaux.membres.get((zone.zonage, zone.code), {}).get("commune", ())
    content = {"code": zone.code, "nom": zone.nom, "fichier": zone.fichier, "valeurs": told,
               "communes": [shared.nom("commune", c) for c in members]}  # fmt: skip
    site.script(path, "QPV.quartier", content)
