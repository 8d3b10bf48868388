"""Sources: whether each answers, its secret, its certificate; and what their clocks say of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from qpv_data.clause.model import Clause
from qpv_data.operations.check import Check, fault, ok, warning
from qpv_data.operations.probing import probe_all
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.sources.probe import Probed
from qpv_data.sources.secrets import secret_of

_SOON = timedelta(days=21)
_OFF, _FAR_OFF = 30.0, 300.0
_MINE = frozenset({Problem.SECRET_ABSENT, Problem.URL_REFUSEE})
"""What the run would fail by: for the engineer, not the producer, to mend."""


def source_checks(
    clauses: Sequence[Clause], now: datetime, transport: Callable[[str], str] | None = None
) -> Iterator[Check]:
    """What each source answers, those that fail alike on one host in a line; then the clock."""
    found = probe_all(clauses, now.date(), transport)
    groups: dict[tuple[str, str, str], list[Probed]] = {}
    for p in found:
        if p.probleme is not None:
            groups.setdefault((p.hote, p.probleme.value, p.message), []).append(p)
    up = [p for p in found if p.probleme is None]
    if found and not up and len(groups) > 1 and {p.probleme for p in found} == {Problem.SOURCE_INJOIGNABLE}:
        remedy = "vérifier le réseau de cette machine, son DNS et HTTPS_PROXY"
        yield fault("sources", Problem.SOURCE_INJOIGNABLE, f"aucune des {len(found)} ne répond", remedy)
    else:
        yield from (_failed(group) for _, group in sorted(groups.items()))
        if up or not found:
            yield ok("sources", f"{len(up)} sur {len(found)} répondent{_slowest(up)}" if found else "rien n'est dû")
    yield from _ending(up, now)
    yield clock(found) if transport is None else ok("horloge", "pas comparée : un miroir répond à l'heure d'ici")


def _failed(group: Sequence[Probed]) -> Check:
    first = group[0]
    assert first.probleme is not None
    names = listed([f"{p.jeu} {p.periode or ''}".strip() for p in group], 3)
    tell = fault if first.probleme in _MINE else warning
    return tell("sources", first.probleme, f"{first.hote} : {first.message} ({names})", first.remede)


def _slowest(up: Sequence[Probed]) -> str:
    if not up:
        return ""
    slowest = max(up, key=lambda p: p.secondes)
    return f", la plus lente ({slowest.jeu}) en {slowest.secondes:.1f} s".replace(".", ",")


def _ending(up: Sequence[Probed], now: datetime) -> Iterator[Check]:
    """Certificates that end soon, one line a host."""
    ends = {p.hote: p.certificat for p in up if p.certificat is not None}
    for host, end in sorted(ends.items()):
        if end - now < _SOON:
            message = f"{host} : son certificat finit le {end:%d/%m/%Y}"
            yield warning("certificats", Problem.CERTIFICAT_BIENTOT_PERIME, message, "prévenir le producteur")
    if ends:
        first = min(ends.values())
        yield ok("certificats", f"{len(ends)} hôtes, le premier à finir le {first:%d/%m/%Y}")


def secrets(clauses: Sequence[Clause], environment: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Whether each declared secret is there; its value is not shown."""
    for clause in clauses:
        if clause.source.secret is None:
            continue
        try:
            secret_of(clause.source, clause.id, environment)
        except FeedError as e:
            yield fault(clause.id, e.probleme, e.message, e.remede)


def clock(found: Sequence[Probed]) -> Check:
    """Ours against the median of the servers that say what time it is."""
    told = [p.horloge for p in found if p.horloge is not None]
    if not told:
        return ok("horloge", "aucun serveur n'a dit l'heure : pas comparée")
    off = median(told)
    shown = f"{abs(off):.0f} s de {'retard' if off > 0 else 'avance'} sur {len(told)} serveurs"
    remedy = "régler l'heure : timedatectl set-ntp true"
    if abs(off) > _FAR_OFF:
        return fault("horloge", Problem.HORLOGE_DECALEE, shown, remedy)
    if abs(off) > _OFF:
        return warning("horloge", Problem.HORLOGE_DECALEE, shown, remedy)
    return ok("horloge", f"à {abs(off):.0f} s de {len(told)} serveurs")
