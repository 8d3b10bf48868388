"""What a run would make again, and why: the graph of its steps, without asking anyone and without writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, ClauseJeu, LocalisationAdresse
from qpv_data.feeds import AGREGER, LOCALISER, aggregating, located_path, locating
from qpv_data.land import last_delivery
from qpv_data.periods import Period
from qpv_data.pipeline import deliveries, prepare
from qpv_data.reception import version_of
from qpv_data.recipes import NEVER, reasons
from qpv_data.records_kept import CONFORMER, changes_of, records_path
from qpv_data.runs import Configuration, Expected

Etat = Literal["a_jour", "a_refaire", "si_amont_change", "absente"]
ZONAGES, PUBLIER = "zonages", "publier"


@dataclass(frozen=True)
class Step:
    """One step of a run. `amont`: the `nom` of the steps whose output it reads.

    `a_jour`: what it made is there, and nothing that it reads has changed. `a_refaire`: `raisons` says why.
    `si_amont_change`: something before it is to be made again, and it is only if that gives another content.
    `absente`: nothing was received.
    """

    nom: str
    etape: str
    jeu: str
    livraison: str
    etat: Etat
    raisons: tuple[str, ...]
    amont: tuple[str, ...]


def plan(cfg: Configuration) -> list[Step]:
    """The steps of the run that this configuration asks for, each after those that it reads.

    New deliveries are not known before they are asked for: what the folder holds is what is told. Raises
    InvalidDeclarationError or RunError, as a run does.
    """
    clauses, period, cfg = prepare(cfg)
    steps: dict[str, Step] = {}
    for clause, expected in deliveries(clauses, period):
        _add(steps, _conforming(cfg, clauses, clause, expected))
    referentials = [s.nom for s in steps.values() if any(s.jeu == z.id for z in clauses.zonages)]
    _add(steps, _composing(cfg, steps, referentials))
    for feed in clauses.jeux:
        for step in _placing(cfg, clauses, feed, period, steps):
            _add(steps, step)
    last = tuple(s.nom for s in steps.values() if s.etape == AGREGER)
    moved = any(steps[n].etat != "a_jour" for n in last)
    _add(steps, Step(PUBLIER, PUBLIER, "", str(period), "si_amont_change" if moved else "a_jour", (), last))
    return list(steps.values())


def _add(steps: dict[str, Step], step: Step) -> None:
    steps[step.nom] = step


def _conforming(cfg: Configuration, clauses: ClauseSet, clause: Clause, expected: Expected) -> Step:
    delivery = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
    name = f"{CONFORMER} {clause.id} {expected.nom}"
    records = records_path(cfg, clause.id, expected.nom)
    if delivery is None:
        state: Etat = "a_jour" if records.is_file() else "absente"
        return Step(name, CONFORMER, clause.id, expected.nom, state, (), ())
    bound = version_of(clauses.versions(clause.id), delivery.clause_version) or clause
    why = changes_of(cfg, records, bound, delivery)
    return Step(name, CONFORMER, clause.id, expected.nom, "a_refaire" if why else "a_jour", why, ())


def _composing(cfg: Configuration, steps: dict[str, Step], before: Sequence[str]) -> Step:
    """Zonings are composed by each run: cheap, and what follows reads their content."""
    there = (cfg.folder("zonages") / "zones.parquet").is_file()
    moved = any(steps[n].etat == "a_refaire" for n in before)
    state: Etat = "a_refaire" if not there else "si_amont_change" if moved else "a_jour"
    return Step(ZONAGES, ZONAGES, "", "", state, () if there else (NEVER,), tuple(before))


def _placing(
    cfg: Configuration, clauses: ClauseSet, feed: ClauseJeu, period: Period, steps: dict[str, Step]
) -> Iterator[Step]:
    located: dict[str, Path] = {}
    names = []
    for clause, expected in deliveries(clauses, period):
        before = f"{CONFORMER} {feed.id} {expected.nom}"
        if clause.id != feed.id or steps[before].etat == "absente":
            continue
        delivery = last_delivery(cfg.folder("raw"), feed.id, expected.periode)
        bound = version_of(clauses.versions(feed.id), delivery.clause_version if delivery else None)
        own = bound if isinstance(bound, ClauseJeu) else feed
        records = records_path(cfg, feed.id, expected.nom)
        if isinstance(own.localisation, LocalisationAdresse):
            records = records.with_suffix(".adresses.parquet")
        why = reasons(cfg, locating(cfg, own, records, expected.nom))
        located[expected.nom] = located_path(cfg, feed.id, expected.nom)
        names.append(f"{LOCALISER} {feed.id} {expected.nom}")
        yield _step(names[-1], LOCALISER, feed.id, expected.nom, why, (before, ZONAGES), steps)
    why = reasons(cfg, aggregating(cfg, clauses, feed, located)[0])
    yield _step(f"{AGREGER} {feed.id}", AGREGER, feed.id, "", why, (*names, ZONAGES), steps)


def _step(
    name: str, stage: str, jeu: str, nom: str, why: tuple[str, ...], before: tuple[str, ...], steps: dict[str, Step]
) -> Step:
    moved = any(steps[n].etat in ("a_refaire", "si_amont_change") for n in before)
    state: Etat = "a_refaire" if why else "si_amont_change" if moved else "a_jour"
    return Step(name, stage, jeu, nom, state, why, before)


def dot(steps: Sequence[Step]) -> str:
    """The graph in the language of Graphviz; what is to be made again is drawn thick."""
    lines = ["digraph plan {", " rankdir=LR; node [shape=box, fontname=sans];"]
    for step in steps:
        thick = ", penwidth=3" if step.etat == "a_refaire" else ", style=dashed" if step.etat != "a_jour" else ""
        lines.append(f' "{step.nom}" [label="{step.nom}\\n{" ".join((step.etat, *step.raisons))}"{thick}];')
        lines += [f' "{before}" -> "{step.nom}";' for before in step.amont]
    return "\n".join([*lines, "}"]) + "\n"


def plain(step: Step) -> dict[str, Any]:
    """For JSON."""
    return {**step.__dict__, "raisons": list(step.raisons), "amont": list(step.amont)}
