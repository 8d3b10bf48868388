"""Receive one delivery: fetch, land, conform. A feed that fails keeps its last good delivery, marked stale."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from qpv_data.access import Access, note
from qpv_data.clause.model import Clause
from qpv_data.collect import Transport, collect
from qpv_data.compliance.journal import record
from qpv_data.compliance.report import write_report
from qpv_data.conform import ConformReport, conform, key_fingerprint
from qpv_data.engine import replacing
from qpv_data.land import Delivery, last_delivery
from qpv_data.operations.stages import bytes_in, stage
from qpv_data.problems import FeedError, Problem
from qpv_data.reception import Reception, Statut, attempt_of, due_day, version_of
from qpv_data.retention.terms import Forme, term
from qpv_data.retention.tombstones import Held, destroyed
from qpv_data.runs import Configuration, Expected, clause_digest, delivery_url

__all__ = ["Reception", "Statut", "Transport", "attempt_of", "due_day", "receive", "report_on", "version_of"]


def receive(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None, versions: Sequence[Clause] = ()
) -> Reception:
    """Fetch, land and conform one delivery, and keep a line of it in the journal.

    `versions`: every version of the clause. A delivery stays under the one that was in force when it was received:
    its columns are read as that one says. Out of its dates a clause receives nothing. Of a period that was destroyed
    nothing is asked, and bytes that were destroyed are not kept again. Never raises for the feed's own faults: they
    are in the answer.
    """
    with stage("reception", clause.id, expected.periode, "livraison") as seen:
        reception = _receive(cfg, clause, expected, transport, versions)
        seen.etat, seen.probleme, seen.octets = reception.statut, reception.probleme, reception.taille
        seen.livraison, seen.entrees, seen.sorties = reception.livraison, reception.recues, reception.conformes
        seen.rejetees = sum(reception.rejetees.values())
    return _settled(cfg, clause, expected, reception, versions)


def give_up(cfg: Configuration, clause: Clause, expected: Expected, versions: Sequence[Clause] = ()) -> Reception:
    """The answer for a delivery whose reception was stopped from outside: its last good one stands in."""
    message = "réception arrêtée : le délai qui lui est laissé est passé"
    error = FeedError(clause.id, Problem.SOURCE_TROP_LENTE, message, "relancer plus tard, ou prévenir le producteur")
    conformed = cfg.folder("conformed") / clause.id / f"{expected.nom}.parquet"
    with stage("reception", clause.id, expected.periode, "livraison") as seen:
        reception = _fall_back(cfg, clause, expected, error, conformed, None, versions)
        seen.etat, seen.probleme, seen.livraison = reception.statut, reception.probleme, reception.livraison
    return _settled(cfg, clause, expected, reception, versions)


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


def _receive(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None, versions: Sequence[Clause]
) -> Reception:
    conformed = cfg.folder("conformed") / clause.id / f"{expected.nom}.parquet"
    gone = destroyed(cfg.folder("raw"), clause.id, expected.periode)
    if gone and expected.periode is not None and last_delivery(cfg.folder("raw"), clause.id, expected.periode) is None:
        return _after(cfg, clause, expected, conformed, gone, versions)
    try:
        _hold_dates(cfg, clause)
        delivery, unchanged = collect(cfg, clause, expected, transport)
    except FeedError as e:
        if e.probleme is Problem.LIVRAISON_DETRUITE:
            return _after(cfg, clause, expected, conformed, gone, versions, e)
        return _fall_back(cfg, clause, expected, e, conformed, None, versions)
    bound = version_of(versions, delivery.clause_version) or clause
    good = _good(cfg, conformed, bound)
    if good is not None and good["livraison"] == delivery.id:
        return _reception(cfg, clause, expected, "inchangee", delivery, conformed, good)
    if good is None and unchanged and _over(cfg, (bound, *versions), delivery):
        return _gone(cfg, clause, expected, delivery)
    headers: list[str] = []
    try:
        facts = _conform(cfg, bound, expected, delivery, conformed, headers)
    except FeedError as e:
        return replace(_fall_back(cfg, clause, expected, e, conformed, delivery, versions), entete=tuple(headers))
    return _reception(cfg, clause, expected, "inchangee" if unchanged else "recue", delivery, conformed, facts)


def _over(cfg: Configuration, versions: Sequence[Clause], delivery: Delivery) -> bool:
    """Whether records may not be made again of a delivery: the time for which they are kept is over."""
    received = datetime.fromisoformat(delivery.recue_le).astimezone(UTC).date()
    told = term(versions, delivery.clause_version, Forme.CONFORME, received)
    return told is not None and told.due(cfg.maintenant.date())


def _after(
    cfg: Configuration, clause: Clause, expected: Expected, conformed: Path, gone: Sequence[Held],
    versions: Sequence[Clause], error: FeedError | None = None,
) -> Reception:  # fmt: skip
    """The answer once the raw file is destroyed: its records, as long as the clause keeps them; else nothing."""
    good = next((g for c in (clause, *versions) if (g := _good(cfg, conformed, c)) is not None), None)
    held = next((h for h in gone if good is not None and h.id == good["livraison"]), None)
    if good is None or held is None:
        return _gone(cfg, clause, expected, gone[-1], error)
    return _reception(cfg, clause, expected, "inchangee", held, conformed, good)


def _gone(
    cfg: Configuration, clause: Clause, expected: Expected, held: Held | Delivery, error: FeedError | None = None
) -> Reception:
    """The answer for a delivery whose records are no more."""
    return Reception(
        jeu=clause.id,
        periode=expected.periode,
        statut="detruite",
        livraison=held.id,
        clause_version=held.clause_version,
        conformed=None,
        recue_le=held.recue_le,
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        probleme=error.probleme.value if error else None,
        message=error.message if error else None,
        remede=error.remede if error else None,
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


def _conform(
    cfg: Configuration, clause: Clause, expected: Expected, delivery: Delivery, conformed: Path, headers: list[str]
) -> dict[str, Any]:
    """Conform, and give what is known of the records, which is kept beside them; `headers` gets those received."""
    with stage("conformer", clause.id, expected.periode) as seen:
        seen.livraison = delivery.id
        report = conform(
            clause,
            delivery.fichier,
            periode=expected.periode,
            conformed=conformed,
            rejets=cfg.folder("rejets") / clause.id / f"{expected.nom}.parquet",
            travail=cfg.travail,
            cles=cfg.folder("cles"),
            heard=headers.extend,
        )
        seen.entrees, seen.sorties, seen.octets = report.recues, report.conformes, bytes_in(conformed)
        seen.rejetees = sum(report.rejetees.values())
    facts = {**_facts(delivery, clause, report), "entete": headers}
    with replacing(conformed.with_suffix(".json")) as target:
        target.write_text(json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    return facts


def _facts(delivery: Delivery, clause: Clause, report: ConformReport) -> dict[str, Any]:
    counts = {k: v for k, v in asdict(report).items() if k not in ("jeu", "periode")}
    kept = {"recue_le": delivery.recue_le, "sha256": delivery.sha256, "taille": delivery.taille}
    said = {"livraison": delivery.id, "clause": clause_digest(clause), "version": clause.version}
    return {**said, **kept, **counts}


def _good(cfg: Configuration, conformed: Path, clause: Clause) -> dict[str, Any] | None:
    """What is known of the conformed file that stands there; None when it was made under another clause or key."""
    note = conformed.with_suffix(".json")
    if not (conformed.is_file() and note.is_file()):
        return None
    facts: dict[str, Any] = json.loads(note.read_text("utf-8"))
    try:
        key = key_fingerprint(clause, cfg.folder("cles"))
    except FeedError:
        return None  # conforming says why the key cannot be used
    same = facts["clause"] == clause_digest(clause) and facts.get("empreinte_cle") == key
    return facts if same else None


def _fall_back(
    cfg: Configuration, clause: Clause, expected: Expected, error: FeedError, conformed: Path, came: Delivery | None,
    versions: Sequence[Clause],
) -> Reception:  # fmt: skip
    if clause.donnees_personnelles.presentes:
        error = error.discreet()
    good = next((g for c in (clause, *versions) if (g := _good(cfg, conformed, c)) is not None), None)
    previous = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
    gone = destroyed(cfg.folder("raw"), clause.id, expected.periode)
    if good is None and gone and came is None:
        return _gone(cfg, clause, expected, gone[-1], error)
    statut: Statut
    if good is not None:
        statut = "perimee"
    elif error.probleme is Problem.SOURCE_ABSENTE:
        statut = "manquante"
    else:
        statut = "refusee"
    known = good or {}
    return Reception(
        jeu=clause.id,
        periode=expected.periode,
        statut=statut,
        livraison=known.get("livraison"),
        clause_version=known.get("version", clause.version),
        conformed=conformed if good else None,
        recue_le=known.get("recue_le") or (previous.recue_le if previous and good else None),
        sha256=known.get("sha256"),
        taille=known.get("taille"),
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        probleme=error.probleme.value,
        message=error.message,
        remede=error.remede,
        venue=came.id if came else None,
        recues=known.get("recues", 0),
        conformes=known.get("conformes", 0),
        rejetees=known.get("rejetees", {}),
    )


def _reception(
    cfg: Configuration, clause: Clause, expected: Expected, statut: Statut, delivery: Delivery | Held, conformed: Path,
    facts: Mapping[str, Any],
) -> Reception:  # fmt: skip
    return Reception(
        jeu=clause.id,
        periode=expected.periode,
        statut=statut,
        livraison=delivery.id,
        clause_version=delivery.clause_version,
        conformed=conformed,
        recue_le=delivery.recue_le,
        venue=delivery.id,
        sha256=delivery.sha256,
        taille=delivery.taille,
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        recues=facts["recues"],
        conformes=facts["conformes"],
        rejetees=facts["rejetees"],
        avertissements=tuple(facts["avertissements"]),
        entete=tuple(facts.get("entete", ())),
    )
