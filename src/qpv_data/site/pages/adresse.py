"""« Mon adresse »: a street, an address or a point of the territory, and its quarter in each generation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qpv_data.problems import Problem
from qpv_data.site.addresses import compact
from qpv_data.site.addresses.gather import Commune, Counts, gathered
from qpv_data.site.addresses.generations import DEHORS, INCONNU, LIMITE_M, Generations, Placing, generations
from qpv_data.site.french import day, plural
from qpv_data.site.reading import outlines
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site, SiteError

FEW = 12
"""Up to this many communes, a search that names none looks in all of them."""
REASONS = {
    "nombre_de_champs": "lignes qui n'ont pas 23 champs",
    "commune_illisible": "sans code de commune lisible",
    "numero_illisible": "sans numéro lisible",
    "voie_absente": "sans nom de voie",
    "voie_illisible": "au nom de voie trop long",
    "position_absente": "sans position",
    "hors_territoire": "placées hors de France",
    "loin_de_la_commune": "placées loin de leur commune",
}
"""Why a row is rejected → in words, for whoever builds the site."""


def write(site: Site, shared: Shared, extracts: Sequence[Path], work: Path) -> Counts | None:
    """`adresse.html`, its data and a list of streets a commune. Returns what became of the rows, if there were any.

    `work`: a folder where positions may wait.

    Raises SiteError for an extract that cannot be used, or addresses without any perimeter to put them in.
    """
    communes = communes_of(shared)
    every = generations(shared.release, communes)
    if extracts and not every.toutes:
        message = "aucun contour de quartier n'est publié : aucune adresse ne peut être placée"
        raise SiteError(Problem.PERIMETRES_INVALIDES, message, "publier avec les contours, ou ôter --adresses")
    in_force = told_generations(shared, every, communes)
    sheets = {(z.zonage, z.code) for z in shared.release.quartiers}
    written: list[list[Any]] = []
    counts = None
    if extracts:
        with gathered(extracts, Placing(every), communes, work) as found:
            counts = found.counts()
            for commune in found.communes():
                written.append(_commune(site, shared, every, in_force, sheets, commune))
    called = {(z.zonage, z.code): z.appel for z in shared.release.quartiers}
    zones = [[z.code, called.get((z.zonage, z.code), z.nom), n, z.fichier if (z.zonage, z.code) in sheets else ""]
             for n, g in enumerate(every.toutes) for z in g.zones]  # fmt: skip
    index = {"generations": in_force, "zones": zones, "communes": written, "peu": FEW, "limite": LIMITE_M}
    site.script("donnees/adresses/index.js", "QPVAdresses.index", index)
    shapes = {code: o.coordonnees for code, o in outlines(shared.release, every.zones).items()}
    site.script("donnees/adresses/perimetres.js", "QPVAdresses.perimetres", [shapes.get(z.code) for z in every.zones])
    site.page("adresse.html", "adresse.html.j2", titre="Mon adresse", communes=written, generations=in_force,
              limite=LIMITE_M, adresses=counts.adresses if counts else 0)  # fmt: skip
    return counts


def told(counts: Counts) -> list[str]:
    """What became of the rows, for whoever builds the site."""
    read = plural(counts.lues, "ligne lue", "lignes lues")
    lines = [
        f"{plural(counts.adresses, 'adresse placée', 'adresses placées')}, de {read} : "
        f"{plural(counts.doubles, 'autre position', 'autres positions')} des mêmes adresses, "
        f"{plural(sum(counts.rejetees.values()), 'rejetée')}, {plural(counts.hors, 'ligne')} d'autres communes"
    ]
    lines += [
        f"  rejetées : {plural(n, 'ligne')} {REASONS.get(why, why)} ({why})" for why, n in counts.rejetees.items()
    ]
    return lines


def communes_of(shared: Shared) -> list[str]:
    """Communes that a quarter of the site touches, sorted."""
    members = shared.niveaux.membres
    return sorted({c for z in shared.release.quartiers for c in members.get((z.zonage, z.code), {}).get("commune", ())})


def told_generations(shared: Shared, every: Generations, communes: Sequence[str]) -> list[dict[str, Any]]:
    """Each generation: its name; until or since when it is in force, when every territory says the same; the communes
    of territories where it never was, and says nothing."""
    found = []
    for g in every.toutes:
        asked = "SELECT DISTINCT de, a FROM en_vigueur WHERE zonage = ? AND list_contains(?, territoire)"
        rows = shared.release.rows(asked, g.zonage, sorted({z.territoire or "" for z in g.zones}))
        words = ""
        if len(rows) == 1:
            since, until = rows[0]["de"], rows[0]["a"]
            words = f"en vigueur depuis le {day(since)}" if until is None else f"en vigueur jusqu'au {day(until)}"
        silent = [c for c in communes if g.territoires is not None and _territory(shared, c) not in g.territoires]
        found.append({"nom": g.zonage.removeprefix("qpv"), "vigueur": words, "sans": silent})
    return found


def _territory(shared: Shared, commune: str) -> str | None:
    zone = shared.release.zones.get(("commune", commune))
    return zone.territoire if zone else None


def _commune(
    site: Site, shared: Shared, every: Generations, in_force: Sequence[dict[str, Any]], sheets: set[tuple[str, str]],
    commune: Commune,
) -> list[Any]:  # fmt: skip
    """Write the script and the list of one commune; what the index says of it."""
    name = shared.nom("commune", commune.code)
    if ("commune", commune.code) not in shared.release.zones:
        name = next((a for a in (commune.nom, shared.nom("commune", commune.mere)) if a), commune.code)
    site.script(f"donnees/adresses/{commune.code}.js", "QPVAdresses.commune", compact.packed(commune, name))
    lists = [said | held for said, held in zip(in_force, by_quarter(every, commune), strict=True)]
    site.page(
        f"rues/{commune.code}.html", "rues.html.j2", titre=f"Les rues de {name}, quartier par quartier", nom=name,
        generations=lists, fiches=sheets, limite=LIMITE_M,
    )  # fmt: skip
    return [commune.code, name, len(commune.adresses), sorted({a.code_postal for a in commune.adresses} - {""})]


def by_quarter(every: Generations, commune: Commune) -> list[dict[str, Any]]:
    """Generation by generation, the quarters that have an address here, each with its streets (name, numbers, numbers
    to check, whatever side of the limit they were found on); and how many addresses are elsewhere,
    of which `douteuses` are to be checked."""
    zones = every.zones
    found = []
    for k in range(len(every.toutes)):
        held: dict[int, list[tuple[str, str, str]]] = {}
        elsewhere: Counter[int] = Counter()
        unsure = 0
        for street, numbers in compact.streets(commune):
            inside: dict[int, list[compact.Number]] = {}
            doubtful: dict[int, list[compact.Number]] = {}
            for answer, own in numbers.items():
                zone, near = answer[2 * k], answer[2 * k + 1]
                if near >= 0 or (answer[-1] and zone >= 0):
                    doubtful.setdefault(near if zone < 0 else zone, []).extend(own)
                elif zone >= 0:
                    inside.setdefault(zone, []).extend(own)
                else:
                    elsewhere[zone] += len(own)
                    unsure += len(own) if answer[-1] and zone == DEHORS else 0
            whole = sum(len(own) for own in numbers.values())
            for zone in sorted({*inside, *doubtful}):
                sure = inside.get(zone, [])
                words = "toute la voie" if len(sure) == whole else _numbers(sure)
                held.setdefault(zone, []).append((_named(street), words, _numbers(doubtful.get(zone, []))))
        found.append(
            {
                "quartiers": [(zones[n], held[n]) for n in sorted(held)],
                "dehors": elsewhere[DEHORS],
                "douteuses": unsure,
                "inconnus": elsewhere[INCONNU],
            }
        )
    return found


def _numbers(numbers: Sequence[compact.Number]) -> str:
    words = compact.spoken(compact.written(numbers))
    return f"n° {words}" if words[:1].isdigit() else words


def _named(street: Any) -> str:
    return f"{street.voie} ({street.ancienne})" if street.ancienne else street.voie
