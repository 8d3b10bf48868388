"""When each form of a delivery is due for destruction, under the clause that it was received under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qpv_data.clause.model import Clause, SansObjet


class Forme(StrEnum):
    """What is destroyed. The first four are those of `destruction.conservation_jours`."""

    BRUT = "brut"
    CONFORME = "conforme"
    LOCALISE = "localise"
    REJETS = "rejets"
    DEPOT = "depot"
    RESTE = "reste"
    CLE = "cle"
    RESULTAT = "resultat_prefect"
    AGREGATS = "agregats"


class Motif(StrEnum):
    """Why it is due."""

    CONSERVATION = "conservation"
    FIN_DE_CLAUSE = "fin_de_clause"
    DERNIERE_LIVRAISON = "derniere_livraison"
    INACHEVE = "inacheve"


@dataclass(frozen=True)
class Term:
    """The first day on which something may be kept no more, why, and under which version of its clause."""

    echeance: date
    motif: Motif
    clause_version: str

    def due(self, today: date) -> bool:
        """Whether that day has come."""
        return self.echeance <= today


def bound_version(versions: Sequence[Clause], version: str | None) -> Clause:
    """The version that a delivery was received under; the first of `versions` (the day's) when it is not declared."""
    return next((v for v in versions if v.version == version), versions[0])


def last_day(versions: Sequence[Clause], bound: Clause) -> date:
    """The last day of the clause: that of `bound`, put off by each version that follows without a day between."""
    last = bound.duree.dernier_jour
    for version in sorted(versions, key=lambda v: v.duree.debut):
        follows = last != date.max and version.duree.debut <= last + timedelta(days=1)
        if follows and version.duree.debut >= bound.duree.debut:
            last = max(last, version.duree.dernier_jour)
    return last


def term(versions: Sequence[Clause], version: str | None, forme: Forme, received: date) -> Term | None:
    """When a form of a delivery received on the day `received` (UTC) is due; None under a clause that destroys nothing.

    `conservation_jours` after its reception, and at the latest on the day after the clause's last. A file left in a
    deposit is the file as received: `brut`. Aggregates are due at the clause's end alone, and only where the clause
    says that they are destroyed.
    """
    bound = bound_version(versions, version)
    if isinstance(bound.destruction, SansObjet):
        return None
    end = _end(versions, bound)
    if forme in (Forme.AGREGATS, Forme.CLE):
        kept = forme is Forme.AGREGATS and bound.destruction.agregats == "conserves"
        return None if kept else end
    days = getattr(bound.destruction.conservation_jours, "brut" if forme is Forme.DEPOT else forme.value)
    own = Term(received + timedelta(days=days), Motif.CONSERVATION, bound.version)
    return own if end is None or own.echeance <= end.echeance else end


def _end(versions: Sequence[Clause], bound: Clause) -> Term | None:
    last = last_day(versions, bound)
    return None if last == date.max else Term(last + timedelta(days=1), Motif.FIN_DE_CLAUSE, bound.version)
