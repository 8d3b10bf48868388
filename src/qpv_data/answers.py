"""The answers to a delivery that is asked for: what came of it, what stands in, or what is no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Clause
from qpv_data.compliance.journal import available_day
from qpv_data.land import Delivery, last_delivery
from qpv_data.problems import FeedError, Problem
from qpv_data.reception import Reception, Statut, due_day
from qpv_data.records_kept import good_records
from qpv_data.retention.tombstones import Held, destroyed, known
from qpv_data.runs import Configuration, Expected, delivery_url


def there_since(raw: Path, jeu: str, periode: str | None, livraison: str) -> str | None:
    """The day from which a version of a period was there, as its producer dated it: `livraison`, or one before it that
    it corrects. A file that is replaced as time goes has no period: each version is another. None when raw/ has it not.
    """
    versions = [h for h in known(raw, jeu)[0] if h.periode == periode]
    used = next((h for h in versions if h.id == livraison), None)
    if used is None:
        return None
    counted = [used] if periode is None else [h for h in versions if h.numero <= used.numero]
    return min(available_day(h.recue_le, h.last_modified) for h in counted).isoformat()


def answer(
    raw: Path, clause: Clause, expected: Expected, statut: Statut, delivery: Delivery | Held, conformed: Path,
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
        disponible_le=there_since(raw, delivery.jeu, delivery.periode, delivery.id),
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


def fallen_back(
    cfg: Configuration, clause: Clause, expected: Expected, error: FeedError, conformed: Path, came: Delivery | None,
    versions: Sequence[Clause],
) -> Reception:  # fmt: skip
    if clause.donnees_personnelles.presentes:
        error = error.discreet()
    good = next((g for c in (clause, *versions) if (g := good_records(cfg, conformed, c)) is not None), None)
    previous = last_delivery(cfg.folder("raw"), clause.id, expected.periode)
    gone = destroyed(cfg.folder("raw"), clause.id, expected.periode)
    if good is None and gone and came is None:
        return gone_answer(cfg, clause, expected, gone[-1], error)
    statut: Statut
    if good is not None:
        statut = "perimee"
    elif error.probleme is Problem.SOURCE_ABSENTE:
        statut = "manquante"
    else:
        statut = "refusee"
    facts = good or {}
    return Reception(
        jeu=clause.id,
        periode=expected.periode,
        statut=statut,
        livraison=facts.get("livraison"),
        clause_version=facts.get("version", clause.version),
        conformed=conformed if good else None,
        recue_le=facts.get("recue_le") or (previous.recue_le if previous and good else None),
        disponible_le=there_since(cfg.folder("raw"), clause.id, expected.periode, facts["livraison"]) if good else None,
        sha256=facts.get("sha256"),
        taille=facts.get("taille"),
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        probleme=error.probleme.value,
        message=error.message,
        remede=error.remede,
        venue=came.id if came else None,
        recues=facts.get("recues", 0),
        conformes=facts.get("conformes", 0),
        rejetees=facts.get("rejetees", {}),
    )


def destroyed_answer(
    cfg: Configuration, clause: Clause, expected: Expected, conformed: Path, gone: Sequence[Held],
    versions: Sequence[Clause], error: FeedError | None = None,
) -> Reception:  # fmt: skip
    """The answer once the raw file is destroyed: its records, as long as the clause keeps them; else nothing."""
    good = next((g for c in (clause, *versions) if (g := good_records(cfg, conformed, c)) is not None), None)
    held = next((h for h in gone if good is not None and h.id == good["livraison"]), None)
    if good is None or held is None:
        return gone_answer(cfg, clause, expected, gone[-1], error)
    return answer(cfg.folder("raw"), clause, expected, "inchangee", held, conformed, good)


def gone_answer(
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
        disponible_le=there_since(cfg.folder("raw"), held.jeu, held.periode, held.id),
        url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode),
        probleme=error.probleme.value if error else None,
        message=error.message if error else None,
        remede=error.remede if error else None,
    )
