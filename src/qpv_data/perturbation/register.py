"""The register of methods, beside what is written: a table is published by one method, with one noise, or not at all.

An exact figure beside its perturbed one gives the noise away, and a noise drawn anew is averaged out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qpv_data.problems import InvalidDeclarationError, Problem, Violation
from qpv_data.replacing import replacing

NAME = "methodes.json"
EXACT: Mapping[str, Any] = {"methode": "suppression"}


def register_of(out: Path, declared: Path | None = None) -> Path:
    """The declared register, else the one beside `out`."""
    return declared if declared is not None else out.parent / NAME


def refuse_another(out: Path, register: Path, table: str, method: Mapping[str, Any]) -> None:
    """Raises InvalidDeclarationError when `table` is registered with another method, or `out` was written by one that
    the register does not know."""
    known = _read(register).get(table)
    if known is not None and known != dict(method):
        message = f"{table} est déjà publié par : {_told(known)} ; demandé : {_told(method)}"
        remedy = "garder la première méthode et sa clé : deux versions d'un même chiffre donnent le vrai"
        raise InvalidDeclarationError([Violation(register.name, 1, Problem.DOUBLON, message, remedy)])
    if known is None and method != EXACT and out.exists():
        message = f"{out.name} existe et aucune méthode n'est inscrite pour {table}"
        remedy = "écrire ailleurs si ce chiffre n'a jamais été publié autrement ; sinon garder sa méthode"
        raise InvalidDeclarationError([Violation(register.name, 1, Problem.DOUBLON, message, remedy)])


def inscribe(register: Path, table: str, method: Mapping[str, Any]) -> None:
    """Write the method of a table in the register."""
    content = {**_read(register), table: dict(method)}
    with replacing(register) as draft:
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read(register: Path) -> dict[str, Any]:
    if not register.exists():
        return {}
    try:
        content = json.loads(register.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        message = f"registre illisible ({type(e).__name__})"
        remedy = "le restaurer : il dit par quelle méthode chaque tableau est publié"
        raise InvalidDeclarationError([Violation(register.name, 1, Problem.FORMAT_INATTENDU, message, remedy)]) from e
    if not isinstance(content, dict):
        message, remedy = "le registre n'est pas un objet", "le restaurer"
        raise InvalidDeclarationError([Violation(register.name, 1, Problem.FORMAT_INATTENDU, message, remedy)])
    return content


def _told(method: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(method.items()))
