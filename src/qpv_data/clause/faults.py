"""What pydantic finds wrong in a clause, as violations in French at the lines where they are."""

from __future__ import annotations

from typing import Any

from qpv_data.problems import Problem, Violation

Chemin = tuple[str | int, ...]
"""The path of a key in its file: names, and ranks from 0."""
_FRENCH = {
    "missing": (Problem.CLE_MANQUANTE, "clé obligatoire absente", "l'ajouter : rien n'a de valeur par défaut ici"),
    "extra_forbidden": (Problem.CLE_INCONNUE, "clé inconnue", "corriger l'orthographe ou l'enlever"),
    "union_tag_not_found": (Problem.CLE_MANQUANTE, "discriminant absent", "déclarer `nature` (ou `mode`)"),
}
_EXPECTED = {
    "string_type": ("un texte est attendu", "mettre la valeur entre guillemets"),
    "union_tag_invalid": ("valeur inconnue", "choisir parmi les valeurs permises"),
    "enum": ("valeur hors de la liste", "choisir parmi les valeurs permises"),
    "literal_error": ("valeur hors de la liste", "choisir parmi les valeurs permises"),
    "string_pattern_mismatch": ("forme inattendue", "respecter la forme indiquée"),
    "string_too_short": ("texte vide ou trop court", "écrire au moins {min_length} caractère"),
    "string_too_long": ("texte trop long", "écrire au plus {max_length} caractères"),
    "string_unicode": ("texte illisible", "corriger les caractères"),
    "too_short": ("au moins un élément est attendu", "en déclarer au moins un"),
    "int_type": ("un entier est attendu", "écrire un entier"),
    "int_parsing": ("un entier est attendu", "écrire un entier"),
    "int_from_float": ("un entier est attendu", "écrire un entier"),
    "float_type": ("un nombre est attendu", "écrire un nombre, avec un point"),
    "float_parsing": ("un nombre est attendu", "écrire un nombre, avec un point"),
    "finite_number": ("un nombre fini est attendu", "écrire un nombre"),
    "bool_type": ("un booléen est attendu", "écrire true ou false"),
    "bool_parsing": ("un booléen est attendu", "écrire true ou false"),
    "tuple_type": ("une liste est attendue", "écrire une liste"),
    "dict_type": ("des clés sont attendues", "écrire des clés et leurs valeurs"),
    "model_type": ("des clés sont attendues", "écrire des clés et leurs valeurs"),
    "model_attributes_type": ("des clés sont attendues", "écrire des clés et leurs valeurs"),
    "greater_than": ("valeur trop petite", "écrire plus de {gt}"),
    "greater_than_equal": ("valeur trop petite", "écrire au moins {ge}"),
    "less_than": ("valeur trop grande", "écrire moins de {lt}"),
    "less_than_equal": ("valeur trop grande", "écrire au plus {le}"),
    "date_type": ("une date est attendue", "écrire une date, telle que 2024-01-31"),
    "date_parsing": ("une date est attendue", "écrire une date, telle que 2024-01-31"),
    "date_from_datetime_parsing": ("une date est attendue", "écrire une date, telle que 2024-01-31"),
    "date_from_datetime_inexact": ("une date est attendue", "écrire une date, telle que 2024-01-31"),
}


def line_of(lines: dict[Chemin, int], path: Chemin) -> int:
    """Line (from 1) of the key at `path`, or of its nearest written parent."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def translated(shown: str, lines: dict[Chemin, int], errors: list[dict[str, Any]]) -> list[Violation]:
    """One violation a path: the branches of a union all complain of one value."""
    found: dict[Chemin, Violation] = {}
    for error in errors:
        path = _as_written(error["loc"], lines, error["type"] in ("missing", "union_tag_not_found"))
        found.setdefault(path, _translate(shown, lines, path, error))
    return list(found.values())


def _translate(shown: str, lines: dict[Chemin, int], path: Chemin, error: dict[str, Any]) -> Violation:
    kind, context = error["type"], error.get("ctx") or {}
    own = str(error["msg"]).removeprefix("Value error, ") if kind == "value_error" else "valeur invalide"
    text, remedy = _EXPECTED.get(kind, (own, "corriger la valeur"))
    if kind == "missing" and (wanted := _expected_there(path)):
        message = f"{_named(path)} : clé obligatoire absente"
        return Violation(shown, line_of(lines, path), Problem.CLE_MANQUANTE, message, f"le contrat attend : {wanted}")
    problem, text, remedy = _FRENCH.get(kind, (Problem.VALEUR_INVALIDE, text, remedy.format(**context)))
    if allowed := context.get("expected") or context.get("expected_tags"):
        remedy = f"valeurs permises : {allowed}".replace(" or ", " ou ")
    if pattern := context.get("pattern"):
        remedy = f"forme attendue : {pattern}"
    return Violation(shown, line_of(lines, path), problem, f"{_named(path)} : {text}", remedy)


def _named(path: Chemin) -> str:
    return ".".join(str(p) for p in path) or "clause"


def _expected_there(path: Chemin) -> str | None:
    """What the contract expects at a key of a clause: the sentence of the page `docs/clause.md`."""
    from qpv_data.documentation.cles import meaning_of_key  # it reads the models, which are read here first

    found = meaning_of_key(path)
    return f"{found[0].lower()}{found[1:].rstrip('.')}" if found else None


def _as_written(loc: Chemin, lines: dict[Chemin, int], absent: bool) -> Chemin:
    """Drop the names of union branches, which pydantic inserts in a path and no file holds.

    `absent`: the last part is a key that the file does not hold either, and should.
    """
    written: Chemin = ()
    for i, part in enumerate(loc):
        last = i == len(loc) - 1
        branch = i == 0 and not last and part in ("jeu", "zonage")
        if (last and absent) or ((*written, part) in lines and not branch):
            written = (*written, part)
    return written
