"""Rows of `valeurs` as DuckDB makes them: what the primary rules say of each, then what may leave of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data import history
from qpv_data.aggregate import cells_path
from qpv_data.clause.model import ClauseJeu, Indicateur, Secret
from qpv_data.clause.secrecy import dominance_of, other_units, rule_of, threshold_of
from qpv_data.engine import replacing, sql_path
from qpv_data.other_units import judge_units, units_path
from qpv_data.periods import parse_period
from qpv_data.resources import sql_dir
from qpv_data.secret.linked.protection import Row

_ROW = pa.schema([(name, pa.string()) for name in ("zonage", "code_zone", "periode", "modalite")])
_PERIODS = pa.schema([("periode", pa.string())])


@dataclass(frozen=True)
class Desk:
    """Where rows are judged. `ledger`: earlier releases, oldest first. `deferred`: feed → its periods whose correction
    waits: the last release's rows stand."""

    aggregated: Path
    protege: Path
    ledger: Sequence[Path] = ()
    deferred: dict[str, set[str]] = field(default_factory=dict)

    def judged(self, indicateur: str) -> Path:
        """Where the judged rows of an indicator are."""
        return self.protege / "jugees" / f"{indicateur}.parquet"

    def judged_units(self, indicateur: str) -> Path:
        """Where its other units are, by row; there is no such file for a clause of one unit."""
        return units_path(self.protege / "jugees", indicateur)


def judge(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, desk: Desk, done: Mapping[str, Path],
    revised: Sequence[str],
) -> None:  # fmt: skip
    """Write what the primary rules say of each row, and its true values. From table `histoire`.

    `done`: what leaves of the indicators that it divides by. `revised`: periods whose published figures have changed:
    nothing of them is held to what was published.
    """
    source = cells_path(desk.aggregated / clause.id, indicateur.id)
    con.execute(f"CREATE OR REPLACE VIEW cellules AS SELECT * FROM read_parquet({sql_path(source)})")
    _rule(con, clause, indicateur)
    _denominators(con, [done[p] for p in indicateur.par if p in done])
    con.execute("CREATE OR REPLACE TABLE parues AS SELECT * FROM histoire WHERE indicateur = ?", [indicateur.id])
    con.register("revisees_arrow", pa.table({"periode": pa.array(revised, pa.string())}, schema=_PERIODS))
    con.execute("CREATE OR REPLACE TABLE revisees AS SELECT * FROM revisees_arrow")
    counted = units_path(desk.aggregated / clause.id, indicateur.id)
    judge_units(con, clause, indicateur, counted, desk.judged_units(indicateur.id))
    _copy(con, "primaire", desk.judged(indicateur.id))


def changes(con: duckdb.DuckDBPyConnection, indicateur: Indicateur, desk: Desk) -> dict[str, int]:
    """Period → the smallest change, 0 apart, between what was published of an indicator and what it is now, in whole
    units, for the periods that have one. From table `histoire`."""
    own = f"h.indicateur = '{indicateur.id}'"
    sides = ["numerateur"] if indicateur.par else ["numerateur", "denominateur"]
    selects = [
        f"SELECT j.periode, abs(CAST(j.{side} AS DOUBLE) - h.{side}) AS ecart"
        f" FROM read_parquet({sql_path(desk.judged(indicateur.id))}) j"
        f" JOIN histoire h USING (zonage, code_zone, periode, modalite) WHERE {own}"
        for side in sides
    ]
    found = con.execute(
        f"SELECT periode, CAST(ceil(min(ecart)) AS BIGINT) FROM ({' UNION ALL '.join(selects)})"
        " WHERE ecart > 1e-9 GROUP BY periode ORDER BY periode"
    ).fetchall()
    return {str(period): int(least) for period, least in found}


def groups(con: duckdb.DuckDBPyConnection, indicateur: Indicateur, desk: Desk) -> list[Row]:
    """The shares of everyone or of no one."""
    source = sql_path(desk.judged(indicateur.id))
    query = f"SELECT zonage, code_zone, periode, modalite FROM read_parquet({source}) WHERE groupe AND"
    return con.execute(f"{query} observation = 'normale' AND diffusion = 'diffusee'").fetchall()


def write(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, desk: Desk, hidden: Sequence[Row]
) -> Path:
    """Write what may leave of an indicator, less the rows `hidden`. From view `paru`."""
    con.execute(f"CREATE OR REPLACE VIEW jugees AS SELECT * FROM read_parquet({sql_path(desk.judged(indicateur.id))})")
    _rule(con, clause, indicateur)
    columns = [pa.array([row[n] for row in hidden], pa.string()) for n in range(len(_ROW))]
    con.register("caches_arrow", pa.Table.from_arrays(columns, schema=_ROW))
    con.execute("CREATE OR REPLACE TABLE caches AS SELECT * FROM caches_arrow")
    history.carry_over(con, indicateur.id, desk.deferred.get(clause.id, ()))
    return _copy(con, "sortie", desk.protege / f"{indicateur.id}.parquet")


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> Path:
    text = (sql_dir() / "proteger" / f"{query}.sql").read_text("utf-8")
    with replacing(target) as part:
        con.execute(f"COPY ({text}) TO {sql_path(part)} (FORMAT parquet, COMPRESSION zstd)")
    return target


def threshold(secret: Secret, indicateur: Indicateur) -> int | None:
    """The number of units under which a cell is hidden: the indicator may be stricter, never looser."""
    return None if rule_of(secret) is None else threshold_of(secret, indicateur)


def strictest(secret: Secret, indicateur: Indicateur) -> int:
    """The largest threshold among all the units of a clause: what a correction must reach. 0 without a rule."""
    others = [threshold_of(other, indicateur) for other in other_units(secret)]
    return max([threshold(secret, indicateur) or 0, *others])


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
