"""Fetch what a clause declares for a period, and land it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from qpv_data.clause.model import Clause
from qpv_data.clause.source import SourceDepot
from qpv_data.compliance.journal import read_journal
from qpv_data.engine import scratch
from qpv_data.fetch import Fetched, FetchPolicy
from qpv_data.land import Delivery, deliveries, land, last_delivery
from qpv_data.operations.stages import stage
from qpv_data.problems import FeedError, Problem
from qpv_data.retention.tombstones import Held, destroyed
from qpv_data.runs import Configuration, Expected
from qpv_data.sources.deposit.pickup import pick_up
from qpv_data.sources.obtain import obtain

Transport = Callable[[str], str]


def collect(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None
) -> tuple[Delivery, bool]:
    """The delivery of a period that is the last in the raw store, and whether it was there before. Raises FeedError.

    `transport`: gives the address that stands in for another (a mirror).
    """
    previous = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
    source = clause.source.pour(expected.periode)
    policy = FetchPolicy(taille_max=source.taille_max_mo * 1_000_000, **asdict(cfg.patience))
    with scratch(cfg.arrivee) as folder:
        # A mirror stands in for what cannot be reached: a folder that is here is read as it is.
        if isinstance(source, SourceDepot) and (transport is None or source.is_here()):
            with stage("recuperer", clause.id, expected.periode) as told:
                delivery = _pick_up(cfg, clause, expected, source, previous, folder, policy)
                told.octets = delivery.taille
        else:
            with stage("recuperer", clause.id, expected.periode) as told:
                fetched = obtain(
                    source, jeu=clause.id, into=folder, policy=policy, transport=transport, previous=previous
                )
                if source.sha256 is None:
                    _hold_newest(cfg, clause, expected, fetched)
                told.octets = 0 if fetched.inchangee else fetched.taille
            delivery = _land(cfg, clause, expected, fetched)
    return delivery, previous is not None and previous.id == delivery.id


def _pick_up(
    cfg: Configuration, clause: Clause, expected: Expected, source: SourceDepot, previous: Delivery | None,
    folder: Path, policy: FetchPolicy,
) -> Delivery:  # fmt: skip
    """Land every file that the deposit holds for this period; a receipt follows each landing, never precedes it."""
    delivery = previous
    files = pick_up(
        source, jeu=clause.id, into=folder, policy=policy, clock=lambda: datetime.now(UTC), known=previous is not None
    )
    with closing(files):
        for picked in files:
            if (gone := _destroyed_as(cfg, clause, expected, picked.fetched)) is not None:
                picked.acknowledge(gone.id)
                continue
            delivery = _land(cfg, clause, expected, picked.fetched)
            picked.acknowledge(delivery.id)
    if delivery is None:  # picking nothing up with nothing held is an error of the deposit: all of it was destroyed
        raise _not_again(clause)
    return delivery


def _destroyed_as(cfg: Configuration, clause: Clause, expected: Expected, fetched: Fetched) -> Held | None:
    """The destroyed delivery that had these bytes; None when they are new."""
    gone = destroyed(cfg.folder("raw"), clause.id, expected.periode)
    return next((held for held in gone if held.sha256 == fetched.sha256), None)


def _not_again(clause: Clause) -> FeedError:
    message = "ce qui est livré a été détruit au terme de sa clause, et n'est pas repris"
    return FeedError(clause.id, Problem.LIVRAISON_DETRUITE, message, "attendre une livraison nouvelle")


def _hold_newest(cfg: Configuration, clause: Clause, expected: Expected, fetched: Fetched) -> None:
    """Raises FeedError when the source gives again what it gave before the last delivery: a cache, or a restored
    server. Whoever means it says so, by the checksum."""
    tries = read_journal(cfg.folder("journal"), clause.id).of(expected.periode)
    used = [t.livraison for t in tries if t.acceptee]  # what was refused has replaced nothing
    known = deliveries(cfg.folder("raw"), clause.id, expected.periode)
    last = next((n for n in reversed(range(len(known))) if used and known[n].id == used[-1]), None)
    if last is None or fetched.sha256 == known[last].sha256:
        return
    again = next((d for d in reversed(known[:last]) if d.sha256 == fetched.sha256 and d.id in used), None)
    if again is not None:
        message = f"la source redonne {again.id}, que {known[last].id} a remplacée"
        remedy = f"prévenir le producteur ; s'il revient bien à cette version, déclarer `source.sha256: {again.sha256}`"
        raise FeedError(clause.id, Problem.VERSION_ANTERIEURE, message, remedy)


def _land(cfg: Configuration, clause: Clause, expected: Expected, fetched: Fetched) -> Delivery:
    if _destroyed_as(cfg, clause, expected, fetched) is not None:
        raise _not_again(clause)
    with stage("deposer", clause.id, expected.periode) as told:
        delivery = land(
            fetched,
            clause_id=clause.id,
            clause_version=clause.version,
            periode=expected.periode,
            diffusion=clause.diffusion.value,
            raw=cfg.folder("raw"),
            recue_le=cfg.maintenant,
        )
        told.livraison, told.octets = delivery.id, delivery.taille
    return delivery
