"""Stage 6, protect: the only maker of what `publish` accepts.

Feed by feed: the **primary** rules (minimum number of distinct units on every side of a figure, share of the largest
contributor, everyone-or-no-one shares), then **complementary** suppression over all the indicators and zones of the
feed at once, so that what is hidden cannot be worked out from what is shown. One suppression symbol. `publish` attacks
the result before anyone reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qpv_data import history
from qpv_data.aggregate import atoms_path, cells_path
from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.clause.secrecy import dominance_of, other_units, threshold_of
from qpv_data.coverage import ZoneTable, read_zone_table
from qpv_data.engine import engine
from qpv_data.judging import Desk, changes, groups, judge, strictest, threshold, write
from qpv_data.membership import atoms_on
from qpv_data.other_units import units_path
from qpv_data.secret.linked.ground import Zone
from qpv_data.secret.linked.judged import Indicator, OtherUnit
from qpv_data.secret.linked.protection import Job, Row, jobs_of
from qpv_data.secret.linked.running import protect_jobs
from qpv_data.secret.rules import Rule
from qpv_data.zonages.faces import Face, faces
from qpv_data.zonages.loading import load_zones

_MAKER = object()
_NO_ZONES = ZoneTable((), {}, frozenset(), frozenset(), frozenset(), frozenset())
COMPLEMENTARY = "complementaire"


@dataclass(frozen=True)
class Protected:
    """Cells that may leave: no count of units, no hidden figure. Made by `protect` alone.

    `cellules`: indicator → Parquet of `zonage, code_zone, periode, modalite, statut_observation,
    statut_diffusion, valeur, numerateur, denominateur`, dense and sorted. `jugees`: the same rows with what the
    primary rules say of them and their true values; they stay inside. `en_attente`: feed → the periods of which
    a correction waits.
    """

    cellules: Mapping[str, Path]
    jugees: Mapping[str, Path]
    en_attente: Mapping[str, frozenset[str]]
    protection: str
    maker: object

    def __post_init__(self) -> None:
        if self.maker is not _MAKER:
            raise TypeError("Protected is made by qpv_data.protect.protect, and by nothing else")


@dataclass(frozen=True)
class _Places:
    """Where the stage reads and writes, the compositions that each commune is in, and the faces of the map."""

    desk: Desk
    travail: Path
    table: ZoneTable
    composed: Mapping[str, Sequence[Zone]]
    faces: frozenset[Face]


@dataclass
class _Feed:
    """A feed while it is protected: what is hidden of each of its indicators so far."""

    clause: ClauseJeu
    indicateurs: list[Indicateur] = field(default_factory=list)
    hidden: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def protected(self) -> bool:
        return self.clause.secret.regime == "seuil"

    @property
    def divides_itself(self) -> bool:
        own = {i.id for i in self.indicateurs}
        return any(set(i.par) & own for i in self.indicateurs)

    def take(self, indicateur: Indicateur) -> None:
        self.indicateurs.append(indicateur)
        self.hidden[indicateur.id] = []

    def hide(self, answers: Sequence[Mapping[str, Sequence[Row]]]) -> bool:
        """Whether the rows of `answers` are more than what was hidden."""
        wider = {i: sorted({*rows, *(r for a in answers for r in a.get(i, ()))}) for i, rows in self.hidden.items()}
        grown = wider != self.hidden
        self.hidden = wider
        return grown


def protect(
    indicateurs: Sequence[tuple[ClauseJeu, Indicateur]], aggregated: Path, zonages: Path, protege: Path, travail: Path,
    *, ledger: Sequence[Path] = (), deferred: Mapping[str, Collection[str]] | None = None, complementary: bool = True,
) -> Protected:  # fmt: skip
    """Protect every aggregated indicator whose Parquet is at `aggregated/<jeu>/<indicateur>.parquet`.

    An indicator that divides by another (`par`) is protected after it: its denominator is at most what is shown.
    An indicator without aggregated cells is left out: its feed has failed, and the release says so.
    `ledger`: earlier releases, oldest first: what they published stays, and new rows hide around it. A correction of
    fewer units than the threshold waits: the last release's rows of its feed and period stand, as do those of
    `deferred` (feed → periods).
    Without `complementary`, the primary rules alone, to show what would leak: `publish` refuses it.
    Raises FeedError when a feed cannot be protected.
    """
    table = read_zone_table(zonages) if complementary else _NO_ZONES
    hiding = complementary and any(clause.secret.regime == "seuil" for clause, _ in indicateurs)
    map_ = frozenset(faces(load_zones(zonages), sorted(table.perimetres | {"commune"}))) if hiding else frozenset()
    desk = Desk(aggregated, protege, ledger, {jeu: set(periods) for jeu, periods in (deferred or {}).items()})
    places = _Places(desk, travail, table, composed(table), map_)
    feeds: dict[str, _Feed] = {}
    for clause, indicateur in indicateurs:
        if cells_path(aggregated / clause.id, indicateur.id).is_file():
            feeds.setdefault(clause.id, _Feed(clause)).take(indicateur)
    done: dict[str, Path] = {}
    for level in _levels(feeds):
        _protect_level(level, places, done, complementary)
    said = COMPLEMENTARY if complementary else "primaire"
    waiting = {jeu: frozenset(periods) for jeu, periods in desk.deferred.items() if periods}
    return Protected(done, {i: desk.judged(i) for i in done}, waiting, said, _MAKER)


def composed(table: ZoneTable) -> dict[str, list[Zone]]:
    """Commune → the zones made of whole communes that hold it."""
    found: dict[str, list[Zone]] = {}
    for zone, communes in sorted(table.membres.items()):
        for commune in sorted(communes) if zone[0] in table.compositions else ():
            found.setdefault(commune, []).append(zone)
    return found


def _levels(feeds: Mapping[str, _Feed]) -> list[list[_Feed]]:
    """Feeds, each in a level after those that its indicators divide by."""
    home = {i.id: jeu for jeu, feed in feeds.items() for i in feed.indicateurs}
    depth: dict[str, int] = {}

    def visit(jeu: str) -> int:
        if jeu not in depth:
            depth[jeu] = 0  # feeds that divide each other: the first one asked for is first
            divisors = {home[p] for i in feeds[jeu].indicateurs for p in i.par if p in home} - {jeu}
            depth[jeu] = max((1 + visit(d) for d in sorted(divisors)), default=0)
        return depth[jeu]

    for jeu in sorted(feeds):
        visit(jeu)
    return [[feeds[j] for j in sorted(feeds) if depth[j] == n] for n in range(max(depth.values(), default=-1) + 1)]


def _protect_level(level: Sequence[_Feed], places: _Places, done: dict[str, Path], complementary: bool) -> None:
    """Write every indicator of some feeds. Hidden rows only grow: once more for a feed of which a divisor lost some."""
    waiting = list(level)
    while waiting:
        for feed in waiting:
            _judge_feed(feed, places, done, complementary)
        if not complementary:
            return
        jobs = [job for feed in waiting if feed.protected for job in _jobs(feed, places)]
        answers = protect_jobs(jobs, places.travail)
        again = []
        for feed in waiting:
            mine = [answer for job, answer in zip(jobs, answers, strict=True) if job.jeu == feed.clause.id]
            grown = feed.hide(mine)
            if feed.protected and (grown or not feed.divides_itself):
                _write_feed(feed, places, done)
            again += [feed] if grown and feed.divides_itself else []
        waiting = again


def _judge_feed(feed: _Feed, places: _Places, done: dict[str, Path], complementary: bool) -> None:
    """The primary rules; again, free of what was published, for the periods that have been revised since.

    A period of which a published figure changes by fewer units than the threshold waits: the last release stands.
    """
    ordered = sorted(feed.indicateurs, key=lambda i: (bool(i.par), i.id))
    waiting = places.desk.deferred.setdefault(feed.clause.id, set())
    with engine(places.travail) as con:
        history.register(con, places.desk.ledger if feed.protected else (), [i.id for i in ordered])
        revised: list[str] = []
        while True:
            for indicateur in ordered:
                judge(con, feed.clause, indicateur, places.desk, done, revised)
                if not complementary:
                    feed.hidden[indicateur.id] = groups(con, indicateur, places.desk)
                if feed.divides_itself or not (feed.protected and complementary):  # else written once it is protected
                    hidden = feed.hidden[indicateur.id]
                    done[indicateur.id] = write(con, feed.clause, indicateur, places.desk, hidden)
            found = [(i, period, least) for i in ordered for period, least in changes(con, i, places.desk).items()]
            if revised or not found:
                return
            revised = sorted({period for _, period, _ in found})
            waiting |= {p for i, p, least in found if least < strictest(feed.clause.secret, i)}


def _jobs(feed: _Feed, places: _Places) -> list[Job]:
    ordered = sorted(feed.indicateurs, key=lambda i: i.id)
    asked = [indicator_of(feed.clause, i, places.desk, places.table, places.faces) for i in ordered]
    jobs = jobs_of(feed.clause.id, asked, places.composed, places.travail)
    return [job for job in jobs if job.period.name not in places.desk.deferred[feed.clause.id]]


def _write_feed(feed: _Feed, places: _Places, done: dict[str, Path]) -> None:
    with engine(places.travail) as con:
        history.register(con, places.desk.ledger if feed.protected else (), feed.hidden)
        for indicateur in feed.indicateurs:
            done[indicateur.id] = write(con, feed.clause, indicateur, places.desk, feed.hidden[indicateur.id])


def indicator_of(
    clause: ClauseJeu, indicateur: Indicateur, desk: Desk, table: ZoneTable, ground: frozenset[Face]
) -> Indicator:
    """An indicator as complementary suppression reads it; its rows are judged. `ground`: the faces of the map."""
    k = threshold(clause.secret, indicateur)
    assert k is not None, "un jeu protégé a un seuil"
    return Indicator(
        id=indicateur.id,
        nature=indicateur.nature,
        rule=Rule(k=k, dominance=dominance_of(clause.secret)),
        distinct=indicateur.distinct is not None,
        divided=bool(indicateur.par),
        judged=desk.judged(indicateur.id),
        atoms=atoms_path(desk.aggregated / clause.id, indicateur.id),
        faces=frozenset(atoms_on(clause, indicateur, table, ground)),
        said=_said(indicateur),
        others=_others(clause, indicateur, desk),
    )


def _others(clause: ClauseJeu, indicateur: Indicateur, desk: Desk) -> tuple[OtherUnit, ...]:
    judged, counted = desk.judged_units(indicateur.id), units_path(desk.aggregated / clause.id, indicateur.id)
    told = [(str(s.unite), threshold_of(s, indicateur)) for s in other_units(clause.secret)]
    return tuple(OtherUnit(name, k, judged, counted) for name, k in told)


def _said(indicateur: Indicateur) -> tuple[str, str, str]:
    top = indicateur.distinct or indicateur.numerateur or "1"
    sides = (top, indicateur.denominateur or "1")
    first, second = (f"{indicateur.filtre or ''}\x1e{' '.join(side.split())}" for side in sides)
    return first, second, indicateur.modalites.expression if indicateur.modalites else ""
