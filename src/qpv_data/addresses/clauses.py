"""What a clause of addresses must hold to, and what it makes of its keys."""

from __future__ import annotations

from collections.abc import Iterator

from qpv_data.addresses.hosts import faults
from qpv_data.addresses.model import AJOUTEES, URL_ADDOK, URL_GEOPLATEFORME, Service
from qpv_data.addresses.questions import AddressColumns, PointColumns
from qpv_data.clause.load import Chemin, LoadedClause
from qpv_data.clause.model import ClauseJeu, LocalisationAdresse, TypeColonne
from qpv_data.problems import Problem, Violation

_NUMBERS = (TypeColonne.ENTIER, TypeColonne.NOMBRE)


def service_of(clause: ClauseJeu, place: LocalisationAdresse) -> Service:
    """The geocoder that the clause names; the privacy of its addresses is the feed's."""
    url = place.url or (URL_GEOPLATEFORME if place.geocodeur == "geoplateforme" else URL_ADDOK)
    return Service(place.geocodeur, url, clause.donnees_personnelles.presentes, place.hote_interne)


def columns_of(place: LocalisationAdresse) -> AddressColumns:
    """The columns that are read."""
    point = place.reference
    reference = PointColumns(point.x, point.y, int(point.crs.removeprefix("EPSG:"))) if point else None
    return AddressColumns(place.adresse, place.code_commune, place.code_postal, reference)


def named_columns(place: LocalisationAdresse) -> Iterator[tuple[Chemin, str | None]]:
    """Every column that the clause names, with its path."""
    for i, name in enumerate(place.adresse):
        yield ("localisation", "adresse", i), name
    yield ("localisation", "code_commune"), place.code_commune
    yield ("localisation", "code_postal"), place.code_postal
    if place.reference is not None:
        yield ("localisation", "reference", "x"), place.reference.x
        yield ("localisation", "reference", "y"), place.reference.y


def address_violations(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    """Everything wrong with a `mode: adresse`, beside columns that do not exist; nothing for other modes."""
    place = clause.localisation
    if not isinstance(place, LocalisationAdresse):
        return
    for fault in faults(service_of(clause, place)):
        yield loaded.violation(("localisation", fault.cle), Problem.GEOCODEUR_REFUSE, fault.message, fault.remede)
    for i, column in enumerate(clause.colonnes):
        if column.nom in AJOUTEES:
            message = f"colonne {column.nom} : le géocodage ajoute une colonne de ce nom"
            yield loaded.violation(("colonnes", i, "nom"), Problem.DOUBLON, message, "renommer")
    types = {c.nom: c.type for c in clause.colonnes}
    for path, name in named_columns(place):
        kind = types.get(name or "")
        if path[1] == "reference" and kind is not None and kind not in _NUMBERS:
            message = f"{name} : une coordonnée est un nombre"
            yield loaded.violation(path, Problem.VALEUR_INVALIDE, message, "déclarer la colonne en `nombre`")
        elif path[1] in ("code_commune", "code_postal") and kind not in (None, TypeColonne.TEXTE):
            message = f"{name} : un code est un texte"
            yield loaded.violation(path, Problem.VALEUR_INVALIDE, message, "déclarer la colonne en `texte`")
