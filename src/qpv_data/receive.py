"""Receive one delivery: fetch, land, conform. A feed that fails keeps its last good delivery, marked stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from qpv_data.access import Access, note
from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.clause.source import SourceDepot
from qpv_data.compliance.contents import filled_shares, last_period
from qpv_data.compliance.journal import RECUES, Attempt, available_day, record
from qpv_data.compliance.report import write_report
from qpv_data.conform import ConformReport, conform, key_fingerprint
from qpv_data.conforming_text import kept_columns
from qpv_data.engine import replacing, scratch
from qpv_data.fetch import Fetched, FetchPolicy
from qpv_data.land import Delivery, delivery_of, land, last_delivery
from qpv_data.periods import parse_period
from qpv_data.problems import FeedError, Problem
from qpv_data.retention.terms import Forme, term
from qpv_data.retention.tombstones import Held, destroyed
from qpv_data.runs import Configuration, Expected, clause_digest, delivery_url
from qpv_data.sources.deposit.pickup import pick_up
from qpv_data.sources.http import redact
from qpv_data.sources.obtain import obtain

Statut = Literal["recue", "inchangee", "perimee", "refusee", "manquante", "detruite"]
Transport = Callable[[str], str]


@dataclass(frozen=True)
class Reception:
    """How a delivery went. `livraison` is the one that is used, null when there is none.

    `recue`, `inchangee`: up to date. `perimee`: it failed for `probleme`, the last good one stands in.
    `refusee`, `manquante`: it failed and nothing stands in. `detruite`: its records were destroyed, as its clause has
    it, and are not received again. `venue`: the delivery that came, even if it is refused.
    """

    jeu: str
    periode: str | None
    statut: Statut
    livraison: str | None
    conformed: Path | None
    clause_version: str | None = None
    recue_le: str | None = None
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

    @property
    def usable(self) -> bool:
        """Whether records came of it."""
        return self.conformed is not None


def receive(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None, versions: Sequence[Clause] = ()
) -> Reception:
    """Fetch, land and conform one delivery, and keep a line of it in the journal.

    `versions`: every version of the clause. A delivery stays under the one that was in force when it was received:
    its columns are read as that one says. Out of its dates a clause receives nothing. Of a period that was destroyed
    nothing is asked, and bytes that were destroyed are not kept again. Never raises for the feed's own faults: they
    are in the answer.
    """
    reception = _receive(cfg, clause, expected, transport, versions)
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
    if gone and expected.periode is not None:
        return _gone(cfg, clause, expected, gone[-1])
    try:
        _hold_dates(cfg, clause)
        delivery, unchanged = _obtain(cfg, clause, expected, transport)
    except FeedError as e:
        return _fall_back(cfg, clause, expected, e, conformed, None, versions)
    bound = version_of(versions, delivery.clause_version) or clause
    good = _good(cfg, conformed, bound)
    if good is not None and good["livraison"] == delivery.id:
        return _reception(cfg, clause, expected, "inchangee", delivery, conformed, good)
    if good is None and unchanged and _over(cfg, (bound, *versions), delivery):
        return _gone(cfg, clause, expected, delivery)
    try:
        report = _conform(cfg, bound, expected, delivery, conformed)
    except FeedError as e:
        return _fall_back(cfg, clause, expected, e, conformed, delivery, versions)
    statut: Statut = "inchangee" if unchanged else "recue"
    return _reception(cfg, clause, expected, statut, delivery, conformed, _facts(delivery, bound, report))


def version_of(versions: Sequence[Clause], version: str | None) -> Clause | None:
    """The version of that number, among those of one clause."""
    return next((v for v in versions if v.version == version), None)


def _over(cfg: Configuration, versions: Sequence[Clause], delivery: Delivery) -> bool:
    """Whether records may not be made again of a delivery: the time for which they are kept is over."""
    received = datetime.fromisoformat(delivery.recue_le).astimezone(UTC).date()
    told = term(versions, delivery.clause_version, Forme.CONFORME, received)
    return told is not None and told.due(cfg.maintenant.date())


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


def _obtain(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None
) -> tuple[Delivery, bool]:
    previous = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
    source = clause.source.pour(expected.periode)
    policy = FetchPolicy(taille_max=source.taille_max_mo * 1_000_000)
    with scratch(cfg.arrivee) as folder:
        # A mirror stands in for what cannot be reached: a folder that is here is read as it is.
        if isinstance(source, SourceDepot) and (transport is None or source.is_here()):
            delivery = _pick_up(cfg, clause, expected, source, previous, folder, policy)
        else:
            fetched = obtain(source, jeu=clause.id, into=folder, policy=policy, transport=transport, previous=previous)
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


def _land(cfg: Configuration, clause: Clause, expected: Expected, fetched: Fetched) -> Delivery:
    if _destroyed_as(cfg, clause, expected, fetched) is not None:
        raise _not_again(clause)
    return land(
        fetched,
        clause_id=clause.id,
        clause_version=clause.version,
        periode=expected.periode,
        diffusion=clause.diffusion.value,
        raw=cfg.folder("raw"),
        recue_le=cfg.maintenant,
    )


def _conform(
    cfg: Configuration, clause: Clause, expected: Expected, delivery: Delivery, conformed: Path
) -> ConformReport:
    report = conform(
        clause,
        delivery.fichier,
        periode=expected.periode,
        conformed=conformed,
        rejets=cfg.folder("rejets") / clause.id / f"{expected.nom}.parquet",
        travail=cfg.travail,
        cles=cfg.folder("cles"),
    )
    with replacing(conformed.with_suffix(".json")) as target:
        facts = _facts(delivery, clause, report)
        target.write_text(json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    return report


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
    cfg: Configuration, clause: Clause, expected: Expected, statut: Statut, delivery: Delivery, conformed: Path,
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
    )


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
        renseignes=filled,
        derniere_periode=reached,
    )
