"""Attack of a table protected alone, by the public and by those who know a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np

from qpv_data.attaque.cells import Cells, place, read_rows, table_system
from qpv_data.attaque.findings import Finding, Kind, Report, attack
from qpv_data.attaque.proofs import Proof, Term
from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.system import INFINITE, Ints, System
from qpv_data.attaque.table import Axis, read_axes


def attack_table(
    table: Path,
    declaration: Path,
    known: Sequence[Path] = (),
    partners: Sequence[Path] = (),
    zeros_published: bool | None = None,
    proofs: int = 20,
) -> Report:
    """Attack `table` under the axes and the rule of `declaration`. Every finding of every attacker.

    `known`: values published elsewhere, axis columns and `valeur`. `partners`: what each partner delivered, which it
    can subtract: attacked one by one, then by pairs.
    """
    axes, rule = read_axes(declaration, zeros_published)
    cells = place(read_rows(table), axes, table.name)
    system = table_system(cells, axes, rule, table.name)
    for path in known:
        system = with_known(system, place(read_rows(path), axes, path.name, known=True), path.name)
    alone = np.flatnonzero(cells.units == 1) if len(cells.units) else np.empty(0, np.int64)
    report = attack(system, proofs, singletons=[int(c) for c in cells.index[alone]])
    if len(cells.units):
        report.attacks.append("contributeur connu")
    given = {path.stem: contributions(place(read_rows(path), axes, path.name, known=True), axes) for path in partners}
    groups = [(name,) for name in given] + list(combinations(given, 2))
    for group in groups:
        own = np.sum([given[name] for name in group], axis=0)
        report.add(attack_as(system, own, " + ".join(group), proofs))
    return report


def with_known(system: System, cells: Cells, source: str) -> System:
    """The same, once these values are public. They must agree with what is published."""
    value = np.rint(cells.value * system.scale).astype(np.int64)
    low, high = system.low.copy(), system.high.copy()
    if wrong := np.flatnonzero((value < low[cells.index]) | (value > high[cells.index])).tolist():
        names = ", ".join(system.name(int(cells.index[w])) for w in wrong[:3])
        raise RefusedInputError(
            source, "totaux_inegaux", f"contredit la publication : {names}", "vérifier le millésime"
        )
    low[cells.index] = high[cells.index] = value
    hidden, derivable = system.hidden.copy(), system.derivable.copy()
    hidden[cells.index] = derivable[cells.index] = False
    return replace(system, low=low, high=high, hidden=hidden, derivable=derivable)


def contributions(cells: Cells, axes: Sequence[Axis]) -> Ints:
    """What a partner holds in every cell of the crossed axes, from the finest cells of its delivery."""
    sizes = [len(a.codes) for a in axes]
    own = np.zeros(sizes, np.int64)
    own[np.unravel_index(cells.index, sizes)] = np.rint(cells.value).astype(np.int64)
    for dimension, axis in enumerate(axes):
        inner = sorted({parent for parent, _ in axis.nodes})
        at = [slice(None)] * len(sizes)
        at[dimension] = np.array(inner, np.int64)  # type: ignore[call-overload]
        own[tuple(at)] = 0
        own = np.moveaxis(own, dimension, 0)
        done: set[int] = set()
        while len(done) < len(inner):
            for parent, children in axis.nodes:
                if parent not in done and all(c in done or c not in inner for c in children):
                    own[parent] = own[children].sum(axis=0)
                    done.add(parent)
        own = np.moveaxis(own, 0, dimension)
    return np.ascontiguousarray(own).ravel()


def attack_as(system: System, own: Ints, attacker: str, proofs: int) -> Report:
    """Attack by who subtracts `own` units from each cell: the rule holds for the units of the others."""
    known = system.known
    low = np.where(system.low > -INFINITE, np.maximum(system.low - own, 0), system.low)
    high = np.where(system.high < INFINITE, system.high - own, system.high)
    if wrong := np.flatnonzero(high < 0).tolist():
        names = ", ".join(system.name(int(w)) for w in wrong[:3])
        message = f"livre plus que la cellule n'a : {names}"
        raise RefusedInputError(attacker, "totaux_inegaux", message, "vérifier la livraison")
    report = attack(replace(system, low=low, high=high), proofs, attacker)
    left = system.low - own
    exposed = np.flatnonzero(known & (own > 0) & (left > 0) & (left < system.threshold))
    for cell in exposed.tolist():
        others = Fraction(int(left[cell]), system.scale)
        terms = (
            Term(Fraction(1), system.name(cell), Fraction(int(system.low[cell]), system.scale)),
            Term(Fraction(-1), f"part de {attacker}", Fraction(int(own[cell]), system.scale)),
        )
        proof = Proof(terms, (), others, "=")
        name = f"{system.name(cell)}, sans {attacker}"
        found = Finding(Kind.CONTRIBUTEUR, name, "diffusee", others, others, "soustraction", proof, attacker)
        report.findings.append(found)
    report.attacks = [f"partenaires : {attacker}"]
    report.published = report.hidden = report.derivable = report.equations = 0
    return report
