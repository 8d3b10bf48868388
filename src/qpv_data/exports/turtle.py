"""Turtle (RDF 1.1), written: enough of it for a catalogue, escaped by its grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

_UNSAFE = "!#$%&'()*+,/:;=?@[]~"  # kept as they are in an IRI that is already written with its own escapes
_LOCAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ESCAPES = str.maketrans(
    {chr(n): f"\\u{n:04X}" for n in (*range(0x20), 0x7F)}
    | {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


@dataclass(frozen=True)
class Iri:
    """An absolute or relative reference. What RFC 3987 does not allow in one is percent-encoded when written."""

    value: str


@dataclass(frozen=True)
class Name:
    """A name of a declared prefix: `Name("dcat", "Dataset")`."""

    prefix: str
    local: str


@dataclass(frozen=True)
class Literal:
    """A text with its language (`fr`), or with its type, or neither."""

    value: str
    langue: str | None = None
    type: Name | None = None


@dataclass(frozen=True)
class Blank:
    """A nameless node, written where it is used."""

    properties: Properties


Term = Iri | Name | Literal | Blank
Properties = Sequence[tuple[Name, Term]]


def turtle(prefixes: Mapping[str, str], subjects: Iterable[tuple[Iri, Properties]]) -> str:
    """A document: prefixes by name, then subjects and their properties in the order given. Prefixes that a name uses
    and that are not declared are a fault of ours."""
    lines = [f"@prefix {name}: {_iri(Iri(iri))} ." for name, iri in sorted(prefixes.items())]
    for subject, properties in subjects:
        lines += ["", f"{_iri(subject)}", _properties(properties, prefixes, "  ") + " ."]
    return "\n".join(lines) + "\n"


def _properties(properties: Properties, prefixes: Mapping[str, str], indent: str) -> str:
    return " ;\n".join(f"{indent}{_verb(n, prefixes)} {_term(v, prefixes, indent)}" for n, v in properties)


def _verb(name: Name, prefixes: Mapping[str, str]) -> str:
    return "a" if name == Name("rdf", "type") else _name(name, prefixes)


def _term(term: Term, prefixes: Mapping[str, str], indent: str) -> str:
    match term:
        case Iri():
            return _iri(term)
        case Name():
            return _name(term, prefixes)
        case Blank(properties):
            return f"[\n{_properties(properties, prefixes, indent + '  ')}\n{indent}]"
        case Literal(value, langue, kind):
            assert langue is None or kind is None
            end = f"@{langue}" if langue else f"^^{_name(kind, prefixes)}" if kind else ""
            return f'"{escaped(value)}"{end}'


def _name(name: Name, prefixes: Mapping[str, str]) -> str:
    assert name.prefix in prefixes, name
    assert _LOCAL.fullmatch(name.local), name
    return f"{name.prefix}:{name.local}"


def _iri(iri: Iri) -> str:
    return f"<{quote(iri.value, safe=_UNSAFE + '-._')}>"


def escaped(text: str) -> str:
    """The text between quotes. Lone surrogates, which no UTF-8 file can hold, become U+FFFD."""
    safe = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return safe.translate(_ESCAPES)
