"""The records of one delivery, and what is known of them: made, found again, or too old to be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Clause
from qpv_data.conform import ConformReport, conform, has_pseudonyms, key_fingerprint
from qpv_data.conforming_checks import rows_before
from qpv_data.conforming_output import refused_path
from qpv_data.digests import file_digest
from qpv_data.engine import replacing
from qpv_data.jobs import Job, Step, here
from qpv_data.land import Delivery
from qpv_data.operations.stages import bytes_in, stage
from qpv_data.problems import FeedError
from qpv_data.recipes import CHANGED, NEVER
from qpv_data.retention.terms import Forme, term
from qpv_data.runs import Configuration, Expected, clause_digest
from qpv_data.software import computing_digest

CONFORMER = "conformer"


def records_path(cfg: Configuration, jeu: str, nom: str) -> Path:
    """Where the records of a delivery are; what is known of them is beside, `.json`."""
    return cfg.folder("conformed") / jeu / f"{nom}.parquet"


def make_records(
    cfg: Configuration, clause: Clause, expected: Expected, delivery: Delivery, conformed: Path, headers: list[str]
) -> dict[str, Any]:
    """Conform, and give what is known of the records, which is kept beside them; `headers` gets those received."""
    return here(making_records(cfg, clause, expected, delivery, conformed, headers))


def making_records(
    cfg: Configuration, clause: Clause, expected: Expected, delivery: Delivery, conformed: Path, headers: list[str]
) -> Step[dict[str, Any]]:
    """The same as a step."""
    rejets = cfg.folder("rejets") / clause.id / f"{expected.nom}.parquet"
    private = clause.donnees_personnelles.presentes or has_pseudonyms(clause)
    follows = clause.controles.baisse_max is not None  # compared with the delivery before it, which must have ended
    job = Job(
        CONFORMER,
        clause.id,
        expected.nom,
        conform_job,
        # Keys stay where the lake is, and so does the job that needs them.
        {
            "clause": clause,
            "periode": expected.periode,
            "cles": cfg.folder("cles") if private else None,
            "avant": conformed if follows else None,
        },
        {"fichier": delivery.fichier},
        {"conformed": conformed, "rejets": rejets},
        clears=(refused_path(rejets),),
        prive=private or follows,
        travail=cfg.travail,
    )
    with stage(CONFORMER, clause.id, expected.periode) as seen:
        seen.livraison = delivery.id
        (outcome,) = yield [job]
        report, heard = outcome()
        headers.extend(heard)
        if isinstance(report, FeedError):
            raise report
        seen.entrees, seen.sorties, seen.octets = report.recues, report.conformes, bytes_in(conformed)
        seen.rejetees = sum(report.rejetees.values())
    facts = {**_facts(delivery, clause, report), "entete": headers, "fichier": file_digest(conformed)}
    with replacing(conformed.with_suffix(".json")) as target:
        target.write_text(json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    return facts


def conform_job(*, avant: Path | None = None, **asked: Any) -> tuple[ConformReport | FeedError, tuple[str, ...]]:
    """`conform`, and the headers received, which a delivery that is refused has too. `avant`: where its records will
    be, beside those of the deliveries before it, when it is to be compared with them."""
    headers: list[str] = []
    before = rows_before(avant) if avant is not None else None
    try:
        return conform(**asked, avant=before, heard=headers.extend), tuple(headers)
    except FeedError as e:
        return e, tuple(headers)


def _facts(delivery: Delivery, clause: Clause, report: ConformReport) -> dict[str, Any]:
    counts = {k: v for k, v in asdict(report).items() if k not in ("jeu", "periode")}
    kept = {"recue_le": delivery.recue_le, "sha256": delivery.sha256, "taille": delivery.taille}
    said = {"livraison": delivery.id, "clause": clause_digest(clause), "version": clause.version}
    return {**said, "logiciel": computing_digest(), **kept, **counts}


def good_records(cfg: Configuration, conformed: Path, clause: Clause) -> dict[str, Any] | None:
    """What is known of the conformed file that stands there; None when it was made under another clause or key, or has
    been damaged since."""
    facts = _noted(conformed)
    return facts if facts is not None and not _unlike(cfg, conformed, clause, facts) else None


def changes_of(cfg: Configuration, conformed: Path, clause: Clause, delivery: Delivery) -> tuple[str, ...]:
    """Why the records of a delivery are to be made again: what changed since, sorted; empty when nothing did."""
    facts = _noted(conformed)
    if facts is None:
        return (NEVER,)
    now = {"livraison": delivery.id, "logiciel": computing_digest()}
    other = {name for name, value in now.items() if facts.get(name) != value}
    return tuple(sorted(other | _unlike(cfg, conformed, clause, facts)))


def _noted(conformed: Path) -> dict[str, Any] | None:
    note = conformed.with_suffix(".json")
    if not (conformed.is_file() and note.is_file()):
        return None
    facts: dict[str, Any] = json.loads(note.read_text("utf-8"))
    return facts


def _unlike(cfg: Configuration, conformed: Path, clause: Clause, facts: Mapping[str, Any]) -> set[str]:
    """In what records are not those of this clause, this key and this file."""
    try:
        key = key_fingerprint(clause, cfg.folder("cles")) == facts.get("empreinte_cle")
    except FeedError:
        key = False  # conforming says why the key cannot be used
    whole = facts.get("fichier") in (None, file_digest(conformed))
    same = {"clause": facts["clause"] == clause_digest(clause), "cle": key, CHANGED: whole}
    return {name for name, holds in same.items() if not holds}


def over(cfg: Configuration, versions: Sequence[Clause], delivery: Delivery) -> bool:
    """Whether records may not be made again of a delivery: the time for which they are kept is over."""
    received = datetime.fromisoformat(delivery.recue_le).astimezone(UTC).date()
    told = term(versions, delivery.clause_version, Forme.CONFORME, received)
    return told is not None and told.due(cfg.maintenant.date())
