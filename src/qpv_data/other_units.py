"""The other privacy units of a feed, beside the one that its cells count: how many of each every cell holds.

aggregated/<jeu>/<indicateur>.unites.parquet        a row a cell or atom and other unit: what `aggregate` counts
protege/jugees/<indicateur>.unites.parquet          a row a cell and other unit: what `protect` holds to its threshold

There are such files for a clause that declares `autres_unites`, and for no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.clause.expressions import literal
from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.clause.secrecy import other_units, threshold_of
from qpv_data.coverage import ZoneTable
from qpv_data.engine import replacing, sql_path
from qpv_data.measures import measures_sql
from qpv_data.membership import by_zone
from qpv_data.resources import sql_dir

_RULES = pa.schema([("unite", pa.string()), ("seuil", pa.int64()), ("effectif", pa.bool_())])


def units_path(folder: Path, indicateur: str) -> Path:
    """Where the other units of an indicator are, beside its cells."""
    return folder / f"{indicateur}.unites.parquet"


def count_units(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, table: ZoneTable, known: Sequence[str],
    target: Path,
) -> None:  # fmt: skip
    """Write how many of each other unit every cell and atom holds, from view `enregistrements` and table `agregation`.

    No file when the clause has one unit. `known`: columns of the records. Replaces the views and tables of the
    indicator: to be called once its own cells are written.
    """
    others = other_units(clause.secret)
    if not others:
        target.unlink(missing_ok=True)
        return
    selects = []
    for n, secret in enumerate(others):
        own = clause.model_copy(update={"secret": secret})
        con.execute(f"CREATE OR REPLACE TABLE mesures AS {measures_sql(own, indicateur)}")
        con.execute(f"CREATE OR REPLACE VIEW mesures_zones AS {by_zone(own, indicateur, table, known)}")
        con.execute(f"CREATE OR REPLACE TABLE dominances AS SELECT * FROM ({_sql('agreger/dominances')}) LIMIT 0")
        con.execute(f"CREATE OR REPLACE TABLE comptes_{n} AS {_sql('agreger/contributions')}")
        selects.append(
            f"SELECT zonage, code_zone, periode, modalite, {literal(secret.unite or '')} AS unite,"
            f" CAST({threshold_of(secret, indicateur)} AS BIGINT) AS seuil, n_unites, n_numerateur, n_denominateur,"
            f" n_complement FROM comptes_{n}"
        )
    rows = f"{' UNION ALL '.join(selects)} ORDER BY zonage, code_zone, periode, modalite, unite"
    with replacing(target) as draft:
        con.execute(f"COPY ({rows}) TO {sql_path(draft)} (FORMAT parquet, COMPRESSION zstd)")


def judge_units(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, indicateur: Indicateur, counted: Path, target: Path
) -> None:
    """Table `peu_nombreuses`: the cells where some other unit is too few. And, at `target`, how many there are of each.

    From view `cellules` and table `regle`. Raises nothing for a cell that nothing was counted of: it has too few.
    """
    others = other_units(clause.secret)
    rules = [(s.unite, threshold_of(s, indicateur), s.effectif is not None) for s in others]
    columns = [pa.array([r[n] for r in rules], _RULES.types[n]) for n in range(len(_RULES))]
    con.register("regles_unites_arrow", pa.Table.from_arrays(columns, schema=_RULES))
    con.execute("CREATE OR REPLACE TABLE regles_unites AS SELECT * FROM regles_unites_arrow")
    if not others:
        target.unlink(missing_ok=True)
        nothing = "SELECT zonage, code_zone, periode, modalite FROM cellules LIMIT 0"
        con.execute(f"CREATE OR REPLACE TABLE peu_nombreuses AS {nothing}")
        return
    con.execute(f"CREATE OR REPLACE VIEW autres_unites AS SELECT * FROM read_parquet({sql_path(counted)})")
    con.execute(f"CREATE OR REPLACE TABLE unites_jugees AS {_sql('proteger/autres_unites')}")
    con.execute(
        "CREATE OR REPLACE TABLE peu_nombreuses AS"
        " SELECT DISTINCT zonage, code_zone, periode, modalite FROM unites_jugees WHERE trop_peu"
    )
    with replacing(target) as draft:
        con.execute(f"COPY unites_jugees TO {sql_path(draft)} (FORMAT parquet, COMPRESSION zstd)")


def _sql(name: str) -> str:
    return (sql_dir() / f"{name}.sql").read_text("utf-8")
