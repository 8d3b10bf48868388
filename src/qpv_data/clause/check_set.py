"""What clauses say of one another: versions that follow, identifiers that are one's own, zonings, denominators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from qpv_data.clause.load import Chemin, ClauseSet, LoadedClause
from qpv_data.clause.model import ClauseJeu, Localisation, LocalisationCode
from qpv_data.problems import Problem, Violation

_DIVISORS = ("compte", "somme", "releve")


def version_violations(clauses: ClauseSet) -> Iterator[Violation]:
    """Versions of one clause have their own number, and are never in force on the same day."""
    every = sorted((*clauses.chargees, *clauses.autres), key=lambda c: (c.clause.id, c.clause.duree.debut))
    for before, after in pairwise(every):
        one, other = before.clause, after.clause
        if one.id != other.id:
            continue
        if one.version == other.version:
            message = f"clause {one.id} {one.version} déjà déclarée dans {before.fichier.name}"
            yield after.violation(
                ("version",), Problem.DOUBLON, message, "choisir un autre identifiant, ou une version"
            )
        elif other.duree.debut <= one.duree.dernier_jour:
            message = f"la version {one.version} de {one.id} vaut encore le {other.duree.debut} ({before.fichier.name})"
            remedy = "mettre fin à la précédente la veille (`duree.fin`)"
            yield after.violation(("duree", "debut"), Problem.DOUBLON, message, remedy)


def set_violations(clauses: ClauseSet) -> Iterator[Violation]:
    """Indicators declared twice; zonings, vintages and denominators that no clause of the set has."""
    indicators = [
        (c, ("indicateurs", i, "id"), indicator.id)
        for c in clauses.chargees
        if isinstance(c.clause, ClauseJeu)
        for i, indicator in enumerate(c.clause.indicateurs)
    ]
    yield from _repeated(indicators, "indicateur")
    zonings = {z.zonage.id for z in clauses.zonages}
    vintages = {(z.zonage.id, z.zonage.millesime) for z in clauses.zonages}
    families = {z.zonage.id: z.zonage.famille for z in clauses.zonages}
    divisors = {i.id: i.nature for _, i in clauses.indicateurs()}
    for loaded in clauses.chargees:
        if not isinstance(loaded.clause, ClauseJeu):
            continue
        place = loaded.clause.localisation
        if isinstance(place, LocalisationCode) and place.zonage not in zonings:
            yield loaded.violation(
                ("localisation", "zonage"), Problem.REFERENCE_INCONNUE, f"zonage inconnu : {place.zonage}",
                f"zonages déclarés : {', '.join(sorted(zonings)) or 'aucun'}",
            )  # fmt: skip
        elif isinstance(place, LocalisationCode) and not _of_its_year(place, vintages):
            known = ", ".join(sorted(year for name, year in vintages if name == place.zonage))
            message = f"le zonage {place.zonage} est du millésime {known}, et non {place.millesime}"
            remedy = "déclarer le référentiel de ce millésime, ou convertir les codes"
            yield loaded.violation(("localisation", "millesime"), Problem.MILLESIME_INATTENDU, message, remedy)
        yield from _quarters(loaded, place, families)
        for i, indicator in enumerate(loaded.clause.indicateurs):
            for name in indicator.par:
                nature = divisors.get(name)
                if nature in _DIVISORS:
                    continue
                why = "inconnu" if nature is None else f"est de nature {nature}"
                yield loaded.violation(
                    ("indicateurs", i, "par"), Problem.REFERENCE_INCONNUE, f"dénominateur {name} {why}",
                    "nommer un indicateur de nature compte, somme ou releve",
                )  # fmt: skip


def _quarters(loaded: LoadedClause, place: Localisation, families: Mapping[str, str]) -> Iterator[Violation]:
    """How communes say quarters: from communes, to a zoning of quarters."""
    if not isinstance(place, LocalisationCode) or place.quartiers is None:
        return
    where, named = ("localisation", "quartiers"), place.quartiers.zonage
    if place.zonage != "commune":
        message = f"`quartiers` se lit des communes, et ces codes sont du zonage {place.zonage}"
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "enlever `quartiers`")
    known = ", ".join(sorted(z for z, family in families.items() if family == "qpv")) or "aucun"
    remedy = f"zonages de quartiers déclarés : {known}"
    if named not in families:
        yield loaded.violation((*where, "zonage"), Problem.REFERENCE_INCONNUE, f"zonage inconnu : {named}", remedy)
    elif families[named] != "qpv":
        message = f"{named} est de famille {families[named]}, et non qpv"
        yield loaded.violation((*where, "zonage"), Problem.VALEUR_INVALIDE, message, remedy)


def _of_its_year(place: LocalisationCode, vintages: set[tuple[str, str]]) -> bool:
    return place.millesime is None or (place.zonage, place.millesime) in vintages


def _repeated(items: Iterable[tuple[LoadedClause, Chemin, str]], what: str) -> Iterator[Violation]:
    first: dict[str, LoadedClause] = {}
    for loaded, path, name in items:
        if name in first:
            message = f"{what} {name} déjà déclaré dans {first[name].fichier.name}"
            yield loaded.violation(path, Problem.DOUBLON, message, "choisir un autre identifiant")
        first.setdefault(name, loaded)
