"""The columns that a clause names, and what its keys ask of one another."""

from __future__ import annotations

from collections.abc import Iterator

from qpv_data.addresses.clauses import address_violations, named_columns
from qpv_data.clause.conformation import conformation_fault
from qpv_data.clause.load import Chemin, LoadedClause
from qpv_data.clause.model import (
    ClauseJeu,
    ClauseZonage,
    Diffusion,
    Indicateur,
    LocalisationAdresse,
    LocalisationCode,
    TypeColonne,
)
from qpv_data.clause.secrecy import group_violations, rule_of, secrecy_violations
from qpv_data.conforming_text import kept_columns
from qpv_data.periods import parse_period
from qpv_data.problems import Problem, Violation
from qpv_data.resources import sql_dir

_WIDTH = list(Diffusion)


def reference_violations(loaded: LoadedClause) -> Iterator[Violation]:
    """Every column named and not kept, and every key that another one contradicts."""
    clause = loaded.clause
    known = {c.nom for c in kept_columns(clause)}
    for path, name in _named_columns(loaded):
        if name not in known:
            direct = any(c.nom == name for c in clause.colonnes)
            why = f"{name} est un identifiant direct" if direct else f"colonne inconnue : {name}"
            remedy = (
                "un identifiant direct ne passe pas la conformation"
                if direct
                else "colonnes : " + ", ".join(sorted(known))
            )
            yield loaded.violation(path, Problem.COLONNE_INCONNUE, why, remedy)
    secrecy = list(secrecy_violations(loaded))
    yield from secrecy
    if isinstance(clause, ClauseJeu):
        if clause.conformation and (fault := conformation_fault(clause, sql_dir() / "conformer" / clause.conformation)):
            yield loaded.violation(("conformation",), *fault)
        if clause.par_periode and clause.periode.origine == "fixe":
            message = "une période fixe est livrée en une fois"
            yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "enlever les {…}")
        if not clause.par_periode and clause.periode.origine == "livraison":
            message = "l'origine `livraison` demande {periode}, ou {annee} et {trimestre}, dans l'adresse"
            yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "les ajouter")
        yield from _breaks(loaded, clause)
        yield from _stricter(loaded, clause)
        yield from _below(loaded, clause) if not secrecy else ()
        yield from group_violations(loaded, clause)
        yield from address_violations(loaded, clause)
    elif clause.source.par_periode:
        message = "un référentiel est livré en une fois"
        yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "enlever les {…}")


def _named_columns(loaded: LoadedClause) -> Iterator[tuple[Chemin, str]]:
    clause = loaded.clause
    for i, name in enumerate(clause.cle.colonnes):
        yield ("cle", "colonnes", i), name
    if (totals := clause.cle.totaux) is not None:
        for key in ("sommes", "par"):
            yield from ((("cle", "totaux", key, i), name) for i, name in enumerate(getattr(totals, key)))
    named: list[tuple[Chemin, str | None]] = []
    if isinstance(clause, ClauseZonage):
        z = clause.zonage
        named += [
            (("zonage", key), getattr(z, key)) for key in ("code", "nom", "commune", "population", "population_commune")
        ]
        named += [(("zonage", "communes", "colonne"), z.communes.colonne if z.communes else None)]
        named += [(("zonage", "epci", "colonne"), z.epci.colonne if z.epci else None)]
    else:
        named += [(("periode", "colonne"), clause.periode.colonne)]
        named += [(("secret", k), getattr(clause.secret, k)) for k in ("colonne_unite", "effectif", "contributeur")]
        for n, other in enumerate(clause.secret.autres_unites):
            named += [(("secret", "autres_unites", n, k), getattr(other, k)) for k in ("colonne_unite", "effectif")]
        place = clause.localisation
        if isinstance(place, LocalisationCode):
            named.append((("localisation", "colonne"), place.colonne))
        elif isinstance(place, LocalisationAdresse):
            named += named_columns(place)
        else:
            named += [(("localisation", k), getattr(place, k)) for k in ("x", "y", "colonne_epsg", "commune")]
            if (quality := place.qualite) is not None:
                keys = ("colonne", "colonne_erreur_m")
                named += [(("localisation", "qualite", k), getattr(quality, k)) for k in keys]
    yield from ((path, name) for path, name in named if name is not None)


def _breaks(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    """A break speaks of indicators of the clause, once each, at a period of their series other than the first."""
    own, seen = {i.id for i in clause.indicateurs}, set[tuple[str, str]]()
    for i, rupture in enumerate(clause.ruptures):
        path: Chemin = ("ruptures", i)
        named = rupture.indicateurs or tuple(sorted(own))
        for j, unknown in ((j, n) for j, n in enumerate(named) if n not in own):
            message, remedy = f"indicateur inconnu : {unknown}", "indicateurs : " + ", ".join(sorted(own))
            yield loaded.violation((*path, "indicateurs", j), Problem.REFERENCE_INCONNUE, message, remedy)
        if twice := sorted(n for n in named if (rupture.periode, n) in seen or named.count(n) > 1):
            message = f"deux ruptures à {rupture.periode} : {', '.join(dict.fromkeys(twice))}"
            yield loaded.violation(path, Problem.DOUBLON, message, "réunir leurs motifs")
        seen |= {(rupture.periode, n) for n in named}
        if fault := _misplaced(clause, rupture.periode):
            remedy = f"écrire une période de fréquence {clause.periode.frequence.value} après {clause.periode.debut}"
            yield loaded.violation((*path, "periode"), Problem.VALEUR_INVALIDE, fault, remedy)


def _misplaced(clause: ClauseJeu, written: str) -> str | None:
    """Why no series of the clause can break at this period; None when one can."""
    try:
        period = parse_period(written)
    except ValueError as e:
        return str(e)
    if period.frequence != clause.periode.frequence:
        return f"{written} n'est pas de fréquence {clause.periode.frequence.value}"
    first, last = parse_period(clause.periode.debut), clause.periode.fin
    inside = first < period and (last is None or period <= parse_period(last))
    return None if inside else f"aucune série ne peut rompre en {written} : rien ne la précède, ou ne la suit"


def _stricter(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    quality = getattr(clause.localisation, "qualite", None)
    metres = quality.colonne_erreur_m if quality is not None else None
    if any(c.nom == metres and c.type not in (TypeColonne.NOMBRE, TypeColonne.ENTIER) for c in clause.colonnes):
        where = ("localisation", "qualite", "colonne_erreur_m")
        message = f"{metres} : une erreur en mètres est un nombre"
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "déclarer la colonne en `nombre`")
    for i, indicator in enumerate(clause.indicateurs):
        path: Chemin = ("indicateurs", i)
        if indicator.diffusion and _WIDTH.index(indicator.diffusion) < _WIDTH.index(clause.diffusion):
            message = f"{indicator.id} : diffusion plus large que celle de la clause"
            yield loaded.violation(
                (*path, "diffusion"), Problem.VALEUR_INVALIDE, message, f"au plus : {clause.diffusion.value}"
            )
        if indicator.nature == "releve" and not isinstance(clause.localisation, LocalisationCode):
            message = f"{indicator.id} : un relevé vient d'un tableau par zone (`localisation.mode: code`)"
            yield loaded.violation((*path, "nature"), Problem.VALEUR_INVALIDE, message, "choisir une autre nature")
        yield from _open_places(loaded, clause, indicator, path)
        if indicator.largeur_limite_m is not None and isinstance(clause.localisation, LocalisationCode):
            message = f"{indicator.id} : la règle `deux_cotes` demande des points (`localisation.mode: point`)"
            yield loaded.violation((*path, "regle_limite"), Problem.VALEUR_INVALIDE, message, "choisir `strict`")


def _below(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    """Thresholds of indicators under the one in force."""
    rule = rule_of(clause.secret)
    for i, indicator in enumerate(clause.indicateurs):
        if rule is not None and indicator.seuil is not None and indicator.seuil < rule.k:
            message = f"{indicator.id} : seuil moins strict que celui de la clause et de sa famille"
            where = ("indicateurs", i, "seuil")
            yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, f"au moins {rule.k}")


def _open_places(loaded: LoadedClause, clause: ClauseJeu, indicator: Indicateur, path: Chemin) -> Iterator[Violation]:
    """An extreme is one record's own value, and two radii around one zone leave a ring of few: neither is protected."""
    protected = clause.secret.regime != "sans_objet"
    if indicator.extreme and protected:
        message = f"{indicator.id} : une valeur extrême est celle d'un seul enregistrement"
        remedy = "choisir une somme ou une moyenne, ou `secret.regime: sans_objet`"
        yield loaded.violation((*path, "nature"), Problem.VALEUR_INVALIDE, message, remedy)
    if indicator.rayon_m is None:
        return
    if protected:
        message = f"{indicator.id} : la différence de deux rayons isole ceux de la couronne"
        remedy = "compter dans le quartier seul, ou `secret.regime: sans_objet`"
        yield loaded.violation((*path, "rayon_m"), Problem.VALEUR_INVALIDE, message, remedy)
    if isinstance(clause.localisation, LocalisationCode):
        message = f"{indicator.id} : un rayon demande des points (`localisation.mode: point`)"
        yield loaded.violation((*path, "rayon_m"), Problem.VALEUR_INVALIDE, message, "enlever `rayon_m`")
