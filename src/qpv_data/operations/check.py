"""One thing that the doctor looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qpv_data.problems import Problem


class Etat(StrEnum):
    """Readers see these words: French, closed list."""

    OK = "ok"
    ATTENTION = "attention"
    ERREUR = "erreur"


@dataclass(frozen=True)
class Check:
    """`sujet`: what was looked at; `constat`: what was found; `remede`: what to do, when it is not `ok`. No secret and
    no value of a record is in it."""

    sujet: str
    etat: Etat
    constat: str
    remede: str = ""
    probleme: Problem | None = None


def ok(sujet: str, constat: str) -> Check:
    """Nothing to do."""
    return Check(sujet, Etat.OK, constat)


def warning(sujet: str, probleme: Problem, constat: str, remede: str) -> Check:
    """Runs go on; somebody should look."""
    return Check(sujet, Etat.ATTENTION, constat, remede, probleme)


def fault(sujet: str, probleme: Problem, constat: str, remede: str) -> Check:
    """A run would fail, or protect less than it says."""
    return Check(sujet, Etat.ERREUR, constat, remede, probleme)
