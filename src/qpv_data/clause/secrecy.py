"""The rule that a clause's figures are held to: its family's, made stricter where the clause says so, never looser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qpv_data.problems import Problem, Violation
from qpv_data.secret.rules import Family, Rule, load_families

if TYPE_CHECKING:
    from qpv_data.clause.load import LoadedClause
    from qpv_data.clause.rules import Secret


def rule_of(secret: Secret) -> Rule | None:
    """The rule in force, the one place that says it; none when the regime is not `seuil`.

    Raises KeyError for a family or a unit that the registry lacks: `check` names those before any data is read.
    """
    if secret.regime != "seuil":
        return None
    floor = load_families()[secret.famille or ""].rule(_unit(secret))
    shares = [s for s in (floor.dominance, secret.dominance) if s is not None]
    return floor.model_copy(update={"k": max(floor.k, secret.seuil or 0), "dominance": min(shares) if shares else None})


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
    unit, where = _unit(secret), "unite_famille" if secret.unite_famille is not None else "unite"
    if unit is not None and unit not in family.unites:
        message = f"{unit} n'est pas une unité de la famille {family.id}"
        remedy = f"unités : {', '.join(family.unites)} ; `unite_famille` dit laquelle tient lieu de `unite`"
        yield loaded.violation(("secret", where), Problem.REFERENCE_INCONNUE, message, remedy)
    elif secret.regime == "seuil":
        yield from _looser(loaded, family.rule(unit))


def _of_licence(loaded: LoadedClause, family: Family) -> Iterator[Violation]:
    basis = loaded.clause.base_legale.fondement.value
    if family.fondement is not None and basis != family.fondement:
        message = f"la famille {family.id} demande le fondement {family.fondement}, et la clause se fonde sur {basis}"
        remedy = "nommer la famille des données, ou `inconnue`"
        yield loaded.violation(("secret", "famille"), Problem.VALEUR_INVALIDE, message, remedy)


def _looser(loaded: LoadedClause, floor: Rule) -> Iterator[Violation]:
    secret = loaded.clause.secret
    if secret.seuil is not None and secret.seuil < floor.k:
        message = f"seuil {secret.seuil} plus souple que celui de la famille {secret.famille} ({floor.k})"
        yield loaded.violation(
            ("secret", "seuil"), Problem.VALEUR_INVALIDE, message, "au moins celui de la famille, ou enlever `seuil`"
        )
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
