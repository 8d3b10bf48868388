"""Stage 5, aggregate: numerator, denominator, distinct units and largest share of every cell, margins included.

A cell is a zone × a period × a modality (`ensemble` always). The table is dense: a zero is a zero, and a cell
of which the feed says nothing states why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu, Indicateur, LocalisationCode
from qpv_data.clause.secrecy import dominance_of
from qpv_data.coverage import ZoneTable, target_zones
from qpv_data.engine import engine, failing_as, replacing, sql_path
from qpv_data.locate import DECLARED
from qpv_data.measures import measures_sql
from qpv_data.membership import ATOME, by_rows, by_zone
from qpv_data.other_units import count_units, units_path
from qpv_data.placing.near import near_selects
from qpv_data.problems import FeedError, Problem
from qpv_data.resources import sql_dir
from qpv_data.retention.kept import COLUMNS, restore
from qpv_data.uncertainty.cells import bounds_path, record_columns, write_bounds
from qpv_data.zonages.quarters import Quarters

_PAIRS = pa.schema([("zone", pa.string()), ("commune", pa.string())])


@dataclass(frozen=True)
class AggregateReport:
    """Cells written, an indicator, and the records that they come from."""

    jeu: str
    enregistrements: int
    cellules: Mapping[str, int]


def aggregate(
    clause: ClauseJeu,
    located: Mapping[str, Path],
    *,
    periodes: Sequence[str],
    table: ZoneTable,
    zonages: Path,
    aggregated: Path,
    travail: Path,
    quarters: Quarters | None = None,
    conserves: Mapping[str, Path] | None = None,
    indicateurs: Set[str] | None = None,
) -> AggregateReport:
    """Aggregate a feed: one Parquet an indicator in `aggregated`; of those named in `indicateurs`, when it is given.

    In: located Parquet files by delivery (`unique` or the period), those that are there; `periodes`, all the
    series' periods; `quarters`, what communes say of the quarters that the clause names; `conserves`, the folders of
    the cells that were kept of destroyed deliveries, by period. Sums are exact (DECIMAL(38,9)), so neither threads nor
    the order of rows change a figure. Raises FeedError, that of an expression which the data refuse (a text that is no
    number) included.
    """
    aside = conserves or {}
    with failing_as(clause.id), engine(travail) as con:
        total = _records(con, clause, located, aside, table)
        con.register("cibles_arrow", target_zones(clause, table, quarters))
        con.execute("CREATE TABLE zones_cibles AS SELECT * FROM cibles_arrow")
        con.execute(
            f"CREATE VIEW zones_communes AS SELECT * FROM read_parquet({_p(zonages / 'zones_communes.parquet')})"
        )
        _periods(con, clause, located, periodes)
        _presences(con, clause, quarters)
        cells = {}
        known = [str(c[0]) for c in con.execute("DESCRIBE enregistrements").fetchall()]
        for indicateur in clause.indicateurs:
            if indicateurs is not None and indicateur.id not in indicateurs:
                continue
            con.execute(f"CREATE OR REPLACE TABLE mesures AS {measures_sql(clause, indicateur)}")
            con.execute(f"CREATE OR REPLACE VIEW mesures_zones AS {by_zone(clause, indicateur, table, known)}")
            # The largest share is asked for only where a rule reads it: it costs as much as all the rest.
            limit = "" if dominance_of(clause.secret) is not None else " LIMIT 0"
            con.execute(f"CREATE OR REPLACE TABLE dominances AS SELECT * FROM ({_sql('dominances')}){limit}")
            con.execute(f"CREATE OR REPLACE TABLE agregation AS SELECT {literal(indicateur.nature)} AS nature")
            con.execute(f"CREATE OR REPLACE TABLE contributions AS {_sql('contributions')}")
            _modalities(con, indicateur)
            with replacing(cells_path(aggregated, indicateur.id)) as target:
                con.execute(f"COPY ({_sql('cellules')}) TO {_p(target)} (FORMAT parquet, COMPRESSION zstd)")
            _atoms(con, clause, atoms_path(aggregated, indicateur.id))
            write_bounds(con, clause, indicateur, known, bounds_path(aggregated, indicateur.id))
            cells[indicateur.id] = _verify(con, clause, indicateur)
            count_units(con, clause, indicateur, table, known, units_path(aggregated, indicateur.id))
            for made in output_paths(aggregated, indicateur.id):
                restore(made, made.name, aside)
    return AggregateReport(clause.id, total, cells)


def cells_path(aggregated: Path, indicateur: str) -> Path:
    """Where the cells of an indicator are."""
    return aggregated / f"{indicateur}.parquet"


def atoms_path(aggregated: Path, indicateur: str) -> Path:
    """Where its atoms are (see `membership`), beside its cells; there is no such file without a secrecy threshold."""
    return aggregated / f"{indicateur}.atomes.parquet"


def output_paths(aggregated: Path, indicateur: str) -> tuple[Path, ...]:
    """Every file that an indicator may have: an aggregation leaves no other that bears its name."""
    return tuple(of(aggregated, indicateur) for of in (cells_path, atoms_path, bounds_path, units_path))


_p = sql_path


def _sql(name: str) -> str:
    return (sql_dir() / "agreger" / f"{name}.sql").read_text("utf-8")


def _records(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, located: Mapping[str, Path], aside: Mapping[str, Path],
    table: ZoneTable,
) -> int:  # fmt: skip
    """View `enregistrements`: the clause's columns under their names, the zonings' under `z__<zonage>`.

    Of a destroyed delivery there are the columns, and no row.
    """
    if not (located or aside):
        message = "aucune livraison exploitable"
        raise FeedError(clause.id, Problem.RIEN_A_PUBLIER, message, "voir les livraisons refusées ou absentes")
    files = [located[key] for key in sorted(located)] + [aside[key] / COLUMNS for key in sorted(aside)]
    names = pq.read_schema(files[0]).names
    declared = [c.nom for c in clause.colonnes if c.lue]
    statuses = [f"{c.nom}__statut" for c in clause.colonnes if c.a_statut and c.lue]
    chosen = [f"{quote(DECLARED + n if DECLARED + n in names else n)} AS {quote(n)}" for n in declared]
    chosen += [quote(n) for n in statuses]
    zonings = _zonings(clause, table)
    chosen += [f"{quote(z)} AS {quote('z__' + z)}" for z in zonings]
    chosen += ["_ligne", "_periode", "localisation AS z_localisation"]
    chosen.append("commune_localisation AS z_commune_localisation")
    chosen += near_selects(clause, names)
    chosen += record_columns(clause, names, [z for z in zonings if z != "commune"], DECLARED)
    listed = ", ".join(sql_path(f) for f in files)
    con.execute(
        f"CREATE VIEW enregistrements AS SELECT {', '.join(chosen)} FROM read_parquet([{listed}], union_by_name = true)"
    )
    row = con.execute("SELECT count(*) FROM enregistrements").fetchone()
    assert row is not None
    return int(row[0])


def _zonings(clause: ClauseJeu, table: ZoneTable) -> list[str]:
    if isinstance(clause.localisation, LocalisationCode):
        return sorted({"commune", *by_rows(clause)})
    return sorted(table.perimetres | {"commune"})


def _periods(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, located: Mapping[str, Path], periodes: Sequence[str]
) -> None:
    own = clause.localisation.zonage if isinstance(clause.localisation, LocalisationCode) else None
    delivered = [p in located if clause.par_periode else bool(located) for p in periodes]
    rows = pa.table(
        {
            "periode": pa.array(periodes, pa.string()),
            "livree": pa.array(delivered, pa.bool_()),
            "zonage_du_jeu": pa.array([own] * len(periodes), pa.string()),
            "zonages_par_lignes": pa.array([by_rows(clause)] * len(periodes), pa.list_(pa.string())),
        }
    )
    con.register("periodes_arrow", rows)
    con.execute("CREATE TABLE periodes AS SELECT * FROM periodes_arrow")


def _presences(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, quarters: Quarters | None) -> None:
    """Table `presences`: a zone that rows speak of has some, and a quarter has some for each of its communes."""
    own = clause.localisation.zonage if isinstance(clause.localisation, LocalisationCode) else None
    zoning = literal(own or "")
    column = quote("z__" + own) if own else "NULL"
    con.execute(
        f"CREATE TABLE presences AS SELECT DISTINCT {zoning} AS zonage, CAST({column} AS VARCHAR) AS code_zone,"
        f" _periode AS periode FROM enregistrements WHERE {column} IS NOT NULL"
    )
    if quarters is not None:
        pairs = sorted((zone, town) for zone, towns in quarters.communes.items() for town in towns)
        con.register("paires", pa.table({"zone": [z for z, _ in pairs], "commune": [c for _, c in pairs]}, _PAIRS))
        con.execute(
            f"INSERT INTO presences SELECT {literal(quarters.zonage)}, a.zone, p.periode FROM paires a"
            " JOIN presences p ON p.code_zone = a.commune GROUP BY a.zone, p.periode"
            " HAVING count(*) = (SELECT count(*) FROM paires b WHERE b.zone = a.zone)"
        )


def modality_codes(indicateur: Indicateur) -> tuple[str, ...]:
    """`ensemble`, then the declared codes and `non_renseigne`. A ready-made figure has no total of its own."""
    if indicateur.modalites is None:
        return ("ensemble",)
    return ("ensemble", *indicateur.modalites.valeurs, "non_renseigne")


def _atoms(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, target: Path) -> None:
    """Write what `contributions` says of atoms: it is as confidential as the records, and `protect` alone reads it."""
    if clause.secret.regime != "seuil":
        target.unlink(missing_ok=True)
        return
    columns = "* EXCLUDE (masque)"
    rows = f"SELECT {columns} FROM contributions WHERE zonage = '{ATOME}' ORDER BY code_zone, periode, modalite"
    with replacing(target) as draft:
        con.execute(f"COPY ({rows}) TO {_p(draft)} (FORMAT parquet, COMPRESSION zstd)")


def _modalities(con: duckdb.DuckDBPyConnection, indicateur: Indicateur) -> None:
    codes = modality_codes(indicateur)
    ready_made = pa.array([indicateur.nature == "releve"] * len(codes), pa.bool_())
    extreme = pa.array([indicateur.extreme] * len(codes), pa.bool_())
    rows = pa.table({"modalite": pa.array(codes, pa.string()), "releve": ready_made, "extreme": extreme})
    con.register("modalites_arrow", rows)
    con.execute("CREATE OR REPLACE TABLE modalites AS SELECT * FROM modalites_arrow")


def _verify(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur) -> int:
    """Totals: territoire = Σ communes + non localisés sans commune; a ready-made figure is alone in its cell."""
    row = con.execute(
        "SELECT coalesce(sum(n_lignes) FILTER (zonage = 'territoire'), 0),"
        " coalesce(sum(n_lignes) FILTER (zonage = 'commune'), 0)"
        " + coalesce(sum(n_lignes) FILTER (zonage = 'non_localise' AND code_zone = 'territoire'), 0),"
        " coalesce(max(n_lignes), 0), (SELECT count(*) FROM zones_cibles) * (SELECT count(*) FROM periodes)"
        " * (SELECT count(*) FROM modalites) FROM contributions WHERE modalite = 'ensemble'"
    ).fetchone()
    assert row is not None
    territory, parts, largest, cells = (int(v) for v in row)
    name = f"{clause.id}.{indicateur.id}"
    if isinstance(clause.localisation, LocalisationCode):
        if indicateur.nature == "releve" and indicateur.modalites is None and largest > 1:
            message = f"{indicateur.id} : {largest} lignes pour une même zone et une même période"
            raise FeedError(clause.id, Problem.CONTROLE_NON_TENU, message, "revoir la `cle` de la clause")
    elif territory != parts:
        message = f"{name} : territoire {territory} ≠ communes et non localisés {parts}"
        raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    return cells
