"""Read `axes.yml` and the hierarchies that it names: axes and rule, or every fault."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, StringConstraints, ValidationError

from qpv_data.clause.vocabulary import Modele
from qpv_data.problems import InvalidDeclarationError, Problem, Violation, listed, relative_to_cwd
from qpv_data.secret.axes import Axis, build_axis, faults_of
from qpv_data.secret.costs import DEFAULT, Costs
from qpv_data.secret.rules import Nk, Rule, load_families

_RESERVED = ("valeur", "n_unites", "part_max", "unite", "contributeur", "statut_diffusion")
_Nom = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _Axe(Modele):
    parents: tuple[_Nom, ...] = Field(min_length=1)
    garder: dict[_Nom, Annotated[float, Field(gt=0, le=1000)]] = Field(default_factory=dict)


_Hausse = Annotated[float, Field(ge=0, le=100)]


class _Couts(Modele):
    totaux: _Hausse = DEFAULT.totals
    taille: _Hausse = DEFAULT.size
    recents: _Hausse = DEFAULT.recent


class _Regle(Modele):
    k: Annotated[int, Field(ge=1)] | None = None
    dominance: Annotated[float, Field(gt=0, lt=1)] | None = None
    nk: Nk | None = None
    p_pourcent: Annotated[float, Field(gt=0)] | None = None
    marge: Annotated[float, Field(gt=0)] | None = None


class _Declaration(Modele):
    axes: dict[_Nom, _Axe] = Field(min_length=1)
    couts: _Couts = Field(default_factory=_Couts)
    regle: _Regle | None = None
    famille: _Nom | None = None
    unite: _Nom | None = None


@dataclass(frozen=True)
class Declared:
    """What `axes.yml` says: the axes, in the order of the file, the rule, and what is to be hidden last."""

    axes: tuple[Axis, ...]
    rule: Rule
    costs: Costs = field(default_factory=Costs)


class _Faults:
    """Violations as they are found, each at the line of the key that it is about."""

    def __init__(self, path: Path) -> None:
        self.path, self.found = path, list[Violation]()
        self.root: Any = None

    def add(self, where: tuple[str | int, ...], problem: Problem, message: str, remedy: str) -> None:
        line = _line_of(self.root, where)
        self.found.append(Violation(relative_to_cwd(self.path), line, problem, message, remedy or "corriger"))


def read_declaration(path: Path) -> Declared:
    """Axes and rule. Paths of hierarchies are relative to the file. Raises InvalidDeclarationError with every fault."""
    faults = _Faults(path)
    declared = _parsed(path, faults)
    if declared is None:
        raise InvalidDeclarationError(faults.found)
    for name in declared.axes:
        if name in _RESERVED:
            faults.add(("axes", name), Problem.VALEUR_INVALIDE, f"{name} est une colonne du tableau", "renommer l'axe")
    axes = [_axis(path.parent, name, axe, faults) for name, axe in declared.axes.items()]
    rule = _rule(declared, faults)
    if faults.found or rule is None:
        raise InvalidDeclarationError(faults.found)
    return Declared(tuple(a for a in axes if a is not None), rule, _costs(declared))


def _costs(declared: _Declaration) -> Costs:
    kept = {name: axe.garder for name, axe in declared.axes.items()}
    return Costs(declared.couts.totaux, declared.couts.taille, declared.couts.recents, kept)


def _parsed(path: Path, faults: _Faults) -> _Declaration | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
        faults.root = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Declaration.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError) as e:
        message = f"fichier illisible ({type(e).__name__})"
        faults.add((), Problem.YAML_ILLISIBLE, message, "vérifier le chemin et l'encodage (UTF-8)")
    except (yaml.YAMLError, RecursionError) as e:
        faults.add((), Problem.YAML_ILLISIBLE, str(getattr(e, "problem", type(e).__name__)), "corriger la syntaxe")
    except ValidationError as e:
        for fault in e.errors():
            known = {"missing": Problem.CLE_MANQUANTE, "extra_forbidden": Problem.CLE_INCONNUE}
            where = fault["loc"]
            message = f"{'.'.join(str(step) for step in where)} : {fault['msg']}"
            faults.add(where, known.get(fault["type"], Problem.VALEUR_INVALIDE), message, "voir docs/secret.md")
    return None


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


def _rule(declared: _Declaration, faults: _Faults) -> Rule | None:
    """The family's rule, or the one that is written; both when what is written is stricter."""
    families = load_families()
    own = declared.regle.model_dump(exclude_none=True) if declared.regle else {}
    if declared.famille is None:
        if "k" not in own:
            message = "aucun seuil : ni `famille`, ni `regle` avec son `k`"
            faults.add(("regle",), Problem.CLE_MANQUANTE, message, "nommer une famille ou écrire `regle: {k: …}`")
            return None
        if declared.unite is not None:
            faults.add(("unite",), Problem.CLE_INCONNUE, "`unite` choisit le seuil d'une famille", "nommer la famille")
        return Rule.model_validate(own)
    family = families.get(declared.famille)
    if family is None:
        message = f"famille inconnue : {declared.famille} ; familles : {', '.join(families)}"
        faults.add(("famille",), Problem.REFERENCE_INCONNUE, message, "`inconnue` prend la règle la plus stricte")
        return None
    if declared.unite is not None and declared.unite not in family.unites:
        message = f"{declared.unite} n'est pas une unité de {family.id} : {', '.join(family.unites)}"
        faults.add(("unite",), Problem.REFERENCE_INCONNUE, message, "nommer une unité de la famille")
        return None
    floor = family.rule(declared.unite)
    merged = Rule.model_validate(floor.model_dump() | own)
    for key in merged.looser_than(floor):
        message = f"{key} plus souple que celui de la famille {family.id} ({getattr(floor, key)})"
        faults.add(("regle", key), Problem.VALEUR_INVALIDE, message, "être plus strict, ou laisser la famille dire")
    return merged


def _axis(folder: Path, name: str, axe: _Axe, faults: _Faults) -> Axis | None:
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


def _hierarchy(path: Path, where: tuple[str | int, ...], faults: _Faults) -> dict[str, str | None] | None:
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
