"""Differences between vintages of one period: who came or went between them is a population too."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from qpv_data.attaque.feeds import Feed, build, described
from qpv_data.attaque.findings import Finding, Kind, Report
from qpv_data.attaque.measures import Measure, Place
from qpv_data.attaque.proofs import Proof, Term
from qpv_data.attaque.published import Exact, Release
from qpv_data.attaque.rank import determined
from qpv_data.attaque.vintages import Cell, Vintage


def attack_revisions(ledger: Sequence[Vintage], releases: Sequence[Release]) -> Report:
    """Every correction of fewer than k units that two vintages give away, published or derived."""
    report = Report(attacks=["différences entre publications"])
    states: dict[tuple[str, str], list[Vintage]] = {}
    for vintage in ledger:
        states.setdefault((vintage.jeu, vintage.period), []).append(vintage)
    known = {feed.jeu: feed for feed in described(ledger, releases)}
    for (jeu, _), successive in sorted(states.items()):
        for before, after in pairwise(successive):
            report.findings += _between(known[jeu], before, after, releases)
    return report


def _between(feed: Feed, before: Vintage, after: Vintage, releases: Sequence[Release]) -> list[Finding]:
    found: list[Finding] = []
    shared: dict[tuple[Measure, Place], tuple[Exact, Exact]] = {}
    changes = Vintage(after.jeu, after.period, 0, after.release, {}, after.sources)
    for key in before.cells.keys() | after.cells.keys():
        first, second = before.cells.get(key, Cell()).value, after.cells.get(key, Cell()).value
        gap = None if first is None or second is None else second - first
        changes.cells[key] = Cell(value=gap)
        if first is not None and second is not None:
            shared[key] = (first, second)
    names = [_name(releases, v.release) for v in (before, after)]
    for (measure, place), (first, second) in shared.items():
        kind, gap = feed.kinds[measure], Fraction(second - first)
        if kind.count and 0 < abs(gap) < kind.k:
            name = feed.name(measure, place)
            terms = (
                Term(Fraction(1), f"{name} ({names[1]})", Fraction(second)),
                Term(Fraction(-1), f"{name} ({names[0]})", Fraction(first)),
            )
            found.append(_finding(name, gap, "différence de deux publications", Proof(terms, (), gap, "=")))
    return found + _derived(feed, changes, releases)


def _derived(feed: Feed, changes: Vintage, releases: Sequence[Release]) -> list[Finding]:
    """Changes of hidden cells and of complements that the equations of the difference give exactly."""
    counts = [m for m in feed.kinds if feed.kinds[m].count]
    part = Feed(feed.jeu, [changes], feed.kinds, [])
    builder = build(part, counts, releases)
    builder.low = [
        low if low is not None and low == high else None for low, high in zip(builder.low, builder.high, strict=True)
    ]
    system = builder.system(builder.refuted())
    if not len(system.low):
        return []
    found = determined(system)
    cells = found.unknowns.cells[found.known]
    gaps = found.value[found.known]
    small = np.flatnonzero((gaps != 0) & (np.abs(gaps) < np.array(builder.k, np.int64)[cells] * system.scale))
    method = "équations de la différence de deux publications"
    return [
        _finding(system.name(int(cells[i])), Fraction(int(gaps[i]), system.scale), method, None) for i in small.tolist()
    ]


def _finding(name: str, gap: Fraction, method: str, proof: Proof | None) -> Finding:
    return Finding(Kind.REVISION, name, "diffusee" if proof else "derivable", gap, gap, method, proof)


def _name(releases: Sequence[Release], number: int) -> str:
    return releases[number].name if number < len(releases) else "connu"
