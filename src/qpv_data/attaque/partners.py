"""Attack of releases by those who delivered a part of the records: they subtract their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from fractions import Fraction
from itertools import combinations

from qpv_data.attaque.builder import Builder
from qpv_data.attaque.findings import Finding, Kind, Report, attack
from qpv_data.attaque.measures import Fact, Measure, Place
from qpv_data.attaque.proofs import Proof, Term
from qpv_data.attaque.published import Exact
from qpv_data.attaque.refusal import RefusedInputError

Own = dict[tuple[Measure, Place], Exact]


def groups(partners: Mapping[str, Sequence[Fact]]) -> Iterable[tuple[str, Own]]:
    """Each partner, then each pair, with what they hold together."""
    alone: dict[str, Own] = {
        name: {(f.measure, f.place): f.value for f in figures if f.value is not None}
        for name, figures in partners.items()
    }
    yield from alone.items()
    for first, second in combinations(alone, 2):
        keys = alone[first].keys() | alone[second].keys()
        yield (
            f"{first} + {second}",
            {key: alone[first].get(key, 0) + alone[second].get(key, 0) for key in keys},
        )


def attack_as_partner(public: Builder, own: Own, attacker: str, refuted: set[str], seen: set[str]) -> Report:
    """What `attacker` learns beyond the `seen` cells that anyone recovers: figures, and units of the others."""
    if not any(isinstance(key, tuple) and own.get(key[:2]) for key in public.at):
        return Report(attacks=[f"partenaires : {attacker}"])  # nothing of its own is there
    builder = deepcopy(public)
    exposed: list[Finding] = []
    for key, cell in public.at.items():
        part = own.get(key[:2]) if isinstance(key, tuple) else None
        if not part:
            continue
        value = builder.low[cell]
        name = f"{builder.names[cell]}, sans {attacker}"
        if value is not None and value == builder.high[cell]:
            if part > value:
                message = f"livre plus que la cellule n'a : {builder.names[cell]}"
                raise RefusedInputError(attacker, "totaux_inegaux", message, "vérifier la livraison")
            if builder.count[cell] and 0 < value - part < builder.k[cell]:
                exposed.append(_exposed(name, builder.names[cell], attacker, value, part))
            continue
        others = builder.cell((key, attacker), name, builder.count[cell], builder.k[cell])
        builder.derivable[others] = True
        mine = builder.cell((key, attacker, "part"), f"part de {attacker}", builder.count[cell], builder.k[cell])
        builder.know(mine, part)
        builder.row(f"part de {attacker}", [cell], [mine, others])
    report = Report(attacks=[f"partenaires : {attacker}"])
    found = attack(builder.system(refuted), 5, attacker).findings if len(builder.rows) > len(public.rows) else []
    report.findings = exposed + [f for f in found if f.cell not in seen]
    return report


def _exposed(name: str, cell: str, attacker: str, value: Exact, part: Exact) -> Finding:
    terms = (Term(Fraction(1), cell, Fraction(value)), Term(Fraction(-1), f"part de {attacker}", Fraction(part)))
    left = Fraction(value - part)
    proof = Proof(terms, (), left, "=")
    return Finding(Kind.CONTRIBUTEUR, name, "diffusee", left, left, "soustraction", proof, attacker)
