"""Make a past release again, elsewhere, from the raw store and with the code and the clauses of today.

What was received is read again; the releases that came before stand before it; its day is its own. With the code and
the clauses that made it, the same bytes come. Nothing is asked of anyone, and the run's folder is only read.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from qpv_data.answers import answer, there_since
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, Diffusion
from qpv_data.land import delivery_of
from qpv_data.periods import Period
from qpv_data.pipeline import Watcher, deliveries, run_on
from qpv_data.problems import FeedError, Problem
from qpv_data.reception import Reception, due_day, version_of
from qpv_data.records_kept import make_records, records_path
from qpv_data.releases import journal
from qpv_data.releases.layout import ARCHIVES, audiences, narrowest, releases_in, said
from qpv_data.releases.manifest import FILES
from qpv_data.retention.kept import FOLDER
from qpv_data.runs import Configuration, Expected, RunError, delivery_url, exclusive, locked

Told = Mapping[tuple[str, str | None], Mapping[str, Any]]


@dataclass(frozen=True)
class Replayed:
    """The root of the release that was made again, and whether it has the same files, to the byte."""

    dossier: Path
    identique: bool


def replay(root: Path, clauses: Path, into: Path, acteur: str, watch: Watcher) -> Replayed:
    """Make the release at `root` (releases/<id>, or archives/<id>, of a run's folder) again in the new folder `into`.

    Raises RunError: `into` holds something or is in the run's folder, or nothing can be made. A delivery whose raw
    file was destroyed is said destroyed, and what was kept of it stands in.
    """
    lake = root.parent.parent
    if into.resolve().is_relative_to(lake.resolve()):
        message = f"{into} est dans le dossier de l'exécution"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "donner un dossier à part : celui-ci n'est que lu")
    if into.exists() and any(into.iterdir()):
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, f"{into} n'est pas vide", "donner un dossier nouveau")
    manifest = said(root)
    cfg = Configuration(
        clauses=clauses,
        sortie=into,
        maintenant=datetime.fromisoformat(manifest["publiee_le"]).replace(tzinfo=UTC),
        periode=manifest["periode"],
        diffuseur=manifest["diffuseur"],
        diffusion=Diffusion(manifest["diffusion"]),
        finalite=manifest.get("finalite"),
        acteur=acteur,
    )
    rows = pq.read_table(narrowest(root) / "livraisons.parquet").to_pylist()
    told: Told = {(row["jeu"], row["periode"]): row for row in rows}
    with locked(lake), exclusive(cfg):
        _lay_before(lake, root.name, cfg)
        report = run_on(cfg, lambda own, held, period: _received(lake, own, held, period, told), watch)
    made = report.release.dossier
    return Replayed(made, _files(made) == _files(root))


def _files(root: Path) -> list[Any]:
    """Digests of every file that a release's manifests list."""
    return [said(root / d.value)[FILES] for d in audiences(root)]


def _lay_before(lake: Path, name: str, cfg: Configuration) -> None:
    """Put into the new folder what stood when the release was made, and what its stages read beside the raw store."""
    events = journal.events(lake / "releases")
    published = [n for n, e in enumerate(events) if (e.evenement, e.publication) == (journal.PUBLIEE, name)]
    rank = published[0] if published else len(events)
    before = events[:rank]
    gone = {e.publication for e in before if e.evenement in (journal.RETIREE, journal.ARCHIVEE)}
    there = {r.name: r for folder in ("releases", ARCHIVES) for r in releases_in(lake / folder)}
    target = cfg.folder("releases")
    target.mkdir()
    for event in before:
        if event.evenement == journal.PUBLIEE and event.publication in there:
            into = cfg.folder(ARCHIVES) if event.publication in gone else target
            shutil.copytree(there[event.publication], into / event.publication, copy_function=_linked)
            (target / event.publication).mkdir(exist_ok=True)  # its number is taken
    if before:
        lines = (json.dumps({k: v for k, v in asdict(e).items() if v is not None}, ensure_ascii=False) for e in before)
        (target / journal.NAME).write_text("\n".join(lines) + "\n", "utf-8")
    if (lake / "cles").is_dir():
        shutil.copytree(lake / "cles", cfg.folder("cles"), dirs_exist_ok=True)
    for aside in sorted((lake / "aggregated").glob(f"*/{FOLDER}")):
        shutil.copytree(aside, cfg.folder("aggregated") / aside.parent.name / FOLDER)
    for answered in sorted((lake / "conformed").glob("*/*.adresses.*")):
        copy = cfg.folder("conformed") / answered.parent.name / answered.name
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(answered, copy)


def _linked(source: str, target: str) -> None:
    """Releases never change: another name is enough where the disk allows one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _received(lake: Path, cfg: Configuration, clauses: ClauseSet, period: Period, told: Told) -> list[Reception]:
    """What the release says it was made from, read again. A delivery of which it says nothing was not received."""
    found = []
    for clause, expected in deliveries(clauses, period):
        row = told.get((clause.id, expected.periode))
        found.append(_read_again(lake, cfg, clause, expected, clauses.versions(clause.id), row))
    return found


def _read_again(
    lake: Path, cfg: Configuration, clause: Clause, expected: Expected, versions: Sequence[Clause],
    row: Mapping[str, Any] | None,
) -> Reception:  # fmt: skip
    """The answer that the release tells of, its records made again."""
    known = row or {"statut": "manquante", "probleme": Problem.SOURCE_ABSENTE.value, "livraison": None}
    absent = Reception(
        jeu=clause.id, periode=expected.periode, statut=known["statut"], livraison=known["livraison"], conformed=None,
        clause_version=known.get("clause_version"), url=delivery_url(clause, expected.periode),
        echeance=due_day(clause, expected.periode), probleme=known["probleme"],
    )  # fmt: skip
    delivery = delivery_of(lake / "raw", clause.id, known["livraison"]) if known["livraison"] else None
    if delivery is None or known["statut"] == "detruite":
        return absent
    if not delivery.fichier.is_file():
        since = there_since(lake / "raw", delivery.jeu, delivery.periode, delivery.id)
        return replace(absent, statut="detruite", probleme=None, recue_le=delivery.recue_le, disponible_le=since)
    conformed = records_path(cfg, clause.id, expected.nom)
    bound = version_of(versions, delivery.clause_version) or clause
    try:
        facts = make_records(cfg, bound, expected, delivery, conformed, [])
    except FeedError as e:
        error = e.discreet() if clause.donnees_personnelles.presentes else e
        return replace(absent, statut="refusee", probleme=error.probleme.value, message=error.message)
    made = answer(lake / "raw", clause, expected, known["statut"], delivery, conformed, facts)
    if known["statut"] == "perimee":  # what stands in has no word to say of the one that failed
        return replace(made, probleme=known["probleme"], avertissements=(), entete=())
    return made
