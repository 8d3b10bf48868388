"""The ledger: several releases say the same figures, or revise them; a revision is a table of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qpv_data.attaque.measures import Fact, Measure, Place
from qpv_data.attaque.published import Exact


@dataclass
class Cell:
    """What all releases of one vintage say of one figure. `sources`: the releases that publish it."""

    value: Exact | None = None
    hidden: bool = False
    own: bool = False
    surely: bool = False
    source: int = -1
    hidden_in: int = -1
    published_by: str = ""
    hidden_by: str = ""
    bounds: tuple[Exact, Exact] | None = None
    reason: str = ""


Table = dict[tuple[Measure, Place], Cell]


@dataclass(frozen=True)
class Vintage:
    """One state of the figures of a feed at one period, and the release that brought it. `sources`: those that say it,
    repetitions apart."""

    jeu: str
    period: str
    number: int
    release: int
    cells: Table
    sources: list[int] = field(default_factory=list)


def vintages(facts: Sequence[Fact]) -> list[Vintage]:
    """Group figures by feed and period; a release that changes a published figure opens a new vintage."""
    groups: dict[tuple[str, str], dict[int, list[Fact]]] = {}
    for fact in facts:
        groups.setdefault((fact.measure.jeu, fact.place.period), {}).setdefault(fact.release, []).append(fact)
    found: list[Vintage] = []
    for (jeu, period), by_release in sorted(groups.items()):
        current: Vintage | None = None
        for release, figures in sorted(by_release.items()):
            if current is None or _revises(current.cells, figures):
                number = 0 if current is None else current.number + 1
                current = Vintage(jeu, period, number, release, {})
                found.append(current)
            current.sources.append(release)
            for fact in figures:
                _add(current.cells, fact)
    return found


def _revises(cells: Table, figures: Sequence[Fact]) -> bool:
    for fact in figures:
        before = cells.get((fact.measure, fact.place))
        if before is not None and before.value is not None and fact.value is not None and before.value != fact.value:
            return True
    return False


def _add(cells: Table, fact: Fact) -> None:
    cell = cells.setdefault((fact.measure, fact.place), Cell())
    if fact.value is not None and cell.value is None:
        cell.value, cell.source, cell.published_by = fact.value, fact.release, fact.indicator
    if fact.bounds is not None:
        cell.bounds, cell.reason = fact.bounds, fact.reason
    if fact.hidden:
        cell.hidden = True
        if max(fact.until, fact.release) >= cell.hidden_in:
            cell.hidden_in, cell.hidden_by = max(fact.until, fact.release), fact.indicator
        cell.own |= fact.own
        cell.surely |= fact.surely
