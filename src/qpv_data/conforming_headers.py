"""What is told of the headers of a delivery: all, or those that its clause names when the feed holds personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qpv_data.clause.model import ClauseBase

_MOST, _LONGEST = 1_000, 100


def told_headers(clause: ClauseBase, headers: Sequence[str]) -> tuple[str, ...]:
    """The headers in their order, cut short when they are long; those without a name are left out.

    A file of persons that lacks its header has its first person instead: what such a clause does not name is told by
    a rank alone, `(inattendue 1)`, in the order of the file.
    """
    named = [h for h in headers if h][:_MOST]
    if not clause.donnees_personnelles.presentes:
        return tuple(_plain(h) for h in named)
    known, unknown = frozenset(_names(clause)), 0
    told = []
    for header in named:
        unknown += header not in known
        told.append(header if header in known else f"(inattendue {unknown})")
    return tuple(told)


def _plain(header: str) -> str:
    return "".join(c if c.isprintable() else " " for c in header[:_LONGEST])


def _names(clause: ClauseBase) -> Iterator[str]:
    """The names that the clause gives; of a path in JSON, its first key too."""
    for column in clause.colonnes:
        sources = (*column.source, *(column.note.source if column.note is not None else ()))
        for source in sources:
            yield source.strip()
            if clause.format.type == "json":
                yield source.partition(".")[0]
