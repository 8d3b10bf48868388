"""The state of a run's folder: releases, feeds, the last run, what is due, disk, corrections that wait."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qpv_data.clause.load import ClauseSet
from qpv_data.operations.events import read_events
from qpv_data.operations.feeds import Due, FeedStatus, feed_states, lines_of, next_dues
from qpv_data.operations.stages import bytes_in
from qpv_data.periods import Frequence, parse_period, period_of
from qpv_data.releases import channels, journal
from qpv_data.releases.policy import policy_of

PUBLIENT = ("run", "publication", "backfill", "rattrapage")
_MONTHS = 6


@dataclass(frozen=True)
class RunStatus:
    """One run. `etat`: `reussie`, `echec`, `interrompue`, `en cours`; `interrompue` too when it left no last word."""

    execution: str
    commande: str
    etat: str
    debut: datetime
    secondes: float | None = None
    probleme: str | None = None
    publication: str | None = None


@dataclass(frozen=True)
class ReleaseStatus:
    """One release that a channel points to. `signee_le`, `signee_par`: of the stable one."""

    publication: str
    publiee_le: str | None
    signee_le: str | None = None
    signee_par: str | None = None


@dataclass(frozen=True)
class Disk:
    """Bytes."""

    libre: int
    total: int
    dossier: int


@dataclass(frozen=True)
class LakeState:
    """All that `qpv-data status` shows. `corrections`: feed and period of each that waits for the next release."""

    dossier: Path
    maintenant: datetime
    stable: ReleaseStatus | None
    provisoire: ReleaseStatus | None
    derniere: RunStatus | None
    derniere_reussie: RunStatus | None
    jeux: tuple[FeedStatus, ...]
    echeances: tuple[Due, ...]
    prochaine_publication: tuple[str, date] | None
    disque: Disk
    corrections: tuple[str, ...]
    derniere_sauvegarde: datetime | None


def lake_state(sortie: Path, clauses: ClauseSet, maintenant: datetime) -> LakeState:
    """Read it all; nothing is written, and no lock is held."""
    events = list(read_events(sortie / "journal", _MONTHS))
    runs = run_states(events, held(sortie))
    known = [c.clause for c in clauses.chargees]
    lines = lines_of(known, sortie / "journal", maintenant)
    dues = next_dues(known, lines, maintenant.date())
    usage = shutil.disk_usage(sortie)
    told = [e for e in events if e["evenement"] == "publication"]
    saved = [e for e in events if e["evenement"] == "sauvegarde"]
    provisional = _release(sortie / "releases", channels.PROVISOIRE)
    return LakeState(
        dossier=sortie,
        maintenant=maintenant,
        stable=_release(sortie / "releases", channels.STABLE),
        provisoire=provisional,
        derniere=runs[-1] if runs else None,
        derniere_reussie=next((r for r in reversed(runs) if r.etat == "reussie" and r.commande in PUBLIENT), None),
        jeux=tuple(feed_states(known, lines, dues, sortie / "journal")),
        echeances=tuple(dues),
        prochaine_publication=_next_release(clauses.racine, provisional),
        disque=Disk(usage.free, usage.total, bytes_in(sortie)),
        corrections=tuple(told[-1].get("en_attente", ())) if told else (),
        derniere_sauvegarde=datetime.fromisoformat(saved[-1]["quand"]) if saved else None,
    )


def run_states(events: Iterable[Mapping[str, Any]], running: bool) -> list[RunStatus]:
    """Every run that began, oldest first; `running`: somebody holds the folder now."""
    events = list(events)
    begun = {e["execution"]: e for e in events if e["evenement"] == "debut"}
    ended = {e["execution"]: e for e in events if e["evenement"] == "fin"}
    found = []
    silent_ones = begun.keys() - ended.keys()
    for ident, begin in begun.items():
        end = ended.get(ident, {})
        silent = "en cours" if running and ident == max(silent_ones, default="") else "interrompue"
        found.append(
            RunStatus(
                ident,
                begin.get("commande", ""),
                end.get("etat", silent),
                datetime.fromisoformat(begin["quand"]),
                end.get("secondes"),
                end.get("probleme"),
                end.get("publication"),
            )
        )
    return found


def held(sortie: Path) -> bool:
    """Whether a process holds the folder; a dead one holds nothing. Asked of the system, without the lock itself: for
    an instant it would keep a run from starting."""
    try:
        inode = str((sortie / ".verrou").stat().st_ino)
        locks = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return False
    return any("FLOCK" in line and f":{inode} " in line for line in locks)


def last_clauses(sortie: Path) -> Path | None:
    """The clauses of the last run of this folder that went well, else of the last one, when they are still there. None
    too when they were the project's own, which are wherever the project is now."""
    events = list(read_events(sortie / "journal", 2))
    well = {e["execution"] for e in events if e["evenement"] == "fin" and e.get("etat") == "reussie"}
    begun = [e for e in events if e["evenement"] == "debut"]
    last = next((e for e in reversed(begun) if e["execution"] in well), begun[-1] if begun else None)
    named = Path(last["clauses"]) if last is not None and last.get("clauses") else None
    return named if named is not None and named.is_dir() else None


def _release(releases: Path, channel: str) -> ReleaseStatus | None:
    name = channels.current(releases, channel)
    if name is None:
        return None
    events = [e for e in journal.events(releases) if e.publication == name]
    published = next((e.le for e in events if e.evenement == journal.PUBLIEE), None)
    signed = next((e for e in reversed(events) if e.evenement == journal.VALIDEE), None)
    return ReleaseStatus(name, published, signed.le if signed else None, signed.par if signed else None)


def _next_release(clauses: Path, last: ReleaseStatus | None) -> tuple[str, date] | None:
    """The quarter after that of the last release, and the day when its release is due, by the policy."""
    policy = policy_of(clauses)
    if policy is None or last is None:
        return None
    quarter = parse_period(last.publication.rsplit("-r", 1)[0])
    after = period_of(quarter.next().debut, Frequence.T)
    return str(after), date.fromordinal(after.fin.toordinal() + policy.calendrier.delai_jours)
