"""Share the columns of a file between zones: cells by batches in flat memory, or polygons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.areas.cell_zones import CellZones
from qpv_data.areas.cells import Cells, Grille, parse_cells
from qpv_data.areas.declaration import Demande
from qpv_data.areas.duplicates import Rencontres
from qpv_data.areas.estimate import Estimation, Estimations
from qpv_data.areas.numbers import numbers
from qpv_data.areas.points import Points
from qpv_data.areas.polygon_zones import PolygonZones
from qpv_data.areas.polygons import usable
from qpv_data.areas.reading import shape_batches, table_batches
from qpv_data.areas.rejects import Ecart, Ecartees
from qpv_data.areas.shares import Floats
from qpv_data.areas.zones import Cibles
from qpv_data.problems import FeedError, Problem

Doublons = Literal["refuser", "additionner"]
_SHOWN = 5


@dataclass(frozen=True)
class _Batch:
    """A batch's values (NaN where there is none), its 0/1 imputations, and why rows are set aside (−1: kept)."""

    line: int
    values: dict[str, Floats]
    imputed: Floats | None
    ecart: NDArray[np.int8]

    def kept(self) -> tuple[NDArray[np.int64], dict[str, Floats], Floats | None]:
        """Rows kept, their values and imputations."""
        if (self.ecart < 0).all():
            return np.arange(len(self.ecart)), self.values, self.imputed
        rows = np.flatnonzero(self.ecart < 0)
        imputed = None if self.imputed is None else self.imputed[rows]
        return rows, {name: v[rows] for name, v in self.values.items()}, imputed


def share_cells(
    path: Path,
    identifier: str,
    asked: Demande,
    zones: Cibles,
    rejects: Ecartees,
    points: Points | None = None,
    doublons: Doublons = "refuser",
) -> Estimations:
    """Share the columns of a Parquet or CSV of Insee cells, known by their identifiers, in flat memory.

    `doublons`: a cell on several rows is refused, unless the file is said to hold several rows a cell: they add up.
    Raises FeedError: doublon (after the whole file is read, with their number), and those of reading.
    """
    onto = CellZones(zones)
    if points is not None:
        onto.weigh(points, _grids(path, identifier))
    estimation = Estimation(zones.codes, asked, by_points=points is not None)
    met: dict[Grille, Rencontres] = {}
    repeated = 0
    shown: list[str] = []
    wanted = [identifier, *asked.columns, *([asked.impute] if asked.impute else [])]
    for line, table in table_batches(path, wanted):
        cells = parse_cells(table.column(identifier))
        batch = _valued(table, line, asked, cells.ecart)
        _set_aside(batch, estimation, rejects, table.column(identifier))
        rows, values, imputed = batch.kept()
        kept = cells if len(rows) == len(cells) else _some(cells, rows)
        if doublons == "refuser":
            for row in _repeated(kept, met):
                repeated += 1
                if len(shown) < _SHOWN:
                    shown.append(str(table.column(identifier)[int(rows[row])].as_py()))
        estimation.add(values, imputed, onto.shares(kept))
    if repeated:
        message = f"{repeated} lignes reprennent un carreau déjà lu : {', '.join(shown)}"
        remedy = "dédoublonner, ou --doublons additionner si un carreau a plusieurs lignes"
        raise FeedError(path.name, Problem.DOUBLON, message, remedy)
    return estimation.result()


def share_polygons(
    path: Path,
    asked: Demande,
    zones: Cibles,
    rejects: Ecartees,
    points: Points | None = None,
    crs: str | None = None,
) -> Estimations:
    """Share the columns of a file of polygons. With points, the pairs and the divided polygons are held in memory."""
    onto = PolygonZones(zones)
    estimation = Estimation(zones.codes, asked, by_points=points is not None)
    wanted = [*asked.columns, *([asked.impute] if asked.impute else [])]
    held = []
    for shapes in shape_batches(path, wanted, crs):
        sound, absent, flat = usable(shapes.geometries)
        ecart = np.full(len(sound), -1, dtype=np.int8)
        ecart[flat], ecart[absent] = Ecart.GEOMETRIE_SANS_AIRE.rank, Ecart.GEOMETRIE_ABSENTE.rank
        batch = _valued(shapes.table, shapes.line, asked, ecart)
        _set_aside(batch, estimation, rejects, None)
        rows, values, imputed = batch.kept()
        cut = onto.cut(sound[rows], shapes.crs, path.name)
        if points is None:
            estimation.add(values, imputed, onto.shares(cut))
        else:
            held.append((values, imputed, cut))
    if points is not None:
        weighed = iter(onto.weigh([cut for _, _, cut in held], points))
        for values, imputed, cut in held:
            estimation.add(values, imputed, onto.shares(cut, [next(weighed) for _ in cut.portions]))
    return estimation.result()


def _valued(table: pa.RecordBatch, line: int, asked: Demande, ecart: NDArray[np.int8]) -> _Batch:
    """The values of a batch. A row with a value that cannot be read is set aside, but for a reason already known."""
    values: dict[str, Floats] = {}
    ecart = ecart.copy()
    for column in asked.columns:
        values[column], wrong = numbers(table.column(column), column)
        ecart[wrong & (ecart < 0)] = Ecart.VALEUR_ILLISIBLE.rank
    imputed = None
    if asked.impute is not None:
        imputed, _ = numbers(table.column(asked.impute), asked.impute)
        unclear = ~((imputed == 0) | (imputed == 1))
        ecart[unclear & (ecart < 0)] = Ecart.IMPUTATION_ILLISIBLE.rank
    return _Batch(line, values, imputed, ecart)


def _set_aside(batch: _Batch, estimation: Estimation, rejects: Ecartees, identifiers: pa.Array | None) -> None:
    bad = batch.ecart >= 0
    estimation.receive(batch.values, bad)
    rows = np.flatnonzero(bad)
    if len(rows):
        names = None if identifiers is None else identifiers.take(pa.array(rows))
        rejects.add(batch.line + rows, batch.ecart[rows], names)


def _grids(path: Path, identifier: str) -> set[Grille]:
    """Every grid that the file's identifiers name."""
    found: set[Grille] = set()
    for _, table in table_batches(path, [identifier]):
        found |= set(parse_cells(table.column(identifier)).grids)
    return found


def _some(cells: Cells, rows: NDArray[np.int64]) -> Cells:
    columns = {name: getattr(cells, name)[rows] for name in ("grid", "row", "column", "ecart")}
    return replace(cells, **columns)


def _repeated(cells: Cells, met: dict[Grille, Rencontres]) -> Iterator[int]:
    """Rows, of cells kept, that name a cell already met."""
    for place, grille in enumerate(cells.grids):
        rows = np.flatnonzero(cells.grid == place)
        seen = met.setdefault(grille, Rencontres())
        again = seen.repeated(cells.row[rows], cells.column[rows])
        yield from rows[again].tolist()
