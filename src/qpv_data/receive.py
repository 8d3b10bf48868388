"""Receive one delivery: fetch, land, conform. A feed that fails keeps its last good delivery, marked stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from qpv_data.access import Access, note
from qpv_data.answers import answer, destroyed_answer, fallen_back, gone_answer
from qpv_data.clause.model import Clause
from qpv_data.collect import Transport, collect
from qpv_data.compliance.journal import read_journal, record
from qpv_data.compliance.report import write_report
from qpv_data.jobs import Step, here
from qpv_data.land import Delivery, last_delivery
from qpv_data.operations.stages import stage
from qpv_data.problems import FeedError, Problem
from qpv_data.reception import Reception, Statut, attempt_of, due_day, version_of
from qpv_data.records_kept import good_records, making_records, over, records_path
from qpv_data.retention.tombstones import destroyed
from qpv_data.runs import Configuration, Expected
from qpv_data.software import computing_digest

__all__ = [
    "Reception", "Statut", "Transport", "attempt_of", "due_day", "give_up", "held", "holding", "receive", "receiving",
    "report_on", "version_of",
]  # fmt: skip


def receive(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None, versions: Sequence[Clause] = ()
) -> Reception:
    """Fetch, land and conform one delivery, and keep a line of it in the journal.

    `versions`: every version of the clause. A delivery stays under the one that was in force when it was received:
    its columns are read as that one says. Out of its dates a clause receives nothing. Of a period that was destroyed
    nothing is asked, and bytes that were destroyed are not kept again. Never raises for the feed's own faults: they
    are in the answer.
    """
    return here(receiving(cfg, clause, expected, transport, versions))


def receiving(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None, versions: Sequence[Clause] = ()
) -> Step[Reception]:
    """The same as a step: the network, the raw store and the journal are its own, conforming is its job."""

    def ask() -> tuple[Delivery, bool]:
        _hold_dates(cfg, clause)
        return collect(cfg, clause, expected, transport)

    reception = yield from _receiving(cfg, clause, expected, ask, versions)
    return _settled(cfg, clause, expected, reception, versions)


def give_up(cfg: Configuration, clause: Clause, expected: Expected, versions: Sequence[Clause] = ()) -> Reception:
    """The answer for a delivery whose reception was stopped from outside: its last good one stands in."""

    def stopped() -> tuple[Delivery, bool]:
        message = "réception arrêtée : le délai qui lui est laissé est passé"
        remedy = "relancer plus tard, ou prévenir le producteur"
        raise FeedError(clause.id, Problem.SOURCE_TROP_LENTE, message, remedy)

    return _settled(cfg, clause, expected, here(_receiving(cfg, clause, expected, stopped, versions)), versions)


def _settled(
    cfg: Configuration, clause: Clause, expected: Expected, reception: Reception, versions: Sequence[Clause]
) -> Reception:
    """Keep a line of it in the journal, and write the partner's report."""
    if reception.statut == "detruite":
        return reception
    if reception.usable:
        note(cfg, _access(clause, reception))
    told = attempt_of(cfg, clause, reception, versions)
    record(cfg.folder("journal"), told)
    report_on(cfg, version_of(versions, told.clause_version) or clause, expected.periode)
    return reception


def report_on(cfg: Configuration, clause: Clause, periode: str | None) -> Path | None:
    """Write the partner's report on the last delivery that came, under its own clause; None when none did."""
    return write_report(
        clause,
        periode,
        journal=cfg.folder("journal"),
        rejets=cfg.folder("rejets") / clause.id,
        located=cfg.folder("located") / clause.id,
        rapports=cfg.folder("rapports"),
        maintenant=cfg.maintenant,
    )


def held(cfg: Configuration, clause: Clause, expected: Expected, versions: Sequence[Clause] = ()) -> Reception:
    """What is held of a delivery, as the last try left it: nobody is asked, and nothing is noted in the journal.

    What its stage must make again (other code, another version) is made again.
    """
    return here(holding(cfg, clause, expected, versions))


def holding(cfg: Configuration, clause: Clause, expected: Expected, versions: Sequence[Clause] = ()) -> Step[Reception]:
    """The same as a step."""

    def last() -> tuple[Delivery, bool]:
        delivery = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
        if delivery is None:
            message = "aucune livraison n'a été reçue"
            raise FeedError(clause.id, Problem.SOURCE_ABSENTE, message, "la demander : qpv-data run, ou backfill")
        return delivery, True

    reception = yield from _receiving(cfg, clause, expected, last, versions)
    tried = read_journal(cfg.folder("journal"), clause.id).of(expected.periode)
    if not tried or tried[-1].acceptee or reception.statut == "detruite":
        return reception
    statut: Statut = "perimee" if reception.usable else reception.statut
    before = tried[-1]
    return replace(
        reception, statut=statut, probleme=before.probleme, message=before.message, remede=before.remede,
        venue=before.livraison, entete=tuple(before.entete),
    )  # fmt: skip


def _receiving(
    cfg: Configuration, clause: Clause, expected: Expected, ask: Callable[[], tuple[Delivery, bool]],
    versions: Sequence[Clause],
) -> Step[Reception]:  # fmt: skip
    """`ask` gives the delivery in the raw store, and whether it was there before."""
    with stage("reception", clause.id, expected.periode, "livraison") as seen:
        reception = yield from _answered(cfg, clause, expected, ask, versions)
        seen.etat, seen.probleme, seen.octets = reception.statut, reception.probleme, reception.taille
        seen.livraison, seen.entrees, seen.sorties = reception.livraison, reception.recues, reception.conformes
        seen.rejetees = sum(reception.rejetees.values())
    return reception


def _answered(
    cfg: Configuration, clause: Clause, expected: Expected, ask: Callable[[], tuple[Delivery, bool]],
    versions: Sequence[Clause],
) -> Step[Reception]:  # fmt: skip
    conformed = records_path(cfg, clause.id, expected.nom)
    gone = destroyed(cfg.folder("raw"), clause.id, expected.periode)
    if gone and expected.periode is not None and last_delivery(cfg.folder("raw"), clause.id, expected.periode) is None:
        return destroyed_answer(cfg, clause, expected, conformed, gone, versions)
    try:
        delivery, unchanged = ask()
    except FeedError as e:
        if e.probleme is Problem.LIVRAISON_DETRUITE:
            return destroyed_answer(cfg, clause, expected, conformed, gone, versions, e)
        return fallen_back(cfg, clause, expected, e, conformed, None, versions)
    bound = version_of(versions, delivery.clause_version) or clause
    good = good_records(cfg, conformed, bound)
    past = unchanged and over(cfg, (bound, *versions), delivery)
    if good is not None and good["livraison"] == delivery.id and (past or good.get("logiciel") == computing_digest()):
        return answer(cfg.folder("raw"), clause, expected, "inchangee", delivery, conformed, good)
    if good is None and past:
        return gone_answer(cfg, clause, expected, delivery)
    headers: list[str] = []
    try:
        facts = yield from making_records(cfg, bound, expected, delivery, conformed, headers)
    except FeedError as e:
        return replace(fallen_back(cfg, clause, expected, e, conformed, delivery, versions), entete=tuple(headers))
    return answer(
        cfg.folder("raw"), clause, expected, "inchangee" if unchanged else "recue", delivery, conformed, facts
    )


def _access(clause: Clause, reception: Reception) -> Access:
    """What the access log keeps of a reception."""
    version, purposes = reception.clause_version or clause.version, tuple(clause.finalites)
    return Access("reception", clause.id, reception.livraison, version, purposes, ("brut", "conforme"))


def _hold_dates(cfg: Configuration, clause: Clause) -> None:
    """A clause receives from its first day to its last. What was received before stays, and stands in."""
    if not clause.duree.en_vigueur(cfg.maintenant.date()):
        until = "" if clause.duree.dernier_jour == date.max else f" au {clause.duree.dernier_jour}"
        message = f"la version {clause.version} vaut du {clause.duree.debut}{until}"
        remedy = "signer une nouvelle version, ou retirer la clause"
        raise FeedError(clause.id, Problem.CLAUSE_HORS_VIGUEUR, message, remedy)
