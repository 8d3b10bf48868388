"""Who a quarter is: its places, its people, its perimeters of before."""

from __future__ import annotations

from qpv_data.site import former
from qpv_data.site.french import listed, period, plural
from qpv_data.site.model import Zone
from qpv_data.site.shared import Shared

NATURES = {
    "inchange": "périmètre inchangé, celui {du}",
    "modifie": "périmètre {du}, modifié",
    "scinde": "issu de la division {du}",
    "fusionne": "réunit {le}",
    "recompose": "recomposé à partir {du}",
    "recouvrement": "recouvre une partie {du}",
    "nouveau": "nouveau quartier, sans prédécesseur",
    "indetermine": "lien avec la génération précédente non établi",
}
"""A common noun before each name: no article is contracted with it, and nothing is elided."""


def before(shared: Shared, zone: Zone) -> tuple[list[former.Perimeter], list[former.Row]]:
    """The perimeters that the quarter comes from and what is known of them alone; nothing when nothing is."""
    names = {place: z.nom for place, z in shared.release.zones.items()}
    places = former.perimeters(shared.origines.get(zone.code, ()), names)
    return places, list(former.rows(shared.anterieurs, places, shared.release.indicateurs))


def identity(shared: Shared, zone: Zone) -> list[tuple[str, str]]:
    """Rows of the table of identity."""
    members = shared.niveaux.membres.get((zone.zonage, zone.code), {})
    rows = [("Code", zone.code)]
    for zoning, one, many in (
        ("commune", "Commune", "Communes"), ("epci", "Intercommunalité", "Intercommunalités"),
        ("contrat", "Contrat de ville", "Contrats de ville"),
    ):  # fmt: skip
        if codes := members.get(zoning):
            rows.append((one if len(codes) == 1 else many, listed([shared.nom(zoning, c) for c in codes])))
    rows.append(("Génération", f"quartiers de {zone.zonage.removeprefix('qpv')}"))
    if lineage := lineage_of(shared, zone):
        rows.append(("Origine", lineage))
    return rows


def population(shared: Shared, zone: Zone) -> str:
    """Of the perimeter's own file, or else the indicator that gives it: a reading in inhabitants."""
    if zone.population is not None:
        return plural(zone.population, "habitant")
    for level in shared.niveaux.par_indicateur.values():
        i, value = level.indicateur, level.valeurs.get(zone.code)
        if (i.nature, i.unite) == ("releve", "habitants") and value is not None and value.valeur is not None:
            return f"{i.write(value.valeur)} ({i.producteur}, {period(level.periode)})"
    return "non connue"


def lineage_of(shared: Shared, zone: Zone) -> str:
    """The quarter's link to the generation before, in words."""
    links = shared.origines.get(zone.code, [])
    if not links:
        return ""
    words = NATURES.get(links[0]["nature"], "lien avec la génération précédente : " + str(links[0]["nature"]))
    kept = [k for k in links if k["nature"] == links[0]["nature"] and k["code_depart"]]
    names = [f"{shared.nom(k['zonage_depart'], k['code_depart'])} ({k['code_depart']})" for k in kept]
    if not names:
        return words if "{" not in words else NATURES["indetermine"]
    nouns = ("du quartier", "le quartier") if len(names) == 1 else ("des quartiers", "les quartiers")
    return words.format(**{key: f"{noun} {listed(names)}" for key, noun in zip(("du", "le"), nouns, strict=True)})
