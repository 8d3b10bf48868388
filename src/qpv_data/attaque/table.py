"""A table protected alone, as the attacker reads it: the published cells, and the public hierarchies."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from qpv_data.attaque.refusal import RefusedInputError

_CLOSED = 11
HIDDEN, PUBLISHED = "secret", "diffusee"


@dataclass(frozen=True)
class Rule:
    """k: the least number of units; `dominance`: the largest share of one contributor, for amounts.

    `count`: cells are numbers of units. `zeros_published`: a hidden count is then at least 1. `rounding`: public
    values are within half of it; 0 when they are exact.
    """

    k: int
    dominance: float | None = None
    count: bool = True
    zeros_published: bool = True
    rounding: float = 0.0


@dataclass(frozen=True)
class Axis:
    """`codes` in order; `nodes`: (parent, its children) of every hierarchy, as positions. `mean`: parents are means."""

    name: str
    codes: list[str]
    nodes: list[tuple[int, list[int]]]
    mean: bool = False
    position: dict[str, int] = field(default_factory=dict)


def read_axes(path: Path, zeros_published: bool | None = None) -> tuple[list[Axis], Rule]:
    """Axes and rule of a declaration; CSVs are beside it. Keys meant for other programs are left alone."""
    try:
        declared = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise RefusedInputError(path.name, "yaml_illisible", str(e).splitlines()[0], "corriger le YAML") from None
    if not isinstance(declared, Mapping) or not isinstance(declared.get("axes"), Mapping) or not declared["axes"]:
        raise RefusedInputError(path.name, "cle_manquante", "pas d'axes", "donner axes: {zone: {parents: [zones.csv]}}")
    axes = [_axis(path, str(name), value) for name, value in declared["axes"].items()]
    return axes, _rule(path, declared, zeros_published)


def _axis(path: Path, name: str, declared: Any) -> Axis:
    files = declared.get("parents") if isinstance(declared, Mapping) else None
    if not isinstance(files, list) or not files:
        raise RefusedInputError(path.name, "cle_manquante", f"axe {name} sans parents", "donner parents: [fichier.csv]")
    aggregation = declared.get("agregation", "somme")
    if aggregation not in ("somme", "moyenne"):
        raise RefusedInputError(path.name, "valeur_invalide", f"agregation {aggregation}", "somme ou moyenne")
    return build_axis(name, [read_hierarchy(path.parent / str(f)) for f in files], aggregation == "moyenne")


def read_hierarchy(path: Path) -> dict[str, str]:
    """Code → parent of a CSV `code,parent`; the root's parent is empty."""
    if not path.is_file():
        raise RefusedInputError(path.name, "source_absente", "hiérarchie introuvable", "la mettre à côté d'axes.yml")
    with path.open(encoding="utf-8-sig", newline="") as f:
        rows = csv.DictReader(f)
        if not {"code", "parent"} <= set(rows.fieldnames or ()):
            raise RefusedInputError(
                path.name, "entete_inattendu", "colonnes attendues : code,parent", "les nommer ainsi"
            )
        parents: dict[str, str] = {}
        for row in rows:
            if row["code"] in parents:
                raise RefusedInputError(path.name, "doublon", f"code {row['code']} deux fois", "un parent par code")
            parents[row["code"]] = row["parent"] or ""
    _check_tree(path.name, parents)
    return parents


def _check_tree(source: str, parents: Mapping[str, str]) -> None:
    roots = [code for code, parent in parents.items() if not parent]
    if len(roots) != 1:
        raise RefusedInputError(source, "valeur_invalide", f"{len(roots)} racine(s)", "une seule, de parent vide")
    if orphans := sorted({p for p in parents.values() if p and p not in parents}):
        raise RefusedInputError(source, "reference_inconnue", f"parent sans ligne : {orphans[0]}", "l'ajouter")
    safe = set(roots)
    for start in parents:
        path: list[str] = []
        code = start
        while code not in safe:
            if code in path:
                raise RefusedInputError(source, "valeur_invalide", f"hiérarchie en boucle : {code}", "la couper")
            path.append(code)
            code = parents[code]
        safe.update(path)


def build_axis(name: str, hierarchies: Sequence[Mapping[str, str]], mean: bool = False) -> Axis:
    """Join linked hierarchies: a code names one node, whatever the files that hold it."""
    codes = list(dict.fromkeys(code for h in hierarchies for code in h))
    position = {code: i for i, code in enumerate(codes)}
    nodes: dict[tuple[int, tuple[int, ...]], None] = {}
    leaves: dict[str, set[str]] = {}
    for hierarchy in hierarchies:
        children: dict[str, list[str]] = {}
        for code, parent in hierarchy.items():
            if parent:
                children.setdefault(parent, []).append(code)
        for code, under in _leaves(hierarchy, children).items():
            if leaves.setdefault(code, under) != under:
                message = f"axe {name} : {code} n'a pas les mêmes feuilles d'un fichier à l'autre"
                raise RefusedInputError(name, "valeur_invalide", message, "donner à chaque fichier toutes les feuilles")
        for parent, under_it in children.items():
            nodes[position[parent], tuple(sorted(position[c] for c in under_it))] = None
    return Axis(name, codes, [(p, list(c)) for p, c in nodes], mean, position)


def _leaves(hierarchy: Mapping[str, str], children: Mapping[str, list[str]]) -> dict[str, set[str]]:
    under: dict[str, set[str]] = {code: set() for code in hierarchy}
    for code in hierarchy:
        if code not in children:
            above = code
            while above:
                under[above].add(code)
                above = hierarchy[above]
    return under


def _rule(path: Path, declared: Mapping[str, Any], zeros_published: bool | None) -> Rule:
    given = declared.get("regle")
    said = {**declared, **given} if isinstance(given, Mapping) else declared
    # Of several units, `valeur` counts the first: what readers see of the others is nothing.
    told = said.get("unite")
    units: list[Any] = told if isinstance(told, list) and told else [told]
    if isinstance(given, Mapping) and isinstance(given.get("k"), Mapping):
        given = {key: value for key, value in {**given, "k": given["k"].get(units[0])}.items() if value is not None}
    if "famille" in said:
        unit = None if units[0] is None else str(units[0])
        family = family_rule(path, str(said["famille"]), unit)
        own = given if isinstance(given, Mapping) else {}
        stricter = max([k for k in (family["k"], own.get("k")) if isinstance(k, int)])
        given = {**family, **own, "k": stricter}
    if not isinstance(given, Mapping) or not isinstance(given.get("k"), int) or given["k"] < 1:
        raise RefusedInputError(path.name, "cle_manquante", "pas de règle", "donner regle: {k: 11} ou famille")
    zeros = given.get("zeros", "publies")
    if zeros not in ("publies", "caches"):
        raise RefusedInputError(path.name, "valeur_invalide", f"zeros: {zeros}", "publies ou caches")
    published = zeros == "publies" if zeros_published is None else zeros_published
    dominance = given.get("dominance")
    return Rule(
        k=given["k"],
        dominance=None if dominance is None else float(dominance),
        count=given.get("nature", "compte") == "compte",
        zeros_published=published,
        rounding=float(given.get("arrondi") or 0),
    )


def family_rule(path: Path, family: str, unit: str | None = None) -> Mapping[str, Any]:
    """The rule of a family in the registry, read as data: beside the declaration, else the project's. A rule without
    threshold, or of low confidence, is closed at 11 units."""
    candidates = [path.parent / "regles_secret.yml", *_registries()]
    for candidate in candidates:
        if candidate.is_file():
            content = yaml.safe_load(candidate.read_text("utf-8"))
            families = content.get("familles", content) if isinstance(content, Mapping) else {}
            if isinstance(families, list):
                families = {r.get("famille", r.get("id")): r for r in families if isinstance(r, Mapping)}
            rule = families.get(family) if isinstance(families, Mapping) else None
            if isinstance(rule, Mapping):
                return _closed(rule, unit)
    raise RefusedInputError(
        path.name, "reference_inconnue", f"famille {family}", "la déclarer, ou donner regle: {k: …}"
    )


def _closed(rule: Mapping[str, Any], unit: str | None) -> Mapping[str, Any]:
    """k of the unit, or the largest of the family's; `arrondi` of a family is that of its source, not of the table."""
    units = {str(u): k for u, k in (rule.get("unites") or {}).items() if isinstance(k, int)}
    k = units.get(unit or "", max(units.values(), default=0)) or rule.get("k")
    sure = isinstance(k, int) and str(rule.get("confiance")) in ("haute", "moyenne")
    least = k if isinstance(k, int) else 0
    return {"k": least if sure else max(_CLOSED, least), "dominance": rule.get("dominance")}


def _registries() -> list[Path]:
    here = Path(__file__).resolve()
    return [here.parents[n] / "referentiels" / "regles_secret.yml" for n in (1, 3)]


def decimals_of(values: Sequence[float] | NDArray[np.float64]) -> int:
    """Decimals enough to write every value exactly, at most 9."""
    array = np.asarray(values, np.float64)
    for decimals in range(10):
        scaled = array * 10**decimals
        if not len(array) or np.abs(scaled - np.rint(scaled)).max() <= 1e-7 * max(
            1.0, float(np.abs(scaled).max()) * 1e-8
        ):
            return decimals
    return 9
