"""What a sample file shows of its own shape: encoding, separator, types, key, places. Never a licence, a purpose nor a
privacy rule, which no file can tell. Every guess is named, to be confirmed by whoever knows the file.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.sample_guesses import Guess, Sample, describe
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Kind, sniff

__all__ = ["ROWS", "Guess", "Sample", "read_sample"]
ROWS = 5_000
_HEAD_BYTES = 4_000_000
_SEPARATORS = (";", ",", "\t", "|")


def read_sample(path: Path, ident: str) -> Sample:
    """Read the first rows of `path`. Raises FeedError when it is no CSV, Parquet or JSON array of objects."""
    kind = sniff(path)
    if kind is Kind.PARQUET:
        columns, sample = _parquet(path, ident)
    elif path.read_bytes()[:100].lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"[", b"{"):
        columns, sample = _json(path, ident)
    else:
        columns, sample = _csv(path, ident)
    describe(sample, columns)
    return sample


def _new(ident: str, **more: Any) -> Sample:
    return Sample({"id": ident, "version": "1.0", "nature": "jeu", **more})


def _csv(path: Path, ident: str) -> tuple[dict[str, list[str]], Sample]:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    whole = path.stat().st_size <= len(head)
    head = head if whole else head[: head.rfind(b"\n") + 1]
    if b"\0" in head[:1000] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "ni CSV, ni Parquet, ni JSON"
        raise FeedError(ident, Problem.FORMAT_INATTENDU, message, "donner un échantillon dans l'un de ces formats")
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    separator, width = _separator(text)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    header = next(rows, [])
    if not header or width < 1:
        raise FeedError(ident, Problem.ENTETE_INATTENDU, "fichier vide ou sans en-tête", "donner un autre échantillon")
    found = [r for r in itertools.islice(rows, ROWS) if len(r) == len(header)]
    columns = {name: [r[i] for r in found] for i, name in enumerate(header)}
    fmt = {"type": "csv", "encodage": encoding, "separateur": separator}
    sample = _new(ident, format=fmt)
    sample.lignes = len(found)
    sample.say("format.encodage", encoding, "tous les octets lus s'y décodent")
    sample.say("format.separateur", repr(separator), f"{len(header)} champs par ligne")
    decimal = _decimal(columns, separator)
    if decimal is not None:
        fmt["decimale"] = decimal
        sample.say("format.decimale", decimal, "des nombres l'emploient")
    return columns, sample


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for name in ("utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            head.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "iso-8859-1"


def _separator(text: str) -> tuple[str, int]:
    """The mark that cuts the first lines in the same number of fields, the greatest number first."""
    best = (";", 1, 0.0)
    for mark in _SEPARATORS:
        widths = [len(r) for r in itertools.islice(csv.reader(io.StringIO(text), delimiter=mark), 200) if r]
        if not widths:
            continue
        agreed = sum(w == widths[0] for w in widths) / len(widths)
        if widths[0] > 1 and (agreed, widths[0]) > (best[2], best[1]):
            best = (mark, widths[0], agreed)
    return best[0], best[1]


def _decimal(columns: Mapping[str, Sequence[str]], separator: str) -> str | None:
    commas = sum(bool(re.fullmatch(r"[+-]?\d+,\d+", v.strip())) for c in columns.values() for v in c)
    dots = sum(bool(re.fullmatch(r"[+-]?\d+\.\d+", v.strip())) for c in columns.values() for v in c)
    if separator != "," and commas > dots:
        return ","
    return "." if dots else None


def _parquet(path: Path, ident: str) -> tuple[dict[str, list[str]], Sample]:
    file = pq.ParquetFile(path)
    rows = next(file.iter_batches(ROWS), pa.RecordBatch.from_pylist([], schema=file.schema_arrow))
    sample = _new(ident, format={"type": "parquet"})
    sample.lignes = rows.num_rows
    plain = [n for n, t in zip(rows.schema.names, rows.schema.types, strict=True) if not pa.types.is_nested(t)]
    return {n: ["" if v is None else str(v) for v in rows.column(n).to_pylist()] for n in plain}, sample


def _json(path: Path, ident: str) -> tuple[dict[str, list[str]], Sample]:
    import ijson

    with path.open("rb") as file:
        items = [i for i in itertools.islice(ijson.items(file, "item"), ROWS) if isinstance(i, dict)]
    if not items:
        message = "le JSON n'est pas un tableau d'objets à sa racine"
        raise FeedError(ident, Problem.FORMAT_INATTENDU, message, "déclarer `format.racine` à la main")
    names = list(dict.fromkeys(k for item in items for k, v in item.items() if not isinstance(v, dict | list)))
    sample = _new(ident, format={"type": "json"})
    sample.lignes = len(items)
    return {n: ["" if i.get(n) is None else str(i[n]) for i in items] for n in names}, sample
