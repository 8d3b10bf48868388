"""Check a set of clauses offline, before any data is read: references, SQL, examples. All violations at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from qpv_data.clause.check_examples import example_violations
from qpv_data.clause.check_expressions import expression_violations
from qpv_data.clause.check_references import reference_violations
from qpv_data.clause.check_set import set_violations, version_violations
from qpv_data.clause.load import Chemin, ClauseSet, LoadedClause, load_clauses
from qpv_data.clause.promises import personal_faults
from qpv_data.clause.source_check import source_violations
from qpv_data.problems import InvalidDeclarationError, Problem, Violation


def checked_clauses(root: Path, jour: date | None = None) -> ClauseSet:
    """The clauses under `root`, in their version of `jour` (the latest without it).

    Raises InvalidDeclarationError with every violation of every file, other versions included.
    """
    clauses = load_clauses(root, jour)
    violations = [v for loaded in (*clauses.chargees, *clauses.autres) for v in _clause(loaded)]
    violations += [*version_violations(clauses), *set_violations(clauses)]
    if violations:
        raise InvalidDeclarationError(violations)
    return clauses


def unconfirmed(clauses: ClauseSet) -> list[Violation]:
    """What the clauses mark as to be confirmed: listed by `check`, and no fault."""
    found = []
    for loaded in clauses.chargees:
        clause = loaded.clause
        keys = [*(["source"] if clause.source.a_confirmer else []), *clause.a_confirmer]
        for key in dict.fromkeys(keys):
            shown = f" : {clause.source.adresse(clause.id)}" if key.startswith("source") else ""
            message = f"{clause.id} : {key} à confirmer{shown}"
            remedy = "vérifier auprès du producteur, puis enlever la marque"
            found.append(loaded.violation(written_path(key), Problem.A_CONFIRMER, message, remedy))
    return found


def _clause(loaded: LoadedClause) -> Iterator[Violation]:
    yield from _promised(loaded)
    yield from _columns(loaded)
    yield from reference_violations(loaded)
    yield from source_violations(loaded)
    expressions = list(expression_violations(loaded))
    yield from expressions
    if not expressions:
        yield from example_violations(loaded)


def _promised(loaded: LoadedClause) -> Iterator[Violation]:
    """What promises ask of each other, and the fields that are said to be unconfirmed."""
    clause = loaded.clause
    promises = {
        "hebergement": clause.hebergement,
        "destruction": clause.destruction,
        "securite": clause.securite,
        "gouvernance.dpo": clause.gouvernance.dpo,
    }
    for key, why in personal_faults(clause.donnees_personnelles, promises):
        path = tuple(key.split("."))
        yield loaded.violation(path, Problem.VALEUR_INVALIDE, f"{key} : {why}", "écrire la promesse")
    for i, key in enumerate(clause.a_confirmer):
        if written_path(key) not in loaded.lignes:
            message = f"clé à confirmer absente de la clause : {key}"
            remedy = "l'écrire comme dans le fichier, des points entre les clés"
            yield loaded.violation(("a_confirmer", i), Problem.REFERENCE_INCONNUE, message, remedy)


def written_path(key: str) -> Chemin:
    """`source.url`, `colonnes.2.source` → the path of a key in its file, items of a list from 0."""
    return tuple(int(part) if part.isdecimal() else part for part in key.split("."))


def _columns(loaded: LoadedClause) -> Iterator[Violation]:
    seen: set[str] = set()
    for i, column in enumerate(loaded.clause.colonnes):
        if column.nom in seen or column.nom.endswith("__statut") or column.nom.startswith("z_"):
            why = "déclarée deux fois" if column.nom in seen else "nom réservé (z_…, …__statut)"
            yield loaded.violation(("colonnes", i, "nom"), Problem.DOUBLON, f"colonne {column.nom} : {why}", "renommer")
        seen.add(column.nom)
    yield from _of_persons(loaded)
    exploded = [i for i, c in enumerate(loaded.clause.colonnes) if c.eclater]
    for i in exploded[1:]:
        message = "une seule colonne s'éclate : deux multiplieraient leurs valeurs entre elles"
        yield loaded.violation(("colonnes", i, "eclater"), Problem.VALEUR_INVALIDE, message, "n'en garder qu'une")


def _of_persons(loaded: LoadedClause) -> Iterator[Violation]:
    """A direct identifier, in clear or marked by a pseudonym, is a personal datum."""
    direct = [i for i, c in enumerate(loaded.clause.colonnes) if c.identifiant_direct]
    if direct and not loaded.clause.donnees_personnelles.presentes:
        message = "un identifiant direct est une donnée personnelle, même pseudonymisé"
        where: Chemin = ("donnees_personnelles", "presentes")
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "écrire `presentes: true`")
