"""The rule that a clause's figures are held to: its family's, made stricter where the clause says so, never looser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qpv_data.problems import Problem, Violation
from qpv_data.secret.rules import Family, Rule, load_families

if TYPE_CHECKING:
    from qpv_data.clause.load import Chemin, LoadedClause
    from qpv_data.clause.model import ClauseJeu
    from qpv_data.clause.rules import Indicateur, Secret


def rule_of(secret: Secret) -> Rule | None:
    """The rule in force, the one place that says it; none when the regime is not `seuil`.

    Raises KeyError for a family or a unit that the registry lacks: `check` names those before any data is read.
    """
    if secret.regime != "seuil":
        return None
    floor = load_families()[secret.famille or ""].rule(_unit(secret))
    shares = [s for s in (floor.dominance, secret.dominance) if s is not None]
    return floor.model_copy(update={"k": max(floor.k, secret.seuil or 0), "dominance": min(shares) if shares else None})


def other_units(secret: Secret) -> list[Secret]:
    """The rule of each other unit, in their order, as if the clause had that one alone. Dominance stays the first's.

    `rule_of` says what is in force for each, and `measures` how each is counted.
    """
    said = [other.model_dump() for other in secret.autres_unites]
    payer = secret.contributeur or secret.colonne_unite
    return [secret.model_copy(update={**own, "autres_unites": (), "contributeur": payer}) for own in said]


def threshold_of(secret: Secret, indicateur: Indicateur) -> int:
    """The number of units under which a cell is hidden, under the regime `seuil`: that of the rule, or the indicator's
    own when it is stricter, which then holds for every unit."""
    rule = rule_of(secret)
    assert rule is not None, "seul un jeu sous seuil a une règle"
    return max(rule.k, indicateur.seuil or 0)


def dominance_of(secret: Secret) -> float | None:
    """The share that no contributor may exceed, when the rule in force has one."""
    rule = rule_of(secret)
    return None if rule is None else rule.dominance


def secrecy_violations(loaded: LoadedClause) -> Iterator[Violation]:
    """A family or unit that the registry lacks, a rule looser than the family's, one that feeds cannot apply."""
    secret, families = loaded.clause.secret, load_families()
    if secret.famille is None:
        return
    family = families.get(secret.famille)
    if family is None:
        message = f"famille inconnue : {secret.famille}"
        remedy = f"familles : {', '.join(families)} (`inconnue` prend la règle la plus stricte)"
        yield loaded.violation(("secret", "famille"), Problem.REFERENCE_INCONNUE, message, remedy)
        return
    yield from _of_licence(loaded, family)
    if not (unknown := list(_unknown_unit(loaded, secret, family, ("secret",)))) and secret.regime == "seuil":
        yield from _looser(loaded, family.rule(_unit(secret)))
    yield from unknown
    for n, other in enumerate(other_units(secret)):
        where: Chemin = ("secret", "autres_unites", n)
        unknown = list(_unknown_unit(loaded, other, family, where))
        yield from unknown or _looser_threshold(loaded, other, family.rule(_unit(other)), where)


def group_violations(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    """Counts that would tell, by their zeros, that all of a zone are of one category, or none, where the clause or its
    family hides it: those that are broken down, and those of several populations (`filtre`) of one feed.

    A number that a `numerateur` makes of a condition is not seen: whoever writes the clause knows what it counts.
    """
    secret = clause.secret
    family = load_families().get(secret.famille or "")
    hides = secret.groupe_homogene or (family.groupe_homogene if family else "publie")
    if secret.regime != "seuil" or hides != "secret":
        return
    remedy = "publier une `part` par modalité : 0 % et 100 % y sont cachés"
    counted = [(n, i) for n, i in enumerate(clause.indicateurs) if i.nature in ("compte", "somme")]
    filters = [" ".join((i.filtre or "").split()) for _, i in counted]
    for n, i in enumerate(clause.indicateurs):
        if i.modalites is not None:
            message = f"{i.id} : les zéros de ses modalités diraient qu'un groupe est d'une seule (`groupe_homogene`)"
            yield loaded.violation(("indicateurs", n, "modalites"), Problem.VALEUR_INVALIDE, message, remedy)
    for (n, i), own in zip(counted, filters, strict=True):
        if own != filters[0]:
            message = (
                f"{i.id} : à côté de {counted[0][1].id}, son zéro dirait que personne n'en est (`groupe_homogene`)"
            )
            yield loaded.violation(("indicateurs", n, "filtre"), Problem.VALEUR_INVALIDE, message, remedy)


def _unknown_unit(loaded: LoadedClause, secret: Secret, family: Family, where: Chemin) -> Iterator[Violation]:
    unit, key = _unit(secret), "unite_famille" if secret.unite_famille is not None else "unite"
    if unit is not None and unit not in family.unites:
        message = f"{unit} n'est pas une unité de la famille {family.id}"
        remedy = f"unités : {', '.join(family.unites)} ; `unite_famille` dit laquelle tient lieu de `unite`"
        yield loaded.violation((*where, key), Problem.REFERENCE_INCONNUE, message, remedy)


def _looser_threshold(loaded: LoadedClause, secret: Secret, floor: Rule, where: Chemin) -> Iterator[Violation]:
    if secret.seuil is not None and secret.seuil < floor.k:
        message = f"seuil {secret.seuil} plus souple que celui de la famille {secret.famille} ({floor.k})"
        remedy = "au moins celui de la famille, ou enlever `seuil`"
        yield loaded.violation((*where, "seuil"), Problem.VALEUR_INVALIDE, message, remedy)


def _of_licence(loaded: LoadedClause, family: Family) -> Iterator[Violation]:
    basis = loaded.clause.base_legale.fondement.value
    if family.fondement is not None and basis != family.fondement:
        message = f"la famille {family.id} demande le fondement {family.fondement}, et la clause se fonde sur {basis}"
        remedy = "nommer la famille des données, ou `inconnue`"
        yield loaded.violation(("secret", "famille"), Problem.VALEUR_INVALIDE, message, remedy)


def _looser(loaded: LoadedClause, floor: Rule) -> Iterator[Violation]:
    secret = loaded.clause.secret
    yield from _looser_threshold(loaded, secret, floor, ("secret",))
    if secret.dominance is not None and floor.dominance is not None and secret.dominance > floor.dominance:
        message = (
            f"dominance {secret.dominance:g} plus souple que celle de la famille {secret.famille} ({floor.dominance:g})"
        )
        remedy = "au plus celle de la famille, ou enlever `dominance`"
        yield loaded.violation(("secret", "dominance"), Problem.VALEUR_INVALIDE, message, remedy)
    if floor.dominance is not None and not (secret.contributeur or secret.colonne_unite):
        message = f"la famille {secret.famille} borne la part d'un contributeur ({floor.dominance:g})"
        remedy = "déclarer `contributeur` (ou `colonne_unite`)"
        yield loaded.violation(("secret", "famille"), Problem.CLE_MANQUANTE, message, remedy)
    if floor.nk is not None or floor.p_pourcent is not None:
        message = f"la famille {secret.famille} a une règle (n, k) ou p %, que les jeux n'appliquent pas"
        remedy = "protéger ce tableau par `qpv-data protect`, qui l'applique"
        yield loaded.violation(("secret", "famille"), Problem.VALEUR_INVALIDE, message, remedy)


def _unit(secret: Secret) -> str | None:
    """The family's unit that the clause counts: its own, unless it says which stands for it."""
    return secret.unite_famille or secret.unite
