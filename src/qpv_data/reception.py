"""How a delivery went, and what the journal keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Literal

from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.compliance.contents import filled_shares, last_period
from qpv_data.compliance.journal import RECUES, Attempt, available_day
from qpv_data.conforming_text import kept_columns
from qpv_data.land import delivery_of
from qpv_data.periods import parse_period
from qpv_data.runs import Configuration
from qpv_data.sources.http import redact

Statut = Literal["recue", "inchangee", "perimee", "refusee", "manquante", "detruite"]


@dataclass(frozen=True)
class Reception:
    """How a delivery went. `livraison` is the one that is used, null when there is none.

    `recue`, `inchangee`: up to date. `perimee`: it failed for `probleme`, the last good one stands in.
    `refusee`, `manquante`: it failed and nothing stands in. `detruite`: its records were destroyed, as its clause has
    it, and are not received again. `disponible_le`: the day from which a version of the period was there. `venue`: the
    delivery that came, even if it is refused; `entete`: its headers, as `told_headers` gives them.
    """

    jeu: str
    periode: str | None
    statut: Statut
    livraison: str | None
    conformed: Path | None
    clause_version: str | None = None
    recue_le: str | None = None
    disponible_le: str | None = None
    sha256: str | None = None
    taille: int | None = None
    url: str = ""
    echeance: str | None = None
    probleme: str | None = None
    message: str | None = None
    remede: str | None = None
    venue: str | None = None
    recues: int = 0
    conformes: int = 0
    rejetees: Mapping[str, int] = field(default_factory=dict)
    avertissements: tuple[str, ...] = ()
    entete: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether records came of it."""
        return self.conformed is not None


def version_of(versions: Sequence[Clause], version: str | None) -> Clause | None:
    """The version of that number, among those of one clause."""
    return next((v for v in versions if v.version == version), None)


def due_day(clause: Clause, periode: str | None) -> str | None:
    """The day by which the delivery is due (ISO), for a feed of periods."""
    asked = periode or (clause.periode.fin or clause.periode.debut if isinstance(clause, ClauseJeu) else None)
    if asked is None:
        return None
    return (parse_period(asked).fin + timedelta(days=clause.echeance_jours)).isoformat()


def attempt_of(cfg: Configuration, clause: Clause, reception: Reception, versions: Sequence[Clause] = ()) -> Attempt:
    """What the journal keeps of a reception. The last good delivery that stands in for a refused one is not told."""
    accepted = reception.statut in RECUES
    came = delivery_of(cfg.folder("raw"), clause.id, reception.venue) if reception.venue else None
    clause = version_of(versions, came.clause_version if came else None) or clause
    filled, reached = dict[str, float](), None
    if accepted and reception.conformed is not None:
        filled = filled_shares(reception.conformed, [c.nom for c in kept_columns(clause)])
        if isinstance(clause, ClauseJeu) and clause.periode.origine == "colonne":
            reached = last_period(reception.conformed)
    return Attempt(
        quand=cfg.maintenant.astimezone(UTC).isoformat(timespec="seconds"),
        jeu=clause.id,
        periode=reception.periode,
        url=redact(reception.url),
        clause_version=came.clause_version if came else clause.version,
        statut=reception.statut,
        livraison=reception.venue,
        disponible_le=available_day(came.recue_le, came.last_modified).isoformat() if came else None,
        probleme=reception.probleme,
        message=reception.message,
        remede=reception.remede,
        recues=reception.recues if accepted else 0,
        conformes=reception.conformes if accepted else 0,
        rejetees=reception.rejetees if accepted else {},
        entete=reception.entete,
        renseignes=filled,
        derniere_periode=reached,
    )
