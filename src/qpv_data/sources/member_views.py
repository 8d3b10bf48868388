"""The members of an archive as DuckDB views of text columns: delimited text is read in place, JSON through Arrow."""

from __future__ import annotations

import codecs
import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ijson
import pyarrow as pa

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu
from qpv_data.engine import sql_path
from qpv_data.problems import FeedError, Problem, cited
from qpv_data.sources.declared_members import Member, MemberColumn

_BLANKS = " \t\r\n\x0b\x0c\u00a0\u202f\ufeff"
_ODD = (b"\t", b"\x0b", b"\x0c")
_WIDE = tuple(c.encode() for c in "\u00a0\u202f\ufeff")
_TEXT, _JSON = (".txt", ".csv"), (".json",)
_CHUNK = 1 << 20


def create_views(
    con: duckdb.DuckDBPyConnection, clause: ClauseJeu, members: Mapping[str, Path], declared: Sequence[Member]
) -> None:
    """One view a member, under its name without suffix, in lower case.

    In: `members`, files by name. A declared member has its declared columns, trimmed, an empty text being null; when
    it may lack and does, it has no row. Without any declaration, every delimited member has all its columns, as
    received. Raises FeedError: conteneur_invalide (absent member), entete_inattendu (absent column), format_inattendu.
    """
    by_name = _by_name(clause, members)
    if not declared:
        for name, path in by_name.items():
            if path.suffix.lower() in _TEXT and (text := _readable(clause, path)) and (header := _header(clause, text)):
                con.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM {_scan(clause, text, header)}")
        return
    if absent := [m.nom for m in declared if m.nom not in by_name and not m.facultatif]:
        held = cited(", ".join(sorted(by_name)))
        message = f"membres absents de l'archive : {', '.join(absent)} ; elle contient : {held}"
        raise FeedError(clause.id, Problem.CONTENEUR_INVALIDE, message, "demander une livraison entière")
    for member in declared:
        found = by_name.get(member.nom)
        if found is not None and found.suffix.lower() in _JSON:
            con.register(member.nom, _json_table(clause, member, found))
        else:
            _text_view(con, clause, member, found)


def _by_name(clause: ClauseJeu, members: Mapping[str, Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, path in sorted(members.items()):
        stem, suffix = Path(name).stem.lower(), Path(name).suffix.lower()
        if suffix not in (*_TEXT, *_JSON):
            continue
        if stem in found:
            message = f"deux fichiers pour le membre {cited(stem)}"
            raise FeedError(clause.id, Problem.CONTENEUR_INVALIDE, message, "prévenir le producteur")
        found[stem] = path
    return found


def _text_view(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, member: Member, path: Path | None) -> None:
    text = _readable(clause, path) if path is not None else None
    header = _header(clause, text) if text is not None else []
    if text is None or (not header and member.facultatif):
        nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {quote(c.nom)}" for c in member.colonnes)
        con.execute(f"CREATE VIEW {quote(member.nom)} AS SELECT {nothing} WHERE false")
        return
    chosen, absent = [], []
    for column in member.colonnes:
        source = next((s for s in column.sources if s in header), None)
        if source is None and not column.facultative:
            absent.append(" / ".join(column.sources))
        value = "CAST(NULL AS VARCHAR)" if source is None else quote(source)
        value = f"nullif(trim({value}, {literal(_BLANKS)}), '')" if text.padded else value
        chosen.append(f"{value} AS {quote(column.nom)}")
    if absent:
        message = f"{member.nom} : colonnes absentes de l'en-tête : {', '.join(absent)}"
        raise FeedError(clause.id, Problem.ENTETE_INATTENDU, message, "prévenir le producteur")
    scan = _scan(clause, text, header)
    con.execute(f"CREATE VIEW {quote(member.nom)} AS SELECT {', '.join(chosen)} FROM {scan}")


@dataclass(frozen=True)
class _Text:
    """A member as UTF-8: `quoted`, the quote mark is somewhere; `padded`, a value may have blanks around it."""

    path: Path
    quoted: bool
    padded: bool


def _readable(clause: ClauseJeu, path: Path) -> _Text:
    """The member itself when it is UTF-8, else a copy of it in UTF-8 where unreadable bytes are replaced."""
    encoding = codecs.lookup(clause.format.encodage or "utf-8").name
    if encoding in ("utf-8", "utf-8-sig") and (seen := _seen(clause, path)):
        return seen
    copy = path.with_name(f"{path.name}.utf8")
    with path.open(encoding=encoding, errors="replace", newline="") as file, copy.open("w", newline="") as target:
        target.write(file.read(1).removeprefix("\ufeff"))
        shutil.copyfileobj(file, target, _CHUNK)
    seen = _seen(clause, copy)
    assert seen is not None
    return seen


def _seen(clause: ClauseJeu, path: Path) -> _Text | None:
    """One pass over the bytes; None when they are not UTF-8."""
    mark = clause.format.guillemet.encode()
    sides = [*(s.encode() for s in (_separator(clause), clause.format.guillemet)), b"\n", b"\r"]
    pairs = [p for side in sides for p in (side + b" ", b" " + side)]
    decoder, last = codecs.getincrementaldecoder("utf-8")(), b"\n"
    quoted = padded = False
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                if not chunk.isascii() or decoder.getstate()[0]:
                    decoder.decode(chunk)
                quoted = quoted or mark in chunk
                padded = padded or _has_pads(last + chunk, pairs)
                last = chunk[-4:]
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
    return _Text(path, quoted, padded or last.endswith(b" "))


def _has_pads(chunk: bytes, pairs: Sequence[bytes]) -> bool:
    """Trimming every value costs more than the rest of the reading: it is done where a byte calls for it."""
    odd = any(b in chunk for b in _ODD) or (not chunk.isascii() and any(b in chunk for b in _WIDE))
    return odd or (b" " in chunk and any(p in chunk for p in pairs))


def _header(clause: ClauseJeu, text: _Text) -> list[str]:
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_separator(clause), quotechar=clause.format.guillemet)
        # A header that ends with a separator has a column without name, that nobody reads.
        return [name.strip(_BLANKS) or f"_sans_nom_{n}" for n, name in enumerate(next(reader, []), 1)]


def _separator(clause: ClauseJeu) -> str:
    return clause.format.separateur or ","


def _scan(clause: ClauseJeu, text: _Text, header: Sequence[str]) -> str:
    """Rows shorter than the header are filled with nulls. DuckDB cannot cut such a file in parts for its threads when
    a quoted value may hold a line's end."""
    columns = ", ".join(f"{literal(h)}: 'VARCHAR'" for h in header)
    parallel = "false" if text.quoted else "true"
    return (
        f"read_csv({sql_path(text.path)}, header = true, auto_detect = false, delim = {literal(_separator(clause))},"
        f" quote = {literal(clause.format.guillemet)}, escape = '\"', columns = {{{columns}}}, null_padding = true,"
        f" parallel = {parallel})"
    )


def _json_table(clause: ClauseJeu, member: Member, path: Path) -> pa.Table:
    """The array of a JSON member as texts; what is of the whole document is repeated on each row."""
    own = [c for c in member.colonnes if not c.sources[0].startswith("/")]
    rows: list[tuple[str | None, ...]] = []
    met: set[str] = set()
    try:
        with path.open("rb") as file:
            for element in ijson.items(file, f"{member.racine}.item" if member.racine else "item"):
                rows.append(tuple(_first(element, c, met) for c in own))
        said = {c.nom: _of_document(path, c) for c in member.colonnes if c not in own}
    except (ijson.JSONError, ValueError, RecursionError) as e:
        message = f"{member.nom} : JSON illisible après {len(rows)} éléments ({type(e).__name__})"
        raise FeedError(clause.id, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e
    if absent := [" / ".join(c.sources) for c in own if rows and not c.facultative and c.nom not in met]:
        message = f"{member.nom} : champs absents de tous les éléments : {', '.join(absent)}"
        raise FeedError(clause.id, Problem.ENTETE_INATTENDU, message, "prévenir le producteur")
    texts = dict(zip((c.nom for c in own), zip(*rows, strict=True) if rows else ((),) * len(own), strict=True))
    columns = [texts.get(c.nom, (said.get(c.nom),) * len(rows)) for c in member.colonnes]
    return pa.table({c.nom: pa.array(t, pa.string()) for c, t in zip(member.colonnes, columns, strict=True)})


def _first(element: Any, column: MemberColumn, met: set[str]) -> str | None:
    """The first of its paths that holds something; `met` gathers the columns that some element has."""
    for source in column.sources:
        value = element
        for key in source.split("."):
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict) and key in value:
                value = value[key]
            else:
                break
        else:
            met.add(column.nom)
            if value is not None:
                return _text(value)
    return None


def _of_document(path: Path, column: MemberColumn) -> str | None:
    with path.open("rb") as file:
        found = next(ijson.items(file, column.sources[0].removeprefix("/").replace("/", ".")), None)
    return None if found is None else _text(found)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip(_BLANKS) or None
