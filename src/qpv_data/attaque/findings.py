"""What an attack found, for people and for programs. Values are in it: it is for the publisher's eyes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np

from qpv_data.attaque.bounds import Analysis, analyse
from qpv_data.attaque.proofs import Proof, Prover, methods_said, number
from qpv_data.attaque.rank import twins
from qpv_data.attaque.system import INFINITE, System


class Kind(StrEnum):
    """Closed list of what is wrong. Readers see these words."""

    EXACTE = "exacte"
    SOUS_SEUIL = "sous_seuil"
    ETROITE = "etroite"
    CONTRIBUTEUR = "contributeur"
    REVISION = "revision"
    RECONSTITUEE = "reconstituee"


@dataclass(frozen=True)
class Finding:
    """One cell that the rule protects and that the attack gives away. Bounds in units; None without a bound.

    `statut`: `secret`, `derivable` (no row publishes it) or `diffusee` (published, and giving another away).
    """

    kind: Kind
    cell: str
    statut: str
    low: Fraction | None
    high: Fraction | None
    method: str
    proof: Proof | None = None
    attacker: str = "public"

    def line(self) -> str:
        """One line for a person."""
        who = "" if self.attacker == "public" else f" [{self.attacker}]"
        because = f" : {self.proof.text()}" if self.proof else f" ({self.method}) : {self._interval()}"
        return f"{self.kind.value}{who}  {self.cell}{because}"

    def lines(self, cells: int = 6) -> list[str]:
        """The line, then the published cells that give the value, one a line."""
        if self.proof is None:
            return [self.line()]
        named = [f"    {number(t.value)} : {t.cell}" for t in self.proof.terms[:cells]]
        more = len(self.proof.terms) - cells
        return [
            self.line(),
            *named,
            *([f"    et {more} autres" if more > 1 else "    et une autre"] if more > 0 else []),
        ]

    def _interval(self) -> str:
        if self.low is not None and self.low == self.high:
            return f"= {_short(self.low)}"
        return f"de {'?' if self.low is None else _short(self.low)} à {'?' if self.high is None else _short(self.high)}"

    def row(self) -> dict[str, Any]:
        """As JSON."""
        proof = None
        if self.proof:
            proof = {
                "texte": self.proof.text(),
                "cellules": [
                    {"coefficient": str(t.coefficient), "cellule": t.cell, "valeur": float(t.value)}
                    for t in self.proof.terms
                ],
                "bornees": [
                    {"coefficient": str(t.coefficient), "cellule": t.cell, "borne": float(t.value)}
                    for t in self.proof.bounded
                ],
            }
        return {
            "constat": self.kind.value,
            "cellule": self.cell,
            "statut": self.statut,
            "bas": None if self.low is None else float(self.low),
            "haut": None if self.high is None else float(self.high),
            "methode": self.method,
            "attaquant": self.attacker,
            "preuve": proof,
        }


def _short(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"


@dataclass
class Report:
    """Findings of every attack, and what was attacked.

    `notes`: what the attack did not use, or could not end. `to_review`: those of them that a person must look at,
    since figures contradict what documents say, or a finding may be missing.
    """

    findings: list[Finding] = field(default_factory=list)
    published: int = 0
    hidden: int = 0
    derivable: int = 0
    equations: int = 0
    attacks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    to_review: list[str] = field(default_factory=list)

    def note(self, said: str, review: bool) -> None:
        """Add a note, once."""
        for notes in (self.notes, self.to_review) if review else (self.notes,):
            if said not in notes:
                notes.append(said)

    def add(self, other: Report) -> None:
        """Join the report of another system."""
        self.findings += other.findings
        self.published += other.published
        self.hidden += other.hidden
        self.derivable += other.derivable
        self.equations += other.equations
        self.attacks += [a for a in other.attacks if a not in self.attacks]
        for said in other.notes:
            self.note(said, said in other.to_review)

    def counts(self) -> dict[str, int]:
        """Findings by kind, every kind named."""
        counted = Counter(f.kind for f in self.findings)
        return {kind.value: counted[kind] for kind in Kind}

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "cellules_publiees": self.published,
            "cellules_secretes": self.hidden,
            "cellules_derivables": self.derivable,
            "equations": self.equations,
            "attaques": self.attacks,
            "reserves": self.notes,
            "a_revoir": self.to_review,
            "resume": self.counts(),
            "constats": [f.row() for f in self.findings],
        }


def attack(system: System, proofs: int, attacker: str = "public", singletons: Sequence[int] = ()) -> Report:
    """Attack one system. `proofs`: how many findings carry theirs. `singletons`: cells of one known contributor."""
    analysis = analyse(system)
    prover = Prover(analysis)
    report = Report(
        published=int((system.known & ~system.hidden).sum()),
        hidden=int(system.hidden.sum()),
        derivable=int((system.derivable & ~system.hidden).sum()),
        equations=system.equations.shape[0],
        attacks=["rang", "bornes", "programmes linéaires", "nombres entiers", "politique des zéros"],
    )
    for rank, cell in enumerate(_worst_first(analysis)):
        proof = prover.proof(cell) if rank < proofs else None
        report.findings.append(_finding(analysis, cell, proof, attacker))
    report.findings += _contributors(analysis, singletons, attacker)
    if analysis.abandoned:
        report.note(f"{analysis.abandoned} programme(s) abandonné(s) : un constat peut manquer", review=True)
    return report


def _worst_first(analysis: Analysis) -> list[int]:
    cells = np.flatnonzero(analysis.broken)
    width = analysis.high[cells] - analysis.low[cells]
    order = np.lexsort((cells, analysis.high[cells], analysis.method[cells], width > 0))
    return [int(c) for c in cells[order]]


def _finding(analysis: Analysis, cell: int, proof: Proof | None, attacker: str) -> Finding:
    system = analysis.system
    low, high = int(analysis.low[cell]), int(analysis.high[cell])
    kind = Kind.SOUS_SEUIL if high < system.threshold[cell] else Kind.ETROITE
    kind = Kind.EXACTE if low == high else kind
    said = methods_said(int(analysis.method[cell])) if analysis.method[cell] >= 0 else "valeurs publiées"
    if analysis.unproven[cell]:
        said += ", borne numérique"
    return Finding(
        kind,
        system.name(cell),
        "secret" if system.hidden[cell] else "derivable",
        None if low <= -INFINITE else Fraction(low, system.scale),
        None if high >= INFINITE else Fraction(high, system.scale),
        said,
        proof,
        attacker,
    )


def _contributors(analysis: Analysis, singletons: Sequence[int], attacker: str) -> list[Finding]:
    """A lone contributor knows its own cell: what that gives of the others."""
    found, system = analysis.determined, analysis.system
    place = {int(c): j for j, c in enumerate(found.unknowns.cells)}
    done: dict[int, Finding] = {}
    for cell in singletons:
        if cell not in place:
            continue
        for j in twins(found, place[cell]).tolist():
            other = int(found.unknowns.cells[j])
            if system.hidden[other] and not analysis.broken[other] and other not in done:
                method = f"le seul contributeur de {system.name(cell)} connaît sa valeur"
                done[other] = Finding(
                    Kind.CONTRIBUTEUR, system.name(other), "secret", None, None, method, None, attacker
                )
    return list(done.values())
