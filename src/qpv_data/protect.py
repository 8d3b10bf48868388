"""Stage 6, protect: the only maker of what `publish` accepts.

Feed by feed: the **primary** rules (minimum number of distinct units on every side of a figure, share of the largest
contributor, everyone-or-no-one shares), then **complementary** suppression over all the indicators and zones of the
feed at once, so that what is hidden cannot be worked out from what is shown. One suppression symbol. `publish` attacks
the result before anyone reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.aggregate import atoms_path, cells_path
from qpv_data.clause.model import ClauseJeu, Indicateur, Secret
from qpv_data.clause.secrecy import dominance_of, rule_of
from qpv_data.coverage import ZoneTable, read_zone_table
from qpv_data.engine import engine, replacing, sql_path
from qpv_data.membership import atoms_on
from qpv_data.periods import parse_period
from qpv_data.resources import sql_dir
from qpv_data.secret.linked.ground import Zone
from qpv_data.secret.linked.judged import Indicator
from qpv_data.secret.linked.protection import Job, Row, jobs_of
from qpv_data.secret.linked.running import protect_jobs
from qpv_data.secret.rules import Rule
from qpv_data.zonages.faces import Face, faces
from qpv_data.zonages.loading import load_zones

_MAKER = object()
_NO_ZONES = ZoneTable((), {}, frozenset(), frozenset(), frozenset(), frozenset())
_ROW = pa.schema([(name, pa.string()) for name in ("zonage", "code_zone", "periode", "modalite")])
COMPLEMENTARY = "complementaire"


@dataclass(frozen=True)
class Protected:
    """Cells that may leave: no count of units, no hidden figure. Made by `protect` alone.

    `cellules`: indicator → Parquet of `zonage, code_zone, periode, modalite, statut_observation,
    statut_diffusion, valeur, numerateur, denominateur`, dense and sorted. `jugees`: the same rows with what the
    primary rules say of them and their true values; they stay inside.
    """

    cellules: Mapping[str, Path]
    jugees: Mapping[str, Path]
    protection: str
    maker: object

    def __post_init__(self) -> None:
        if self.maker is not _MAKER:
            raise TypeError("Protected is made by qpv_data.protect.protect, and by nothing else")


@dataclass(frozen=True)
class _Places:
    """Where the stage reads and writes, the compositions that each commune is in, and the faces of the map."""

    aggregated: Path
    protege: Path
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
    *, complementary: bool = True,
) -> Protected:  # fmt: skip
    """Protect every aggregated indicator whose Parquet is at `aggregated/<jeu>/<indicateur>.parquet`.

    An indicator that divides by another (`par`) is protected after it: its denominator is at most what is shown.
    An indicator without aggregated cells is left out: its feed has failed, and the release says so.
    Without `complementary`, the primary rules alone, to show what would leak: `publish` refuses it.
    Raises FeedError when a feed cannot be protected.
    """
    table = read_zone_table(zonages) if complementary else _NO_ZONES
    hiding = complementary and any(clause.secret.regime == "seuil" for clause, _ in indicateurs)
    map_ = frozenset(faces(load_zones(zonages), sorted(table.perimetres | {"commune"}))) if hiding else frozenset()
    places = _Places(aggregated, protege, travail, table, _composed(table), map_)
    feeds: dict[str, _Feed] = {}
    for clause, indicateur in indicateurs:
        if cells_path(aggregated / clause.id, indicateur.id).is_file():
            feeds.setdefault(clause.id, _Feed(clause)).take(indicateur)
    done: dict[str, Path] = {}
    for level in _levels(feeds):
        _protect_level(level, places, done, complementary)
    said = COMPLEMENTARY if complementary else "primaire"
    return Protected(done, {i: _judged(protege, i) for i in done}, said, _MAKER)


def _composed(table: ZoneTable) -> dict[str, list[Zone]]:
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
        with engine(places.travail) as con:
            for feed in waiting:
                for indicateur in sorted(feed.indicateurs, key=lambda i: (bool(i.par), i.id)):
                    _judge(con, feed.clause, indicateur, places, done)
                    if not complementary:
                        feed.hidden[indicateur.id] = _groups(con, places, indicateur)
                    done[indicateur.id] = _write(con, feed.clause, indicateur, places, feed.hidden[indicateur.id])
        if not complementary:
            return
        jobs = [job for feed in waiting if feed.clause.secret.regime == "seuil" for job in _jobs(feed, places)]
        answers = protect_jobs(jobs, places.travail)
        again = []
        for feed in waiting:
            mine = [answer for job, answer in zip(jobs, answers, strict=True) if job.jeu == feed.clause.id]
            if feed.hide(mine):
                _write_feed(feed, places, done)
                again += [feed] if feed.divides_itself else []
        waiting = again


def _jobs(feed: _Feed, places: _Places) -> list[Job]:
    asked = [_asked(feed.clause, i, places) for i in sorted(feed.indicateurs, key=lambda i: i.id)]
    return jobs_of(feed.clause.id, asked, places.composed, places.travail)


def _write_feed(feed: _Feed, places: _Places, done: dict[str, Path]) -> None:
    with engine(places.travail) as con:
        for indicateur in feed.indicateurs:
            done[indicateur.id] = _write(con, feed.clause, indicateur, places, feed.hidden[indicateur.id])


def _judged(protege: Path, indicateur: str) -> Path:
    return protege / "jugees" / f"{indicateur}.parquet"


def _judge(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, places: _Places, done: Mapping[str, Path]
) -> None:
    """Write what the primary rules say of each row, and its true values."""
    source = cells_path(places.aggregated / clause.id, indicateur.id)
    con.execute(f"CREATE OR REPLACE VIEW cellules AS SELECT * FROM read_parquet({sql_path(source)})")
    _rule(con, clause, indicateur)
    _denominators(con, [done[p] for p in indicateur.par if p in done])
    _copy(con, "primaire", _judged(places.protege, indicateur.id))


def _groups(con: duckdb.DuckDBPyConnection, places: _Places, indicateur: Indicateur) -> list[Row]:
    """The shares of everyone or of no one."""
    source = sql_path(_judged(places.protege, indicateur.id))
    query = f"SELECT zonage, code_zone, periode, modalite FROM read_parquet({source}) WHERE groupe AND"
    return con.execute(f"{query} observation = 'normale' AND diffusion = 'diffusee'").fetchall()


def _write(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, places: _Places, hidden: Sequence[Row]
) -> Path:
    """Write what may leave of an indicator, less the rows `hidden`."""
    source = _judged(places.protege, indicateur.id)
    con.execute(f"CREATE OR REPLACE VIEW jugees AS SELECT * FROM read_parquet({sql_path(source)})")
    _rule(con, clause, indicateur)
    columns = [pa.array([row[n] for row in hidden], pa.string()) for n in range(len(_ROW))]
    con.register("caches_arrow", pa.Table.from_arrays(columns, schema=_ROW))
    con.execute("CREATE OR REPLACE TABLE caches AS SELECT * FROM caches_arrow")
    return _copy(con, "sortie", places.protege / f"{indicateur.id}.parquet")


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> Path:
    text = (sql_dir() / "proteger" / f"{query}.sql").read_text("utf-8")
    with replacing(target) as part:
        con.execute(f"COPY ({text}) TO {sql_path(part)} (FORMAT parquet, COMPRESSION zstd)")
    return target


def _asked(clause: ClauseJeu, indicateur: Indicateur, places: _Places) -> Indicator:
    k = threshold(clause.secret, indicateur)
    assert k is not None, "un jeu protégé a un seuil"
    return Indicator(
        id=indicateur.id,
        nature=indicateur.nature,
        rule=Rule(k=k, dominance=dominance_of(clause.secret)),
        distinct=indicateur.distinct is not None,
        divided=bool(indicateur.par),
        judged=_judged(places.protege, indicateur.id),
        atoms=atoms_path(places.aggregated / clause.id, indicateur.id),
        faces=frozenset(atoms_on(clause, indicateur, places.table, places.faces)),
    )


def threshold(secret: Secret, indicateur: Indicateur) -> int | None:
    """The number of units under which a cell is hidden: the indicator may be stricter, never looser."""
    rule = rule_of(secret)
    return None if rule is None else max(rule.k, indicateur.seuil or 0)


def _rule(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur) -> None:
    factor = Fraction(str(indicateur.facteur if indicateur.facteur is not None else 1))
    row = {
        "nature": indicateur.nature,
        "distincts": indicateur.distinct is not None,
        "par": bool(indicateur.par),
        "effectif": clause.secret.effectif is not None,
        "a_modalites": indicateur.modalites is not None,
        "seuil": threshold(clause.secret, indicateur),
        "dominance": dominance_of(clause.secret),
        "facteur_numerateur": factor.numerator,
        "facteur_denominateur": factor.denominator,
        "echelle": 10**indicateur.decimales,
    }
    kinds = {
        "nature": pa.string(),
        "seuil": pa.int64(),
        "dominance": pa.float64(),
        "facteur_numerateur": pa.int64(),
        "facteur_denominateur": pa.int64(),
        "echelle": pa.int64(),
    }
    schema = pa.schema([(name, kinds.get(name, pa.bool_())) for name in row])
    con.register("regle_arrow", pa.Table.from_pylist([row], schema=schema))
    con.execute("CREATE OR REPLACE TABLE regle AS SELECT * FROM regle_arrow")


def _denominators(con: duckdb.DuckDBPyConnection, sources: Sequence[Path]) -> None:
    """Table `denominateurs`, with the period of the cells that it divides.

    A zoning takes the first of `sources` that has values there (each generation of quarters has a population of its
    own); where none has, the first says why.
    """
    con.execute(
        "CREATE OR REPLACE TABLE denominateurs (zonage VARCHAR, code_zone VARCHAR, periode VARCHAR,"
        " numerateur DECIMAL(38, 9), statut_observation VARCHAR, statut_diffusion VARCHAR)"
    )
    served: set[str] = set()
    for source in sources:
        _denominators_of(con, source, served)
    for source in sources[:1]:
        _denominators_of(con, source, served, valued=False)


def _denominators_of(con: duckdb.DuckDBPyConnection, source: Path, served: set[str], *, valued: bool = True) -> None:
    """Add one source's denominators, for the zonings that are not `served` yet: those where it has values, or all."""
    cells = f"SELECT * FROM read_parquet({sql_path(source)}) WHERE modalite = 'ensemble'"
    con.execute(f"CREATE OR REPLACE VIEW divise_par AS {cells}")
    available = [p for (p,) in con.execute("SELECT DISTINCT periode FROM divise_par ORDER BY 1").fetchall()]
    wanted = [p for (p,) in con.execute("SELECT DISTINCT periode FROM cellules ORDER BY 1").fetchall()]
    pairs = [{"periode": p, "denominateur": d} for p in wanted if (d := denominator_period(p, available))]
    schema = pa.schema([("periode", pa.string()), ("denominateur", pa.string())])
    con.register("paires_arrow", pa.Table.from_pylist(pairs, schema=schema))
    said = " WHERE statut_observation = 'normale'" if valued else ""
    new = [z for (z,) in con.execute(f"SELECT DISTINCT zonage FROM divise_par{said}").fetchall() if z not in served]
    served.update(new)
    con.execute(
        "INSERT INTO denominateurs SELECT d.zonage, d.code_zone, p.periode, d.numerateur, d.statut_observation,"
        " d.statut_diffusion FROM divise_par d JOIN paires_arrow p ON p.denominateur = d.periode"
        " WHERE list_contains(?, d.zonage)",
        [new],
    )


def denominator_period(periode: str, available: Sequence[str]) -> str | None:
    """The period that holds `periode`, the shortest; else the last one that ended before it; else none."""
    asked = parse_period(periode)
    known = [parse_period(p) for p in available]
    holding = [p for p in known if p.debut <= asked.debut and asked.fin <= p.fin]
    if holding:
        return str(min(holding, key=lambda p: p.fin - p.debut))
    before = [p for p in known if p.fin < asked.debut]
    return str(max(before, key=lambda p: (p.fin, p.debut))) if before else None
