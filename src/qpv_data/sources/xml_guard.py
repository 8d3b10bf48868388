"""XML that may be hostile: a document type is refused before anything in it can be expanded."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any
from xml.parsers import expat

_CHUNK = 1 << 16


class HostileXmlError(Exception):
    """A document type, the only way to declare an entity."""


class _RootReachedError(Exception):
    pass


def refuse_doctype(stream: IO[bytes]) -> None:
    """Read up to the root element, after which no document type may come, under the parser's own decoding.

    Raises HostileXmlError; ValueError when there is no XML.
    """
    parser = _parser()

    def reached(name: str, attributes: Any) -> None:
        raise _RootReachedError

    parser.StartElementHandler = reached
    try:
        while data := stream.read(_CHUNK):
            parser.Parse(data, False)
        parser.Parse(b"", True)
    except _RootReachedError:
        return
    except expat.ExpatError as e:
        raise ValueError(f"XML illisible ({expat.ErrorString(e.code)})") from None


def walk(data: bytes, start: Callable[[str, dict[str, str]], None], text: Callable[[str], None]) -> None:
    """Give every element (local name, attributes) and every text, in order. Raises HostileXmlError, ValueError."""
    parser = _parser()

    def started(name: str, attributes: dict[str, str]) -> None:
        start(_local(name), {_local(k): v for k, v in attributes.items()})

    parser.StartElementHandler = started
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as e:
        raise ValueError(f"XML illisible ({expat.ErrorString(e.code)})") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parser() -> Any:
    parser = expat.ParserCreate()

    def doctype(*_: object) -> None:
        raise HostileXmlError("le document déclare un DOCTYPE")

    parser.StartDoctypeDeclHandler = doctype
    return parser
