"""Stage 6, protect: the only maker of what `publish` accepts.

This version applies the **primary** rules: minimum number of distinct units on every side of a figure, share of
the largest contributor, everyone-or-no-one shares, one suppression symbol. Complementary suppression and the
independent attack are not here yet: a release says so (`protection: primaire`), and a hidden figure may still be
found by subtracting published ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.clause.model import ClauseJeu, Indicateur, Secret
from qpv_data.clause.secrecy import dominance_of, rule_of
from qpv_data.engine import engine, replacing, sql_path
from qpv_data.periods import parse_period
from qpv_data.resources import sql_dir

_MAKER = object()


@dataclass(frozen=True)
class Protected:
    """Cells that may leave: no count of units, no hidden figure. Made by `protect` alone.

    `cellules`: indicator → Parquet of `zonage, code_zone, periode, modalite, statut_observation,
    statut_diffusion, valeur, numerateur, denominateur`, dense and sorted.
    """

    cellules: Mapping[str, Path]
    protection: str
    maker: object

    def __post_init__(self) -> None:
        if self.maker is not _MAKER:
            raise TypeError("Protected is made by qpv_data.protect.protect, and by nothing else")


def protect(
    indicateurs: Sequence[tuple[ClauseJeu, Indicateur]], aggregated: Path, protege: Path, travail: Path
) -> Protected:
    """Apply the rules to every aggregated indicator whose Parquet is at `aggregated/<jeu>/<indicateur>.parquet`.

    An indicator that divides by another (`par`) is protected after it: its denominator is at most what is shown.
    An indicator without aggregated cells is left out: its feed has failed, and the release says so.
    """
    done: dict[str, Path] = {}
    waiting = [(c, i) for c, i in indicateurs if (aggregated / c.id / f"{i.id}.parquet").is_file()]
    query = (sql_dir() / "proteger" / "primaire.sql").read_text("utf-8")
    with engine(travail) as con:
        for clause, indicateur in sorted(waiting, key=lambda pair: (bool(pair[1].par), pair[1].id)):
            source = aggregated / clause.id / f"{indicateur.id}.parquet"
            target = protege / f"{indicateur.id}.parquet"
            con.execute(f"CREATE OR REPLACE VIEW cellules AS SELECT * FROM read_parquet({sql_path(source)})")
            _rule(con, clause, indicateur)
            _denominators(con, [done[p] for p in indicateur.par if p in done])
            with replacing(target) as part:
                con.execute(f"COPY ({query}) TO {sql_path(part)} (FORMAT parquet, COMPRESSION zstd)")
            done[indicateur.id] = target
    return Protected(done, "primaire", _MAKER)


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
