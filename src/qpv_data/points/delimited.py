"""CSV of points. Every column stays the text that it is: a code keeps its zeros, whatever it looks like."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from qpv_data.points.reading import Unit
from qpv_data.problems import FeedError, Problem

_BLOCK = 16 << 20
_SEPARATORS = (";", "\t", ",", "|")
_SHOWN = 10


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
        self._separator = separateur or self._sniffed()
        with self._open(None) as reader:
            self.schema: pa.Schema = reader.schema
        names = self.schema.names
        if twice := sorted({n for n in names if names.count(n) > 1}):
            message = f"colonnes en double : {', '.join(twice)}"
            raise FeedError(self.nom, Problem.ENTETE_INATTENDU, message, "les renommer")

    def units(self, columns: Sequence[str] | None) -> Iterator[Unit]:
        """Batches of the file, in order, all columns being texts; null only where the field is empty."""
        wrong: list[str] = []
        with self._open(wrong) as reader:
            try:
                for batch in reader:
                    kept = batch if columns is None else batch.select(list(columns))
                    yield lambda kept=kept: [kept]  # type: ignore[misc]
            except pa.ArrowInvalid as e:
                raise self._illegible(e) from e
        if wrong:
            raise self._ragged(wrong)

    def _open(self, wrong: list[str] | None) -> pc.CSVStreamingReader:
        names = self._header()

        def handler(row: Any) -> str:
            if wrong is not None:
                wrong.append(f"{row.number} ({row.actual_columns} champs)" if row.number else "?")
            return "skip"

        try:
            return pc.open_csv(
                self.path,
                read_options=pc.ReadOptions(block_size=_BLOCK, encoding=self._encoding, use_threads=False),
                parse_options=pc.ParseOptions(
                    delimiter=self._separator, newlines_in_values=True, invalid_row_handler=handler
                ),
                convert_options=pc.ConvertOptions(
                    column_types={n: pa.string() for n in names}, strings_can_be_null=True, null_values=[""]
                ),
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as e:
            raise self._illegible(e) from e

    def _header(self) -> list[str]:
        import csv

        with self.path.open("r", encoding=_without_bom(self._encoding), errors="replace", newline="") as stream:
            return next(csv.reader(stream, delimiter=self._separator), [])

    def _sniffed(self) -> str:
        with self.path.open("r", encoding=_without_bom(self._encoding), errors="replace", newline="") as stream:
            head = stream.readline(1 << 20)
        return max(_SEPARATORS, key=head.count) if any(head.count(s) for s in _SEPARATORS) else ","

    def _illegible(self, error: Exception) -> FeedError:
        message = f"CSV illisible : {str(error).splitlines()[0][:200]}"
        return FeedError(self.nom, Problem.FORMAT_INATTENDU, message, "vérifier l'encodage et le séparateur")

    def _ragged(self, wrong: list[str]) -> FeedError:
        shown = ", ".join(wrong[:_SHOWN]) + (", …" if len(wrong) > _SHOWN else "")
        message = f"{len(wrong)} lignes n'ont pas les {len(self.schema)} champs de l'en-tête : lignes {shown}"
        return FeedError(self.nom, Problem.FORMAT_INATTENDU, message, "corriger ces lignes, ou leurs guillemets")


def _without_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding
