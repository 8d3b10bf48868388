"""The elements of a JSON array as rows of text, one after the other."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.sources.raw_rows import Heard, RawRow, legible

_LONGEST_NUMBER = 400
_DEADLY = re.compile(rb"[0-9]{4300}|\[{1000}")
_KEYS = 1_000  # that are told at most: some files have a key an element


def json_rows(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[RawRow]:
    """(rank from 1, texts, None) of every element. `heard` is told the keys of the elements, once all are read.

    Raises FeedError: format_inattendu, entete_inattendu when no element has a column.
    """
    prefix = f"{fmt.racine}.item" if fmt.racine else "item"
    number = 0
    seen: set[str] = set()
    keys: dict[str, None] = {}
    with path.open("rb") as file:
        try:
            for element in ijson.items(_JsonBytes(file, fmt.encodage), prefix):
                for record in _exploded(element, fmt.eclater):
                    number += 1
                    if isinstance(record, dict) and len(keys) < _KEYS:
                        keys.update(dict.fromkeys(record))
                    if record is None:
                        yield RawRow(number, None, Rejet.NOMBRE_DE_CHAMPS)
                        continue
                    yield legible(number, tuple(_first_text(record, c.source, seen) for c in columns))
        except (ijson.JSONError, ValueError, RecursionError) as e:
            message = f"JSON illisible après {number} éléments ({type(e).__name__})"
            raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e
        finally:
            if heard is not None:
                heard(list(keys)[:_KEYS])
    absent = [" / ".join(c.source) for c in columns if number and not seen.intersection(c.source)]
    if absent:
        message = f"champs absents de tous les éléments : {', '.join(absent)}"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, "corriger `colonnes.source`")


class _JsonBytes:
    """UTF-8 bytes for the JSON parser, which a number of more than 4300 digits kills, and too deep a nest stalls."""

    def __init__(self, file: BinaryIO, encodage: str | None) -> None:
        name = codecs.lookup(encodage or "utf-8").name
        self._file: Any = file
        if name not in ("utf-8", "utf-8-sig", "ascii"):
            self._file = io.TextIOWrapper(file, encoding=encodage, newline="")
        self._tail, self._first = b"", True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end. Raises ValueError."""
        read = self._file.read(size)
        data: bytes = read.encode() if isinstance(read, str) else read
        if self._first and data:
            self._first = False
            data = data.removeprefix(codecs.BOM_UTF8) or self.read(size)
        if _DEADLY.search(self._tail + data):
            raise ValueError("nombre ou imbrication démesurés")
        self._tail = data[-5000:]
        return data


def _exploded(element: Any, inner: str | None) -> Iterator[Any]:
    """The records of an element; None when what should be an inner array is not one."""
    if inner is None:
        yield element
        return
    items, found = _at(element, inner)
    if not (found and isinstance(element, dict) and isinstance(items, list | None)):
        yield None
        return
    for item in items or ():
        yield {**element, inner: item}


def _first_text(record: Any, sources: Sequence[str], seen: set[str]) -> str | None:
    for source in sources:
        value, found = _at(record, source)
        if found:
            seen.add(source)
            if value is not None:
                return text_of(value)
    return None


def _at(value: Any, path: str) -> tuple[Any, bool]:
    """The value at `a.b.0`; of the keys that hold dots, the longest is tried first."""
    if isinstance(value, dict):
        key, rest = path, ""
        while True:
            if key in value:
                found = _at(value[key], rest) if rest else (value[key], True)
                if found[1]:
                    return found
            key, dot, last = key.rpartition(".")
            if not dot:
                return None, False
            rest = f"{last}.{rest}" if rest else last
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head.isdecimal() and int(head) < len(value):
        child = value[int(head)]
        return _at(child, rest) if rest else (child, True)
    return None, False


def text_of(value: Any) -> str | None:
    """A value as text, in full: numbers are neither rounded nor shortened."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        # 1e999999999 in full would fill the memory.
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < _LONGEST_NUMBER else str(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=text_of)
