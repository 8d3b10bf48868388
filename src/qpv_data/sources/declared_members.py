"""What a SELECT of `sql/conformer/` says of the members that it reads, in its leading comments.

    -- membre stops : stop_id, stop_name?, nom=name|label?
    -- membre station_status? [data.stations] : station_id, releve_le=/last_updated?

`?` marks what a delivery may lack: an absent member is then a view without rows, an absent column is null.
`view=a|b` reads the first of several headers (or JSON paths). `[path]` is where a JSON member's array is, and a path
that starts with `/` is of the whole document. Several lines may speak of one member.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"--\s*membre\s+([a-z][a-z0-9_]*)(\?)?\s*(?:\[([^\]]*)\])?\s*:\s*(.+)")
_COLUMN = re.compile(r"([a-z_][a-z0-9_]*)\s*(?:=\s*([^?]+?))?\s*(\?)?")


@dataclass(frozen=True)
class MemberColumn:
    """A column of a view: its name, the headers or JSON paths that it may come from, and whether it may lack."""

    nom: str
    sources: tuple[str, ...]
    facultative: bool


@dataclass(frozen=True)
class Member:
    """A member that a SELECT reads: its view's name, its columns, and for JSON the path of its array."""

    nom: str
    facultatif: bool
    racine: str | None
    colonnes: tuple[MemberColumn, ...]


def declared_members(query: str) -> tuple[Member, ...]:
    """The members that the comments of `query` declare, none when they declare none. Raises ValueError."""
    found: dict[str, Member] = {}
    for line in query.splitlines():
        if not line.startswith("-- membre"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"déclaration de membre illisible : {line}")
        name, optional, root, listed = match.groups()
        member = Member(name, optional is not None, root, tuple(_column(part) for part in listed.split(",")))
        before = found.get(name)
        if before is not None:
            if (before.facultatif, before.racine) != (member.facultatif, member.racine):
                raise ValueError(f"le membre {name} est déclaré de deux façons")
            member = Member(name, member.facultatif, root, before.colonnes + member.colonnes)
        found[name] = member
    return tuple(found.values())


def _column(part: str) -> MemberColumn:
    match = _COLUMN.fullmatch(part.strip())
    if match is None:
        raise ValueError(f"colonne de membre illisible : {part.strip()}")
    name, sources, optional = match.groups()
    listed = tuple(s.strip() for s in sources.split("|")) if sources else (name,)
    return MemberColumn(name, listed, optional is not None)
