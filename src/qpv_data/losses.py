"""What secrecy costs readers, by feed, and what other choices would cost: for whoever decides, never for readers.

Telling what is hidden for itself from what is hidden for the rest would tell readers which cells are small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.coverage import read_zone_table
from qpv_data.judging import Desk
from qpv_data.protect import composed, indicator_of, protect
from qpv_data.secret.cells import Bools
from qpv_data.secret.linked.protection import Job, Row, jobs_of
from qpv_data.secret.linked.running import protect_jobs
from qpv_data.zonages.faces import faces
from qpv_data.zonages.loading import load_zones

AS_IS, WHOLE = "tel quel", "sans les modalités"


@dataclass(frozen=True)
class Loss:
    """Rows of a feed under one choice. `reperes`: rows of the whole at neighbourhoods, which readers look at first.

    `part_valeur`: share of what neighbourhoods add up to that is in hidden rows of the whole.
    """

    jeu: str
    choix: str
    lignes: int
    primaires: int
    complementaires: int
    reperes: int
    reperes_caches: int
    part_valeur: float

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.__dict__, "part_cachee": round(self.part_cachee, 4)}

    @property
    def part_cachee(self) -> float:
        return (self.primaires + self.complementaires) / self.lignes if self.lignes else 0.0


def losses(
    indicateurs: Sequence[tuple[ClauseJeu, Indicateur]], aggregated: Path, zonages: Path, travail: Path,
    alternatives: bool,
) -> Iterator[Loss]:  # fmt: skip
    """The loss of each protected feed as it is published and, with `alternatives`, less its breakdowns or one zoning.

    From the aggregates of the last run; earlier releases are not considered.
    """
    table = read_zone_table(zonages)
    quarters = {str(z["zonage"]) for z in table.zones if z["famille"] == "qpv"}
    protege = travail / "pertes"
    protect(indicateurs, aggregated, zonages, protege, travail, complementary=False)
    desk, whole = Desk(aggregated, protege), composed(table)
    ground = frozenset(faces(load_zones(zonages), sorted(table.perimetres | {"commune"})))
    feeds: dict[str, tuple[ClauseJeu, list[Indicateur]]] = {}
    for clause, indicateur in indicateurs:
        if clause.secret.regime == "seuil" and desk.judged(indicateur.id).is_file():
            feeds.setdefault(clause.id, (clause, []))[1].append(indicateur)
    for jeu, (clause, own) in sorted(feeds.items()):
        asked = [indicator_of(clause, i, desk, table, ground) for i in own]
        choices = [(AS_IS, frozenset[str](), True)]
        if alternatives:
            if any(i.modalites for i in own):
                choices.append((WHOLE, frozenset(), False))
            choices += [(f"sans {z}", frozenset({z}), True) for z in sorted(table.perimetres - {"commune"})]
        for name, without, breakdowns in choices:
            yield _loss(jeu, name, jobs_of(jeu, asked, whole, travail, without, breakdowns), quarters, travail)


def _loss(jeu: str, choice: str, jobs: Sequence[Job], quarters: set[str], work: Path) -> Loss:
    before = [[rows.hidden.copy() for rows in job.period.rows] for job in jobs]
    answers = protect_jobs(jobs, work)
    figures = np.zeros(5, dtype=np.int64)
    value = np.zeros(2)
    for job, own, answer in zip(jobs, before, answers, strict=True):
        at = np.array([zoning in quarters for zoning, _ in job.ground.zones], np.bool_)
        for rows, primary in zip(job.period.rows, own, strict=True):
            hidden = _hidden(job, answer.get(rows.indicator.id, ()), rows.modality)
            headline = rows.exists & at & (rows.modality == "ensemble")
            figures += [
                rows.exists.sum(), (hidden & primary).sum(), (hidden & ~primary).sum(), headline.sum(),
                (headline & hidden).sum(),
            ]  # fmt: skip
            if rows.measures and rows.modality == "ensemble":
                brought = np.abs(job.period.measures[rows.measures[0]].value[: len(at)]).astype(float)
                total = brought[headline].sum()
                value += [brought[headline & hidden].sum() / total if total else 0.0, 1 if total else 0]
    lines, primary_rows, other_rows, headlines, lost = (int(n) for n in figures)
    share = float(value[0] / value[1]) if value[1] else 0.0
    return Loss(jeu, choice, lines, primary_rows, other_rows, headlines, lost, round(share, 4))


def _hidden(job: Job, rows: Sequence[Row], modality: str) -> Bools:
    """Zones that an answer hides."""
    codes = {(zoning, code) for zoning, code, _, m in rows if m == modality}
    return np.array([zone in codes for zone in job.ground.zones], np.bool_)
