"""What the primary rules say of a feed's rows, as arrays: one plane an indicator, side and modality, over nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.engine import sql_path
from qpv_data.membership import ATOME
from qpv_data.secret.linked.ground import Ground, Zone, ground_of
from qpv_data.secret.rules import Rule

MAX_DECIMALS = 6
_SIDES = ("numerateur", "denominateur")
_RATIOS = ("part", "moyenne", "taux")


@dataclass(frozen=True)
class OtherUnit:
    """A unit that the same figures protect as well: at least `k` of them. `judged`: how many each row has, on each
    side, and `atoms`, each atom; rows of several units, each under its name."""

    name: str
    k: int
    judged: Path
    atoms: Path


@dataclass(frozen=True)
class Indicator:
    """One indicator to protect: `judged`, rows as `primaire.sql` gives them, and `atoms`, what atoms bring to it.

    `counted`: its zeros are published as zeros (a count or a sum, not a ratio). `distinct`: it does not add up.
    `shares`: its denominator holds its numerator. `alone`: its value is that of one record (a minimum); no sum.
    `faces`: atoms where a record could have been, whether or not one was. `said`: how the clause writes each side, and
    the breakdown. `others`: units that are protected beside the one of `rule`.
    """

    id: str
    nature: str
    rule: Rule
    distinct: bool
    divided: bool
    judged: Path
    atoms: Path
    faces: frozenset[str] = frozenset()
    said: tuple[str, str, str] = ("", "", "")
    others: tuple[OtherUnit, ...] = ()

    def written(self, side: str, modality: str) -> str:
        """What a side measures, as the clause writes it."""
        top, bottom, breakdown = self.said
        text = top if side == "numerateur" else bottom
        return text if modality == "ensemble" else f"{text}\x1e{breakdown}\x1e{modality}"

    @property
    def rules(self) -> list[Rule]:
        """The rule of each unit, the first one's first. Contributors are of the first."""
        bare = {"dominance": None, "nk": None, "p_pourcent": None}
        return [self.rule, *(self.rule.model_copy(update={**bare, "k": unit.k}) for unit in self.others)]

    @property
    def counted(self) -> bool:
        return self.nature in ("compte", "somme")

    @property
    def shares(self) -> bool:
        return self.nature == "part"

    @property
    def alone(self) -> bool:
        return self.nature in ("minimum", "maximum", "etendue", "releve")

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns of `valeurs` that hold a measure of this feed: a taux divides by others' (`par`)."""
        return _SIDES if self.nature in _RATIOS and not self.divided else _SIDES[:1]


def read_ground(
    con: duckdb.DuckDBPyConnection, indicators: Sequence[Indicator], composed: Mapping[str, Sequence[Zone]],
    without: Collection[str] = (),
) -> Ground:  # fmt: skip
    """The nodes of a feed, over all its periods, less the zones of some zonings."""
    zones: set[Zone] = set()
    atoms: set[str] = set()
    for indicator in indicators:
        source = sql_path(indicator.judged)
        zones |= set(con.execute(f"SELECT DISTINCT zonage, code_zone FROM read_parquet({source})").fetchall())
        atoms |= read_atoms(con, indicator)
    return ground_of({z for z in zones if z[0] not in without}, atoms, composed)


def read_atoms(con: duckdb.DuckDBPyConnection, indicator: Indicator) -> set[str]:
    """The atoms where something of an indicator may be: those of its records, at any period, and its faces."""
    found = con.execute(f"SELECT DISTINCT code_zone FROM read_parquet({sql_path(indicator.atoms)})").fetchall()
    return {atom for (atom,) in found} | indicator.faces


@dataclass(frozen=True)
class Raw:
    """Columns of one indicator and period: name → modality → values over nodes, NaN where no row is."""

    modalities: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]

    def of(self, name: str, modality: str) -> NDArray[np.float64]:
        return np.asarray(self.columns[name][self.modalities.index(modality)])

    def beside(self, unit: OtherUnit, name: str, modality: str) -> NDArray[np.float64]:
        """How many of another unit there are: column `name` is one of the `u_…`. None where none was counted."""
        return np.nan_to_num(self.of(f"{name} {unit.name}", modality))


_ROWS = """
SELECT j.periode, n.noeud, j.modalite, (observation = 'normale' OR zeros)::INT AS existe,
  (diffusion = 'secret')::INT AS cachee, groupe::INT AS groupe, gelee::INT AS gelee, numerateur::DOUBLE AS numerateur,
  denominateur::DOUBLE AS denominateur, n_unites::DOUBLE AS u_total, u_numerateur::DOUBLE AS u_numerateur,
  n_denominateur::DOUBLE AS u_denominateur, u_complement::DOUBLE AS u_complement, part_dominante
FROM read_parquet({judged}) j JOIN noeuds n USING (zonage, code_zone)
UNION ALL
SELECT a.periode, n.noeud, a.modalite, 0, 0, 0, 0, {counted}::DOUBLE, somme_denominateur::DOUBLE, n_unites::DOUBLE,
  n_numerateur::DOUBLE, n_denominateur::DOUBLE, n_complement::DOUBLE, part_dominante
FROM read_parquet({atoms}) a JOIN noeuds n USING (zonage, code_zone)
"""


def name_nodes(con: duckdb.DuckDBPyConnection, ground: Ground) -> None:
    """Table `noeuds`: the number of each node."""
    zonings = [zoning for zoning, _ in ground.zones] + [ATOME] * len(ground.atoms)
    codes = [code for _, code in ground.zones] + list(ground.atoms)
    columns = {"zonage": pa.array(zonings, pa.string()), "code_zone": pa.array(codes, pa.string())}
    con.register("noeuds_arrow", pa.table({**columns, "noeud": pa.array(range(len(codes)), pa.int64())}))
    con.execute("CREATE OR REPLACE TABLE noeuds AS SELECT * FROM noeuds_arrow")


def read_raws(
    con: duckdb.DuckDBPyConnection, indicator: Indicator, ground: Ground, breakdowns: bool = True
) -> dict[str, Raw]:
    """The rows of each period, from table `noeuds` and the files of the indicator; of the whole alone, without
    `breakdowns`."""
    counted = "n_distincts" if indicator.distinct else "somme_numerateur"
    query = _ROWS.format(judged=sql_path(indicator.judged), atoms=sql_path(indicator.atoms), counted=counted)
    kept = "" if breakdowns else " WHERE modalite = 'ensemble'"
    answer: pa.Table = con.execute(f"SELECT * FROM ({query}){kept} ORDER BY periode").to_arrow_table()
    period = answer["periode"].combine_chunks().dictionary_encode()
    first = np.flatnonzero(np.diff(period.indices.to_numpy(), prepend=-1))
    ends = [*first[1:].tolist(), answer.num_rows]
    found = {
        str(answer["periode"][start].as_py()): _raw(answer.slice(start, end - start), len(ground))
        for start, end in zip(first.tolist(), ends, strict=True)
    }
    return {name: _with_others(con, indicator, name, raw) for name, raw in found.items()} if indicator.others else found


_OTHERS = """
SELECT n.noeud, modalite, u_total, u_numerateur, u_denominateur, u_complement
FROM read_parquet({judged}) JOIN noeuds n USING (zonage, code_zone) WHERE periode = $period AND unite = $unit
UNION ALL
SELECT n.noeud, modalite, n_unites, n_numerateur, n_denominateur, n_complement
FROM read_parquet({atoms}) JOIN noeuds n USING (zonage, code_zone)
WHERE periode = $period AND unite = $unit AND zonage = $atom
"""


def _with_others(con: duckdb.DuckDBPyConnection, indicator: Indicator, period: str, raw: Raw) -> Raw:
    """A period with a plane more for each other unit and side, named after both."""
    columns = dict(raw.columns)
    shape = next(iter(raw.columns.values())).shape
    for unit in indicator.others:
        query = _OTHERS.format(judged=sql_path(unit.judged), atoms=sql_path(unit.atoms))
        answer: pa.Table = con.execute(query, {"period": period, "unit": unit.name, "atom": ATOME}).to_arrow_table()
        kept = [raw.modalities.index(m) if m in raw.modalities else -1 for m in answer["modalite"].to_pylist()]
        rank = np.array(kept, dtype=np.int64)
        node = answer["noeud"].to_numpy()[rank >= 0]
        for name in answer.column_names[2:]:
            plane = np.full(shape, np.nan)
            plane[rank[rank >= 0], node] = answer[name].cast(pa.float64()).to_numpy(zero_copy_only=False)[rank >= 0]
            columns[f"{name} {unit.name}"] = plane
    return Raw(raw.modalities, columns)


def _raw(rows: pa.Table, nodes: int) -> Raw:
    """The rows of one period, over nodes."""
    modality = rows["modalite"].combine_chunks().dictionary_encode()
    found = modality.dictionary.to_pylist()
    order = tuple(sorted(found, key=lambda m: (m != "ensemble", m)))
    rank = np.array([order.index(m) for m in found], dtype=np.int64)[modality.indices.to_numpy()]
    node = rows["noeud"].to_numpy()
    columns = {}
    for name in rows.column_names[3:]:
        plane = np.full((len(order), nodes), np.nan)
        plane[rank, node] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        columns[name] = plane
    return Raw(order, columns)


def decimals_of(values: NDArray[np.float64]) -> int:
    """How many decimals make every value whole, at most MAX_DECIMALS; what is beyond is rounded."""
    given = values[np.isfinite(values)]
    for decimals in range(MAX_DECIMALS):
        scaled = given * 10.0**decimals
        if np.abs(scaled - np.rint(scaled)).max(initial=0.0) <= 1e-6:
            return decimals
    return MAX_DECIMALS
