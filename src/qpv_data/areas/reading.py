"""Sources by batches: tables of cells (Parquet, CSV), files of polygons or lines, layers of points."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Kind, Limits, open_delivery, sniff
from qpv_data.zonages.crs import Geometries

BATCH = 1 << 16
_BLOCK, _BUFFER, _TURN = 4 << 20, 1 << 20, 1 << 20
_SEPARATORS = (";", ",", "\t", "|")


@dataclass(frozen=True)
class Shapes:
    """Rows of a file of shapes, from `line` (1 for the first): their columns, their geometries, the file's CRS."""

    line: int
    table: pa.RecordBatch
    geometries: Geometries
    crs: str


def table_batches(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(number of the first row, from 1; these columns) of a Parquet or CSV file, or of an archive of one, in order.

    A CSV is in UTF-8; its separator is the one that its header holds most of, and its columns come as text.
    Raises FeedError: source_absente, format_inattendu, colonne_inconnue (every missing one).
    """
    with _opened(path) as file:
        batches = _parquet(file, path.name, columns) if sniff(file) is Kind.PARQUET else _csv(file, path.name, columns)
        line = 1
        for batch in batches:
            yield line, batch
            line += batch.num_rows


def shape_batches(path: Path, columns: Sequence[str], crs: str | None = None) -> Iterator[Shapes]:
    """Rows of a GeoParquet (by batches), or of GeoJSON, shapefile, GeoPackage, FlatGeobuf, MapInfo (at once).

    `crs`: of a file that names none. Raises FeedError: those of `table_batches`, and crs_inattendu.
    """
    with _opened(path) as file:
        if file.is_file() and sniff(file) is Kind.PARQUET:
            yield from _geoparquet(file, path.name, columns, crs)
            return
        from qpv_data.sources.vector import read_vector

        read = read_vector(file, jeu=path.name, couche=None, encodage=None)
        _require(columns, read.table.column_names, path.name)
        table = read.table.select(list(dict.fromkeys([*columns, "geometrie"]))).combine_chunks()
        agreed = _agreed(read.crs, crs, path.name)
        line = 1
        for batch in table.to_batches(max_chunksize=BATCH):
            yield Shapes(line, batch, _decoded(batch.column("geometrie"), path.name), agreed)
            line += batch.num_rows


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """The file itself, or what its archive holds."""
    if not path.exists():
        raise FeedError(path.name, Problem.SOURCE_ABSENTE, "fichier absent", "vérifier le chemin")
    if path.is_dir() or sniff(path) not in (Kind.ZIP, Kind.GZIP):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="qpv-sources-") as folder:
        yield open_delivery(path, jeu=path.name, membre=None, into=Path(folder), limite=Limits())


def _parquet(file: Path, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _parquet_file(file, name) as opened:
        _require(columns, opened.schema_arrow.names, name)
        yield from _in_turn(opened, list(dict.fromkeys(columns)))


def _in_turn(opened: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches in order. A reader keeps the bytes of every row group that it has been through: it gets a few a turn."""
    turn: list[int] = []
    rows = 0
    for group in range(opened.num_row_groups):
        turn.append(group)
        rows += opened.metadata.row_group(group).num_rows
        if rows >= _TURN or group == opened.num_row_groups - 1:
            yield from opened.iter_batches(BATCH, row_groups=turn, columns=columns)
            turn, rows = [], 0


@contextmanager
def _parquet_file(file: Path, name: str) -> Iterator[pq.ParquetFile]:
    try:
        opened = pq.ParquetFile(file, buffer_size=_BUFFER)
    except (pa.ArrowInvalid, OSError) as e:
        raise _unexpected(name, f"Parquet illisible : {str(e)[:200]}", "télécharger de nouveau le fichier") from e
    with opened:
        yield opened


def _csv(file: Path, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with file.open("rb") as f:
        header = f.readline(1 << 20).decode("utf-8-sig", errors="replace")
    separator = max(_SEPARATORS, key=header.count)
    wanted = list(dict.fromkeys(columns))
    kinds = dict.fromkeys(wanted, pa.string())
    options = pv.ConvertOptions(include_columns=wanted, column_types=kinds, strings_can_be_null=True, null_values=[""])
    present = [c.strip().strip('"') for c in header.rstrip("\r\n").split(separator)]
    _require(columns, present, name)
    try:
        reader = pv.open_csv(
            file,
            read_options=pv.ReadOptions(block_size=_BLOCK),
            parse_options=pv.ParseOptions(delimiter=separator, newlines_in_values=False),
            convert_options=options,
        )
        yield from reader
    except (pa.ArrowInvalid, pa.ArrowKeyError) as e:
        raise _unexpected(
            name, f"CSV illisible : {str(e)[:200]}", "demander un CSV en UTF-8 à lignes régulières"
        ) from e


def _geoparquet(file: Path, name: str, columns: Sequence[str], crs: str | None) -> Iterator[Shapes]:
    from qpv_data.sources.vector import authority

    with _parquet_file(file, name) as opened:
        said = json.loads((opened.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        column = said.get("primary_column")
        if column is None:
            raise _unexpected(name, "Parquet sans géométrie déclarée", "donner un GeoParquet, ou --carreau COLONNE")
        about = said["columns"][column]
        if about.get("encoding") != "WKB":
            raise _unexpected(name, f"géométries codées en {about.get('encoding')}", "écrire le GeoParquet en WKB")
        # A GeoParquet without a word on its CRS is in OGC:CRS84; an explicit null is one that nobody knows.
        own = authority(json.dumps(about["crs"])) if about.get("crs") else ("EPSG:4326" if "crs" not in about else None)
        agreed = _agreed(own, crs, name)
        _require(columns, opened.schema_arrow.names, name)
        line = 1
        for batch in _in_turn(opened, list(dict.fromkeys([*columns, column]))):
            yield Shapes(line, batch, _decoded(batch.column(column), name), agreed)
            line += batch.num_rows


def _decoded(column: pa.Array, name: str) -> Geometries:
    raw: NDArray[Any] = np.array([*column.to_pylist(), None], dtype=object)[:-1]
    try:
        decoded: Geometries = shapely.from_wkb(raw)
    except shapely.GEOSException as e:
        raise _unexpected(name, f"géométrie illisible : {str(e)[:200]}", "demander des géométries simples") from e
    return decoded


def _agreed(of_file: str | None, declared: str | None, name: str) -> str:
    from qpv_data.zonages.crs import same_crs

    if of_file is not None and declared is not None and not same_crs(of_file, declared):
        message = f"le fichier est en {of_file[:60]}, et non en {declared}"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "donner le système du fichier, ou ne rien donner")
    agreed = declared or of_file
    if agreed is None:
        message = "le fichier ne dit pas son système de coordonnées"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "le donner : --crs EPSG:…")
    return agreed


def _require(columns: Sequence[str], present: Sequence[str], name: str) -> None:
    missing = [c for c in dict.fromkeys(columns) if c not in present]
    if missing:
        shown = ", ".join(present[:30]) + (", …" if len(present) > 30 else "")
        message = f"colonnes absentes : {', '.join(missing)} ; le fichier a : {shown}"
        raise FeedError(name, Problem.COLONNE_INCONNUE, message, "donner les noms exacts des colonnes")


def _unexpected(name: str, message: str, remedy: str) -> FeedError:
    return FeedError(name, Problem.FORMAT_INATTENDU, message, remedy)
