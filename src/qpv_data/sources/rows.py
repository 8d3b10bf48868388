"""Read a delivery's rows as text, whatever its format, in bounded memory.

Every row of the file comes out exactly once: as text under the clause's column names, or marked with the
reason why it cannot be read. Direct identifiers are not read at all: they never pass this line.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.sources.vector import read_vector

BATCH = 50_000
_UNDECODABLE = re.compile("[\udc80-\udcff]")
csv.field_size_limit(16_000_000)


@dataclass(frozen=True)
class RawRow:
    """One row as received: its line (or element number), its texts, or why it is not a row."""

    ligne: int
    valeurs: tuple[str | None, ...] | None
    rejet: Rejet | None = None


def raw_schema(columns: Sequence[Colonne], geometry: bool) -> pa.Schema:
    """`_ligne`, `_rejet`, then one text column a clause column, then `geometrie` (WKB) for vector files."""
    fields = [("_ligne", pa.int64()), ("_rejet", pa.string()), *((c.nom, pa.string()) for c in columns)]
    return pa.schema([*fields, ("geometrie", pa.binary())] if geometry else fields)


def read_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`. Raises FeedError when the header or the container is not what is declared."""
    if fmt.type == "vecteur":
        yield from _vector_batches(path, jeu, fmt, columns)
        return
    reader = {"csv": _csv_rows, "json": _json_rows, "parquet": _parquet_rows}[fmt.type]
    schema = raw_schema(columns, geometry=False)
    for chunk in _chunks(reader(path, jeu, fmt, columns)):
        empty = (None,) * len(columns)
        texts = list(zip(*(r.valeurs or empty for r in chunk), strict=True))
        arrays = [
            pa.array([r.ligne for r in chunk], pa.int64()),
            pa.array([r.rejet for r in chunk], pa.string()),
            *(pa.array(column, pa.string()) for column in texts),
        ]
        yield pa.record_batch(arrays, schema=schema)


def _chunks(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    chunk: list[RawRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def match_headers(jeu: str, headers: Sequence[str], columns: Sequence[Colonne]) -> list[int]:
    """Index of each column's header: the first of its names that the file has. All absent ones are listed."""
    clean = [h.strip().removeprefix("\ufeff").strip() for h in headers]
    indexes, absent = [], []
    for column in columns:
        found = next((clean.index(s.strip()) for s in column.source if s.strip() in clean), None)
        if found is None:
            close = difflib.get_close_matches(column.source[0], [h for h in clean if h], n=1)
            absent.append(" / ".join(column.source) + (f" (proche : {close[0]})" if close else ""))
        indexes.append(-1 if found is None else found)
    if absent:
        raise FeedError(
            jeu,
            Problem.ENTETE_INATTENDU,
            f"colonnes absentes de l'en-tête : {', '.join(absent)}",
            "corriger `colonnes.source`, ou prévenir le producteur",
        )
    return indexes


# --- CSV ---------------------------------------------------------------------------------------------------


def _csv_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[RawRow]:
    assert fmt.encodage is not None
    with path.open(encoding=fmt.encodage, errors="surrogateescape", newline="") as file:
        lines = _Lines(file)
        try:
            for _ in range(fmt.lignes_a_sauter):
                next(lines, None)
            reader = csv.reader(lines, delimiter=fmt.separateur or ",", quotechar=fmt.guillemet)
            header = next(reader, None)
            if header is None:
                raise FeedError(jeu, Problem.ENTETE_INATTENDU, "fichier vide", "demander une nouvelle livraison")
            indexes = match_headers(jeu, header, columns)
            lines.taken()
            for row in reader:
                yield from _csv_record(row, lines.taken(), len(header), indexes, fmt)
        except (csv.Error, UnicodeError) as e:
            message = f"ligne {lines.number} : {type(e).__name__}"
            remedy = "vérifier `format.encodage`, `separateur`, `guillemet`"
            raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, remedy) from e


class _Lines:
    """Physical lines of a file, which remembers those that make the record being read."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file, self._pending, self.number = file, list[tuple[int, str]](), 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        self._pending.append((self.number, line))
        return line

    def taken(self) -> list[tuple[int, str]]:
        """The lines read since the last call."""
        pending, self._pending = self._pending, []
        return pending


def _csv_record(
    row: list[str], lines: list[tuple[int, str]], width: int, indexes: list[int], fmt: Format
) -> Iterator[RawRow]:
    if not row and len(lines) <= 1:
        return  # a blank line is not a row
    unclosed = len(lines) > 1 and fmt.guillemet not in lines[-1][1]
    if len(lines) > 1 and (len(row) != width or unclosed):
        # A stray quote has swallowed the lines that follow: give each of them back its own fate.
        for number, line in lines:
            alone = next(csv.reader([line], delimiter=fmt.separateur or ",", quoting=csv.QUOTE_NONE), [])
            if alone:
                yield _csv_row(alone, number, width, indexes)
        return
    yield _csv_row(row, lines[0][0] if lines else 0, width, indexes)


def _csv_row(row: list[str], number: int, width: int, indexes: list[int]) -> RawRow:
    # Trailing separators that overflow with nothing in them lose nothing.
    if len(row) > width and not any(row[width:]):
        row = row[:width]
    if len(row) != width:
        return RawRow(number, None, Rejet.NOMBRE_DE_CHAMPS)
    values = tuple(row[i] for i in indexes)
    if any(not v.isascii() and _UNDECODABLE.search(v) for v in values):
        return RawRow(number, None, Rejet.ENCODAGE_INVALIDE)
    return RawRow(number, values)


# --- JSON --------------------------------------------------------------------------------------------------


def _json_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[RawRow]:
    prefix = f"{fmt.racine}.item" if fmt.racine else "item"
    number = 0
    seen: set[str] = set()
    with path.open("rb") as file:
        try:
            for element in ijson.items(_as_utf8(file, fmt), prefix):
                for record in _exploded(element, fmt.eclater):
                    number += 1
                    values = tuple(_first_text(record, c.source, seen) for c in columns)
                    yield RawRow(number, values)
        except (ijson.JSONError, UnicodeError) as e:
            message = f"JSON illisible après {number} éléments"
            raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e
    absent = [" / ".join(c.source) for c in columns if number and not seen.intersection(c.source)]
    if absent:
        message = f"champs absents de tous les éléments : {', '.join(absent)}"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, "corriger `colonnes.source`")


def _as_utf8(file: BinaryIO, fmt: Format) -> Any:
    if fmt.encodage and fmt.encodage.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        return io.TextIOWrapper(file, encoding=fmt.encodage)
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    return file


def _exploded(element: Any, inner: str | None) -> Iterator[Any]:
    if inner is None:
        yield element
        return
    items, _ = _at(element, inner)
    for item in items if isinstance(items, list) else []:
        yield {**element, inner: item}


def _first_text(record: Any, sources: Sequence[str], seen: set[str]) -> str | None:
    for source in sources:
        value, found = _at(record, source)
        if found:
            seen.add(source)
            if value is not None:
                return _text(value)
    return None


def _at(value: Any, path: str) -> tuple[Any, bool]:
    """The value at `a.b.0`; a key that holds dots is tried as it is first."""
    if isinstance(value, dict) and path in value:
        return value[path], True
    head, _, rest = path.partition(".")
    if isinstance(value, dict) and head in value:
        child = value[head]
    elif isinstance(value, list) and head.isdigit() and int(head) < len(value):
        child = value[int(head)]
    else:
        return None, False
    return _at(child, rest) if rest else (child, True)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


# --- Parquet and vector files ------------------------------------------------------------------------------


def _parquet_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[RawRow]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as e:
        message = "ce n'est pas un Parquet lisible"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e
    names = file.schema_arrow.names
    chosen = [names[i] for i in match_headers(jeu, names, columns)]
    number = 0
    for batch in file.iter_batches(batch_size=BATCH, columns=sorted(set(chosen))):
        for record in zip(*(batch.column(c).cast(pa.string()).to_pylist() for c in chosen), strict=True):
            number += 1
            yield RawRow(number, record)


def _vector_batches(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[pa.RecordBatch]:
    vector = read_vector(path, jeu=jeu, couche=fmt.couche, encodage=fmt.encodage)
    table = vector.table
    names = [n for n in table.column_names if n != "geometrie"]
    chosen = [names[i] for i in match_headers(jeu, names, columns)]
    schema = raw_schema(columns, geometry=True).with_metadata({"crs_source": vector.crs or ""})
    arrays = [
        pa.array(range(1, table.num_rows + 1), pa.int64()),
        pa.nulls(table.num_rows, pa.string()),
        *(table.column(c).cast(pa.string()) for c in chosen),
        table.column("geometrie").cast(pa.binary()),
    ]
    yield from pa.Table.from_arrays(arrays, schema=schema).to_batches(max_chunksize=BATCH)
