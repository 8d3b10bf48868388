"""When releases are due, how they are revised, who signs them off and how long they stay: `publication.yml`.

The file stands beside the folder of clauses. What it says is published with each release.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from qpv_data.clause.model import Modele, Texte
from qpv_data.declared import read_declared
from qpv_data.periods import Frequence, Period, period_of

NAME = "publication.yml"
CALENDRIER = pa.schema([("periode", pa.string()), ("prevue_le", pa.date32())])
_AHEAD = 4


class Calendrier(Modele):
    """`delai_jours`: days from the end of a quarter to the day when its first release is due."""

    delai_jours: Annotated[int, Field(ge=0, le=730)]


class Revisions(Modele):
    """`politique`: in words, when published figures change and how readers are told; `trimestres`: how many quarters
    back a release may correct without more notice."""

    politique: Texte
    trimestres: Annotated[int, Field(ge=0, le=400)]


class Validation(Modele):
    """`signataires`: the functions whose holders sign a release off."""

    signataires: tuple[Texte, ...] = Field(min_length=1)


class Conservation(Modele):
    """`publications`: how many of the last releases stay before readers, those that channels point to apart."""

    publications: Annotated[int, Field(ge=1, le=10_000)]


class Politique(Modele):
    """A partnership's policy of publication."""

    calendrier: Calendrier
    revisions: Revisions
    validation: Validation
    conservation: Conservation


def policy_of(clauses: Path) -> Politique | None:
    """The policy that stands beside a folder of clauses; None when there is none: nothing is then promised, signed by
    anyone in particular, or put away. Raises InvalidDeclarationError."""
    path = clauses.parent / NAME
    return read_declared(path, Politique, f"corriger {NAME}") if path.is_file() else None


def calendar(policy: Politique | None, until: Period) -> pa.Table:
    """CALENDRIER: the day when the release of this quarter was due, and those of the next ones."""
    rows = []
    quarter = until
    for _ in range(_AHEAD + 1 if policy is not None else 0):
        assert policy is not None
        due = quarter.fin + timedelta(days=policy.calendrier.delai_jours)
        rows.append({"periode": str(quarter), "prevue_le": due})
        quarter = _next(quarter)
    return pa.Table.from_pylist(rows, schema=CALENDRIER)


def _next(quarter: Period) -> Period:
    first: date = quarter.fin + timedelta(days=1)
    return period_of(first, Frequence.T)
