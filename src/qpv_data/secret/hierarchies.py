"""The hierarchies that `axes.yml` names, and the faults that are found in it, each with its line."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, StringConstraints

from qpv_data.clause.vocabulary import Modele
from qpv_data.problems import Problem, Violation, listed, relative_to_cwd
from qpv_data.secret.axes import Axis, build_axis, faults_of

Nom = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class DeclaredAxis(Modele):
    """One axis: its hierarchies, relative to the file, and the codes that are to be hidden last."""

    parents: tuple[Nom, ...] = Field(min_length=1)
    garder: dict[Nom, Annotated[float, Field(gt=0, le=1000)]] = Field(default_factory=dict)


class Faults:
    """Violations as they are found, each at the line of the key that it is about."""

    def __init__(self, path: Path) -> None:
        self.path, self.found = path, list[Violation]()
        self.root: Any = None

    def add(self, where: tuple[str | int, ...], problem: Problem, message: str, remedy: str) -> None:
        """One more, at a path of keys."""
        line = _line_of(self.root, where)
        self.found.append(Violation(relative_to_cwd(self.path), line, problem, message, remedy or "corriger"))


def _line_of(node: Any, where: tuple[str | int, ...]) -> int:
    """Line, from 1, of the deepest node that exists on the path."""
    for step in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next(
                (key if i == len(where) else value for i, (key, value) in enumerate(node.value) if key.value == step),
                node,
            )
    return int(node.start_mark.line) + 1 if node is not None else 1


def read_axis(folder: Path, name: str, axe: DeclaredAxis, faults: Faults) -> Axis | None:
    """An axis from its hierarchies; None where a fault is said."""
    before = len(faults.found)
    hierarchies = []
    for n, file in enumerate(axe.parents):
        where = ("axes", name, "parents", n)
        parents = _hierarchy(folder / file, where, faults)
        if parents is not None:
            hierarchies.append(parents)
            for message, remedy in faults_of(parents):
                faults.add(where, Problem.VALEUR_INVALIDE, f"{file} : {message}", remedy)
    if len(faults.found) > before:
        return None

    def report(message: str, remedy: str) -> None:
        faults.add(("axes", name), Problem.VALEUR_INVALIDE, message, remedy)

    axis = build_axis(name, hierarchies, report)
    if axis is not None and (unknown := sorted(axe.garder.keys() - set(axis.codes))):
        message = f"axe {name} : codes à garder absents de la hiérarchie : {listed(unknown)}"
        faults.add(("axes", name, "garder", unknown[0]), Problem.REFERENCE_INCONNUE, message, "corriger les codes")
    return axis


def _hierarchy(path: Path, where: tuple[str | int, ...], faults: Faults) -> dict[str, str | None] | None:
    """`code,parent`, in any order of rows; the root has no parent, or no row of its own."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        message = f"{path.name} : fichier illisible ({type(e).__name__})"
        faults.add(where, Problem.SOURCE_ABSENTE, message, "vérifier le chemin : relatif à axes.yml, CSV en UTF-8")
        return None
    if header != ["code", "parent"]:
        faults.add(where, Problem.ENTETE_INATTENDU, f"{path.name} : en-tête {header}", "écrire `code,parent`")
        return None
    shapeless = [f"ligne {n}" for n, row in rows if len(row) != 2 or not row[0].strip()]
    written = Counter(row[0] for _, row in rows)
    twice = sorted(code for code, times in written.items() if times > 1)
    if shapeless:
        faults.add(
            where, Problem.VALEUR_INVALIDE, f"{path.name} : {listed(shapeless)}", "écrire `code,parent`, le code rempli"
        )
    if twice:
        faults.add(
            where, Problem.DOUBLON, f"{path.name} : codes écrits deux fois : {listed(twice)}", "un seul parent par code"
        )
    if shapeless or twice:
        return None
    parents: dict[str, str | None] = {row[0]: row[1] or None for _, row in rows}
    if not parents:
        faults.add(where, Problem.VALEUR_INVALIDE, f"{path.name} : aucun code", "écrire une ligne par code")
        return None
    return {**dict.fromkeys(p for p in parents.values() if p is not None), **parents}
