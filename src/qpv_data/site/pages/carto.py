"""An indicator over the quarters, as several pages show it: a map, its legend, a ranking that says the same."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from qpv_data.site import maps
from qpv_data.site.french import period, sort_key
from qpv_data.site.levels import Level
from qpv_data.site.model import Value, Zone
from qpv_data.site.plans import coloured
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site


def kind(level: Level, code: str) -> str:
    """The class of a quarter's mark: `q0` to `q4`, `qseul` without classes, `cache`, `rien`."""
    value = level.valeurs.get(code)
    if value is None or (value.valeur is None and not value.cachee):
        return "rien"
    if value.cachee:
        return "cache"
    rank = level.classe(value.valeur)
    return "qseul" if rank is None else f"q{rank_of(level, rank)}"


def rank_of(level: Level, rank: int) -> int:
    """Fewer than five classes still go from the palest colour to the darkest."""
    last = len(level.bornes) - 2
    return round(rank * 4 / last) if last > 0 else 2


def told(level: Level, code: str) -> str:
    """The value of a quarter in words."""
    value = level.valeurs.get(code)
    if value is None:
        return "sans valeur"
    return level.indicateur.write(value.valeur) if value.valeur is not None else value.mots or "sans valeur"


def drawn(shared: Shared, level: Level, name: str, link: str) -> Markup:
    """The map of an indicator; `link`: what goes before the file of a quarter."""
    return coloured(
        shared.plans, lambda z: (kind(level, z.code), f"{z.appel}\u00a0: {told(level, z.code)}"),
        f"Carte des quartiers : {level.indicateur.titre}", name, lambda z: f"{link}{z.fichier}.html",
        shared.territoires,
    )  # fmt: skip


def legend(level: Level) -> list[tuple[str, str]]:
    """Class of a mark → its words, for those that the map has."""
    present = {kind(level, c) for c in level.valeurs}
    write = level.indicateur.write
    rows = []
    for n in range(len(level.bornes) - 1):
        low, high = level.bornes[n], level.bornes[n + 1]
        last = n == len(level.bornes) - 2
        words = f"de {write(low, unit=False)} à {'' if last else 'moins de '}{write(high, unit=False)}"
        rows.append((f"q{rank_of(level, n)}", words))
    if "qseul" in present:
        rows.append(("qseul", "valeur publiée"))
    if "cache" in present:
        rows.append(("cache", "valeur cachée"))
    if "rien" in present:
        rows.append(("rien", "sans valeur"))
    return rows


def ranking(shared: Shared, level: Level) -> list[tuple[Zone, Value | None, float]]:
    """Every quarter: those with a value from the greatest, then the others by name, with its share of the longest."""
    by_code = {z.code: z for z in shared.release.quartiers}
    shown = level.visibles
    top = max((abs(v) for _, v in shown), default=0.0) or 1.0
    rows: list[tuple[Zone, Value | None, float]] = [(by_code[c], level.valeurs[c], abs(v) / top) for c, v in shown]
    rest = sorted(({*by_code} - {c for c, _ in shown}), key=lambda c: (sort_key(by_code[c].appel), c))
    return rows + [(by_code[c], level.valeurs.get(c), 0.0) for c in rest]


def write_scripts(site: Site, shared: Shared) -> None:
    """What the pages' scripts read: perimeters once, and a file an indicator, asked for when it is chosen."""
    zones = [[z.code, z.appel, z.fichier, light(shared.contours.get(z.code)), z.territoire or ""]
             for z in shared.release.quartiers]  # fmt: skip
    ground = [[c, shared.nom("commune", c), light(shared.communes[c])] for c in sorted(shared.communes)]
    site.script(
        "donnees/perimetres.js",
        "QPV.perimetres",
        {"quartiers": zones, "communes": ground, "territoires": shared.territoires},
    )
    for level in shared.niveaux.par_indicateur.values():
        site.script(f"donnees/carte/{level.indicateur.fichier}.js", "QPV.indicateur", of(shared, level))


def of(shared: Shared, level: Level) -> dict[str, Any]:
    """An indicator for the scripts: words are made here, so that figures are written in one place."""
    i = level.indicateur
    rows = [[z.code, kind(level, z.code), told(level, z.code), round(100 * share), bare(level, v)]
            for z, v, share in ranking(shared, level)]  # fmt: skip
    return {"id": i.id, "titre": i.titre, "fichier": i.fichier, "unite": i.unite_ecrite,
            "periode_ecrite": period(level.periode), "legende": legend(level), "rang": rows}  # fmt: skip


def bare(level: Level, value: Value | None) -> str:
    """A value without its unit, for a column that says it."""
    return "" if value is None or value.valeur is None else level.indicateur.write(value.valeur, unit=False)


def light(outline: maps.Outline | None) -> Any:
    """Coordinates at five decimals, a metre: enough for a screen."""
    if outline is None:
        return None
    return [[[[round(p[0], 5), round(p[1], 5)] for p in ring] for ring in polygon] for polygon in outline.coordonnees]
