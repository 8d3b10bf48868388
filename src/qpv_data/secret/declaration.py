"""Read `axes.yml` and the hierarchies that it names: axes and rule, or every fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from qpv_data.clause.vocabulary import Modele
from qpv_data.problems import InvalidDeclarationError, Problem, listed
from qpv_data.secret.axes import Axis
from qpv_data.secret.costs import DEFAULT, Costs
from qpv_data.secret.hierarchies import DeclaredAxis, Faults, Nom, read_axis
from qpv_data.secret.rules import Nk, Rule, load_families

_RESERVED = ("valeur", "n_unites", "part_max", "unite", "contributeur", "statut_diffusion")
_Hausse = Annotated[float, Field(ge=0, le=100)]


class _Couts(Modele):
    totaux: _Hausse = DEFAULT.totals
    taille: _Hausse = DEFAULT.size
    recents: _Hausse = DEFAULT.recent


_Seuil = Annotated[int, Field(ge=1)]


class _Regle(Modele):
    k: _Seuil | dict[Nom, _Seuil] | None = None
    dominance: Annotated[float, Field(gt=0, lt=1)] | None = None
    nk: Nk | None = None
    p_pourcent: Annotated[float, Field(gt=0)] | None = None
    marge: Annotated[float, Field(gt=0)] | None = None


class _Declaration(Modele):
    axes: dict[Nom, DeclaredAxis] = Field(min_length=1)
    couts: _Couts = Field(default_factory=_Couts)
    regle: _Regle | None = None
    famille: Nom | None = None
    unite: Nom | Annotated[tuple[Nom, ...], Field(min_length=1)] | None = None

    @property
    def units(self) -> tuple[str | None, ...]:
        """The units that are told, the one that `valeur` counts first; None: whatever there is."""
        return self.unite if isinstance(self.unite, tuple) else (self.unite,)


@dataclass(frozen=True)
class Declared:
    """What `axes.yml` says: the axes, in the order of the file, the rule, and what is to be hidden last.

    `rule` is of the first unit; `others`: the other ones, and the least of each that is shown. `first`: the name of the
    first, where there are several.
    """

    axes: tuple[Axis, ...]
    rule: Rule
    costs: Costs = field(default_factory=Costs)
    others: tuple[tuple[str, int], ...] = ()
    first: str | None = None

    @property
    def tails(self) -> list[str]:
        """What ends the name of each unit's column: nothing where there is one unit."""
        return [f"_{name}" for name in (self.first, *(name for name, _ in self.others))] if self.others else [""]


def read_declaration(path: Path) -> Declared:
    """Axes and rule. Paths of hierarchies are relative to the file. Raises InvalidDeclarationError with every fault."""
    faults = Faults(path)
    declared = _parsed(path, faults)
    if declared is None:
        raise InvalidDeclarationError(faults.found)
    for name in declared.axes:
        if name in _RESERVED:
            faults.add(("axes", name), Problem.VALEUR_INVALIDE, f"{name} est une colonne du tableau", "renommer l'axe")
    axes = [read_axis(path.parent, name, axe, faults) for name, axe in declared.axes.items()]
    rules = _rules(declared, faults)
    if faults.found or not rules:
        raise InvalidDeclarationError(faults.found)
    (first, rule), *others = rules.items()
    told = tuple((str(name), own.k) for name, own in others)
    return Declared(tuple(a for a in axes if a is not None), rule, _costs(declared), told, first)


def _costs(declared: _Declaration) -> Costs:
    kept = {name: axe.garder for name, axe in declared.axes.items()}
    return Costs(declared.couts.totaux, declared.couts.taille, declared.couts.recents, kept)


def _parsed(path: Path, faults: Faults) -> _Declaration | None:
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


def _rules(declared: _Declaration, faults: Faults) -> dict[str | None, Rule]:
    """The rule of each unit; empty where a fault is said."""
    own = declared.regle.model_dump(exclude_none=True) if declared.regle else {}
    ks = own.get("k")
    units = declared.units
    if len(set(units)) < len(units):
        faults.add(("unite",), Problem.DOUBLON, f"unité écrite deux fois : {listed(map(str, units))}", "une fois")
    elif isinstance(ks, dict) and (strangers := sorted(ks.keys() - set(units))):
        message = f"seuil d'une unité qui n'est pas dite : {listed(strangers)}"
        faults.add(("regle", "k", strangers[0]), Problem.REFERENCE_INCONNUE, message, "la nommer dans `unite`")
    else:
        told = {unit: {**own, "k": ks.get(unit)} if isinstance(ks, dict) else own for unit in units}
        bare = {unit: {key: v for key, v in said.items() if v is not None} for unit, said in told.items()}
        found = {unit: _rule(declared, unit, bare[unit], faults) for unit in units}
        if not faults.found:
            return {unit: rule for unit, rule in found.items() if rule is not None}
    return {}


def _rule(declared: _Declaration, unit: str | None, own: dict[str, Any], faults: Faults) -> Rule | None:
    """The family's rule of a unit, or the one that is written; both when what is written is stricter."""
    families = load_families()
    if declared.famille is None:
        if "k" not in own:
            message = "aucun seuil : ni `famille`, ni `regle` avec son `k`" + (f" ({unit})" if unit else "")
            faults.add(("regle",), Problem.CLE_MANQUANTE, message, "nommer une famille ou écrire `regle: {k: …}`")
            return None
        if isinstance(declared.unite, str):
            faults.add(("unite",), Problem.CLE_INCONNUE, "`unite` choisit le seuil d'une famille", "nommer la famille")
        return Rule.model_validate(own)
    family = families.get(declared.famille)
    if family is None:
        message = f"famille inconnue : {declared.famille} ; familles : {', '.join(families)}"
        faults.add(("famille",), Problem.REFERENCE_INCONNUE, message, "`inconnue` prend la règle la plus stricte")
        return None
    if unit is not None and unit not in family.unites:
        message = f"{unit} n'est pas une unité de {family.id} : {', '.join(family.unites)}"
        faults.add(("unite",), Problem.REFERENCE_INCONNUE, message, "nommer une unité de la famille")
        return None
    floor = family.rule(unit)
    merged = Rule.model_validate(floor.model_dump() | own)
    for key in merged.looser_than(floor):
        message = f"{key} plus souple que celui de la famille {family.id} ({getattr(floor, key)})"
        faults.add(("regle", key), Problem.VALEUR_INVALIDE, message, "être plus strict, ou laisser la famille dire")
    return merged
