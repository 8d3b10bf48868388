"""CSV of points. Every column stays the text that it is: a code keeps its zeros, whatever it looks like."""

from __future__ import annotations

import codecs
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from qpv_data.points.reading import Unit
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Kind, sniff

_BLOCK = 16 << 20
# Characters of a header, at most.
_HEADER = 1 << 17
_TEXTS = (Kind.TEXTE, Kind.INCONNU)
_SEPARATORS = (";", "\t", ",", "|")
_SHOWN = 10
_REMEDY = "donner --encodage (cp1252…) et --separateur, ou vérifier le fichier"


class CsvSource:
    """A CSV with a header; a unit is a batch of it, parsed by the thread that asks for units.

    `separateur` None: the one of `;`, tab, `,` and `|` that cuts the header most often. A line with another number of
    fields than the header refuses the file, with every such line named: a row is never lost without a word.
    """

    def __init__(self, path: Path, separateur: str | None, encodage: str) -> None:
        self.path, self.nom = path, path.name
        self.geo: dict[str, Any] = {}
        try:
            self._encoding = codecs.lookup(encodage).name
        except LookupError as e:
            raise FeedError(
                self.nom, Problem.VALEUR_INVALIDE, f"encodage inconnu : {encodage}", "utf-8, cp1252…"
            ) from e
        kind = sniff(path)
        if kind not in _TEXTS or (kind is Kind.INCONNU and "16" not in self._encoding and "32" not in self._encoding):
            said = "" if kind is Kind.INCONNU else f" ({kind.value})"
            raise self._refused(f"ni Parquet, ni CSV, ni fichier Arrow{said}", "convertir ou décompresser le fichier")
        self._separator = separateur or self._sniffed()
        header, self._empty = self._beginning()
        if not header:
            raise self._refused("fichier vide, sans en-tête", "vérifier la source")
        if twice := sorted({n for n in header if header.count(n) > 1}):
            message = f"colonnes en double : {', '.join(twice)}"
            raise FeedError(self.nom, Problem.ENTETE_INATTENDU, message, "les renommer")
        self.schema: pa.Schema = pa.schema([(name, pa.string()) for name in header])
        if not self._empty:
            self._reader([]).close()

    def units(self, columns: Sequence[str] | None) -> Iterator[Unit]:
        """Batches of the file, in order, all columns being texts; null only where the field is empty."""
        if self._empty:
            return
        wrong: list[str] = []
        with self._reader(wrong) as reader:
            while (batch := self._next(reader, wrong)) is not None:
                kept = batch if columns is None else batch.select(list(columns))
                yield lambda kept=kept: [kept]  # type: ignore[misc]
        if wrong:
            raise self._ragged(wrong)

    def _next(self, reader: pc.CSVStreamingReader, wrong: list[str]) -> pa.RecordBatch | None:
        try:
            with _undecoded_rows_ignored():
                return reader.read_next_batch()
        except StopIteration:
            return None
        except (pa.ArrowInvalid, UnicodeDecodeError) as e:
            raise self._illegible(e) from e

    def _reader(self, wrong: list[str]) -> pc.CSVStreamingReader:
        """A reader of the rows, that lists those with another number of fields in `wrong`."""

        def handler(row: Any) -> str:
            wrong.append(f"{row.number} ({row.actual_columns} champs)" if row.number else "?")
            return "skip"

        try:
            with _undecoded_rows_ignored():
                reader = pc.open_csv(
                    self.path,
                    read_options=pc.ReadOptions(block_size=_BLOCK, encoding=self._encoding, use_threads=False),
                    parse_options=pc.ParseOptions(
                        delimiter=self._separator, newlines_in_values=True, invalid_row_handler=handler
                    ),
                    convert_options=pc.ConvertOptions(
                        column_types={n: pa.string() for n in self.schema.names},
                        strings_can_be_null=True,
                        null_values=[""],
                    ),
                )
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as e:
            raise self._illegible(e) from e
        if reader.schema.names != self.schema.names:
            reader.close()
            raise self._refused("en-tête illisible", "vérifier l'encodage, le séparateur et les guillemets")
        return reader

    def _beginning(self) -> tuple[list[str], bool]:
        """The header, and whether nothing follows it."""
        with self.path.open("r", encoding=_without_bom(self._encoding), errors="replace", newline="") as stream:
            rows = csv.reader(self._first_lines(stream), delimiter=self._separator)
            try:
                header = next((row for row in rows if row), [])
            except csv.Error as e:
                raise self._endless() from e
            return header, not any(line.strip() for line in stream)

    def _first_lines(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines that a header may take. Its length is bounded here: the limit of Python's csv belongs to the whole
        process, and is whatever another module made it."""
        taken = 0
        for line in lines:
            taken += len(line)
            if taken > _HEADER:
                raise self._endless()
            yield line

    def _endless(self) -> FeedError:
        """A quote that no other one ends."""
        return self._refused("en-tête illisible", "vérifier ses guillemets et le séparateur")

    def _sniffed(self) -> str:
        with self.path.open("r", encoding=_without_bom(self._encoding), errors="replace", newline="") as stream:
            head = stream.readline(1 << 20)
        return max(_SEPARATORS, key=head.count) if any(head.count(s) for s in _SEPARATORS) else ","

    def _illegible(self, error: Exception) -> FeedError:
        """What is wrong, and where; never the row itself, which may hold a personal value."""
        said = str(error)
        encoding = isinstance(error, UnicodeDecodeError) or "UTF8" in said
        what = f"octets qui n'existent pas en {self._encoding}" if encoding else "lignes illisibles"
        line = re.search(r"Row #(\d+)", said)
        return self._refused(f"CSV illisible : {what}" + (f" (ligne {line[1]})" if line else ""), _REMEDY)

    def _refused(self, message: str, remedy: str) -> FeedError:
        return FeedError(self.nom, Problem.FORMAT_INATTENDU, message, remedy)

    def _ragged(self, wrong: list[str]) -> FeedError:
        shown = ", ".join(wrong[:_SHOWN]) + (", …" if len(wrong) > _SHOWN else "")
        message = f"{len(wrong)} lignes n'ont pas les {len(self.schema)} champs de l'en-tête : lignes {shown}"
        return FeedError(self.nom, Problem.FORMAT_INATTENDU, message, "corriger ces lignes, ou leurs guillemets")


@contextmanager
def _undecoded_rows_ignored() -> Iterator[None]:
    """pyarrow prints a row with too many fields that it cannot decode, before it refuses the file: not here."""
    before: Callable[[Any], Any] = sys.unraisablehook

    def hook(fault: Any) -> None:
        if not (isinstance(fault.exc_value, UnicodeDecodeError) and "_reader.<locals>.handler" in repr(fault.object)):
            before(fault)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _without_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding
