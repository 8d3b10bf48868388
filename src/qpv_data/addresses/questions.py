"""From the columns of a feed to what a geocoder is asked, or why nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from qpv_data.addresses.model import LONGUEUR_MAX, SCORE_MIN, TYPE_ACCEPTE, Answer, Question, Reply, Unanswered
from qpv_data.addresses.reading import is_commune, is_postcode, one_line, parent_commune, spelled_out
from qpv_data.problems import MotifInconnu


@dataclass(frozen=True)
class PointColumns:
    """Where a feed already says a point: columns, and the EPSG number of their CRS."""

    x: str
    y: str
    epsg: int


@dataclass(frozen=True)
class AddressColumns:
    """Where the address is: `adresse` columns are joined by a space, in order."""

    adresse: tuple[str, ...]
    code_commune: str | None = None
    code_postal: str | None = None
    reference: PointColumns | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that is read."""
        point = (self.reference.x, self.reference.y) if self.reference else ()
        return (*self.adresse, *(n for n in (self.code_commune, self.code_postal) if n is not None), *point)


def questions_of(table: pa.Table, columns: AddressColumns) -> list[Question | MotifInconnu]:
    """A question a row, in order, or the reason why its place is unknown without asking.

    The Insee code filters when it is written; else the postcode; when the feed has such columns, a row with neither
    is not asked: its namesakes are everywhere.
    """
    parts = [_texts(table, name) for name in columns.adresse]
    nothing: list[str | None] = [None] * table.num_rows
    communes = _texts(table, columns.code_commune) if columns.code_commune else nothing
    postcodes = _texts(table, columns.code_postal) if columns.code_postal else nothing
    placed = columns.code_commune is not None or columns.code_postal is not None
    return [
        _question(" ".join(p for p in row if p), commune, postcode, placed)
        for commune, postcode, *row in zip(communes, postcodes, *parts, strict=True)
    ]


def _question(text: str, commune: str | None, postcode: str | None, placed: bool) -> Question | MotifInconnu:
    clean = spelled_out(one_line(text))
    if not text.strip():
        return MotifInconnu.ADRESSE_ABSENTE
    if len(clean) > LONGUEUR_MAX or not any(c.isalnum() for c in clean):
        return MotifInconnu.ADRESSE_ILLISIBLE
    question = Question(clean, commune if is_commune(commune) else None, postcode if is_postcode(postcode) else None)
    if placed and question.commune is None and question.code_postal is None:
        return MotifInconnu.COMMUNE_ABSENTE
    return question


def _texts(table: pa.Table, name: str) -> list[str | None]:
    column = table.column(name)
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    if pa.types.is_floating(column.type):  # a house number typed as a number
        texts = [t.removesuffix(".0") if t is not None else None for t in texts]
    return [t.strip() if t is not None else None for t in texts]


def judge(question: Question, reply: Reply) -> MotifInconnu | None:
    """None when the reply is a place; else the first reason why it is not."""
    if isinstance(reply, Unanswered):
        return MotifInconnu.GEOCODEUR_INDISPONIBLE
    if reply is None:
        return MotifInconnu.ADRESSE_INTROUVABLE
    if not _same_commune(question, reply):
        return MotifInconnu.COMMUNE_DIFFERENTE
    if reply.score < SCORE_MIN:
        return MotifInconnu.SCORE_INSUFFISANT
    if reply.type != TYPE_ACCEPTE:
        return MotifInconnu.ADRESSE_IMPRECISE
    return MotifInconnu.ADRESSE_AMBIGUE if reply.rivale else None


def _same_commune(question: Question, answer: Answer) -> bool:
    """The service filters; it is checked all the same. An arrondissement is in its commune, not the reverse."""
    if question.commune is not None:
        return question.commune in answer.communes or question.commune in map(parent_commune, answer.communes)
    return question.code_postal is None or question.code_postal == answer.code_postal
