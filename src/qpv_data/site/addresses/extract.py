"""An extract of the Base Adresse Nationale as batches of texts, a line of the file a row, in bounded memory.

The file is not trusted: its header, its encoding and what it weighs once unpacked are looked at as it streams.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from qpv_data.addresses.ban import CHAMPS
from qpv_data.problems import Problem
from qpv_data.site.writing import SiteError
from qpv_data.sources.archive import Limits

LIMITES = Limits(ratio_max=100)
"""The national extract weighs 6 GB once unpacked, six times what it does packed."""
READ = (
    "id", "numero", "rep", "nom_voie", "code_postal", "code_insee", "nom_commune", "code_insee_ancienne_commune",
    "nom_ancienne_commune", "lon", "lat", "type_position",
)  # fmt: skip
BLOCK = 8 << 20
_HEADER = 10_000
_AGAIN = "le télécharger à nouveau : adresses-<département>.csv.gz, sur adresse.data.gouv.fr"
_PACKED = b"\x1f\x8b"


def batches(path: Path, limits: Limits = LIMITES, block: int = BLOCK) -> Iterator[tuple[pa.Table, int]]:
    """(rows with the columns READ, as texts, empty and never null; how many lines had not 23 fields), block by block.

    Quotes are read line by line: one that nothing closes spoils its own line, and not those after it.
    Raises SiteError for a file that is absent, is not the BAN's, is cut, is not UTF-8 or weighs too much once unpacked.
    """
    try:
        with path.open("rb") as file:
            source = Text(path, file, limits)
            _check_header(path, source)
            yield from _tables(path, source, block)
    except FileNotFoundError as e:
        raise _refused(Problem.SOURCE_ABSENTE, path, "introuvable", "donner le chemin d'un extrait de la BAN") from e
    except IsADirectoryError as e:
        raise _refused(Problem.FORMAT_INATTENDU, path, "est un dossier", "donner ses fichiers un à un") from e
    except PermissionError as e:
        raise _refused(Problem.SOURCE_ABSENTE, path, "ne peut être lu", "vérifier ses droits") from e


class Text(io.RawIOBase):
    """The bytes of a file, unpacked when they are packed, held to be UTF-8 and no more than the limits."""

    def __init__(self, path: Path, file: BinaryIO, limits: Limits) -> None:
        self._path, self._limits = path, limits
        packed = file.read(2) == _PACKED
        file.seek(0)
        self._packed = path.stat().st_size if packed else 0
        self._from: Any = gzip.GzipFile(fileobj=file) if packed else file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._taken = 0
        self.first = b""
        """What was read ahead, and is given before the rest."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.first:
            chunk, self.first = self.first[: len(buffer)], self.first[len(buffer) :]
        else:
            chunk = self.chunk(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def chunk(self, size: int) -> bytes:
        """At most `size` more bytes, none at the end."""
        try:
            chunk: bytes = self._from.read(size)
            self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as e:
            message = f"n'est pas en UTF-8 (vers l'octet {self._taken})"
            raise _refused(Problem.FORMAT_INATTENDU, self._path, message, _AGAIN) from e
        except (EOFError, zlib.error, gzip.BadGzipFile) as e:
            raise _refused(Problem.SOURCE_TRONQUEE, self._path, "est coupé ou abîmé", _AGAIN) from e
        self._taken += len(chunk)
        limits = self._limits
        dense = self._packed and self._taken > max(limits.ratio_des, self._packed * limits.ratio_max)
        if dense or self._taken > limits.taille_max:
            message = f"pèse plus de {self._taken // 1_000_000} Mo une fois décompressé : ce n'est pas un extrait"
            raise _refused(Problem.CONTENEUR_HOSTILE, self._path, message, "ne pas l'ouvrir ; prévenir sa source")
        return chunk


def _check_header(path: Path, source: Text) -> None:
    """Take the first line away, if it is that of the BAN."""
    head = b""
    while b"\n" not in head and len(head) < _HEADER and (chunk := source.chunk(_HEADER)):
        head += chunk
    line, _, source.first = head.partition(b"\n")
    names = line.decode("utf-8-sig", "replace").rstrip("\r").replace('"', "").split(";")
    if tuple(names) != CHAMPS:
        message = f"n'a pas les {len(CHAMPS)} champs du format CSV national de la BAN"
        raise _refused(Problem.ENTETE_INATTENDU, path, message, "prendre adresses-<département>.csv.gz")


def _tables(path: Path, source: Text, block: int) -> Iterator[tuple[pa.Table, int]]:
    ragged: list[str] = []

    def aside(row: Any) -> str:
        ragged.append(row.text)
        return "skip"

    if not (source.first or _more(source)):
        return
    try:
        reader = pa_csv.open_csv(
            pa.PythonFile(io.BufferedReader(source, block), mode="r"),
            read_options=pa_csv.ReadOptions(column_names=list(CHAMPS), block_size=block, use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=";", quote_char=False, invalid_row_handler=aside),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(CHAMPS, pa.string()), include_columns=list(READ), strings_can_be_null=False
            ),
        )
        for batch in reader:
            again, lost = _read_again(ragged)
            ragged.clear()
            yield pa.concat_tables([_bare(pa.Table.from_batches([batch])), again]), lost
        again, lost = _read_again(ragged)
        yield again, lost
    except pa.ArrowInvalid as e:
        message = "a une ligne sans fin, ou des lignes illisibles"
        raise _refused(Problem.FORMAT_INATTENDU, path, message, _AGAIN) from e


def _more(source: Text) -> bool:
    source.first = source.chunk(1 << 16)
    return bool(source.first)


def _read_again(lines: list[str]) -> tuple[pa.Table, int]:
    """Lines that a plain cut at `;` does not make 23 fields of: those where quotes do, and how many are left."""
    rows = []
    for line in lines:
        try:
            cells = next(csv.reader([line], delimiter=";", strict=True), [])
        except csv.Error:
            cells = []
        if len(cells) == len(CHAMPS):
            rows.append(dict(zip(CHAMPS, cells, strict=True)))
    columns = {name: pa.array([r[name] for r in rows], pa.string()) for name in READ}
    return pa.table(columns), len(lines) - len(rows)


def _bare(table: pa.Table) -> pa.Table:
    """The same without the quotes around a field."""
    for i, name in enumerate(table.column_names):
        column = table.column(name)
        if pc.any(pc.starts_with(column, '"')).as_py():
            quoted = pc.and_(pc.match_substring_regex(column, '^".*"$'), pc.greater(pc.utf8_length(column), 1))
            inside = pc.replace_substring(pc.utf8_slice_codeunits(column, 1, -1), '""', '"')
            table = table.set_column(i, name, pc.if_else(quoted, inside, column))
    return table


def _refused(problem: Problem, path: Path, message: str, remedy: str) -> SiteError:
    return SiteError(problem, f"{path.name} {message}", remedy)
