"""Receive one delivery: fetch, land, conform. A feed that fails keeps its last good delivery, marked stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.conform import ConformReport, conform, key_fingerprint
from qpv_data.engine import replacing, scratch
from qpv_data.fetch import FetchPolicy, fetch
from qpv_data.land import Delivery, land, last_delivery
from qpv_data.periods import parse_period
from qpv_data.problems import FeedError, Problem
from qpv_data.runs import Configuration, Expected, clause_digest, delivery_url

Statut = Literal["recue", "inchangee", "perimee", "refusee", "manquante"]
Transport = Callable[[str], str]


@dataclass(frozen=True)
class Reception:
    """How a delivery went. `livraison` is the one that is used, null when there is none.

    `recue`, `inchangee`: up to date. `perimee`: it failed for `probleme`, the last good one stands in.
    `refusee`, `manquante`: it failed and nothing stands in.
    """

    jeu: str
    periode: str | None
    statut: Statut
    livraison: str | None
    conformed: Path | None
    recue_le: str | None = None
    sha256: str | None = None
    taille: int | None = None
    url: str = ""
    echeance: str | None = None
    probleme: str | None = None
    message: str | None = None
    recues: int = 0
    conformes: int = 0
    rejetees: Mapping[str, int] = field(default_factory=dict)
    avertissements: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether records came of it."""
        return self.conformed is not None


def receive(cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None) -> Reception:
    """Fetch, land and conform one delivery. Never raises for the feed's own faults: they are in the answer."""
    conformed = cfg.folder("conformed") / clause.id / f"{expected.nom}.parquet"
    try:
        delivery, unchanged = _obtain(cfg, clause, expected, transport)
    except FeedError as e:
        return _fall_back(cfg, clause, expected, e, conformed)
    good = _good(cfg, conformed, clause)
    if good is not None and good["livraison"] == delivery.id:
        return _reception(cfg, clause, expected, "inchangee", delivery, conformed, good)
    try:
        report = _conform(cfg, clause, expected, delivery, conformed)
    except FeedError as e:
        return _fall_back(cfg, clause, expected, e, conformed)
    statut: Statut = "inchangee" if unchanged else "recue"
    return _reception(cfg, clause, expected, statut, delivery, conformed, _facts(delivery, clause, report))


def _obtain(
    cfg: Configuration, clause: Clause, expected: Expected, transport: Transport | None
) -> tuple[Delivery, bool]:
    raw = cfg.folder("raw")
    previous = last_delivery(raw, clause.id, expected.periode)
    with scratch(cfg.arrivee) as folder:
        fetched = fetch(
            delivery_url(clause, expected.periode),
            jeu=clause.id,
            into=folder,
            policy=FetchPolicy(taille_max=clause.source.taille_max_mo * 1_000_000),
            transport=transport,
            previous=previous,
            sha256=clause.source.sha256,
        )
        delivery = land(
            fetched,
            clause_id=clause.id,
            clause_version=clause.version,
            periode=expected.periode,
            diffusion=clause.diffusion.value,
            raw=raw,
            recue_le=cfg.maintenant,
        )
    return delivery, previous is not None and previous.id == delivery.id


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
    return {"livraison": delivery.id, "clause": clause_digest(clause), **kept, **counts}


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


def _fall_back(cfg: Configuration, clause: Clause, expected: Expected, error: FeedError, conformed: Path) -> Reception:
    good = _good(cfg, conformed, clause)
    previous = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
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
        conformed=conformed if good else None,
        recue_le=known.get("recue_le") or (previous.recue_le if previous and good else None),
        sha256=known.get("sha256"),
        taille=known.get("taille"),
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        probleme=error.probleme.value,
        message=error.message,
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
        conformed=conformed,
        recue_le=delivery.recue_le,
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
