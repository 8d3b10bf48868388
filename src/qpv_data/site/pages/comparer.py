"""Two to four quarters side by side, and what they are compared with."""

from __future__ import annotations

from typing import Any

from qpv_data.site.beside import compares, evolution
from qpv_data.site.reading import Sheet
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site, theme

MOST = 4
BESIDE = ("commune", "epci", "comparables", "mediane")
"""Comparators that have room beside several quarters."""


def write(site: Site, shared: Shared) -> None:
    """`comparer.html`, and the indicators that its script reads. What it tells of a quarter comes with its sheet."""
    site.page("comparer.html", "comparer.html.j2", titre="Comparer", quartiers=shared.release.quartiers, plus=MOST)
    rows = []
    for name, levels in shared.themes():
        for level in levels:
            i = level.indicateur
            rows.append([i.id, i.titre, i.unite_ecrite, level.periode, i.fichier, i.comparable, theme(name)])
    site.script("donnees/indicateurs.js", "QPV.indicateurs", rows)


def write_quarter(site: Site, shared: Shared, sheet: Sheet, path: str) -> None:
    """What the page is told of one quarter: each figure in words and as a number, its change, what is beside it."""
    zone = sheet.zone
    told: dict[str, Any] = {}
    for name, level in shared.niveaux.par_indicateur.items():
        value = level.valeurs.get(zone.code)
        if value is None or name not in sheet.series:
            continue
        write = level.indicateur.write
        words = write(value.valeur, unit=False) if value.valeur is not None else value.mots or "sans valeur"
        held = sheet.compares.get(name, ()) if level.indicateur.comparable else ()
        beside = [[b.nom, b.mots, b.genre] for b in compares(level, value, held) if b.genre in BESIDE]
        told[name] = [words, value.valeur, int(value.cachee), evolution(sheet.series[name], value, short=True), beside]
    members = shared.niveaux.membres.get((zone.zonage, zone.code), {}).get("commune", ())
    content = {"code": zone.code, "nom": zone.appel, "fichier": zone.fichier, "valeurs": told,
               "communes": [shared.nom("commune", c) for c in members]}  # fmt: skip
    site.script(path, "QPV.quartier", content)
